//! The router's events, one by one, as events of the page.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::StreamExt as _;
use maud::html;
use serde_json::json;
use terrace_domain::{Failure, Reason};
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::route_stream_response::Event;
use terrace_rpc::direct::Messages;

use super::answer;
use crate::dashboard::live::{event, markup};
use crate::dashboard::{attempts, page, plan};
use crate::refusal::Refusal;

/// A request that is being told of.
pub(super) struct Telling {
    /// None once it has ended.
    pub(super) events: Option<Messages<wire::RouteStreamResponse>>,
    pub(super) started: BTreeMap<u32, wire::AttemptStarted>,
}

impl Telling {
    /// The next event; none after the last.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        loop {
            let message = self.events.as_mut()?.next().await;
            let happened = match message {
                Some(Ok(message)) => message.event,
                None => {
                    let text = "the answer ended before its end: send it again";
                    return Some(
                        self.failed(&Failure::new(Reason::ServiceUnavailable, text).into()),
                    );
                }
                Some(Err(status)) => return Some(self.failed(&Refusal::of(&status))),
            };
            if let Some(told) = happened.and_then(|happened| self.tell(happened)) {
                return Some(told);
            }
        }
    }

    fn tell(&mut self, happened: Event) -> Option<Bytes> {
        Some(match happened {
            Event::PlanMade(made) => {
                let plan = made.plan.unwrap_or_default();
                markup("plan", plan::show(&plan), &[])
            }
            Event::AttemptStarted(started) => {
                let index = started.index;
                let shown = attempts::started(&started);
                self.started.insert(index, started);
                markup("attempt", shown, &[("index", json!(index))])
            }
            Event::Chunk(chunk) => {
                let piece = chunk.tool_call.map(|call| call.name + &call.arguments_json);
                let text = piece.unwrap_or(chunk.text);
                let data = json!({"index": chunk.attempt_index, "text": text, "provisional": chunk.provisional});
                event("chunk", &data)
            }
            Event::AttemptRejected(rejected) => {
                let attempt = rejected.attempt?;
                let index = json!(attempt.index);
                markup("rejected", attempts::attempt(&attempt), &[("index", index)])
            }
            Event::Committed(committed) => {
                event("committed", &json!({"index": committed.attempt_index}))
            }
            Event::Completed(response) => {
                self.events = None;
                let shown = response.attempts.iter().map(attempts::attempt);
                let attempts: Vec<String> = shown.map(|html| html.into_string()).collect();
                let more = [
                    ("attempts", json!(attempts)),
                    ("text", json!(answer::text(&response))),
                ];
                markup("done", answer::outcome(&response), &more)
            }
        })
    }

    fn failed(&mut self, refusal: &Refusal) -> Bytes {
        self.events = None;
        let trail = refusal.trail.clone().unwrap_or_default();
        let shown = trail.attempts.iter().map(attempts::attempt);
        let attempts: Vec<String> = shown.map(|html| html.into_string()).collect();
        let shown = html! { (page::notice(refusal)) (answer::link(&trail.request_id)) };
        markup("failed", shown, &[("attempts", json!(attempts))])
    }
}
