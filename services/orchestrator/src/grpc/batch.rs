//! Many requests in one call: a bounded number at once, results as they come.
//!
//! A slow reader of results stops the reading of requests. Each request runs in a task of its own
//! with a deadline of its own; a caller that leaves cancels those in flight, which are billed for
//! what came, and nothing new starts.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use terrace_domain::Failure;
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::route_batch_response::Result as WireResult;
use terrace_rpc::deadline::Deadline;
use terrace_rpc::status::to_failure;
use terrace_runtime::Tasks;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Status, Streaming};

use super::{Reader, response};
use crate::answers::Answers;
use crate::door::Caller;
use crate::ports::Call;
use crate::request::{Priority, Request};
use crate::route::events::Events;
use crate::route::{Context, Unanswered};

/// How batches are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchSettings {
    /// Requests of one batch that are answered at once; at least 1.
    pub parallelism: usize,
    /// How long one request may take.
    pub time: Duration,
}

/// What answers the requests of batches.
#[derive(Debug, Clone)]
pub(super) struct Batches {
    pub(super) answers: Arc<Answers>,
    pub(super) reader: Arc<Reader>,
    pub(super) tasks: Tasks,
    pub(super) settings: BatchSettings,
}

type Sent = Result<wire::RouteBatchResponse, Status>;

/// The results of one batch. Dropping it cancels the batch.
#[derive(Debug)]
pub struct Results {
    results: mpsc::Receiver<Sent>,
    _cancels_when_dropped: DropGuard,
}

impl Stream for Results {
    type Item = Sent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Sent>> {
        self.results.poll_recv(cx)
    }
}

impl Batches {
    /// Starts a batch in a task of its own.
    pub(super) fn start(
        &self,
        requests: Streaming<wire::RouteBatchRequest>,
        call: Call,
        caller: Option<Caller>,
    ) -> Results {
        let cancel = CancellationToken::new();
        let guard = cancel.clone().drop_guard();
        let (sender, results) = mpsc::channel(self.settings.parallelism);
        let batches = self.clone();
        // Dropping the work's handle does not stop the work: the guard above does.
        let _runs_on = self.tasks.detach("route_batch", async move {
            batches
                .run(requests, &sender, (call, caller), &cancel)
                .await;
        });
        Results {
            results,
            _cancels_when_dropped: guard,
        }
    }

    async fn run(
        &self,
        requests: Streaming<wire::RouteBatchRequest>,
        sender: &mpsc::Sender<Sent>,
        (call, caller): (Call, Option<Caller>),
        cancel: &CancellationToken,
    ) {
        let requests = stream::unfold(Some(requests), |requests| async {
            let mut requests = requests?;
            match requests.message().await {
                Ok(Some(request)) => Some((Ok(request), Some(requests))),
                Ok(None) => None,
                Err(broken) => Some((Err(broken), None)),
            }
        });
        let answered = requests
            .take_until(cancel.cancelled())
            .enumerate()
            .map(|(index, request)| self.one(index as u64, request, (call, caller.clone()), cancel))
            .buffer_unordered(self.settings.parallelism);
        let mut answered = std::pin::pin!(answered);
        while let Some(result) = answered.next().await {
            // A receiver that is gone is a caller that is gone: its guard has cancelled the rest.
            let _gone = sender.send(result).await;
        }
    }

    async fn one(
        &self,
        index: u64,
        request: Result<wire::RouteBatchRequest, Status>,
        (call, caller): (Call, Option<Caller>),
        cancel: &CancellationToken,
    ) -> Sent {
        // A stream of requests that broke ends the batch with what broke it.
        let request = request?.request;
        let read = self.reader.read_batch(request);
        let result = match read {
            Err(failure) => WireResult::Failure(refused(failure)),
            Ok(request) => {
                let own = Deadline::within(self.settings.time);
                let call = Call {
                    deadline: own.earlier(call.deadline),
                };
                self.answer(request.paid_by(caller), call, cancel.clone())
                    .await
            }
        };
        Ok(wire::RouteBatchResponse {
            index,
            result: Some(result),
        })
    }

    async fn answer(&self, request: Request, call: Call, cancel: CancellationToken) -> WireResult {
        let request = Request {
            priority: Priority::Batch,
            ..request
        };
        let context = Context {
            call,
            cancel,
            events: Events::nowhere(),
        };
        let answers = Arc::clone(&self.answers);
        let id = request.id;
        let work = self.tasks.detach(
            "route",
            async move { answers.answer(&request, &context).await },
        );
        match work.await.unwrap_or_else(|_lost| Err(Unanswered::lost(id))) {
            Ok(reply) => WireResult::Response(response::reply(reply)),
            Err(unanswered) => WireResult::Failure(failed(*unanswered)),
        }
    }
}

/// A request that was refused before anybody was asked.
fn refused(failure: Failure) -> wire::BatchFailure {
    // The status has the fields that are wrong in its message.
    let failure = to_failure(&terrace_rpc::status::to_status(&failure));
    wire::BatchFailure {
        reason: failure.reason.to_string(),
        message: failure.message,
        ..wire::BatchFailure::default()
    }
}

fn failed(unanswered: Unanswered) -> wire::BatchFailure {
    wire::BatchFailure {
        request_id: unanswered.id.to_string(),
        reason: unanswered.failure.reason.to_string(),
        message: unanswered.failure.message,
        attempts: unanswered
            .attempts
            .into_iter()
            .map(response::attempt)
            .collect(),
        cost_nano_usd: unanswered.cost.get(),
    }
}
