//! The use case: attempt until accepted or out of options, settle, answer.
//!
//! The way of a request:
//!
//! 1. refuse an id that was used before,
//! 2. classify,
//! 3. plan (pure, in [`mod@plan`]),
//! 4. ask the members of a consensus, if one is wanted ([`mod@consensus`]); when nobody answers by
//!    that, attempt the candidates in turn ([`mod@attempt`]), each rejected or failed one settled while the
//!    next is tried, and a late one hedged if that is wanted ([`mod@hedge`]),
//! 5. decide what it all comes to (pure, in [`mod@outcome`]),
//! 6. settle the last attempt together with the request's end,
//! 7. answer. Nothing is answered before the ledger has acknowledged, but for what costs nothing where
//!    the config says so ([`LedgerClient::settling_later`](crate::clients::LedgerClient::settling_later)).
//!
//! The whole of it runs in a task of its own: a caller that goes away cancels it, and it still
//! writes down what was produced.

mod answered;
pub mod attempt;
pub mod budget;
pub mod consensus;
mod draft;
pub mod embed;
pub mod events;
mod flow;
pub mod hedge;
pub mod in_flight;
pub mod learner;
pub mod lessons;
pub mod outcome;
pub mod pace;
pub mod plan;
pub mod recent;
pub mod record;
pub mod repair;
pub mod sessions;
mod settle;
pub mod shadow;
pub mod traces;
pub mod trail;
pub(crate) mod used_id;

use std::sync::Arc;
use std::time::Duration;

use terrace_domain::{BackendName, Failure, ModelName, NanoUsd, Price, Reason, Usage, Violations};
use terrace_rpc::deadline::Deadline;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::catalog::{Catalog, Model, Queue, Snapshot};
use crate::classification::Classification;
use crate::metrics;
use crate::ports::{Call, Classify, Judge, Ledger};
use crate::pull::Pulling;
use crate::request::Request;
use crate::route::answered::total;
use crate::route::attempt::Scene;
use crate::route::budget::Refusals;
use crate::route::events::{Event, Events};
use crate::route::hedge::{HedgeSettings, Hedging};
use crate::route::in_flight::InFlight;
use crate::route::learner::Learner;
use crate::route::outcome::{End, decide};
use crate::route::plan::{Plan, Rules, Situation, plan};
use crate::route::recent::{Recent, Seen};
use crate::route::record::{Record, Records};
use crate::route::sessions::{SessionSettings, Sessions};
use crate::route::traces::{Tracer, Traces};
use crate::route::trail::{Attempt, Trail, Turn};

pub use crate::route::answered::{Answered, Unanswered};

/// How long the classifier may take.
const CLASSIFY_TIMEOUT: Duration = Duration::from_secs(2);

/// What to do with an answer that the judge could not look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnJudgeUnavailable {
    /// Return it, marked as not passed.
    AcceptMarked,
    /// Go one tier up.
    NextTier,
    /// Fail the request.
    Fail,
}

/// What to do when the classifier cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnClassifierUnavailable {
    /// Start in the lowest tier and let the judge decide.
    LowestTier,
    /// Fail the request.
    Fail,
}

/// The model whose price savings are measured against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// Its name.
    pub model: ModelName,
    /// Its price.
    pub price: Price,
}

/// What the config says about routing, besides the rules of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteSettings {
    /// The rules of the plan.
    pub rules: Rules,
    /// What to do with an answer that the judge could not look at.
    pub on_judge_unavailable: OnJudgeUnavailable,
    /// What to do when the classifier cannot be asked.
    pub on_classifier_unavailable: OnClassifierUnavailable,
    /// What savings are measured against.
    pub baseline: Option<Baseline>,
    /// How sessions are kept.
    pub sessions: SessionSettings,
    /// When a late model is hedged.
    pub hedge: HedgeSettings,
}

/// The other services, but for the gateways: those are in the catalog.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Says what a request asks for.
    pub classify: Arc<dyn Classify>,
    /// Says whether an answer is good enough.
    pub judge: Arc<dyn Judge>,
    /// Keeps the books.
    pub ledger: Arc<dyn Ledger>,
}

/// One call of a client: its time, its cancel, and where its events go.
#[derive(Debug)]
pub struct Context {
    /// When the answer is of no use any more.
    pub call: Call,
    /// Fires when the caller goes away.
    pub cancel: CancellationToken,
    /// Where the events of a stream go.
    pub events: Events,
}

impl Context {
    /// The same call, whose events are noted in a trace too.
    fn traced(&self, tracer: &Tracer) -> Self {
        Self {
            call: self.call,
            cancel: self.cancel.clone(),
            events: self.events.traced(tracer),
        }
    }
}

/// Routes requests.
#[derive(Debug)]
pub struct Router {
    ports: Ports,
    catalog: Arc<Catalog>,
    settings: RouteSettings,
    in_flight: InFlight,
    records: Records,
    refusals: Refusals,
    recent: Recent,
    sessions: Sessions,
    hedging: Hedging,
    learner: Option<Learner>,
    traces: Traces,
}

impl Router {
    /// Creates a router over the other services.
    #[must_use]
    pub fn new(ports: Ports, catalog: Arc<Catalog>, settings: RouteSettings) -> Self {
        Self {
            hedging: Hedging::new(settings.hedge.clone()),
            recent: Recent::new(settings.rules.deciding.target),
            ports,
            catalog,
            sessions: Sessions::new(settings.sessions),
            settings,
            in_flight: InFlight::default(),
            records: Records::default(),
            refusals: Refusals::default(),
            learner: None,
            traces: Traces::default(),
        }
    }

    /// The same, learning from what becomes of its answers.
    #[must_use]
    pub fn learning(self, learner: Option<Learner>) -> Self {
        Self { learner, ..self }
    }

    /// Who learns from what becomes of its answers, if anybody does.
    #[must_use]
    pub const fn learner(&self) -> Option<&Learner> {
        self.learner.as_ref()
    }

    /// What is being answered, and what was lately.
    #[must_use]
    pub const fn traces(&self) -> &Traces {
        &self.traces
    }

    /// Returns the plan that [`route`](Self::route) would use, and calls no model.
    ///
    /// # Errors
    /// When the classifier cannot be asked and the config says to fail then; when the request asks
    /// for a consensus that no models can hold.
    pub async fn explain(&self, request: &Request, call: Call) -> Result<Plan, Failure> {
        let models = self.catalog.snapshot();
        if let Some(why) = consensus::plan::refusal(request, &models) {
            let mut noted = Violations::new();
            noted.add("policy.consensus.equivalence", why);
            noted.finish()?;
        }
        let classification = self.classify(request, call).await?;
        Ok(self.plan(request, classification, call))
    }

    /// Gathers what is known at this moment and makes the plan of it.
    fn plan(&self, request: &Request, classification: Classification, call: Call) -> Plan {
        let models = self.catalog.snapshot();
        let wanted = request.policy.quality_threshold;
        let look = |model: &Model| self.records.look(&model.backend, &model.name, wanted);
        let records: Vec<Record> = models.iter().map(look).collect();
        let refusal = self.refusals.told(&request.project);
        let home = self.sessions.home(request);
        let situation = Situation {
            models: &models,
            records: &records,
            refusal: refusal.as_ref(),
            home: home.as_ref(),
            time: call.deadline.remaining(),
            cut: self.recent.cut(),
        };
        let mut plan = plan(request, classification, situation, &self.settings.rules);
        self.hedging.mark(request, &self.records, &mut plan);
        plan
    }

    /// The models of all gateways, as last heard of.
    #[must_use]
    pub fn models(&self) -> Snapshot {
        self.catalog.snapshot()
    }

    /// How busy the backends are, as last heard of.
    #[must_use]
    pub fn queues(&self) -> Arc<Vec<Queue>> {
        self.catalog.queues()
    }

    /// Has a backend fetch a model: see [`Catalog::pull`].
    ///
    /// # Errors
    /// No backend, or more than one, is meant; or the backend cannot fetch.
    pub async fn pull(
        &self,
        model: &ModelName,
        backend: Option<BackendName>,
        call: Call,
    ) -> Result<(BackendName, Pulling), Failure> {
        self.catalog.pull(model, backend, call).await
    }

    /// Answers a request.
    ///
    /// # Errors
    /// [`Unanswered`] with the attempts made and what they cost.
    pub async fn route(
        &self,
        request: &Request,
        context: &Context,
    ) -> Result<Answered, Box<Unanswered>> {
        let arrived = Instant::now();
        let unanswered = |failure| Unanswered::new(request.id, failure, Vec::new());
        let _in_flight = self.in_flight.enter(request).map_err(unanswered)?;
        unless_gone(context, self.refuse_used_id(request))
            .await
            .map_err(unanswered)?;
        let traced = self.traces.begin(request);
        let context = &context.traced(traced.tracer());
        let result = self.answer(request, context, arrived).await;
        traced.end(result.as_ref().map_err(|unanswered| &**unanswered));
        result
    }

    /// Plans, attempts and settles a request that nobody has sent before.
    async fn answer(
        &self,
        request: &Request,
        context: &Context,
        arrived: Instant,
    ) -> Result<Answered, Box<Unanswered>> {
        let planned = unless_gone(context, self.explain(request, context.call)).await;
        let unanswered = |failure| Unanswered::new(request.id, failure, Vec::new());
        let plan = Arc::new(planned.map_err(unanswered)?);
        let made = Event::PlanMade {
            id: request.id,
            plan: Arc::clone(&plan),
        };
        context.events.send(made).await;

        let trail = self.attempt_in_turn(request, &plan, context).await;
        let seen = Seen::of(&plan, trail.attempts(), &self.settings.rules);
        seen.into_iter().for_each(|seen| self.recent.note(seen));
        let out_of_time = context.call.deadline.has_passed();
        let ending = Ending {
            end: decide(&plan, trail.attempts(), out_of_time),
            classification: plan.classification.clone(),
            arrived,
        };
        let result = self.finish(request, context, trail, ending).await;
        metrics::request_ended(&result, arrived.elapsed());
        if let (Some(learner), Ok(answered)) = (&self.learner, &result) {
            learner.answered(request, answered);
        }
        result
    }

    async fn classify(&self, request: &Request, call: Call) -> Result<Classification, Failure> {
        let call = Call::within(CLASSIFY_TIMEOUT.min(call.deadline.remaining()));
        match self.ports.classify.classify(request, call).await {
            Ok(classification) => Ok(classification),
            Err(failure) => match self.settings.on_classifier_unavailable {
                OnClassifierUnavailable::Fail => Err(failure),
                OnClassifierUnavailable::LowestTier => {
                    tracing::warn!(reason = %failure.reason, "the classifier could not be asked: starting in the lowest tier");
                    Ok(Classification::unavailable(&failure.message))
                }
            },
        }
    }

    async fn attempt_in_turn(&self, request: &Request, plan: &Plan, context: &Context) -> Trail {
        let mut trail = Trail::default();
        if let Some(round) = plan.consensus.as_ref().filter(|round| round.is_held()) {
            let time = plan.share_at_once(context.call.deadline.remaining());
            let scene = Scene {
                deadline: Deadline::within(time),
                ..scene(request, plan, context, NanoUsd::ZERO)
            };
            Box::pin(self.ask_at_once(scene, round, &mut trail)).await;
        }
        let mut next = trail.next(plan);
        if next.is_some() && !trail.unsettled().is_empty() {
            self.settle_so_far(request, context, &mut trail).await;
        }
        while let Some(turn) = next {
            let repaired = repair::of_turn(request, &turn, &trail);
            let scene = Scene {
                asked: repaired.as_ref().unwrap_or(request),
                deadline: share(plan, &turn, &trail, context.call.deadline),
                repair_of: turn.repair_of,
                ..scene(request, plan, context, trail.cost())
            };
            Box::pin(self.take_turn(scene, &turn, &mut trail)).await;
            next = trail.next(plan);
            if next.is_some() {
                self.settle_so_far(request, context, &mut trail).await;
            }
        }
        trail
    }

    async fn finish(
        &self,
        request: &Request,
        context: &Context,
        mut trail: Trail,
        ending: Ending,
    ) -> Result<Answered, Box<Unanswered>> {
        if let Some(failure) = ending.end.of_a_used_id() {
            // The books under this id are somebody else's: nothing is written into them.
            let attempts = trail.into_attempts();
            return Err(Unanswered::new(request.id, failure.clone(), attempts));
        }
        let close = self.close(&ending.end, trail.attempts(), ending.arrived.elapsed());
        context.events.settling();
        let settled = self
            .settle_durably(request, context, &mut trail, &close)
            .await;
        let consensus = trail.take_consensus();
        let attempts = trail.into_attempts();
        match (ending.end, settled) {
            (End::Failed(failure), _) | (End::Answered { .. }, Err(failure)) => {
                Err(Unanswered::new(request.id, failure, attempts))
            }
            (End::Answered { index, passed }, Ok(())) => {
                self.note_session(request, &attempts, (index, passed));
                Ok(Answered {
                    id: request.id,
                    classification: ending.classification,
                    usage: total(&attempts, Attempt::whole_usage, Usage::plus),
                    cost: total(&attempts, Attempt::whole_cost, NanoUsd::plus),
                    attempts,
                    consensus,
                    answering: index,
                    passed,
                    baseline: close.baseline,
                    baseline_model: self
                        .settings
                        .baseline
                        .as_ref()
                        .map(|base| base.model.clone()),
                    latency: ending.arrived.elapsed(),
                })
            }
        }
    }

    /// A session is at home with the model that served it well last.
    fn note_session(
        &self,
        request: &Request,
        attempts: &[Attempt],
        (index, passed): (usize, bool),
    ) {
        if let Some(attempt) = attempts.get(index).filter(|_| passed) {
            self.sessions.served(request, &attempt.candidate);
        }
    }
}

/// Waits for what calls no model, unless the caller leaves first.
async fn unless_gone<T>(
    context: &Context,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = context.cancel.cancelled() => Err(Failure::new(
            Reason::Cancelled,
            "the caller went away before any model was called",
        )),
        done = work => done,
    }
}

/// What a request comes to, before it is settled.
struct Ending {
    end: End,
    classification: Classification,
    arrived: Instant,
}

/// What a request sees that is asked as it stands, and may take all of the time.
const fn scene<'a>(
    request: &'a Request,
    plan: &'a Plan,
    context: &'a Context,
    spent: NanoUsd,
) -> Scene<'a> {
    Scene {
        request,
        asked: request,
        plan,
        context,
        spent,
        deadline: context.call.deadline,
        repair_of: None,
        race: None,
    }
}

/// When an attempt has to end: see [`plan::Plan::share`].
fn share(plan: &Plan, turn: &Turn<'_>, trail: &Trail, deadline: Deadline) -> Deadline {
    let left = deadline.remaining();
    Deadline::within(plan.share(turn.position, trail.called(), left))
}

#[cfg(test)]
pub(crate) mod tests;
