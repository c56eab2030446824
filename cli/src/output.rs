//! Where text goes: answers to standard output, complaints to standard error.
//!
//! Colours reach a terminal only, or wherever `--color always` sends them. A reader that closes the
//! pipe early, as `head` does, ends the command quietly.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use anstream::{AutoStream, ColorChoice};
use comfy_table::Table;
use serde_json::Value;

use crate::args::Color;

/// The two streams of the command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    choice: ColorChoice,
}

impl Output {
    pub(crate) const fn new(color: Color) -> Self {
        let choice = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self { choice }
    }

    /// Writes to standard output at once.
    ///
    /// # Errors
    /// Standard output is closed or full.
    pub(crate) fn print(self, text: &str) -> io::Result<()> {
        let mut out = AutoStream::new(io::stdout(), self.choice).lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Writes a value as indented JSON and a line's end.
    ///
    /// # Errors
    /// Standard output is closed or full.
    pub(crate) fn print_json(self, value: &Value) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{value:#}")?;
        out.flush()
    }

    /// Writes a line to standard error, as far as anybody listens.
    pub(crate) fn complain(self, text: &str) {
        let mut out = AutoStream::new(io::stderr(), self.choice).lock();
        let _closed = writeln!(out, "{}", text.trim_end());
    }

    /// Columns of the terminal; none in a pipe, where nothing is cut or wrapped.
    pub(crate) fn width(self) -> Option<u16> {
        Table::new().width()
    }

    /// Whether a person watches standard error.
    pub(crate) fn is_watched(self) -> bool {
        io::stderr().is_terminal()
    }
}

/// Whether the reader has had enough, which is no reason to complain.
pub(crate) fn reader_is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe
}
