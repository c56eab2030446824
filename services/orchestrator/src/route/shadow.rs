//! Shadow calls: what would another tier have said? Asked for a few answers once they are settled, so
//! that something is learned also where only one tier is ever asked.
//!
//! - Chosen by the id and a seed, among answers of one tier alone whose caller left the choice of the
//!   tier to the router. A higher tier's answer is compared with a lower one's, the lowest tier's with
//!   a higher one's, but never what an override or a marker keeps low.
//! - A shadow is a request of its own in the ledger, with one step, paid by a project of its own: its
//!   daily budget is held against like any other, and nobody else's is touched.
//! - Nobody waits for it, it goes behind all calls that somebody waits for, and only a few are made
//!   at a time: what comes meanwhile is dropped and counted.

use std::sync::Arc;
use std::time::Duration;

use terrace_domain::{NanoUsd, ProjectName, Reason, RequestId, TierName};
use terrace_rpc::deadline::Deadline;
use terrace_runtime::Tasks;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::classification::Source;
use crate::fingerprint::Parts;
use crate::metrics::{self, ShadowResult};
use crate::ports::{Answered as ToJudge, Call};
use crate::request::{CachePolicy, OnExhausted, Policy, Priority, Request};
use crate::route::events::Events;
use crate::route::lessons;
use crate::route::outcome::decide;
use crate::route::plan::{Candidate, Plan, Rules};
use crate::route::trail::{Attempt, Outcome, Trail};
use crate::route::{Answered, Context, Router, scene};

/// How long one may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// How many are made at a time.
const AT_ONCE: usize = 2;
/// The tag that names the request which a shadow is compared with.
const TAG: &str = "shadow_of";

/// What the config says about shadow calls.
#[derive(Debug, Clone, PartialEq)]
pub struct ShadowSettings {
    /// The share of answers, 0 to 1.
    pub share: f64,
    /// Which are chosen.
    pub seed: u64,
    /// Whether models may be asked that cost something.
    pub may_cost: bool,
    /// Who pays.
    pub project: ProjectName,
}

/// Has some answers asked of another tier too.
#[derive(Debug, Clone)]
pub struct Shadows {
    settings: ShadowSettings,
    places: Arc<Semaphore>,
    tasks: Tasks,
}

impl Shadows {
    /// Makes them as detached work of `tasks`.
    #[must_use]
    pub fn new(settings: ShadowSettings, tasks: Tasks) -> Self {
        Self {
            settings,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            tasks,
        }
    }

    /// Has another tier asked too, if this answer is chosen. Returns at once.
    pub fn offer(&self, router: &Arc<Router>, request: &Request, answered: &Answered) {
        let others = others(request, answered, &router.settings.rules);
        if others.is_empty() || !self.settings.chooses(request.id) {
            return;
        }
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            metrics::shadow(ShadowResult::Dropped);
            return;
        };
        let (router, shadows) = (Arc::clone(router), self.clone());
        let (request, answered) = (request.clone(), answered.clone());
        let _work = self.tasks.detach("shadow", async move {
            let settings = &shadows.settings;
            let context = Context {
                call: Call::within(PATIENCE),
                cancel: shadows.tasks.ending(),
                events: Events::nowhere(),
            };
            let asked = (&request, &answered);
            let result = match router.shadow_of(settings, asked, &context, others) {
                Some(shadow) => router.compare(shadow, asked, &context).await,
                None => ShadowResult::NoModel,
            };
            metrics::shadow(result);
            drop(place);
        });
    }
}

impl ShadowSettings {
    /// Whether the request with this id is one of the share: the same for the same seed.
    fn chooses(&self, id: RequestId) -> bool {
        let mut parts = Parts::new("shadow");
        parts.bytes(&self.seed.to_be_bytes());
        parts.bytes(id.as_uuid().as_bytes());
        let [a, b, c, d, ..] = parts.end();
        let place = f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX);
        place < self.share
    }
}

/// A request that answers nobody, and who is asked.
struct Shadow {
    request: Request,
    plan: Plan,
    candidate: Candidate,
}

/// The tiers that an answer may be compared with, the nearest first; none where it was compared
/// already, or its caller or the operator said who is to be asked.
fn others(request: &Request, answered: &Answered, rules: &Rules) -> Vec<TierName> {
    let policy = &request.policy;
    let is_fixed = policy.tier.is_some() || policy.model.is_some();
    let called = answered.attempts.iter();
    let called = called.filter(|own| !matches!(own.outcome, Outcome::Skipped(_)));
    let mut ranks = called.filter_map(|own| rules.rank_of(&own.candidate.tier));
    let Some(rank) = ranks.next().filter(|_| !is_fixed) else {
        return Vec::new();
    };
    if answered.consensus.is_some() || ranks.any(|other| other != rank) {
        return Vec::new();
    }
    let (below, above) = rules.tiers.split_at(rank);
    let is_kept_low = matches!(
        answered.classification.source,
        Source::ActionOverride | Source::Marker
    );
    match below.is_empty() {
        false => below.iter().rev().cloned().collect(),
        true if is_kept_low => Vec::new(),
        true => above.iter().skip(1).cloned().collect(),
    }
}

/// The same question of one tier, paid by whoever pays for shadows.
fn asked_of(request: &Request, tier: TierName, project: &ProjectName) -> Request {
    Request {
        id: RequestId::generate(),
        body: None,
        project: project.clone(),
        key_id: String::new(),
        session: None,
        tags: [(TAG.to_owned(), request.id.to_string())].into(),
        priority: Priority::Batch,
        is_shadow: true,
        policy: Policy {
            tier: Some(tier),
            quality_check: true,
            always_judged: true,
            max_attempts: 1,
            max_repairs: 0,
            latency_target: None,
            max_cost: None,
            on_exhausted: OnExhausted::BestEffort,
            cache: CachePolicy::default(),
            consensus: None,
            hedge: false,
            ..request.policy.clone()
        },
        ..request.clone()
    }
}

impl Router {
    /// The first model of the nearest tier that can be asked.
    fn shadow_of(
        &self,
        settings: &ShadowSettings,
        (request, answered): (&Request, &Answered),
        context: &Context,
        others: Vec<TierName>,
    ) -> Option<Shadow> {
        others.into_iter().find_map(|tier| {
            let request = asked_of(request, tier, &settings.project);
            let classification = answered.classification.clone();
            let mut plan = self.plan(&request, classification, context.call);
            plan.quality_check = true;
            let may_ask = |own: &&Candidate| settings.may_cost || own.worst_case.is_zero();
            let candidate = plan.candidates.iter().find(may_ask).cloned()?;
            Some(Shadow {
                request,
                plan,
                candidate,
            })
        })
    }

    /// Asks, settles, and learns from what both came to.
    async fn compare(
        &self,
        shadow: Shadow,
        (request, answered): (&Request, &Answered),
        context: &Context,
    ) -> ShadowResult {
        let began = Instant::now();
        let Shadow {
            request: own,
            plan,
            candidate,
        } = shadow;
        let scene = scene(&own, &plan, context, NanoUsd::ZERO);
        let mut attempt = Box::pin(self.attempt(scene, 0, &candidate)).await;
        if attempt.reason() == Some(Reason::BudgetExhausted) {
            return ShadowResult::NoBudget;
        }
        let given = self.given(&own, answered, &mut attempt).await;
        let lesson = given.and_then(|given| {
            let rules = &self.settings.rules;
            lessons::of_shadow(request, answered, (given, &attempt), rules)
        });
        let mut trail = Trail::default();
        trail.push(attempt);
        let end = decide(&plan, trail.attempts(), context.call.deadline.has_passed());
        let close = self.close(&end, trail.attempts(), began.elapsed());
        let settled = self.settle_durably(&own, context, &mut trail, &close).await;
        match (settled, lesson, &self.learner) {
            (Ok(()), Some(lesson), Some(learner)) => {
                learner.compared(lesson);
                ShadowResult::Compared
            }
            _ => ShadowResult::Failed,
        }
    }

    /// The score of the answer that the caller got. One that nobody judged is judged now, and whoever
    /// the judge asks for that is booked with the shadow.
    async fn given(
        &self,
        own: &Request,
        answered: &Answered,
        shadow: &mut Attempt,
    ) -> Option<lessons::Compared> {
        let attempt = answered.attempts.get(answered.answering)?;
        if let Some(verdict) = attempt.verdict.as_ref().filter(|own| !own.undecided) {
            return Some(lessons::Compared {
                passed: verdict.passed,
                is_news: false,
            });
        }
        shadow.verdict.as_ref()?;
        let judged = self.ports.judge.judge(
            ToJudge {
                request: own,
                classification: &answered.classification,
                model: &attempt.candidate.model,
                answer: attempt.answer.as_ref()?,
                with_code_tree: false,
            },
            Call {
                deadline: Deadline::within(PATIENCE),
            },
        );
        let judged = judged.await.ok()?;
        shadow.opinions.extend(judged.opinions);
        let passed = judged.verdict.passed;
        (!judged.verdict.undecided).then_some(lessons::Compared {
            passed,
            is_news: true,
        })
    }
}

#[cfg(test)]
pub(in crate::route) mod tests;
