//! One attempt: reserve → generate → judge. Settling is the caller's next step, because the last
//! attempt is settled together with the request's end.
//!
//! A caller that goes away stops an attempt wherever it is. Dropping the stream of events is what
//! stops the backend; what was produced until then is billed.

mod ended;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use terrace_domain::{Failure, NanoUsd, Reason, Usage};
use terrace_rpc::deadline::Deadline;
use terrace_telemetry::seen;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::answer::Answer;
use crate::metrics;
use crate::ports::{Answered, Call};
use crate::request::Request;
use crate::route::attempt::ended::{Ended, bill};
use crate::route::draft::Draft;
use crate::route::flow::{Flow, Flowed};
use crate::route::hedge::Race;
use crate::route::plan::{Candidate, Plan};
use crate::route::record::{CallEnd, Seen};
use crate::route::trail::{Attempt, Hops, Outcome};
use crate::route::{Context, OnJudgeUnavailable, Router};
use crate::verdict::Verdict;

/// How long the ledger may take to hold money.
const RESERVE_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the judge may take.
const JUDGE_TIMEOUT: Duration = Duration::from_secs(15);

/// What an attempt sees of its request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) request: &'a Request,
    /// What the model is asked: the request, or the same with further turns.
    pub(super) asked: &'a Request,
    pub(super) plan: &'a Plan,
    pub(super) context: &'a Context,
    /// What earlier attempts of the request cost.
    pub(super) spent: NanoUsd,
    /// When this attempt has to end, so that those after it still have time.
    pub(super) deadline: Deadline,
    /// Position of the attempt whose answer it is to repair.
    pub(super) repair_of: Option<u32>,
    /// What it tells of itself, where another may be started beside it.
    pub(super) race: Option<&'a Race>,
}

/// Why an answer did not come to its end.
#[derive(Debug)]
enum Stopped {
    /// The caller went away or its deadline passed.
    ByCaller,
    /// The attempt used up its share of the deadline.
    ByClock,
    /// The gateway or its backend failed.
    Failed(Failure),
}

fn span(index: u32, candidate: &Candidate) -> Span {
    tracing::info_span!(
        "attempt",
        terrace.attempt.index = index,
        terrace.tier = %candidate.tier,
        terrace.backend = %candidate.backend,
        terrace.model = %candidate.model,
        terrace.attempt.outcome = Empty,
        terrace.reason = Empty,
        terrace.cost = Empty,
        terrace.verdict.score = Empty,
        terrace.verdict.passed = Empty,
        terrace.verdict.check = Empty,
        otel.status_code = Empty,
    )
}

impl Router {
    /// Tries one candidate.
    pub(super) async fn attempt(
        &self,
        scene: Scene<'_>,
        index: u32,
        candidate: &Candidate,
    ) -> Attempt {
        let hold = self.reserve(scene, index, candidate);
        self.attempt_once(scene, index, candidate, hold).await
    }

    /// Tries one candidate once its money is held.
    pub(super) async fn attempt_once(
        &self,
        scene: Scene<'_>,
        index: u32,
        candidate: &Candidate,
        hold: impl Future<Output = Result<(), Failure>>,
    ) -> Attempt {
        let span = seen::span(|| span(index, candidate));
        let attempt = self.attempt_within_span(scene, index, candidate, hold);
        attempt.instrument(span).await
    }

    async fn attempt_within_span(
        &self,
        scene: Scene<'_>,
        index: u32,
        candidate: &Candidate,
        hold: impl Future<Output = Result<(), Failure>>,
    ) -> Attempt {
        let started_at = SystemTime::now();
        let clock = Instant::now();
        let mut reserving = Duration::ZERO;
        let hold = timed(hold, &mut reserving);
        let ended = self.hold_and_run(scene, index, candidate, hold).await;
        self.remember(candidate, &ended);
        let attempt = Attempt {
            index,
            candidate: Arc::new(candidate.clone()),
            cost: bill(candidate, &ended),
            outcome: ended.outcome,
            detail: ended.detail,
            verdict: ended.verdict,
            opinions: ended.opinions,
            code_tree: ended.code_tree,
            usage: ended.usage,
            started_at,
            latency: clock.elapsed(),
            answer: ended.answer,
            committed: ended.committed,
            repair_of: scene.repair_of,
            hedges: None,
            hops: Hops {
                reserving,
                ..ended.hops
            },
        };
        if !scene.request.is_shadow {
            metrics::attempt_ended(&attempt);
        }
        attempt
    }

    async fn hold_and_run(
        &self,
        scene: Scene<'_>,
        index: u32,
        candidate: &Candidate,
        hold: impl Future<Output = Result<(), Failure>>,
    ) -> Ended {
        if scene.context.cancel.is_cancelled() {
            return Ended::new(Outcome::Cancelled, Usage::default());
        }
        if let Some(failure) = candidate.cannot_finish_in(scene.deadline.remaining()) {
            return Ended::new(Outcome::Skipped(failure), Usage::default());
        }
        match self.somebody_there(scene, candidate).await {
            Some(Ok(())) => {}
            Some(Err(failure)) => return Ended::new(Outcome::Skipped(failure), Usage::default()),
            None => return Ended::new(Outcome::Cancelled, Usage::default()),
        }
        if let Err(failure) = hold.await {
            return Ended::new(Outcome::Skipped(failure), Usage::default());
        }
        if let Some(outcome) = too_late(scene, candidate) {
            return Ended::new(outcome, Usage::default());
        }
        let (end, flow) = self.call(scene, index, candidate).await;
        let call = call_end(&end, &flow);
        let (first_piece, generating) = (flow.first, Some(flow.took()));
        let (draft, committed) = flow.end();
        let prompt_tokens = scene.asked.prompt.estimated_tokens();
        let ended = match end {
            Err(Stopped::ByCaller) => {
                Ended::new(Outcome::Cancelled, draft.estimated(prompt_tokens))
            }
            Err(Stopped::ByClock) => {
                let failure = out_of_its_share(candidate);
                Ended::new(Outcome::Failed(failure), draft.estimated(prompt_tokens))
            }
            Err(Stopped::Failed(failure)) => {
                Ended::new(Outcome::Failed(failure), draft.counted(prompt_tokens))
            }
            Ok(Flowed::Hopeless(verdict)) => Ended {
                detail: format!("ended early: {}", verdict.why_short()),
                verdict: Some(verdict),
                ..Ended::new(Outcome::Rejected, draft.estimated(prompt_tokens))
            },
            Ok(Flowed::Outrun) => Ended::new(Outcome::CalledOff, draft.estimated(prompt_tokens)),
            Ok(Flowed::Complete) => self.judge(scene, candidate, draft).await,
        };
        Ended {
            committed,
            call,
            hops: Hops {
                first_piece,
                generating,
                ..ended.hops
            },
            ..ended
        }
    }

    /// Whether the candidate's gateway has a replica, as soon as the config's policy knows; `None`
    /// when the caller left first.
    async fn somebody_there(
        &self,
        scene: Scene<'_>,
        candidate: &Candidate,
    ) -> Option<Result<(), Failure>> {
        let Some(gateway) = self.catalog.gateway(&candidate.backend) else {
            return Some(Ok(()));
        };
        let call = Call {
            deadline: scene.deadline,
        };
        tokio::select! {
            biased;
            () = scene.context.cancel.cancelled() => None,
            there = gateway.present(call) => Some(there),
        }
    }

    /// Has the model answer, while it counts as in flight.
    async fn call<'a>(
        &'a self,
        scene: Scene<'a>,
        index: u32,
        candidate: &'a Candidate,
    ) -> (Result<Flowed, Stopped>, Flow<'a>) {
        let _in_flight = self.records.begin(&candidate.backend, &candidate.model);
        let mut flow = Flow::new(scene, index, candidate, &*self.ports.judge);
        let end = self.generate(scene, candidate, &mut flow).await;
        (end, flow)
    }

    /// Notes what the attempt says of its model.
    fn remember(&self, candidate: &Candidate, ended: &Ended) {
        if let Some(end) = ended.call {
            let score = ended.verdict.as_ref().map(|verdict| verdict.score);
            let seen = Seen { end, score };
            self.records
                .note(&candidate.backend, &candidate.model, seen);
        }
    }

    /// Holds the worst case of a step that has a price. Not raced against the caller's going: a
    /// hold that nobody waits for would stay until it expires.
    pub(super) async fn reserve(
        &self,
        scene: Scene<'_>,
        index: u32,
        candidate: &Candidate,
    ) -> Result<(), Failure> {
        let worst_case = candidate.worst_case;
        if let Some(max_cost) = scene.request.policy.max_cost
            && scene.spent.plus(worst_case) > max_cost
        {
            return Err(Failure::new(
                Reason::BudgetExhausted,
                format!(
                    "{} spent so far and its worst case of {worst_case} would pass the request's max_cost of {max_cost}",
                    scene.spent
                ),
            ));
        }
        if worst_case.is_zero() {
            return Ok(());
        }
        let project = &scene.request.project;
        if let Some(refusal) = self.refusals.told(project)
            && let Some(failure) = refusal.of(worst_case)
        {
            return Err(failure.clone());
        }
        let call = Call::within(RESERVE_TIMEOUT.min(scene.deadline.remaining()));
        let step = scene.request.step(index);
        let held = self
            .ports
            .ledger
            .reserve(scene.request, step, candidate, call)
            .await;
        held.map(|_expires_at| ()).map_err(|failure| match failure.reason {
            Reason::BudgetExhausted => {
                self.refusals.note(project, worst_case, &failure);
                failure
            }
            Reason::RequestIdUsed => failure,
            _ => Failure::new(
                Reason::LedgerUnavailable,
                format!("nothing that costs is called while the ledger cannot hold money for it: {}", failure.message),
            ),
        })
    }

    async fn generate(
        &self,
        scene: Scene<'_>,
        candidate: &Candidate,
        flow: &mut Flow<'_>,
    ) -> Result<Flowed, Stopped> {
        let Some(gateway) = self.catalog.gateway(&candidate.backend) else {
            return Err(Stopped::Failed(Failure::new(
                Reason::Internal,
                format!("no gateway for backend {}", candidate.backend),
            )));
        };
        let call = Call {
            deadline: scene.deadline,
        };
        let flowed = async {
            let events = gateway
                .generate(scene.asked, candidate, flow.pieces(), call)
                .await?;
            flow.run(events).await
        };
        let flowed = tokio::select! {
            biased;
            () = scene.context.cancel.cancelled() => return Err(Stopped::ByCaller),
            flowed = flowed => flowed,
            () = scene.deadline.passed() => return Err(Stopped::ByClock),
        };
        flowed.map_err(|failure| match failure.reason {
            // The attempt's own share of the time, not the caller's deadline.
            Reason::DeadlineExceeded => Stopped::ByClock,
            Reason::Cancelled => Stopped::Failed(Failure {
                reason: Reason::ServiceUnavailable,
                ..failure
            }),
            _ => Stopped::Failed(failure),
        })
    }

    async fn judge(&self, scene: Scene<'_>, candidate: &Candidate, draft: Draft) -> Ended {
        let usage = draft.counted(scene.asked.prompt.estimated_tokens());
        let Some(answer) = draft.into_answer() else {
            let failure = Failure::new(Reason::Internal, "an unfinished answer came to the judge");
            return Ended::new(Outcome::Failed(failure), usage);
        };
        if !scene.plan.quality_check {
            return Ended::new(Outcome::Accepted, usage).answered(answer);
        }
        let answered = Answered {
            request: scene.request,
            classification: &scene.plan.classification,
            model: &candidate.model,
            answer: &answer,
            with_code_tree: scene.plan.compares_code(),
        };
        // What is to become of an answer that nobody judged needs time too.
        let part = scene.context.call.deadline.remaining() / 2;
        let call = Call::within(JUDGE_TIMEOUT.min(part));
        let asked = Instant::now();
        let judged = tokio::select! {
            biased;
            () = scene.context.cancel.cancelled() => return Ended::new(Outcome::Cancelled, usage),
            judged = self.ports.judge.judge(answered, call) => judged,
        };
        let judging = Some(asked.elapsed());
        let (verdict, opinions, code_tree) = match judged {
            Ok(judged) => (Ok(judged.verdict), judged.opinions, judged.code_tree),
            Err(failure) => (Err(failure), Vec::new(), None),
        };
        let ended = self.weigh(verdict, usage, answer);
        Ended {
            opinions,
            code_tree,
            hops: Hops {
                judging,
                ..ended.hops
            },
            ..ended
        }
    }

    fn weigh(&self, verdict: Result<Verdict, Failure>, usage: Usage, answer: Answer) -> Ended {
        let verdict = match verdict {
            Ok(verdict) if verdict.undecided => {
                let failure =
                    Failure::new(Reason::ServiceUnavailable, "no check could say anything");
                return self.unjudged(failure, usage, answer);
            }
            Ok(verdict) => verdict,
            Err(failure) => return self.unjudged(failure, usage, answer),
        };
        let (outcome, detail) = if verdict.passed {
            (Outcome::Accepted, String::new())
        } else {
            (Outcome::Rejected, verdict.why_short())
        };
        Ended {
            detail,
            verdict: Some(verdict),
            ..Ended::new(outcome, usage).answered(answer)
        }
    }

    /// What becomes of an answer that the judge could not look at: as the config says.
    fn unjudged(&self, failure: Failure, usage: Usage, answer: Answer) -> Ended {
        let detail = format!("not judged: {}", failure.message);
        tracing::warn!(reason = %failure.reason, "the judge could not look at an answer");
        match self.settings.on_judge_unavailable {
            OnJudgeUnavailable::AcceptMarked => Ended {
                detail,
                ..Ended::new(Outcome::Accepted, usage).answered(answer)
            },
            OnJudgeUnavailable::NextTier => Ended {
                detail,
                ..Ended::new(Outcome::Rejected, usage).answered(answer)
            },
            OnJudgeUnavailable::Fail => Ended {
                detail,
                ..Ended::new(Outcome::Unjudged(failure), usage)
            },
        }
    }
}

/// Does something, and notes how long it took.
async fn timed<T>(work: impl Future<Output = T>, took: &mut Duration) -> T {
    let began = Instant::now();
    let done = work.await;
    *took = began.elapsed();
    done
}

/// How the call of a model ended, as far as that says something of the model.
fn call_end(end: &Result<Flowed, Stopped>, flow: &Flow<'_>) -> Option<CallEnd> {
    match end {
        Ok(Flowed::Complete) => Some(CallEnd::Whole {
            first: flow.first(),
            took: flow.took(),
            tokens: flow.draft.tokens(),
        }),
        Ok(Flowed::Hopeless(_)) => Some(CallEnd::Hopeless),
        Err(Stopped::ByClock) => Some(CallEnd::CutAfter(flow.took())),
        Err(Stopped::Failed(failure)) => is_of_the_model(failure.reason).then_some(CallEnd::Failed),
        Ok(Flowed::Outrun) | Err(Stopped::ByCaller) => None,
    }
}

/// Whether a failure says something of the model's health, and not of what it was asked.
const fn is_of_the_model(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::ModelNotFound
            | Reason::BackendUnreachable
            | Reason::BackendTimeout
            | Reason::BackendRateLimited
            | Reason::BackendFailed
            | Reason::BackendUnauthorized
            | Reason::BackendMalformed
            | Reason::Truncated
            | Reason::Overloaded
            | Reason::ServiceUnavailable
    )
}

fn out_of_its_share(candidate: &Candidate) -> Failure {
    Failure::new(
        Reason::BackendTimeout,
        format!(
            "{} did not finish within its share of the deadline",
            candidate.model
        ),
    )
}

/// What becomes of an attempt that came to its call, its money held, when nobody wants the answer
/// any more: it calls nobody and costs nothing.
fn too_late(scene: Scene<'_>, candidate: &Candidate) -> Option<Outcome> {
    if scene.context.cancel.is_cancelled() {
        return Some(Outcome::Cancelled);
    }
    let model = &candidate.model;
    let failure = if scene.context.call.deadline.has_passed() {
        let text = format!("the deadline passed before {model} was called");
        Failure::new(Reason::DeadlineExceeded, text)
    } else if scene.deadline.has_passed() {
        let text = format!("the ledger held the money so late that no time is left for {model}");
        Failure::new(Reason::LedgerUnavailable, text)
    } else {
        return None;
    };
    Some(Outcome::Skipped(failure))
}
