//! A call of the stub with nothing between: what the gateway's figures stand beside.

use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::clock;
use crate::gateway::FirstPiece;

/// A connection to the stub, kept from call to call.
pub(crate) struct Direct(BufReader<TcpStream>);

impl Direct {
    /// Connects.
    ///
    /// # Errors
    /// The stub is gone.
    pub(crate) async fn connect(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Asks, and reads the answer to its end.
    ///
    /// # Errors
    /// The stub is gone or says something else.
    pub(crate) async fn call(&mut self) -> anyhow::Result<FirstPiece> {
        let body = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: stub\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let asked = Instant::now();
        self.0.get_mut().write_all(request.as_bytes()).await?;
        let mut first = None;
        let mut line = String::new();
        loop {
            line.clear();
            anyhow::ensure!(self.0.read_line(&mut line).await? > 0, "the stub hung up");
            if first.is_none() && line.starts_with("data: ") {
                first = Some(read_first(&line, asked.elapsed())?);
            }
            // The last chunk of a chunked body, and the empty line after it.
            if line == "0\r\n" {
                self.0.read_line(&mut line).await?;
                return first.context("no first piece");
            }
        }
    }
}

fn read_first(line: &str, after_asking: Duration) -> anyhow::Result<FirstPiece> {
    let event: serde_json::Value = serde_json::from_str(line.trim_start_matches("data: "))?;
    let text = event["choices"][0]["delta"]["content"].as_str();
    let after_writing = text.and_then(clock::since).context("no stamp")?;
    Ok(FirstPiece {
        after_asking,
        after_writing,
    })
}
