//! Tables without borders: two spaces between columns, numbers to the right.
//!
//! On a terminal they keep to its width; in a pipe nothing is wrapped, so that each row is a line.

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table};

/// A table being filled.
#[derive(Debug)]
pub(crate) struct Grid {
    table: Table,
    right: Vec<bool>,
}

/// What a cell is about, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Dim,
    Strong,
    Good,
    Poor,
    Bad,
}

impl Grid {
    /// A table with these columns; a name that begins with `>` has its numbers to the right.
    pub(crate) fn new(columns: &[&str], width: Option<u16>) -> Self {
        let mut grid = Self::without_header(columns, width);
        let header: Vec<Cell> = columns
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let name = name.trim_start_matches('>');
                grid.aligned(index, Cell::new(name).add_attribute(Attribute::Dim))
            })
            .collect();
        grid.table.set_header(header);
        grid
    }

    /// A table whose columns need no names: of `columns` only the `>` counts.
    pub(crate) fn without_header(columns: &[&str], width: Option<u16>) -> Self {
        let mut table = Table::new();
        table.load_preset(NOTHING).enforce_styling();
        match width {
            Some(width) => table
                .set_width(width)
                .set_content_arrangement(ContentArrangement::Dynamic),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        let right = columns.iter().map(|name| name.starts_with('>')).collect();
        Self { table, right }
    }

    /// Adds a row.
    pub(crate) fn row<'a>(&mut self, cells: impl IntoIterator<Item = (Tone, &'a str)>) {
        let row: Vec<Cell> = cells
            .into_iter()
            .enumerate()
            .map(|(index, (tone, text))| self.aligned(index, cell(tone, text)))
            .collect();
        self.table.add_row(row);
    }

    /// The table with a line's end behind every row.
    pub(crate) fn render(mut self) -> String {
        for column in self.table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let lines = self.table.lines().map(|line| trimmed(&line));
        lines.map(|line| line + "\n").collect()
    }

    fn aligned(&self, index: usize, cell: Cell) -> Cell {
        if self.right.get(index).copied().unwrap_or_default() {
            return cell.set_alignment(CellAlignment::Right);
        }
        cell
    }
}

fn cell(tone: Tone, text: &str) -> Cell {
    let cell = Cell::new(text);
    match tone {
        Tone::Plain => cell,
        Tone::Dim => cell.add_attribute(Attribute::Dim),
        Tone::Strong => cell.add_attribute(Attribute::Bold),
        Tone::Good => cell.fg(Color::DarkGreen),
        Tone::Poor => cell.fg(Color::DarkYellow),
        Tone::Bad => cell.fg(Color::DarkRed),
    }
}

/// The line without the blanks at its end, which may stand before a last change of style.
fn trimmed(line: &str) -> String {
    let mut text = line.trim_end();
    let mut styles = String::new();
    while let Some((before, style)) = split_style(text) {
        styles.insert_str(0, style);
        text = before.trim_end();
    }
    format!("{text}{styles}")
}

/// Splits off a change of style at the very end.
fn split_style(text: &str) -> Option<(&str, &str)> {
    let at = text.rfind("\u{1b}[")?;
    let (before, style) = text.split_at(at);
    let is_last = style.strip_suffix('m')?[2..]
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b';');
    is_last.then_some((before, style))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn numbers_stand_right_and_no_blanks_at_the_end() {
        let mut grid = Grid::new(&["tier", ">cost"], None);
        grid.row([(Tone::Plain, "local_fast"), (Tone::Good, "$1")]);
        grid.row([(Tone::Plain, "api"), (Tone::Plain, "$0.000001")]);
        assert_eq!(
            plain(&grid.render()),
            "tier             cost\nlocal_fast         $1\napi         $0.000001\n"
        );
    }

    #[test]
    fn a_narrow_terminal_wraps_and_a_pipe_does_not() {
        let long = "word ".repeat(40);
        let rows = |width| {
            let mut grid = Grid::new(&["why"], width);
            grid.row([(Tone::Dim, long.as_str())]);
            plain(&grid.render()).lines().count()
        };
        assert_eq!(rows(None), 2);
        assert!(rows(Some(40)) > 4);
    }

    #[test]
    fn styles_are_there_to_be_taken_out() {
        let mut grid = Grid::without_header(&["a"], None);
        grid.row([(Tone::Bad, "no")]);
        assert!(grid.render().contains('\u{1b}'));
    }
}
