//! As much HTTP as it takes to script a simulator: one request, one JSON answer.

use anyhow::Context as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Posts JSON to `url`, as `http://127.0.0.1:8080/path`.
///
/// # Errors
/// There is nobody, or the answer is no JSON.
pub async fn post(url: &str, body: &Value) -> anyhow::Result<Value> {
    call("POST", url, &body.to_string()).await
}

/// Gets JSON from `url`.
///
/// # Errors
/// There is nobody, or the answer is no JSON.
pub async fn get(url: &str) -> anyhow::Result<Value> {
    call("GET", url, "").await
}

async fn call(method: &str, url: &str, body: &str) -> anyhow::Result<Value> {
    let rest = url.strip_prefix("http://").context("plain HTTP alone")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host).await?;
    let head = format!(
        "{method} /{path} HTTP/1.0\r\nhost: {host}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (_, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    serde_json::from_str(body).with_context(|| format!("no JSON from {url}: {body}"))
}
