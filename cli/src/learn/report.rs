//! The table of an evaluation, as text and as JSON.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::splits::Figures;
use crate::style::heading;
use crate::table::{Grid, Tone};

/// What was measured on one file.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) file: PathBuf,
    pub(super) compared: String,
    pub(super) rows: usize,
    pub(super) weak: f64,
    pub(super) strong: f64,
    pub(super) lines: Vec<Line>,
}

/// One way to rank, and what it is worth.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) learned: bool,
    pub(super) figures: Figures,
}

impl Report {
    pub(super) fn text(&self, width: Option<u16>) -> String {
        let columns = [
            "ranked by",
            ">APGR",
            "95 %",
            ">CPT50",
            ">CPT80",
            ">no twins",
            ">ECE",
        ];
        let mut grid = Grid::new(&columns, width);
        for line in &self.lines {
            let found = &line.figures;
            let tone = if line.learned {
                Tone::Strong
            } else {
                Tone::Plain
            };
            let ece = found
                .ece
                .map_or_else(String::new, |ece| format!("{ece:.3}"));
            let cells = [
                line.name.clone(),
                format!("{:.3}", found.apgr.value),
                format!("{:.3} – {:.3}", found.apgr.low, found.apgr.high),
                format!("{:.0}", found.cpt50),
                format!("{:.0}", found.cpt80),
                format!("{:.3}", found.without_twins),
                ece,
            ];
            grid.row(cells.iter().map(|cell| (tone, cell.as_str())));
        }
        format!(
            "{}\n{} rows, {}, {:.3} → {:.3}\n{}",
            heading(&self.file.display().to_string()),
            self.rows,
            self.compared,
            self.weak,
            self.strong,
            grid.render()
        )
    }

    pub(super) fn value(&self) -> Value {
        let line = |line: &Line| {
            let found = &line.figures;
            json!({
                "ranked_by": line.name,
                "apgr": found.apgr.value,
                "apgr_low": found.apgr.low,
                "apgr_high": found.apgr.high,
                "cpt50": found.cpt50,
                "cpt80": found.cpt80,
                "apgr_without_twins": found.without_twins,
                "ece": found.ece,
                "curve": found.curve,
            })
        };
        json!({
            "file": self.file.display().to_string(),
            "compared": self.compared,
            "rows": self.rows,
            "weak": self.weak,
            "strong": self.strong,
            "lines": self.lines.iter().map(line).collect::<Vec<_>>(),
        })
    }
}
