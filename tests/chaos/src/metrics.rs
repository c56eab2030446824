//! The metrics of a process, as whoever scrapes them reads them.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// All of them.
///
/// # Errors
/// The process does not show them.
pub async fn read(at: SocketAddr) -> anyhow::Result<String> {
    let mut connection = TcpStream::connect(at).await?;
    let question = b"GET /metrics HTTP/1.0\r\nhost: replica\r\n\r\n";
    connection.write_all(question).await?;
    let mut text = String::new();
    let read = connection.read_to_string(&mut text).await;
    read.context("metrics")?;
    Ok(text)
}

/// The sum of all series of a name; 0 where there is none.
#[must_use]
pub fn sum(text: &str, name: &str) -> i64 {
    shown(text, name).unwrap_or_default()
}

/// The sum of all series of a name, where there is one.
#[must_use]
pub fn shown(text: &str, name: &str) -> Option<i64> {
    let of_it = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        rest.starts_with(['{', ' ']).then_some(rest)
    });
    let values = of_it.filter_map(|rest| rest.rsplit_once(' ')?.1.parse::<i64>().ok());
    values.reduce(|sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_series_of_a_name_and_no_others_are_summed() {
        let text = "# HELP waiting x\nwaiting{a=\"b c\"} 3\nwaiting{a=\"d\"} 4\nwaiting_total 9\n";
        assert_eq!(sum(text, "waiting"), 7);
        assert_eq!(shown(text, "wait"), None);
    }
}
