//! The least of an HTTP client, which shows the bytes as they came: how an answer ended is the
//! very thing that these tests are about, and that real clients hide.

use serde_json::Value;
use terrace_testkit::Provider;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A call whose answer is still coming.
pub(crate) struct Call {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Call {
    pub(crate) async fn post(provider: &Provider, path: &str, body: &Value) -> Self {
        Self::open(
            provider,
            &format!("POST {path} HTTP/1.1"),
            &body.to_string(),
        )
        .await
    }

    pub(crate) async fn open(provider: &Provider, head: &str, body: &str) -> Self {
        let addr = provider.url().replace("http://", "");
        let mut stream = TcpStream::connect(&addr).await.unwrap();
        let request = format!(
            "{head}\r\nhost: {addr}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let read = Vec::new();
        Self { stream, read }
    }

    pub(crate) async fn read_until(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.read).contains(text) {
            let read = self.stream.read_buf(&mut self.read).await.unwrap();
            assert!(read > 0, "the answer ended before {text}");
        }
    }

    /// Reads to the end, or to where the connection breaks.
    pub(crate) async fn finish(mut self) -> Answer {
        drop(self.stream.read_to_end(&mut self.read).await);
        let text = String::from_utf8(self.read).unwrap();
        let status = text.split(' ').nth(1).unwrap_or("0").parse().unwrap();
        Answer { status, text }
    }
}

/// An answer, head and all, chunk sizes among its lines.
pub(crate) struct Answer {
    pub(crate) status: u16,
    text: String,
}

impl Answer {
    /// Whether the last chunk of a chunked body came.
    pub(crate) fn ended_cleanly(&self) -> bool {
        self.text.ends_with("0\r\n\r\n")
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &str> {
        self.text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
    }

    pub(crate) fn json_lines(&self) -> impl Iterator<Item = Value> {
        let objects = self.text.lines().filter(|line| line.starts_with('{'));
        objects.map(|line| serde_json::from_str(line).unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        self.json_lines().next().unwrap()
    }
}
