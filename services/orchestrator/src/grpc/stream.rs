//! A request as a stream of events.
//!
//! What of an answer has not left before its verdict leaves after its settlement, in chunks; the
//! whole response is the last event.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::route_stream_response::Event as WireEvent;
use terrace_runtime::Tasks;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Status;

use super::chunks::chunks;
use super::response;
use crate::answers::{Answers, Reply};
use crate::ports::Call;
use crate::request::Request;
use crate::route::events::{Commit, Event, Events};
use crate::route::{Context, Unanswered};

/// Events that may wait for a slow reader before the request waits with them.
const WAITING_EVENTS: usize = 16;

type Sent = Result<wire::RouteStreamResponse, Status>;

/// The events of one request. Dropping it cancels the request.
#[derive(Debug)]
pub struct ResponseStream {
    events: mpsc::Receiver<Sent>,
    _cancels_when_dropped: DropGuard,
}

impl ResponseStream {
    /// Starts the request in a task of its own.
    pub(super) fn start(
        answers: Arc<Answers>,
        (request, commit): (Request, Commit),
        call: Call,
        tasks: &Tasks,
    ) -> Self {
        let cancel = CancellationToken::new();
        let guard = cancel.clone().drop_guard();
        let (sender, events) = mpsc::channel(WAITING_EVENTS);
        // Dropping the work's handle does not stop the work: the guard above does.
        let _runs_on = tasks.detach("route_stream", async move {
            let (events, happened) = mpsc::channel(WAITING_EVENTS);
            let context = Context {
                call,
                cancel,
                events: Events::to(events, commit),
            };
            run(&answers, &request, context, (happened, sender)).await;
        });
        Self {
            events,
            _cancels_when_dropped: guard,
        }
    }
}

impl Stream for ResponseStream {
    type Item = Sent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Sent>> {
        self.events.poll_recv(cx)
    }
}

async fn run(
    answers: &Answers,
    request: &Request,
    context: Context,
    (mut happened, sender): (mpsc::Receiver<Event>, mpsc::Sender<Sent>),
) {
    let routed = async {
        let routed = answers.answer(request, &context).await;
        // Closes the channel of events, so that the forwarding below comes to its end.
        drop(context);
        routed
    };
    let forwarded = async {
        let mut left = Left::default();
        while let Some(event) = happened.recv().await {
            left.note(&event);
            send(&sender, wire_event(event)).await;
        }
        left
    };
    let (routed, left) = tokio::join!(routed, forwarded);
    match routed {
        Ok(reply) => send_answer(&sender, reply, left).await,
        Err(unanswered) => {
            let _gone = sender.send(Err(Unanswered::into_status(unanswered))).await;
        }
    }
}

/// What of the answer the caller has already.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Left {
    /// The attempt whose chunks the caller has.
    chunks_of: Option<u32>,
    committed: bool,
}

impl Left {
    fn note(&mut self, event: &Event) {
        match event {
            Event::Chunk { index, .. } => self.chunks_of = Some(*index),
            Event::Committed { index } => {
                self.chunks_of = Some(*index);
                self.committed = true;
            }
            Event::AttemptRejected(attempt) if self.chunks_of == Some(attempt.index) => {
                self.chunks_of = None;
            }
            Event::AttemptRejected(_) => {}
            Event::PlanMade { .. } | Event::AttemptStarted(_) => {}
        }
    }
}

async fn send(sender: &mpsc::Sender<Sent>, event: WireEvent) {
    let message = wire::RouteStreamResponse { event: Some(event) };
    // A receiver that is gone is a caller that is gone: its guard has cancelled the request.
    let _gone = sender.send(Ok(message)).await;
}

async fn send_answer(sender: &mpsc::Sender<Sent>, reply: Reply, left: Left) {
    let attempt_index = reply.made.answering();
    if !left.committed {
        let committed = wire::Committed { attempt_index };
        send(sender, WireEvent::Committed(committed)).await;
    }
    if left.chunks_of != Some(attempt_index) {
        for chunk in chunks(&reply.made.answer(), attempt_index) {
            send(sender, WireEvent::Chunk(chunk)).await;
        }
    }
    send(sender, WireEvent::Completed(response::reply(reply))).await;
}

fn wire_event(event: Event) -> WireEvent {
    match event {
        Event::PlanMade { id, plan } => WireEvent::PlanMade(wire::PlanMade {
            request_id: id.to_string(),
            plan: Some(response::plan(Arc::unwrap_or_clone(plan))),
        }),
        Event::AttemptStarted(started) => WireEvent::AttemptStarted(response::started(&started)),
        Event::Chunk {
            index,
            delta,
            provisional,
        } => WireEvent::Chunk(wire::AnswerChunk {
            attempt_index: index,
            text: delta.text,
            provisional,
            tool_call: delta.tool_call,
            logprobs: delta.logprobs,
        }),
        Event::Committed { index } => WireEvent::Committed(wire::Committed {
            attempt_index: index,
        }),
        Event::AttemptRejected(attempt) => WireEvent::AttemptRejected(wire::AttemptRejected {
            attempt: Some(response::attempt(*attempt)),
        }),
    }
}

#[cfg(test)]
mod tests;
