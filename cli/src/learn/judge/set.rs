//! `terrace eval --judge-set`: precision and recall of each check on answers with labels.

use std::path::Path;

use terrace_quality_judge::labelled::{self, Tally};

use crate::error::Trouble;
use crate::exit::Exit;
use crate::learn::invalid;
use crate::output::Output;
use crate::style::heading;
use crate::table::{Grid, Tone};

/// Judges every answer of a file and prints what each check is worth.
pub(in crate::learn) fn eval(output: Output, file: &Path, as_json: bool) -> Result<Exit, Trouble> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| invalid(format!("{name} cannot be read: {error}")))?;
    let tally = labelled::measure(&text).map_err(|error| invalid(format!("{name}:{error}")))?;
    if as_json {
        output.print_json(&tally.value())?;
    } else {
        output.print(&table(&name.to_string(), &tally, output.width()))?;
    }
    Ok(Exit::Fine)
}

fn table(name: &str, tally: &Tally, width: Option<u16>) -> String {
    let columns = [
        "check",
        ">complains",
        ">precision",
        ">hard",
        ">precision",
        ">defects",
        ">recall",
    ];
    let mut grid = Grid::new(&columns, width);
    for line in &tally.lines {
        let share = |part: Option<f64>| part.map_or_else(String::new, |part| format!("{part:.3}"));
        let cells = [
            line.check.to_owned(),
            line.complains.to_string(),
            share(line.precision()),
            line.hard.to_string(),
            share(line.hard_precision()),
            line.defects.to_string(),
            share(line.recall()),
        ];
        grid.row(cells.iter().map(|cell| (Tone::Plain, cell.as_str())));
    }
    format!(
        "{}\n{} answers, {} good, {} of real models\n{}",
        heading(name),
        tally.answers,
        tally.good,
        tally.real,
        grid.render()
    )
}
