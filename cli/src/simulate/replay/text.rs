//! A replay as tables.

use std::collections::BTreeSet;

use terrace_domain::{NanoUsd, TierName};
use terrace_simulation::replay::{Figures, Replayed};
use terrace_simulation::{Interval, Share};

use super::Told;
use crate::style::{DIM, POOR, STRONG, heading, paint};
use crate::table::{Grid, Tone};
use crate::wording::{clean, money, percents, thousands};

/// Everything that came of it.
pub(super) fn told(told: &Told, width: Option<u16>) -> String {
    let replayed = &told.replayed;
    let mut text = format!("{}\n", heading("Replay"));
    text += &format!(
        "Under: {}\nMade under: {}\n",
        clean(&told.other),
        clean(&told.was)
    );
    if replayed.requests == 0 {
        return text + "The ledger has no closed request there.\n";
    }
    text += &coverage(replayed);
    text += &costs(replayed);
    text += &quality(replayed, width);
    text += &tiers(replayed, width);
    if !told.by_threshold.is_empty() {
        text += &thresholds(&told.by_threshold, width);
    }
    text
}

fn coverage(replayed: &Replayed) -> String {
    let part = covered_part(replayed);
    let mut text = format!(
        "Requests: {} of {} can be spoken for ({})\n",
        thousands(replayed.covered),
        thousands(replayed.requests),
        percents(part)
    );
    if replayed.unexplained_rows > 0 {
        let rows = thousands(replayed.unexplained_rows);
        let note = format!(
            "{rows} rows cost something else than the prices of the config they were made under"
        );
        text += &format!("{}\n", paint(POOR, note));
    }
    text
}

/// The part of the requests that the replay speaks for.
pub(super) fn covered_part(replayed: &Replayed) -> f64 {
    replayed.covered as f64 / replayed.requests.max(1) as f64
}

fn costs(replayed: &Replayed) -> String {
    let nanos = |amount: f64| money(amount.round() as i64);
    let (cost, difference) = (replayed.cost, replayed.difference);
    let mut text = format!("{}\n", heading("Cost"));
    text += &format!("It was: {}\n", money(replayed.was_cost.get()));
    text += &format!("It would have been: {}\n", paint(STRONG, nanos(cost.value)));
    text += &format!(
        "  with other traffic of this kind, {} to {} in 95 of 100 cases\n",
        nanos(cost.low),
        nanos(cost.high)
    );
    if replayed.covered < replayed.requests {
        text += &format!(
            "  of it {} for what can be spoken for, where it was {}\n",
            money(replayed.cost_covered.get()),
            money(replayed.was_cost_covered.get())
        );
        let rest = NanoUsd::new(cost.value.round() as i64).minus(replayed.cost_covered);
        text += &format!(
            "  and {} estimated: the same tokens at the tier that would answer\n",
            money(rest.get())
        );
    }
    text += &format!(
        "Difference: {} where it can be spoken for ({} to {})\n",
        nanos(difference.value),
        nanos(difference.low),
        nanos(difference.high)
    );
    if replayed.baseline > NanoUsd::ZERO {
        text += &format!("Baseline: {}\n", money(replayed.baseline.get()));
    }
    text
}

fn quality(replayed: &Replayed, width: Option<u16>) -> String {
    let mut grid = Grid::new(&["", ">it was", ">it would have been"], width);
    let (was, now) = (&replayed.was, &replayed.now);
    let mut row = |name: &str, was: String, now: String| {
        grid.row([name, &was, &now].map(|text| (Tone::Plain, text)));
    };
    row("mean score", scored(was.score), scored(now.score));
    let share = |share: Share| scored_share(share.interval());
    row("passed", share(was.passed), share(now.passed));
    row("went up", share(was.escalated), share(now.escalated));
    let title = heading("Quality, where it can be spoken for");
    let note = "In brackets: where 95 of 100 would lie with other traffic of this kind.";
    format!("{title}\n{}{}\n", grid.render(), paint(DIM, note))
}

/// A mean score with its interval.
pub(super) fn scored(score: Option<Interval>) -> String {
    score.map_or_else(
        || "not judged".to_owned(),
        |score| format!("{:.3} ({:.3} to {:.3})", score.value, score.low, score.high),
    )
}

/// A share with its interval.
pub(super) fn scored_share(share: Option<Interval>) -> String {
    share.map_or_else(
        || "-".to_owned(),
        |share| {
            let (low, high) = (percents(share.low), percents(share.high));
            format!("{} ({low} to {high})", percents(share.value))
        },
    )
}

fn tiers(replayed: &Replayed, width: Option<u16>) -> String {
    let columns = [
        "tier",
        ">attempts were",
        ">would be",
        ">cost was",
        ">would be",
    ];
    let mut grid = Grid::new(&columns, width);
    let names: BTreeSet<&TierName> = replayed
        .was
        .tiers
        .keys()
        .chain(replayed.now.tiers.keys())
        .collect();
    for name in names {
        let of = |figures: &Figures| figures.tiers.get(name).copied().unwrap_or_default();
        let (was, now) = (of(&replayed.was), of(&replayed.now));
        let cells = [
            clean(name.as_str()),
            thousands(was.0),
            thousands(now.0),
            money(was.1.get()),
            money(now.1.get()),
        ];
        grid.row(cells.iter().map(|text| (Tone::Plain, text.as_str())));
    }
    let title = heading("Tiers, where it can be spoken for");
    format!("{title}\n{}", grid.render())
}

fn thresholds(by_threshold: &[Replayed], width: Option<u16>) -> String {
    let columns = [
        ">threshold",
        ">cost",
        ">passed",
        ">mean score",
        ">went up",
        ">spoken for",
    ];
    let mut grid = Grid::new(&columns, width);
    for at in by_threshold {
        let share = |interval: Option<Interval>| {
            interval.map_or_else(|| "-".to_owned(), |share| percents(share.value))
        };
        let cells = [
            format!("{:.2}", at.threshold.get()),
            money(at.cost.value.round() as i64),
            share(at.now.passed.interval()),
            at.now
                .score
                .map_or_else(|| "-".to_owned(), |score| format!("{:.3}", score.value)),
            share(at.now.escalated.interval()),
            percents(covered_part(at)),
        ];
        grid.row(cells.iter().map(|text| (Tone::Plain, text.as_str())));
    }
    format!("{}\n{}", heading("By threshold"), grid.render())
}
