//! The stub backend: OpenAI chat completions that cost next to nothing, in a process of its own.
//!
//! It says the same to everybody: after a delay, as JSON or as one event a token, at a pace. How
//! slow it is can be set while it runs, so that one process serves all measurements of a run. It is
//! this program again (`terrace-load backend`), so that its CPU can be told from the client's.

mod replies;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::stream;
use serde::{Deserialize, Serialize};
use terrace_testkit::Process;
use tokio::net::TcpListener;

use super::wake;
use replies::Replies;

/// The model that it serves.
pub(crate) const MODEL: &str = "mock-model";
/// How many it serves, by names that differ by a number.
pub(crate) const MODELS: u32 = 300;
const READY: &str = "backend ";
const START: Duration = Duration::from_secs(20);

/// How it answers from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manner {
    /// Tokens of an answer.
    pub(crate) tokens: usize,
    /// Until the first of them, in milliseconds.
    pub(crate) delay_ms: u64,
    /// Between two of them, in milliseconds.
    pub(crate) pace_ms: u64,
}

impl Manner {
    /// A whole answer at once.
    pub(crate) const FAST: Self = Self {
        tokens: super::words::TOKENS,
        delay_ms: 0,
        pace_ms: 0,
    };
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    stream_options: StreamOptions,
}

#[derive(Debug, Default, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

type Shared = Arc<ArcSwap<Replies>>;

/// Serves until the process is ended.
///
/// # Errors
/// There is no free port on loopback.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(&format!("{READY}{}\n", listener.local_addr()?))?;
    let replies: Shared = Arc::new(ArcSwap::from_pointee(Replies::of(Manner::FAST)));
    let service = Router::new()
        .route("/v1/chat/completions", post(complete))
        .route("/v1/models", get(models))
        .route("/health", get(|| async { "ok" }))
        .route("/manner", post(behave))
        .with_state(replies);
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        drop(stream.set_nodelay(true));
    });
    axum::serve(listener, service).await?;
    Ok(())
}

fn announce(line: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes())?;
    Ok(out.flush()?)
}

async fn models() -> Json<serde_json::Value> {
    let further = (1..MODELS).map(further_model);
    let names = std::iter::once(MODEL.to_owned()).chain(further);
    let models = names.map(|name| serde_json::json!({"id": name, "object": "model"}));
    Json(serde_json::json!({"object": "list", "data": models.collect::<Vec<_>>()}))
}

/// The name of another model, which is the same by another name.
pub(crate) fn further_model(number: u32) -> String {
    format!("{MODEL}-{number}")
}

async fn behave(State(replies): State<Shared>, Json(manner): Json<Manner>) -> StatusCode {
    replies.store(Arc::new(Replies::of(manner)));
    StatusCode::NO_CONTENT
}

async fn complete(State(replies): State<Shared>, body: Bytes) -> Response {
    let Ok(asked) = serde_json::from_slice::<Asked>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let replies = replies.load_full();
    if asked.stream {
        let events = events(replies, asked.stream_options.include_usage);
        return ([("content-type", "text/event-stream")], events).into_response();
    }
    if replies.delay > Duration::ZERO {
        wake::after(replies.delay).await;
    }
    let json = replies.json.clone();
    ([("content-type", "application/json")], json).into_response()
}

/// One event a token, each a write of its own, as model servers do it.
fn events(replies: Arc<Replies>, with_usage: bool) -> Body {
    let frames = stream::unfold((replies, 0_usize), move |(replies, index)| async move {
        let frame = replies.frame(index, with_usage)?;
        match replies.wait_before(index) {
            Duration::ZERO => tokio::task::yield_now().await,
            time => wake::after(time).await,
        }
        Some((Ok::<_, Infallible>(frame), (replies, index + 1)))
    });
    Body::from_stream(frames)
}

/// A running stub; killed when dropped.
#[derive(Debug)]
pub(crate) struct Backend {
    process: Process,
    address: String,
}

impl Backend {
    /// Starts one on a free port of loopback.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let process = Process::start(&own, ["backend"], std::iter::empty::<(&str, &str)>())?;
        let line = process
            .wait_for_line(|line| line.starts_with(READY), START)
            .await?;
        let address = line.strip_prefix(READY).context("no address")?.to_owned();
        Ok(Self { process, address })
    }

    /// Where it listens, as `127.0.0.1:8080`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sets how it answers from now on.
    ///
    /// # Errors
    /// It does not hear it.
    pub(crate) async fn behave(&self, manner: Manner) -> anyhow::Result<()> {
        super::http::post(&self.address, "/manner", serde_json::to_vec(&manner)?).await
    }
}
