//! A connection to an edge that is kept from call to call: the least that is needed of HTTP/1.1.

use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// The connection.
pub(crate) struct Http(BufReader<TcpStream>);

impl Http {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(crate) async fn connect(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a JSON body; the answer's body, and how long it took.
    ///
    /// # Errors
    /// The connection ended, or the status is not 200.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        body: &str,
    ) -> anyhow::Result<(Vec<u8>, Duration)> {
        let length = body.len();
        self.exchange(&format!(
            "POST {path} HTTP/1.1\r\nhost: edge\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        ))
        .await
    }

    /// Asks without a body; the answer's body, and how long it took.
    ///
    /// # Errors
    /// As [`Http::post`].
    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<(Vec<u8>, Duration)> {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nhost: edge\r\n\r\n"))
            .await
    }

    async fn exchange(&mut self, request: &str) -> anyhow::Result<(Vec<u8>, Duration)> {
        let asked = Instant::now();
        self.0.get_mut().write_all(request.as_bytes()).await?;
        let (mut line, mut length) = (String::new(), None);
        self.0.read_line(&mut line).await?;
        anyhow::ensure!(line.starts_with("HTTP/1.1 200"), "answered {line:?}");
        while line.trim() != "" {
            line.clear();
            anyhow::ensure!(self.0.read_line(&mut line).await? > 0, "the edge hung up");
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = Some(value.trim().parse().context("content-length")?);
            }
        }
        let mut body = vec![0; length.context("no content-length")?];
        self.0.read_exact(&mut body).await?;
        Ok((body, asked.elapsed()))
    }
}
