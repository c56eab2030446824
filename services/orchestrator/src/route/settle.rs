//! Writing attempts and the request's end into the ledger.

use std::time::Duration;

use terrace_domain::{Failure, Reason, Score};
use terrace_rpc::deadline::Deadline;

use crate::ports::Call;
use crate::request::Request;
use crate::route::outcome::End;
use crate::route::trail::{Answering, Attempt, Close, Outcome, Trail};
use crate::route::{Context, Router};

/// How long one settlement may take.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(15);
/// Pause between tries while the ledger is away.
const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// How long the end of a request is tried to be written when its caller does not wait for it.
const PATIENCE_AFTER_CANCEL: Duration = Duration::from_secs(10);

impl Router {
    /// Settles the attempts that are over before the next one starts. A failure here is not final,
    /// because the same attempts go along with the next settlement: so it may take a part of the
    /// time alone.
    pub(super) async fn settle_so_far(
        &self,
        request: &Request,
        context: &Context,
        trail: &mut Trail,
    ) {
        let part = context.call.deadline.remaining() / 4;
        let call = Call::within(SETTLE_TIMEOUT.min(part));
        let settled = self
            .ports
            .ledger
            .settle(request, trail.unsettled(), None, call)
            .await;
        match settled {
            Ok(()) => self.settled(request, trail),
            Err(failure) => {
                tracing::warn!(reason = %failure.reason, "an attempt is not settled yet: it goes along with the next one");
            }
        }
    }

    /// Settles everything that is open together with the request's end, and tries again while the
    /// ledger is away, until the caller's deadline; after a cancel for a bounded time.
    pub(super) async fn settle_durably(
        &self,
        request: &Request,
        context: &Context,
        trail: &mut Trail,
        close: &Close,
    ) -> Result<(), Failure> {
        let give_up = if context.cancel.is_cancelled() {
            Deadline::within(PATIENCE_AFTER_CANCEL)
        } else {
            context.call.deadline
        };
        loop {
            let call = Call::within(SETTLE_TIMEOUT);
            let settled = self
                .ports
                .ledger
                .settle(request, trail.unsettled(), Some(close), call);
            let failure = match settled.await {
                Ok(()) => {
                    self.settled(request, trail);
                    return Ok(());
                }
                Err(failure) => failure,
            };
            if failure.reason == Reason::RequestIdUsed {
                return Err(failure);
            }
            if give_up.remaining() < RETRY_PAUSE {
                tracing::error!(reason = %failure.reason, request_id = %request.id, "a request could not be settled: what it holds will be settled as presumed");
                return Err(unsettled(&failure));
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    /// Settles the end of a request that is given another one's answer, for which nobody was called.
    ///
    /// # Errors
    /// The ledger could not write it in time, or knows the id from before.
    pub(crate) async fn settle_reused(
        &self,
        request: &Request,
        context: &Context,
        close: &Close,
    ) -> Result<(), Failure> {
        let traced = self.traces.begin(request);
        traced.tracer().settling();
        let mut nobody = Trail::default();
        let settled = self
            .settle_durably(request, context, &mut nobody, close)
            .await;
        traced.end_reused(close, settled.as_ref().err());
        settled
    }

    /// Notes what the ledger knows now. Every hold was a worst case: settled, some of it is free.
    fn settled(&self, request: &Request, trail: &mut Trail) {
        let held = |attempt: &Attempt| {
            let was_skipped = matches!(attempt.outcome, Outcome::Skipped(_));
            !was_skipped && attempt.candidate.worst_case > attempt.cost
        };
        if trail.unsettled().iter().any(held) {
            self.refusals.forget(&request.project);
        }
        trail.mark_settled();
    }

    /// The request's end in the ledger's words.
    pub(super) fn close(&self, end: &End, attempts: &[Attempt], latency: Duration) -> Close {
        let answering = match end {
            End::Answered { index, .. } => attempts.get(*index),
            End::Failed(_) => None,
        };
        let baseline = self.settings.baseline.as_ref();
        Close {
            outcome: end.outcome(),
            answering: answering.map(|attempt| Answering {
                tier: attempt.candidate.tier.clone(),
                backend: attempt.candidate.backend.clone(),
                model: attempt.candidate.model.clone(),
            }),
            baseline: answering.and_then(|attempt| Some(baseline?.price.cost(attempt.usage))),
            score: answering.and_then(answered_score),
            latency,
            reused: false,
        }
    }
}

fn answered_score(attempt: &Attempt) -> Option<Score> {
    attempt.verdict.as_ref().map(|verdict| verdict.score)
}

fn unsettled(failure: &Failure) -> Failure {
    Failure::new(
        Reason::LedgerUnavailable,
        format!(
            "an answer was made but the ledger could not write it down in time, and nothing is answered before it is settled: {}",
            failure.message
        ),
    )
}
