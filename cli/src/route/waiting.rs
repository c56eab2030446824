//! A spinner on standard error while a person waits; nothing at all otherwise.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

const TURN: Duration = Duration::from_millis(100);

/// Something to look at. Gone when dropped.
#[derive(Debug)]
pub(super) struct Waiting(ProgressBar);

impl Waiting {
    /// Begins to turn, if somebody watches.
    pub(super) fn start(is_watched: bool, message: &str) -> Self {
        if !is_watched {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner().with_message(message.to_owned());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TURN);
        Self(bar)
    }

    /// Says what goes on now.
    pub(super) fn say(&self, message: &str) {
        self.0.set_message(message.to_owned());
    }

    /// Leaves a line behind above the spinner.
    pub(super) fn note(&self, line: &str) {
        self.0.println(line);
    }

    /// Takes the spinner away.
    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.finish();
    }
}
