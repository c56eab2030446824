//! Requests as the orchestrator tells of them while they are answered, gathered into what is known of
//! each.
//!
//! One orchestrator is asked, the one that this edge is linked to: it knows its own requests.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::FutureExt as _;
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::watch_requests_response::Event;
use tokio::time::timeout;
use tonic::Streaming;

use super::Dashboard;
use super::gate::Visitor;
use crate::refusal::Refusal;

/// How long something new is waited for, before whoever looks is looked at again.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is known of requests, kept up to date by a stream.
pub(super) struct Watched {
    /// None once it has ended.
    events: Option<Streaming<wire::WatchRequestsResponse>>,
    requests: BTreeMap<String, wire::RequestTrace>,
    /// Whether a request is forgotten with its end.
    forgets: bool,
}

impl Watched {
    /// Watches all requests that are being answered.
    pub(super) async fn all(dashboard: &Dashboard, visitor: &Visitor) -> Result<Self, Refusal> {
        let wanted = wire::WatchRequestsRequest::default();
        Self::begin(dashboard, visitor, wanted).await
    }

    /// Watches one; there is something known of it after the first [`Watched::changed`].
    pub(super) async fn one(
        dashboard: &Dashboard,
        visitor: &Visitor,
        (id, project): (&str, &str),
    ) -> Result<Self, Refusal> {
        let wanted = wire::WatchRequestsRequest {
            request_id: id.to_owned(),
            project: project.to_owned(),
            ..wire::WatchRequestsRequest::default()
        };
        Self::begin(dashboard, visitor, wanted).await
    }

    async fn begin(
        dashboard: &Dashboard,
        visitor: &Visitor,
        wanted: wire::WatchRequestsRequest,
    ) -> Result<Self, Refusal> {
        let call = dashboard.watch(visitor)?;
        let forgets = wanted.request_id.is_empty();
        let events = dashboard.orchestrator.watch_requests(wanted, &call).await?;
        Ok(Self {
            events: Some(events),
            requests: BTreeMap::new(),
            forgets,
        })
    }

    /// All that are known, by their ids: made by Terrace, they are in the order of their coming.
    pub(super) fn requests(&self) -> impl DoubleEndedIterator<Item = (&str, &wire::RequestTrace)> {
        self.requests.iter().map(|(id, trace)| (id.as_str(), trace))
    }

    /// Takes in what has happened, and waits a moment when nothing has.
    pub(super) async fn changed(&mut self) -> Result<(), Refusal> {
        let Some(events) = &mut self.events else {
            tokio::time::sleep(PATIENCE).await;
            return Ok(());
        };
        let Ok(mut message) = timeout(PATIENCE, events.message()).await else {
            return Ok(());
        };
        loop {
            match message.map_err(|status| Refusal::of(&status))? {
                Some(told) => self.take(told),
                None => self.events = None,
            }
            let more = self
                .events
                .as_mut()
                .and_then(|events| events.message().now_or_never());
            let Some(more) = more else { return Ok(()) };
            message = more;
        }
    }

    fn take(&mut self, told: wire::WatchRequestsResponse) {
        let id = told.request_id;
        match told.event {
            Some(Event::Known(trace)) => {
                self.requests.insert(id, trace);
            }
            Some(Event::Begun(begun)) => {
                let trace = wire::RequestTrace {
                    begun: Some(begun),
                    ..wire::RequestTrace::default()
                };
                self.requests.insert(id, trace);
            }
            Some(Event::Ended(_)) if self.forgets => {
                self.requests.remove(&id);
            }
            // What is being answered follows.
            Some(Event::MissedEvents(_)) => self.requests.clear(),
            Some(event) => {
                if let Some(trace) = self.requests.get_mut(&id) {
                    happened(trace, event);
                }
            }
            None => {}
        }
    }
}

/// What an event changes of what is known of its request.
fn happened(trace: &mut wire::RequestTrace, event: Event) {
    match event {
        Event::Planned(planned) => trace.planned = Some(planned),
        Event::AttemptStarted(started) => trace.running.push(started),
        Event::AttemptEnded(attempt) => {
            trace
                .running
                .retain(|started| started.index != attempt.index);
            trace.attempts.push(attempt);
        }
        Event::Ended(ended) => {
            trace.running.clear();
            trace.ended = Some(ended);
        }
        Event::Known(_) | Event::Begun(_) | Event::MissedEvents(_) => {}
    }
}
