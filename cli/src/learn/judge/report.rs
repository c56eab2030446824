//! The table of an evaluation of the judge, as text and as JSON.

use std::path::PathBuf;

use serde_json::{Value, json};
use terrace_learned::quality::Interval;

use crate::style::heading;
use crate::table::{Grid, Tone};

/// What was measured on one file.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) file: PathBuf,
    pub(super) rows: usize,
    pub(super) right: usize,
    pub(super) lines: Vec<Line>,
}

/// One way to tell right answers from wrong ones, and what it is worth.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) apgr: Interval,
    pub(super) auroc: Interval,
    pub(super) cpt50: f64,
    pub(super) cpt80: f64,
    /// Error of its chances; none where it tells no chance.
    pub(super) ece: Option<f64>,
    /// The error that exact chances would show on as many rows.
    pub(super) luck: Option<f64>,
}

impl Report {
    pub(super) fn text(&self, width: Option<u16>) -> String {
        let columns = [
            "told by", ">APGR", "95 %", ">CPT50", ">CPT80", ">AUROC", "95 %", ">ECE", ">by luck",
        ];
        let mut grid = Grid::new(&columns, width);
        let number = |figure: Option<f64>| figure.map_or_else(String::new, |it| format!("{it:.3}"));
        let range = |of: Interval| format!("{:.3} – {:.3}", of.low, of.high);
        for line in &self.lines {
            let cells = [
                line.name.clone(),
                format!("{:.3}", line.apgr.value),
                range(line.apgr),
                format!("{:.0}", line.cpt50),
                format!("{:.0}", line.cpt80),
                format!("{:.3}", line.auroc.value),
                range(line.auroc),
                number(line.ece),
                number(line.luck),
            ];
            grid.row(cells.iter().map(|cell| (Tone::Plain, cell.as_str())));
        }
        format!(
            "{}\n{} answers, {} right\n{}",
            heading(&self.file.display().to_string()),
            self.rows,
            self.right,
            grid.render()
        )
    }

    pub(super) fn value(&self) -> Value {
        let range = |of: Interval| json!({"value": of.value, "low": of.low, "high": of.high});
        let line = |line: &Line| {
            json!({
                "told_by": line.name,
                "apgr": range(line.apgr),
                "auroc": range(line.auroc),
                "cpt50": line.cpt50,
                "cpt80": line.cpt80,
                "ece": line.ece,
                "ece_by_luck": line.luck,
            })
        };
        json!({
            "file": self.file.display().to_string(),
            "answers": self.rows,
            "right": self.right,
            "lines": self.lines.iter().map(line).collect::<Vec<_>>(),
        })
    }
}
