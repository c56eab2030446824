//! Parts of pages that stay up to date: server-sent events with what has changed, as markup that the
//! templates have escaped.
//!
//! The ledger, or the orchestrator, is asked again and again for as long as somebody looks, and so is
//! whether their key still holds. When one of them does not answer the stream ends, and the browser
//! comes back by itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream;
use http::{HeaderValue, header};
use maud::Markup;
use serde_json::{Value, json};

use super::Dashboard;
use super::gate::Visitor;
use crate::refusal::Refusal;
use crate::stream::Lines;

/// Something that has changed.
#[derive(Debug)]
pub(super) enum Change {
    /// The whole part is this now.
    Replace(Markup),
    /// This comes first, and the part has at most so many rows.
    First(Markup, usize),
}

/// Knows what has changed since it was asked last.
pub(super) trait Feed: Send + 'static {
    /// How often it is asked.
    const EVERY: Duration;

    /// What has changed, if anything has.
    fn changed<'a>(
        &'a mut self,
        dashboard: &'a Dashboard,
        visitor: &'a Visitor,
    ) -> BoxFuture<'a, Result<Option<Change>, Refusal>>;
}

struct Following<F> {
    feed: F,
    dashboard: Arc<Dashboard>,
    visitor: Visitor,
    asked_before: bool,
}

/// Tells what changes for as long as somebody listens and may.
pub(super) fn follow<F: Feed>(feed: F, dashboard: Arc<Dashboard>, visitor: Visitor) -> Response {
    let following = Following {
        feed,
        dashboard,
        visitor,
        asked_before: false,
    };
    events(Body::from_stream(stream::unfold(
        following,
        Following::next,
    )))
}

/// A response of server-sent events.
pub(super) fn events(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/event-stream");
    headers.insert(header::CONTENT_TYPE, kind);
    // Proxies that gather answers would hold the stream back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

impl<F: Feed> Following<F> {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if self.asked_before {
            tokio::select! {
                () = self.dashboard.shutdown.requested() => return None,
                () = tokio::time::sleep(F::EVERY) => {}
            }
        }
        self.asked_before = true;
        let changed = self.ask().await.ok()?;
        let mut lines = Lines::default();
        match changed {
            None => lines.comment("nothing new"),
            Some(Change::Replace(html)) => {
                lines.event("replace", &json!({"html": html.into_string()}));
            }
            Some(Change::First(html, most)) => {
                lines.event("first", &json!({"html": html.into_string(), "most": most}));
            }
        }
        Some((Ok(lines.bytes()), self))
    }

    async fn ask(&mut self) -> Result<Option<Change>, Refusal> {
        if let Some(secret) = &self.visitor.session.secret {
            self.dashboard
                .keys
                .admit(secret, &self.dashboard.books)
                .await?;
        }
        self.feed.changed(&self.dashboard, &self.visitor).await
    }
}

/// An event whose data is markup.
pub(super) fn markup(name: &str, html: Markup, more: &[(&str, Value)]) -> Bytes {
    let mut data = json!({"html": html.into_string()});
    for (key, value) in more {
        data[*key] = value.clone();
    }
    event(name, &data)
}

/// One event.
pub(super) fn event(name: &str, data: &Value) -> Bytes {
    let mut lines = Lines::default();
    lines.event(name, data);
    lines.bytes()
}
