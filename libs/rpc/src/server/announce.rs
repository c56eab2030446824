//! The one line a service writes to its standard output: where it listens.
//!
//! Everything else a service says goes to its log. A parent that started it with port 0 reads the
//! address from here.

use std::io::{self, Write};
use std::net::SocketAddr;

/// Writes `terrace-NAME listening on http://ADDRESS`.
///
/// # Errors
/// Standard output is closed.
pub fn announce(name: &str, address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", line(name, address))?;
    out.flush()
}

/// The address in a line that [`announce`] wrote, if it is one.
#[must_use]
pub fn announced(line: &str) -> Option<&str> {
    let (name, url) = line.trim_end().split_once(" listening on ")?;
    name.starts_with("terrace-").then_some(url)
}

fn line(name: &str, address: SocketAddr) -> String {
    format!("terrace-{name} listening on http://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announced_address_is_found_again() {
        let address = SocketAddr::from(([127, 0, 0, 1], 7600));
        let line = line("orchestrator", address);
        assert_eq!(announced(&line), Some("http://127.0.0.1:7600"));
        assert_eq!(announced("something else listening on x"), None);
    }
}
