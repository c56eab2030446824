//! A backend that costs next to nothing: a few lines of HTTP/1.1 and the OpenAI stream.
//!
//! Its first piece is a stamp of the moment at which it was written, and so is its last. A prompt
//! with the word `hold` gets the first piece alone and the rest when the stub is released; one with
//! the word `explain` gets a paragraph between the two.

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock;

const MODELS: &str = r#"{"object":"list","data":[{"id":"m","object":"model"}]}"#;

/// What a model may say: long enough for a judge to have something to look at.
const PARAGRAPH: &str = " A monad is a way to chain steps of a program so that each step decides \
    what becomes of the result of the one before it. A step that may fail ends the chain when it \
    does, a step that may give many results runs the rest for each of them, and a step that waits \
    lets the rest wait with it. The steps themselves know nothing of that: the chaining is written \
    once, for all of them, and obeys three small laws.";

/// The stub; it ends when dropped.
pub(crate) struct Stub {
    address: String,
    released: watch::Sender<bool>,
    _serving: JoinSet<()>,
}

impl Stub {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (released, release) = watch::channel(false);
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, release));
        Ok(Self {
            address,
            released,
            _serving: serving,
        })
    }

    /// Where it listens, as `127.0.0.1:8080`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Lets all held answers end.
    pub(crate) fn release(&self) {
        self.released.send_replace(true);
    }
}

async fn accept(listener: TcpListener, release: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        drop(stream.set_nodelay(true));
        let release = release.clone();
        connections.spawn(async move { drop(serve(stream, release).await) });
        while connections.try_join_next().is_some() {}
    }
}

/// Answers the requests of one connection until it ends.
async fn serve(stream: TcpStream, mut release: watch::Receiver<bool>) -> anyhow::Result<()> {
    let mut stream = BufReader::with_capacity(2048, stream);
    while let Some(body) = read_request(&mut stream).await? {
        let writer = stream.get_mut();
        if body.is_empty() {
            writer.write_all(&listed()).await?;
            continue;
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                    transfer-encoding: chunked\r\n\r\n";
        let first = piece(&clock::stamp(), "null");
        writer
            .write_all(format!("{head}{first}").as_bytes())
            .await?;
        if has(&body, b"hold") {
            release.wait_for(|released| *released).await?;
        }
        if has(&body, b"explain") {
            writer
                .write_all(piece(PARAGRAPH, "null").as_bytes())
                .await?;
        }
        let stamp = format!(" {}", clock::stamp());
        writer.write_all(last(&stamp).as_bytes()).await?;
    }
    Ok(())
}

fn has(body: &[u8], word: &[u8]) -> bool {
    body.windows(word.len()).any(|part| part == word)
}

fn listed() -> Vec<u8> {
    let length = MODELS.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{MODELS}")
        .into_bytes()
}

pub(crate) fn piece(text: &str, finish: &str) -> String {
    chunk(&format!(
        r#"data: {{"id":"1","object":"chat.completion.chunk","model":"m","choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":{finish}}}]}}"#
    ))
}

/// The last piece, with its text, and the end of the stream.
pub(crate) fn last(text: &str) -> String {
    let usage = r#"data: {"id":"1","model":"m","choices":[],"usage":{"prompt_tokens":4,"completion_tokens":2}}"#;
    let (end, usage) = (piece(text, "\"stop\""), chunk(usage));
    format!("{end}{usage}{}0\r\n\r\n", chunk("data: [DONE]"))
}

/// An event as one chunk of a chunked body.
fn chunk(event: &str) -> String {
    format!("{:x}\r\n{event}\n\n\r\n", event.len() + 2)
}

/// Reads a request; its body, empty for a GET. `None` when the connection has ended.
pub(crate) async fn read_request(
    stream: &mut BufReader<TcpStream>,
) -> anyhow::Result<Option<Vec<u8>>> {
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let text = line.trim();
        if text.is_empty() {
            break;
        }
        if let Some((name, value)) = text.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().context("content-length")?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(body))
}
