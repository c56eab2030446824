//! The one line a service writes to its standard output: where it listens.
//!
//! Everything else a service says goes to its log. A parent that started it with port 0 reads the
//! address from here.

use std::io::{self, Write};

/// Writes `terrace-NAME listening on URL`.
///
/// # Errors
/// Standard output is closed.
pub fn announce(name: &str, url: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", line(name, url))?;
    out.flush()
}

/// The address in a line that [`announce`] wrote, if it is one.
#[must_use]
pub fn announced(line: &str) -> Option<&str> {
    let (name, url) = line.trim_end().split_once(" listening on ")?;
    name.starts_with("terrace-").then_some(url)
}

fn line(name: &str, url: &str) -> String {
    format!("terrace-{name} listening on {url}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announced_address_is_found_again() {
        let line = line("orchestrator", "http://127.0.0.1:7600");
        assert_eq!(announced(&line), Some("http://127.0.0.1:7600"));
        assert_eq!(announced("something else listening on x"), None);
    }
}
