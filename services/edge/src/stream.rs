//! An answer as server-sent events: the orchestrator's events in, an API's events out.
//!
//! Headers wait for the first thing to say, so that an error until then has a status of its own;
//! when nothing comes for a while they leave all the same, and comments keep the connection open. A
//! client that goes away drops the body, that drops the call, and the orchestrator stops. Nothing is
//! ever taken back: only modes are asked for in which what leaves is final.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use terrace_domain::{Failure, Reason};
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::route_stream_response::Event;
use terrace_rpc::direct::Messages;
use tokio::time::timeout;

use crate::account;
use crate::config::Settings;
use crate::refusal::Refusal;

/// What most pieces of a body fit into.
const PIECE_BYTES: usize = 512;

/// What one API says when something happens in a stream.
pub(crate) trait Narrator: Send + 'static {
    /// The stream begins; `model` answers, as far as that is known yet.
    fn begin(&mut self, seen: &Seen, lines: &mut Lines);
    /// More of the answer.
    fn chunk(&mut self, chunk: wire::AnswerChunk, lines: &mut Lines);
    /// The answer is complete.
    fn end(&mut self, response: &wire::RouteResponse, lines: &mut Lines);
    /// There will be no (more) answer.
    fn fail(&mut self, refusal: &Refusal, lines: &mut Lines);
    /// Nothing has happened for a while.
    fn idle(&mut self, lines: &mut Lines) {
        lines.comment("waiting");
    }
}

/// What is known of an answer before its end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Id of the request.
    pub(crate) request_id: String,
    /// The attempt that answers.
    pub(crate) answering: Option<wire::AttemptStarted>,
    started: BTreeMap<u32, wire::AttemptStarted>,
}

impl Seen {
    /// The model that answers, as far as it is known.
    pub(crate) fn model(&self) -> Option<&str> {
        let answering = self.answering.as_ref();
        answering.map(|attempt| attempt.model.as_str())
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        account::request_id(&self.request_id, &mut headers);
        if let Some(attempt) = &self.answering {
            account::put("x-terrace-tier", &attempt.tier, &mut headers);
            account::put("x-terrace-backend", &attempt.backend, &mut headers);
            account::put("x-terrace-model", &attempt.model, &mut headers);
        }
        headers
    }
}

/// Events of a stream, as text.
#[derive(Debug, Default)]
pub(crate) struct Lines(Vec<u8>);

impl Lines {
    /// An event without a name.
    pub(crate) fn data(&mut self, data: &impl Serialize) {
        self.0.extend_from_slice(b"data: ");
        // What is told is text and numbers, and memory takes it: there is nothing that could fail. JSON
        // as serde writes it has no line break, which would end the event.
        let _written = serde_json::to_writer(&mut self.0, data);
        self.0.extend_from_slice(b"\n\n");
    }

    /// An event with a name.
    pub(crate) fn event(&mut self, name: &str, data: &impl Serialize) {
        self.put(&["event: ", name, "\n"]);
        self.data(data);
    }

    /// A word instead of JSON.
    pub(crate) fn word(&mut self, word: &str) {
        self.put(&["data: ", word, "\n\n"]);
    }

    /// All of them as they leave.
    pub(crate) fn bytes(self) -> Bytes {
        Bytes::from(self.0)
    }

    /// What every client passes over.
    pub(crate) fn comment(&mut self, text: &str) {
        self.put(&[": ", text, "\n\n"]);
    }

    fn put(&mut self, pieces: &[&str]) {
        pieces
            .iter()
            .for_each(|piece| self.0.extend_from_slice(piece.as_bytes()));
    }
}

/// What is worth an event.
enum Happened {
    Chunk(wire::AnswerChunk),
    Completed(Box<wire::RouteResponse>),
}

/// A stream being told.
struct Telling<N> {
    events: Messages<wire::RouteStreamResponse>,
    narrator: N,
    seen: Seen,
    /// What came while the headers waited.
    first: Option<Happened>,
    has_begun: bool,
    has_ended: bool,
    keep_alive: Duration,
}

/// Waits for something to say, and answers with a stream.
///
/// # Errors
/// The request failed before anything left.
pub(crate) async fn respond<N: Narrator>(
    events: Messages<wire::RouteStreamResponse>,
    narrator: N,
    settings: &Settings,
) -> Result<Response, Refusal> {
    let mut telling = Telling {
        events,
        narrator,
        seen: Seen::default(),
        first: None,
        has_begun: false,
        has_ended: false,
        keep_alive: settings.keep_alive,
    };
    if let Ok(first) = timeout(settings.status_patience, telling.happened()).await {
        telling.first = Some(first?);
    }
    let mut headers = match &telling.first {
        Some(Happened::Completed(response)) => account::headers(response),
        _ => telling.seen.headers(),
    };
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
        // Proxies that gather answers would hold the stream back.
        (http::HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Boxed: it goes into the future of each piece and out again.
    let body = stream::unfold(Box::new(telling), |mut telling| async move {
        let piece = telling.next().await?;
        Some((Ok::<_, Infallible>(piece), telling))
    });
    let mut response = Response::new(Body::from_stream(body));
    *response.headers_mut() = headers;
    Ok(response)
}

impl<N: Narrator> Telling<N> {
    /// The next thing worth an event. May be dropped and asked again: nothing is lost.
    async fn happened(&mut self) -> Result<Happened, Refusal> {
        loop {
            let Some(message) = self.events.next().await else {
                let text = "the answer ended before its end: call again";
                return Err(Failure::new(Reason::ServiceUnavailable, text).into());
            };
            let message = message.map_err(|status| Refusal::of(&status))?;
            match message.event {
                Some(Event::PlanMade(made)) => self.seen.request_id = made.request_id,
                Some(Event::AttemptStarted(attempt)) => {
                    self.seen.started.insert(attempt.index, attempt);
                }
                Some(Event::Committed(committed)) => self.answers(committed.attempt_index),
                Some(Event::Chunk(chunk)) => {
                    self.answers(chunk.attempt_index);
                    return Ok(Happened::Chunk(chunk));
                }
                Some(Event::Completed(response)) => {
                    return Ok(Happened::Completed(Box::new(response)));
                }
                // Nothing of it has left.
                Some(Event::AttemptRejected(_)) | None => {}
            }
        }
    }

    fn answers(&mut self, index: u32) {
        if self.seen.answering.is_none() {
            self.seen.answering = self.seen.started.get(&index).cloned();
        }
    }

    /// The next piece of the body.
    async fn next(&mut self) -> Option<Bytes> {
        if self.has_ended {
            return None;
        }
        let happened = match self.first.take() {
            Some(first) => Some(Ok(first)),
            None => timeout(self.keep_alive, self.happened()).await.ok(),
        };
        let mut lines = Lines(Vec::with_capacity(PIECE_BYTES));
        if !self.has_begun {
            self.narrator.begin(&self.seen, &mut lines);
            self.has_begun = true;
        }
        match happened {
            None => self.narrator.idle(&mut lines),
            Some(Ok(Happened::Chunk(chunk))) => self.narrator.chunk(chunk, &mut lines),
            Some(Ok(Happened::Completed(response))) => {
                self.narrator.end(&response, &mut lines);
                self.has_ended = true;
            }
            Some(Err(refusal)) => {
                self.narrator.fail(&refusal, &mut lines);
                self.has_ended = true;
            }
        }
        Some(lines.bytes())
    }
}

#[cfg(test)]
impl Lines {
    /// The JSON of all events so far.
    pub(crate) fn told(&self) -> Vec<serde_json::Value> {
        let lines = self
            .text()
            .lines()
            .filter_map(|line| line.strip_prefix("data: "));
        lines
            .filter_map(|data| serde_json::from_str(data).ok())
            .collect()
    }

    /// The text as it leaves.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap()
    }
}
