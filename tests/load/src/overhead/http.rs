//! A caller over HTTP: one kept connection, the same question again and again.
//!
//! hyper's client of one connection, because a pool would cost more than some subjects do.

mod events;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, ensure};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::caller::Streamed;
use super::words;
use events::Events;

/// Where a subject is asked and how.
#[derive(Debug)]
pub(crate) struct Target {
    authority: String,
    path: String,
    headers: HeaderMap,
    /// Keys of which each call takes the next.
    keys: Vec<HeaderValue>,
    calls: AtomicUsize,
    whole: Bytes,
    streamed: Bytes,
    /// What the whole answer has to have in it.
    expected: String,
}

impl Target {
    /// A subject at `authority`, as `127.0.0.1:8080`, that serves `model`.
    ///
    /// # Errors
    /// A header is none.
    pub(crate) fn new(
        authority: &str,
        path: &str,
        model: &str,
        headers: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let mut all = HeaderMap::new();
        all.insert(HOST, authority.parse()?);
        all.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            let name: HeaderName = name.parse().with_context(|| format!("header {name}"))?;
            all.insert(name, value.parse()?);
        }
        Ok(Self {
            authority: authority.to_owned(),
            path: path.to_owned(),
            headers: all,
            keys: Vec::new(),
            calls: AtomicUsize::new(0),
            whole: words::body(model, false, None).to_string().into(),
            streamed: words::body(model, true, None).to_string().into(),
            expected: words::answer(words::TOKENS),
        })
    }

    /// Asks a question of so many bytes instead.
    pub(crate) fn asking(mut self, model: &str, bytes: usize) -> Self {
        self.whole = words::body(model, false, Some(bytes)).to_string().into();
        self.streamed = words::body(model, true, Some(bytes)).to_string().into();
        self
    }

    /// Comes with these keys in turn.
    ///
    /// # Errors
    /// One of them is none.
    pub(crate) fn with_keys(mut self, keys: &[String]) -> anyhow::Result<Self> {
        let bearer = |key| HeaderValue::from_str(&format!("Bearer {key}"));
        self.keys = keys.iter().map(bearer).collect::<Result<_, _>>()?;
        Ok(self)
    }

    fn request(&self, body: &Bytes) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.path.parse()?;
        *request.headers_mut() = self.headers.clone();
        if !self.keys.is_empty() {
            let turn = self.calls.fetch_add(1, Ordering::Relaxed) % self.keys.len();
            let key = self.keys.get(turn).cloned();
            request
                .headers_mut()
                .extend(key.map(|key| (AUTHORIZATION, key)));
        }
        Ok(request)
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Caller {
    target: Arc<Target>,
    sender: SendRequest<Full<Bytes>>,
    _driver: JoinSet<()>,
}

impl Caller {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(crate) async fn connect(target: Arc<Target>) -> anyhow::Result<Self> {
        let (sender, driver) = connect(&target.authority).await?;
        Ok(Self {
            target,
            sender,
            _driver: driver,
        })
    }

    /// Asks for a whole answer and reads it.
    ///
    /// # Errors
    /// The connection broke, or what came is no good answer.
    pub(crate) async fn ask(&mut self) -> anyhow::Result<()> {
        let body = self.read().await?;
        let text = std::str::from_utf8(&body)?;
        ensure!(text.contains(&self.target.expected), "another text came");
        Ok(())
    }

    /// Asks for a whole answer and gives its body.
    ///
    /// # Errors
    /// The connection broke, or its status is not 200.
    pub(crate) async fn read(&mut self) -> anyhow::Result<Bytes> {
        let request = self.target.request(&self.target.whole)?;
        let answer = self.send(request).await?;
        Ok(answer.into_body().collect().await?.to_bytes())
    }

    /// Asks for a stream and reads it to its end.
    ///
    /// # Errors
    /// The connection broke, its status is not 200, or it has no text or no end.
    pub(crate) async fn stream(&mut self) -> anyhow::Result<Streamed> {
        let request = self.target.request(&self.target.streamed)?;
        let asked = Instant::now();
        let mut body = self.send(request).await?.into_body();
        let mut events = Events::default();
        let mut first = None;
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                events.read(&data)?;
                if first.is_none() && events.texts > 0 {
                    first = Some(asked.elapsed());
                }
            }
        }
        ensure!(events.ended, "the stream has no end");
        Ok(Streamed {
            first: first.context("the stream has no text")?,
            events: events.texts,
            text: events.text,
        })
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Response<Incoming>> {
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        if status != StatusCode::OK {
            let body = answer.into_body().collect().await?.to_bytes();
            let told = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
            anyhow::bail!("status {status}: {told}");
        }
        Ok(answer)
    }
}

/// Sends one body on a connection of its own and wants a success.
///
/// # Errors
/// Nobody listens there, or it is no success.
pub(crate) async fn post(authority: &str, path: &str, body: Vec<u8>) -> anyhow::Result<()> {
    let (mut sender, _driver) = connect(authority).await?;
    let request = Request::post(path)
        .header(HOST, authority)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    ensure!(status.is_success(), "{authority}{path} answered {status}");
    Ok(())
}

async fn connect(authority: &str) -> anyhow::Result<(SendRequest<Full<Bytes>>, JoinSet<()>)> {
    let stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut driver = JoinSet::new();
    driver.spawn(async move { drop(connection.await) });
    Ok((sender, driver))
}
