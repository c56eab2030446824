//! The ledger over a link.

mod later;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use terrace_domain::{Failure, NanoUsd, Reason, Step};
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::convert::{timestamp, wire_duration, wire_timestamp};
use terrace_proto::ledger::v1 as wire;
use terrace_proto::ledger::v1::ledger_service_client::LedgerServiceClient;
use terrace_rpc::deadline::request_within;
use terrace_rpc::link::Link;
use terrace_rpc::status::to_failure;
use terrace_runtime::Tasks;
use tonic::{Response, Status};

use self::later::Later;
use super::from_status;
use super::leases::{Ask, Leases, Payer};
use crate::fingerprint::Fingerprint;
use crate::opinion::SecondOpinion;
use crate::ports::{Call, KnownEnd, KnownRequest, Ledger};
use crate::request::Request;
use crate::route::plan::Candidate;
use crate::route::trail::{Attempt, Close, Outcome, RequestOutcome};

/// Before a call is made again: time enough to notice that a replica is gone.
const PAUSE: Duration = Duration::from_millis(50);

/// Calls the ledger.
#[derive(Debug, Clone)]
pub struct LedgerClient {
    calls: Calls,
    reservation_ttl: Duration,
    leases: Option<Arc<Leases>>,
    later: Option<Later>,
}

/// The calls of it that may go without bytes.
#[derive(Debug, Clone)]
struct Calls {
    link: Link,
    stub: LedgerServiceClient<Link>,
}

impl LedgerClient {
    /// Creates a client over a link; holds last for `reservation_ttl`. What can be paid from
    /// `leases` is not asked for.
    #[must_use]
    pub fn new(link: Link, reservation_ttl: Duration, leases: Option<Arc<Leases>>) -> Self {
        let stub = LedgerServiceClient::new(link.clone());
        Self {
            calls: Calls { link, stub },
            reservation_ttl,
            leases,
            later: None,
        }
    }

    /// The same, but what costs nothing is answered before the ledger has acknowledged it, and
    /// written by `tasks` a moment later. What comes under an id of its caller's own waits all the
    /// same: sent again, it has to be known.
    #[must_use]
    pub fn settling_later(self, tasks: &Tasks) -> Self {
        let later = Some(Later::new(tasks.clone()));
        Self { later, ..self }
    }
}

#[async_trait]
impl Ledger for LedgerClient {
    async fn reserve(
        &self,
        request: &Request,
        step: Step,
        candidate: &Candidate,
        call: Call,
    ) -> Result<Option<SystemTime>, Failure> {
        if self.is_paid_from_lease(request, step, candidate) {
            return Ok(None);
        }
        let message = wire::ReserveRequest {
            request_id: request.id.to_string(),
            step: step.to_string(),
            project: request.project.to_string(),
            key_id: request.key_id.clone(),
            amount_nano_usd: candidate.worst_case.get(),
            ttl: Some(wire_duration(self.reservation_ttl)),
            target: Some(target(candidate)),
            action: request.action().to_owned(),
            body_fingerprint: body(request),
        };
        let answer = match self.calls.reserve(message.clone(), call).await {
            Err(status) if is_broken(&status) => self.hold_again(&message, call, status).await?,
            Err(status) => return Err(failure(&status)),
            // Steps of a request are reserved once each: somebody else uses the same id.
            Ok(answer) if answer.repeated_call => return Err(id_in_use(request)),
            Ok(answer) => answer,
        };
        Ok(answer.expires_at.as_ref().and_then(timestamp))
    }

    async fn settle(
        &self,
        request: &Request,
        attempts: &[Attempt],
        close: Option<&Close>,
        call: Call,
    ) -> Result<(), Failure> {
        let message = wire::SettleRequest {
            request_id: request.id.to_string(),
            project: request.project.to_string(),
            key_id: request.key_id.clone(),
            action: request.action().to_owned(),
            steps: attempts
                .iter()
                .flat_map(|attempt| self.settlements(request, attempt))
                .chain(close.and_then(reuse))
                .collect(),
            close: close.map(|close| request_close(request, close)),
            body_fingerprint: body(request),
        };
        let is_over = close.is_some();
        let message = match self.later.as_ref().filter(|_| is_over) {
            Some(later) if request.body.is_none() && later::is_free(attempts) => {
                match later.take(&self.calls, message) {
                    Ok(()) => return Ok(()),
                    Err(too_many) => *too_many,
                }
            }
            _ => message,
        };
        let settled = self.calls.settle(message, call).await;
        settled.map_err(|status| failure(&status))?;
        if let Some(leases) = &self.leases {
            let steps = attempts.iter().map(|own| request.step(own.index));
            leases.settled(request.id, steps, is_over);
        }
        Ok(())
    }

    async fn find(&self, request: &Request, call: Call) -> Result<Option<KnownRequest>, Failure> {
        let message = wire::GetRequestRequest {
            request_id: request.id.to_string(),
            project: request.project.to_string(),
        };
        let mut stub = self.calls.stub.clone();
        let message = request_within(message, call.deadline);
        match stub.get_request(message).await {
            Ok(known) => {
                let known = known.into_inner();
                Ok(Some(KnownRequest {
                    end: known.close.map(known_end),
                    cost: NanoUsd::new(known.cost_nano_usd),
                    body: Fingerprint::from_bytes(&known.body_fingerprint),
                }))
            }
            Err(status) => match to_failure(&status).reason {
                Reason::NotFound => Ok(None),
                _ => Err(failure(&status)),
            },
        }
    }
}

impl Calls {
    async fn reserve(
        &self,
        message: wire::ReserveRequest,
        call: Call,
    ) -> Result<wire::ReserveResponse, Status> {
        let wire = async |request| self.stub.clone().reserve(request).await;
        let message = request_within(message, call.deadline);
        let answer = self.link.unary(message, wire).await;
        answer.map(Response::into_inner)
    }

    async fn settle(&self, message: wire::SettleRequest, call: Call) -> Result<(), Status> {
        let wire = async |request| self.stub.clone().settle(request).await;
        let message = request_within(message, call.deadline);
        let answer = self.link.unary(message, wire).await;
        answer.map(drop)
    }
}

impl LedgerClient {
    /// Asks once more after the connection broke, when nobody knows whether the hold stands: the
    /// ledger enters a step once however often it is asked. If it has entered it before, that was
    /// ours, unless a caller chose the id: then it may be another orchestrator's, and what broke
    /// stays broken.
    async fn hold_again(
        &self,
        message: &wire::ReserveRequest,
        call: Call,
        broke: Status,
    ) -> Result<wire::ReserveResponse, Failure> {
        if call.deadline.remaining() <= PAUSE {
            return Err(failure(&broke));
        }
        tokio::time::sleep(PAUSE).await;
        tracing::debug!(
            request_id = message.request_id,
            "reserving again: the connection broke"
        );
        let answer = self.calls.reserve(message.clone(), call).await;
        let answer = answer.map_err(|status| failure(&status))?;
        match answer.repeated_call && !message.body_fingerprint.is_empty() {
            true => Err(failure(&broke)),
            false => Ok(answer),
        }
    }

    /// Whether a lease pays for it. Of an id that a caller chose two orchestrators could think that
    /// it is theirs, and the ledger alone can tell: such a request is never paid so.
    fn is_paid_from_lease(&self, request: &Request, step: Step, candidate: &Candidate) -> bool {
        let leases = self.leases.as_ref().filter(|_| request.body.is_none());
        leases.is_some_and(|leases| {
            leases.take(Ask {
                payer: Payer {
                    project: request.project.clone(),
                    key_id: request.key_id.clone(),
                },
                request_id: request.id,
                step,
                worst_case: candidate.worst_case,
                target: target(candidate),
            })
        })
    }

    /// An attempt, and whom the judge asked about it.
    fn settlements(&self, request: &Request, attempt: &Attempt) -> Vec<wire::StepSettlement> {
        let step = request.step(attempt.index);
        let mut message = settlement(step, attempt);
        if let Some(leases) = &self.leases {
            leases.sign(request.id, step, &mut message);
        }
        let opinions = (0..).zip(&attempt.opinions).map(|(place, own)| {
            let step = Step::Judge {
                attempt: attempt.index,
                opinion: place,
            };
            second_opinion(step, own)
        });
        std::iter::once(message).chain(opinions).collect()
    }
}

/// What the caller sent, as the ledger keeps it; nothing when the id is not the caller's own.
fn body(request: &Request) -> Vec<u8> {
    let body = request.body.as_ref();
    body.map(|body| body.as_bytes().to_vec())
        .unwrap_or_default()
}

fn known_end(close: wire::RequestClose) -> KnownEnd {
    match close.outcome() {
        wire::RequestOutcome::Passed | wire::RequestOutcome::BestEffort => KnownEnd::Answered {
            passed: close.outcome() == wire::RequestOutcome::Passed,
            tier: close.tier,
        },
        wire::RequestOutcome::Cancelled => KnownEnd::Cancelled,
        wire::RequestOutcome::Presumed => KnownEnd::Presumed,
        // An end that is not known here is at least no answer.
        wire::RequestOutcome::Failed | wire::RequestOutcome::Unspecified => KnownEnd::Failed,
    }
}

/// Whether the call may have been carried out and nobody has heard of it.
fn is_broken(status: &Status) -> bool {
    let reason = to_failure(status).reason;
    matches!(reason, Reason::ServiceUnavailable | Reason::ShuttingDown)
}

fn id_in_use(request: &Request) -> Failure {
    Failure::new(
        Reason::RequestIdUsed,
        format!("request_id {} is in use by another request", request.id),
    )
}

/// The ledger alone knows whether an id is somebody else's.
fn failure(status: &Status) -> Failure {
    let failure = to_failure(status);
    match failure.reason {
        Reason::RequestIdUsed => failure,
        _ => from_status("ledger", status),
    }
}

fn target(candidate: &Candidate) -> wire::StepTarget {
    wire::StepTarget {
        tier: candidate.tier.to_string(),
        backend: candidate.backend.to_string(),
        model: candidate.model.to_string(),
    }
}

fn settlement(step: Step, attempt: &Attempt) -> wire::StepSettlement {
    let verdict = attempt.verdict.as_ref();
    wire::StepSettlement {
        step: step.to_string(),
        target: Some(target(&attempt.candidate)),
        outcome: attempt_outcome(&attempt.outcome).into(),
        reason: attempt
            .reason()
            .map(|reason| reason.to_string())
            .unwrap_or_default(),
        usage: Some(attempt.usage.into()),
        cost_nano_usd: attempt.cost.get(),
        score: verdict.map(|verdict| verdict.score.get()),
        started_at: Some(wire_timestamp(attempt.started_at)),
        latency: Some(wire_duration(attempt.latency)),
        lease_id: String::new(),
        lease_debit_nano_usd: 0,
    }
}

fn second_opinion(step: Step, opinion: &SecondOpinion) -> wire::StepSettlement {
    let outcome = match opinion.reason {
        None => AttemptOutcome::Accepted,
        Some(_) => AttemptOutcome::Failed,
    };
    let reason = opinion.reason.map(|reason| reason.to_string());
    wire::StepSettlement {
        step: step.to_string(),
        target: Some(wire::StepTarget {
            tier: opinion.tier.to_string(),
            backend: opinion.backend.to_string(),
            model: opinion.model.to_string(),
        }),
        outcome: outcome.into(),
        reason: reason.unwrap_or_default(),
        usage: Some(opinion.usage.into()),
        cost_nano_usd: opinion.cost.get(),
        started_at: Some(wire_timestamp(opinion.started_at)),
        latency: Some(wire_duration(opinion.latency)),
        ..wire::StepSettlement::default()
    }
}

/// The one step of a request that is given another one's answer. Like an attempt it names who made
/// the answer; unlike one it is no call, and so has no tokens, no time and no
/// cost.
fn reuse(close: &Close) -> Option<wire::StepSettlement> {
    let by = close.answering.as_ref().filter(|_| close.reused)?;
    let outcome = match close.outcome {
        RequestOutcome::Passed => AttemptOutcome::Accepted,
        _ => AttemptOutcome::Rejected,
    };
    Some(wire::StepSettlement {
        step: Step::Reuse.to_string(),
        target: Some(wire::StepTarget {
            tier: by.tier.to_string(),
            backend: by.backend.to_string(),
            model: by.model.to_string(),
        }),
        outcome: outcome.into(),
        usage: Some(terrace_domain::Usage::default().into()),
        score: close.score.map(|score| score.get()),
        ..wire::StepSettlement::default()
    })
}

/// The outcome on the wire, the same in ledger rows and responses.
pub(crate) fn attempt_outcome(outcome: &Outcome) -> AttemptOutcome {
    match outcome {
        Outcome::Accepted => AttemptOutcome::Accepted,
        Outcome::Rejected => AttemptOutcome::Rejected,
        Outcome::Failed(_) | Outcome::Unjudged(_) => AttemptOutcome::Failed,
        Outcome::Cancelled | Outcome::CalledOff => AttemptOutcome::Cancelled,
        Outcome::Skipped(_) => AttemptOutcome::Skipped,
    }
}

fn request_close(request: &Request, close: &Close) -> wire::RequestClose {
    let answering = close.answering.as_ref();
    let outcome = match close.outcome {
        RequestOutcome::Passed => wire::RequestOutcome::Passed,
        RequestOutcome::BestEffort => wire::RequestOutcome::BestEffort,
        RequestOutcome::Failed => wire::RequestOutcome::Failed,
        RequestOutcome::Cancelled => wire::RequestOutcome::Cancelled,
    };
    wire::RequestClose {
        outcome: outcome.into(),
        tier: answering.map(|by| by.tier.to_string()).unwrap_or_default(),
        backend: answering
            .map(|by| by.backend.to_string())
            .unwrap_or_default(),
        model: answering.map(|by| by.model.to_string()).unwrap_or_default(),
        baseline_nano_usd: close.baseline.map(NanoUsd::get),
        score: close.score.map(|score| score.get()),
        latency: Some(wire_duration(close.latency)),
        tags: request.tags.clone().into_iter().collect(),
    }
}
