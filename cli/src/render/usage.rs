//! Steps as a table, newest first.

use std::time::Duration;

use crate::style::{DIM, paint};
use crate::table::{Grid, Tone};
use crate::usage::Line;
use crate::wording::{clean, money, span};

/// Steps, and whether there are more.
pub(crate) fn usage(lines: &[Line], more: bool, width: Option<u16>) -> String {
    if lines.is_empty() {
        return "no step of a closed request is like that\n".to_owned();
    }
    let columns = [
        "time", "action", "step", "tier", "model", "outcome", ">tokens", ">cost", ">latency",
        ">score",
    ];
    let mut grid = Grid::new(&columns, width);
    for line in lines {
        row(&mut grid, line);
    }
    let mut text = grid.render();
    if more {
        let hint = "there are more: --limit shows them, `terrace usage export` writes them all";
        text += &format!("{}\n", paint(DIM, hint));
    }
    text
}

fn row(grid: &mut Grid, line: &Line) {
    let tone = match line.outcome {
        "accepted" => Tone::Good,
        "rejected" | "skipped" => Tone::Poor,
        _ => Tone::Bad,
    };
    let why = match line.reason.as_str() {
        "" => line.outcome.to_owned(),
        reason => format!("{} {}", line.outcome, clean(reason)),
    };
    let latency = span(Duration::from_secs_f64(line.latency_ms / 1e3));
    let score = line
        .score
        .map(|score| format!("{score:.2}"))
        .unwrap_or_default();
    // Whole seconds are enough for people.
    let time = line.time.get(..19).unwrap_or(&line.time).replace('T', " ");
    grid.row([
        (Tone::Dim, time.as_str()),
        (Tone::Plain, &clean(&line.action)),
        (Tone::Plain, &line.step),
        (Tone::Plain, &clean(&line.tier)),
        (Tone::Plain, &clean(&line.model)),
        (tone, &why),
        (Tone::Plain, &line.tokens.to_string()),
        (Tone::Plain, &money(line.cost_nano_usd)),
        (Tone::Plain, &latency),
        (Tone::Plain, &score),
    ]);
}
