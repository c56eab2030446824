//! Hedging: when a model's first piece is late, another is called beside it, and the first good
//! answer is kept.
//!
//! - Late is later than 95 of 100 calls of that model lately ([`Records`]); until enough are known, a
//!   delay of the config.
//! - The other one is a replica of the same backend, else the next candidate of the plan. It is an
//!   attempt like any other: it counts against the limit, its worst case is held before it is called,
//!   and its own step is settled.
//! - Answers that are held back race to their verdict: the first that passes is kept, one that falls
//!   short leaves the other running. Where an answer leaves at once, the first to speak is kept.
//! - Whoever loses is called off and billed for what came. At most one wins.
//! - A budget bounds how many calls are hedged: a backend that slows down for all is not given twice
//!   the work.

mod race;

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use terrace_domain::BackendName;
use terrace_resilience::RetryBudget;
use terrace_rpc::deadline::Deadline;

use crate::metrics;
use crate::request::Request;
use crate::route::attempt::Scene;
use crate::route::events::{Commit, Event};
use crate::route::pace::Pace;
use crate::route::plan::{Candidate, Plan};
use crate::route::record::Records;
use crate::route::trail::{Attempt, Outcome, Trail, Turn};
use crate::route::{Context, Router, share};
pub(in crate::route) use race::Race;

/// What the config says about hedging.
#[derive(Debug, Clone, PartialEq)]
pub struct HedgeSettings {
    /// How long a first piece may take while too little is known of the model.
    pub default_delay: Duration,
    /// The shortest wait, however fast a model is.
    pub min_delay: Duration,
    /// Hedged calls as a share of all, 0 to 1.
    pub budget: f64,
    /// At how many addresses each backend runs its models; one where it is not named.
    pub replicas: HashMap<BackendName, usize>,
}

/// Who is late, and how much may be done about it.
#[derive(Debug)]
pub(in crate::route) struct Hedging {
    settings: HedgeSettings,
    budget: RetryBudget,
}

impl Hedging {
    pub(in crate::route) fn new(settings: HedgeSettings) -> Self {
        Self {
            budget: RetryBudget::new(settings.budget),
            settings,
        }
    }

    /// Notes in a plan after how long each candidate is hedged, if the request wants that.
    pub(in crate::route) fn mark(&self, request: &Request, records: &Records, plan: &mut Plan) {
        if !request.policy.hedge {
            return;
        }
        let wanted = request.policy.quality_threshold;
        for candidate in &mut plan.candidates {
            let record = records.look(&candidate.backend, &candidate.model, wanted);
            candidate.hedge_after = Some(self.patience(record.pace));
        }
    }

    fn patience(&self, pace: Option<Pace>) -> Duration {
        let settings = &self.settings;
        let late = pace.map(|pace| pace.late_first);
        late.map_or(settings.default_delay, |late| late.max(settings.min_delay))
    }

    /// Whether a second call of this candidate would come to another server.
    fn has_replicas(&self, candidate: &Candidate) -> bool {
        let replicas = self.settings.replicas.get(&candidate.backend);
        replicas.is_some_and(|count| *count > 1)
    }
}

/// One of two attempts side by side, with a cancel of its own.
struct Runner {
    index: u32,
    context: Context,
}

impl Runner {
    fn beside(outer: &Context, index: u32) -> Self {
        let context = Context {
            call: outer.call,
            cancel: outer.cancel.child_token(),
            events: outer.events.clone(),
        };
        Self { index, context }
    }

    fn scene<'a>(&'a self, outer: Scene<'a>, race: &'a Race) -> Scene<'a> {
        Scene {
            context: &self.context,
            race: Some(race),
            ..outer
        }
    }
}

impl Router {
    /// Tries a candidate, and another beside it when it is late and that is wanted; adds what was
    /// tried to the trail.
    pub(in crate::route) async fn take_turn(
        &self,
        outer: Scene<'_>,
        turn: &Turn<'_>,
        trail: &mut Trail,
    ) {
        self.hedging.budget.note_call();
        let index = trail.next_index();
        let events = &outer.context.events;
        let started = Event::attempt_started(index, &turn.candidate, turn.repair_of);
        events.send(started).await;
        let patience = turn.candidate.hedge_after;
        if let Some(patience) = patience.filter(|_| turn.repair_of.is_none()) {
            self.race(outer, (turn, patience), trail).await;
        } else {
            // Boxed: the future of an attempt is large and lives inside several others.
            let attempt = Box::pin(self.attempt(outer, index, &turn.candidate)).await;
            events.attempt_ended(&attempt).await;
            trail.push(attempt);
        }
    }

    async fn race(
        &self,
        outer: Scene<'_>,
        (turn, patience): (&Turn<'_>, Duration),
        trail: &mut Trail,
    ) {
        let (index, events) = (trail.next_index(), &outer.context.events);
        let candidate = &*turn.candidate;
        let race = Race::new(events.commit() != Commit::HoldBack);
        let runners = [index, index + 1].map(|index| Runner::beside(outer.context, index));
        let [first, second] = &runners;
        let run = |scene, index, candidate| Box::pin(self.attempt(scene, index, candidate));
        let mut beside = None;
        let mut running = FuturesUnordered::new();
        running.push(run(first.scene(outer, &race), index, candidate));
        let mut finish = Finish::default();
        tokio::select! {
            biased;
            ended = running.next() => finish.take(ended),
            _speaker = race.spoken() => {}
            () = late(&race, patience) => beside = self.beside(outer, turn, trail),
        }
        if let Some(beside) = &beside {
            let other = &*beside.turn.candidate;
            let started = Event::attempt_started(second.index, other, None);
            events.send(started).await;
            let scene = Scene {
                spent: outer.spent.plus(candidate.worst_case),
                deadline: beside.deadline,
                ..second.scene(outer, &race)
            };
            running.push(run(scene, second.index, other));
        }
        finish.all(&mut running, &race, &runners).await;
        let attempts = finish.attempts(outer.context.cancel.is_cancelled());
        if let Some(beside) = &beside {
            metrics::hedge_ended(&attempts);
            beside.give_back_if_skipped(&attempts, trail);
        }
        for attempt in attempts {
            events.attempt_ended(&attempt).await;
            trail.push(attempt);
        }
    }

    /// Who may be called beside a late candidate, if anybody may.
    fn beside<'plan>(
        &self,
        outer: Scene<'plan>,
        late: &Turn<'plan>,
        trail: &mut Trail,
    ) -> Option<Beside<'plan>> {
        let plan = outer.plan;
        let is_replica = self.hedging.has_replicas(&late.candidate);
        let worst_case = if is_replica {
            trail
                .has_room_beside(plan)
                .then_some(late.candidate.worst_case)?
        } else {
            trail.beside(plan)?.worst_case
        };
        let both = late.candidate.worst_case.plus(worst_case);
        let max_cost = outer.request.policy.max_cost;
        let is_dear = max_cost.is_some_and(|most| outer.spent.plus(both) > most);
        if is_dear || !self.hedging.budget.take() {
            return None;
        }
        let turn = if is_replica {
            late.clone()
        } else {
            trail.next_candidate(plan)?
        };
        Some(Beside {
            deadline: share(plan, &turn, trail, outer.context.call.deadline),
            turn,
            is_replica,
        })
    }
}

/// Comes to its end when the first attempt has been calling its model for too long.
async fn late(race: &Race, patience: Duration) {
    race.called().await;
    tokio::time::sleep(patience).await;
}

/// The one that is called beside a late candidate.
struct Beside<'plan> {
    turn: Turn<'plan>,
    /// It has the time of an attempt that starts now.
    deadline: Deadline,
    /// Whether it is the same candidate at another address, and not the next one of the plan.
    is_replica: bool,
}

impl Beside<'_> {
    /// One that found no money beside the other may find some once that has ended.
    fn give_back_if_skipped(&self, attempts: &[Attempt], trail: &mut Trail) {
        let skipped = |attempt: &Attempt| matches!(attempt.outcome, Outcome::Skipped(_));
        if !self.is_replica && attempts.last().is_some_and(skipped) {
            trail.give_back();
        }
    }
}

/// The attempts of a race as they end.
#[derive(Default)]
struct Finish {
    ended: Vec<Attempt>,
    /// The one for which the others are called off.
    first: Option<u32>,
}

impl Finish {
    /// Waits for all, and calls off who has lost.
    async fn all<F>(
        &mut self,
        running: &mut FuturesUnordered<F>,
        race: &Race,
        runners: &[Runner; 2],
    ) where
        F: Future<Output = Attempt>,
    {
        loop {
            tokio::select! {
                biased;
                ended = running.next() => match ended {
                    Some(attempt) => self.take(Some(attempt)),
                    None => return,
                },
                speaker = race.only_speaker(), if self.first.is_none() => {
                    self.first = Some(speaker);
                }
            }
            let Some(first) = self.first else { continue };
            for runner in runners.iter().filter(|runner| runner.index != first) {
                runner.context.cancel.cancel();
            }
        }
    }

    /// Takes in an attempt that has ended; one that ends the request ends the race.
    fn take(&mut self, ended: Option<Attempt>) {
        let Some(attempt) = ended else { return };
        if attempt.ends_request() {
            self.first.get_or_insert(attempt.index);
        }
        self.ended.push(attempt);
    }

    /// The attempts in their order, as they are to stand in the response.
    fn attempts(mut self, caller_left: bool) -> Vec<Attempt> {
        self.ended.sort_by_key(|attempt| attempt.index);
        let mut attempts = self.ended;
        if let [first, second] = &mut *attempts {
            second.hedges = Some(first.index);
            let (loser, winner) = if self.first == Some(second.index) {
                (first, second)
            } else {
                (second, first)
            };
            let decided = self.first == Some(winner.index);
            if decided && loses(loser, winner, caller_left) {
                loser.outcome = Outcome::CalledOff;
                loser.detail = format!("called off: {} was first", winner.candidate.model);
            }
        }
        attempts
    }
}

/// Whether an attempt ended as it did because another was first.
fn loses(loser: &Attempt, winner: &Attempt, caller_left: bool) -> bool {
    match loser.outcome {
        // It came to its end in the same moment.
        Outcome::Accepted | Outcome::CalledOff => true,
        Outcome::Cancelled => !caller_left || winner.outcome == Outcome::Accepted,
        Outcome::Rejected | Outcome::Failed(_) | Outcome::Unjudged(_) | Outcome::Skipped(_) => {
            false
        }
    }
}
