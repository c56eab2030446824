//! What holds whatever backends, judge, ledger, clock and caller do.

use proptest::prelude::*;

use super::*;
use crate::route::consensus::Wish;
use crate::route::events::Commit;
use crate::testing::{Bench, candidate, finding, priced, tool_result, verdict_of};

/// The tiers' models, from the lowest.
const MODELS: [(&str, &str, &str); 3] = [
    ("local_fast", "small", "0"),
    ("local_quality", "middle", "0.01"),
    ("api_fallback", "big", "0.02"),
];

#[derive(Debug, Clone)]
pub(crate) struct World {
    replies: [Vec<Reply>; 3],
    verdicts: Vec<Option<f64>>,
    judge_delay: Duration,
    difficulty: f64,
    cap: Option<i64>,
    failing_settlements: u32,
    ledger_delay: Duration,
    max_attempts: u32,
    max_repairs: u32,
    strict: bool,
    pub(crate) commit: Commit,
    /// The tier at which the request's session is at home.
    home: Option<usize>,
    tool_exchange: bool,
    cancel_after: Option<Duration>,
    pub(crate) deadline: Duration,
    /// How many models a consensus asks, 0 for none, and the threshold.
    at_once: (usize, f64),
    hedge: bool,
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        4 => Just(Reply::Says(&["some ", "words"])),
        2 => (1u64..40_000).prop_map(|after| Reply::Takes(Duration::from_millis(after), "late")),
        2 => Just(Reply::Says(&["other ", "words"])),
        1 => Just(Reply::Says(&["hopeless ", "words"])),
        1 => Just(Reply::Hangs(&["hopeless "])),
        1 => Just(Reply::Breaks(&["half"], Reason::Truncated)),
        1 => Just(Reply::Breaks(&[], Reason::BackendFailed)),
        1 => Just(Reply::Fails(Reason::BackendUnreachable)),
        1 => Just(Reply::Fails(Reason::InvalidRequest)),
        1 => Just(Reply::Hangs(&["and ", "then "])),
        1 => Just(Reply::Hangs(&[])),
    ]
}

fn millis(most: u64) -> impl Strategy<Value = Duration> {
    prop_oneof![
        1 => Just(Duration::ZERO),
        2 => (0..most).prop_map(Duration::from_millis),
    ]
}

pub(crate) fn world() -> impl Strategy<Value = World> {
    let backends = prop::array::uniform3(prop::collection::vec(reply(), 1..3));
    let verdicts = prop::collection::vec(prop::option::weighted(0.9, 0.0..1.0), 0..4);
    let judge = (verdicts, millis(20_000), 0.0..1.0);
    let ledger = (prop::option::of(0i64..60_000_000), 0u32..3, millis(300));
    let commit = prop_oneof![
        Just(Commit::HoldBack),
        Just(Commit::Provisional),
        (1u64..4).prop_map(|tokens| Commit::Prefix { tokens }),
    ];
    let policy = (1u32..5, 0u32..3, any::<bool>(), commit);
    let session = (prop::option::of(0usize..3), any::<bool>());
    let times = (prop::option::of(0u64..90_000), 1_000u64..90_000);
    let at_once = (prop_oneof![Just(0usize), 2usize..4], 0.0..1.0);
    let times = (times, at_once, any::<bool>());
    let all = (backends, judge, ledger, policy, session, times);
    all.prop_map(
        |(replies, judge, ledger, policy, session, (times, at_once, hedge))| World {
            at_once,
            hedge,
            replies,
            verdicts: judge.0,
            judge_delay: judge.1,
            difficulty: judge.2,
            cap: ledger.0,
            failing_settlements: ledger.1,
            ledger_delay: ledger.2,
            max_attempts: policy.0,
            max_repairs: policy.1,
            strict: policy.2,
            commit: policy.3,
            home: session.0,
            tool_exchange: session.1,
            cancel_after: times.0.map(Duration::from_millis),
            deadline: Duration::from_millis(times.1),
        },
    )
}

impl World {
    fn script(&self) -> Script {
        let away = || Err(Failure::new(Reason::ServiceUnavailable, "no judge"));
        let judged = |score| Ok(verdict_of(score, vec![finding("syntax", score, false)]));
        let verdicts = self.verdicts.iter();
        let models = MODELS.map(|(tier, name, usd)| (priced(tier, name, usd), Vec::new()));
        Script {
            models: models.to_vec(),
            classification: Ok(classification(self.difficulty)),
            verdicts: verdicts
                .map(|score| score.map_or_else(away, judged))
                .collect(),
            judge_delay: self.judge_delay,
            books: Books {
                cap: self.cap.map(NanoUsd::new),
                failing_settlements: self.failing_settlements,
                delay: self.ledger_delay,
                ..Books::default()
            },
            ..Script::default()
        }
        .replies(self.replies.clone())
    }

    pub(crate) fn request(&self) -> Request {
        let mut request = request();
        request.policy.max_attempts = self.max_attempts;
        request.policy.max_repairs = self.max_repairs;
        request.policy.consensus = wish(self);
        request.policy.hedge = self.hedge;
        request.session = Some("a session".to_owned());
        if self.strict {
            request.policy.on_exhausted = OnExhausted::Strict;
        }
        if self.tool_exchange {
            request.prompt = tool_result();
        }
        request
    }

    pub(crate) async fn bench(&self) -> Bench {
        let bench = self.script().bench().await;
        if let Some((tier, model, _)) = self.home.and_then(|home| MODELS.get(home)) {
            let home = candidate(tier, model);
            bench.router.sessions.served(&self.request(), &home);
        }
        bench
    }

    /// Cancels when the caller of this world leaves; never ends.
    pub(crate) async fn leave(&self, cancel: &CancellationToken) -> Option<Instant> {
        match self.cancel_after {
            Some(after) => tokio::time::sleep(after).await,
            None => std::future::pending().await,
        }
        cancel.cancel();
        std::future::pending().await
    }
}

fn wish(world: &World) -> Option<Wish> {
    let (count, threshold) = world.at_once;
    let models = ["small", "middle", "big"].into_iter().take(count);
    (count > 0).then(|| Wish {
        models: models.map(|name| name.parse().unwrap()).collect(),
        threshold: Score::clamped(threshold),
        equivalence: None,
        by_request: true,
    })
}

type Routed = Result<Answered, Box<Unanswered>>;

async fn run(world: &World) -> Result<(), TestCaseError> {
    let bench = world.bench().await;
    let request = world.request();
    let (sender, mut happened) = tokio::sync::mpsc::channel(8);
    let context = Context {
        events: Events::to(sender, world.commit),
        ..bench.context(world.deadline)
    };
    let started = Instant::now();
    let route = async {
        let routed = bench.router.route(&request, &context).await;
        drop(context);
        routed
    };
    let read = async {
        let mut events = Vec::new();
        while let Some(event) = happened.recv().await {
            events.push(event);
        }
        events
    };
    let (routed, events) = tokio::select! {
        biased;
        done = async { tokio::join!(route, read) } => done,
        _ = world.leave(&bench.cancel) => unreachable!("it never ends"),
    };
    check_attempts(world, &routed, &events)?;
    check_plan(world, &routed, &events)?;
    check_events(&routed, &events)?;
    let took = started.elapsed();
    // A cancel leaves ten more seconds for the ledger.
    prop_assert!(
        took <= world.deadline + Duration::from_secs(11),
        "took {:?}",
        took
    );
    check_nothing_left(world, &bench, started)?;
    check_consensus(&routed)?;
    check_books(world, &routed, &bench.books.lock().unwrap())
}

/// Nothing is in flight any more, and no call began after the caller had left.
pub(crate) fn check_nothing_left(
    world: &World,
    bench: &Bench,
    started: Instant,
) -> Result<(), TestCaseError> {
    for gateway in &bench.gateways {
        prop_assert_eq!(gateway.open(), 0, "a stream is left open");
        let calls = gateway.calls.lock().unwrap();
        let gone = world.cancel_after.map(|after| started + after);
        let late = |call: &&Instant| gone.is_some_and(|gone| **call > gone);
        prop_assert_eq!(
            calls.iter().filter(late).count(),
            0,
            "called after the cancel"
        );
        let passed = |call: &&Instant| **call > started + world.deadline;
        prop_assert_eq!(
            calls.iter().filter(passed).count(),
            0,
            "called after the deadline"
        );
    }
    for (tier, name, usd) in MODELS {
        let model = priced(tier, name, usd);
        let record = bench
            .router
            .records
            .look(&model.backend, &model.name, Score::ONE);
        prop_assert_eq!(record.in_flight, 0, "{} counts as in flight", name);
    }
    prop_assert!(bench.router.in_flight.is_empty(), "an id is left in flight");
    Ok(())
}

fn attempts_of(routed: &Routed) -> (&[Attempt], NanoUsd) {
    match routed {
        Ok(answered) => (&answered.attempts, answered.cost),
        Err(unanswered) => (&unanswered.attempts, unanswered.cost),
    }
}

/// How many models the plan asks at once.
fn members(events: &[Event]) -> usize {
    let planned = events.iter().find_map(|event| match event {
        Event::PlanMade { plan, .. } => plan.consensus.as_ref(),
        _ => None,
    });
    planned.map_or(0, |round| round.members.len())
}

fn check_attempts(world: &World, routed: &Routed, events: &[Event]) -> Result<(), TestCaseError> {
    let (attempts, cost) = attempts_of(routed);
    let was_called = |attempt: &&Attempt| !matches!(attempt.outcome, Outcome::Skipped(_));
    let (at_once, in_turn) = attempts.split_at(members(events).min(attempts.len()));
    let round = usize::from(at_once.iter().any(|attempt| was_called(&attempt)));
    let called = round + in_turn.iter().filter(was_called).count();
    prop_assert!(
        called <= world.max_attempts as usize,
        "attempts within the limit"
    );
    let total: NanoUsd = attempts.iter().map(|attempt| attempt.cost).sum();
    prop_assert_eq!(total, cost, "the parts add up");
    for attempt in attempts {
        let worst_case = attempt.candidate.worst_case;
        prop_assert!(attempt.cost <= worst_case, "never above its worst case");
        let mut later = attempts.iter().skip(attempt.index as usize + 1);
        let beside = |later: &Attempt| {
            (later.index as usize) < at_once.len() || later.hedges == Some(attempt.index)
        };
        let cancelled = attempt.outcome == Outcome::Cancelled;
        prop_assert!(
            !cancelled || later.all(beside),
            "nothing starts after a cancel"
        );
    }
    let accepted = |attempt: &&Attempt| attempt.outcome == Outcome::Accepted;
    let accepted = in_turn.iter().filter(accepted).count();
    prop_assert!(accepted <= 1, "at most one wins");
    check_repairs(world, attempts)
}

fn check_repairs(world: &World, attempts: &[Attempt]) -> Result<(), TestCaseError> {
    let repairs: Vec<_> = attempts
        .iter()
        .filter(|one| one.repair_of.is_some())
        .collect();
    prop_assert!(
        repairs.len() <= world.max_repairs as usize,
        "repairs within the limit"
    );
    for repair in repairs {
        let before = &attempts[repair.index as usize - 1];
        prop_assert_eq!(
            repair.repair_of,
            Some(before.index),
            "right after what it repairs"
        );
        prop_assert_eq!(&repair.candidate.model, &before.candidate.model);
        prop_assert_eq!(&before.outcome, &Outcome::Rejected);
    }
    Ok(())
}

fn check_consensus(routed: &Routed) -> Result<(), TestCaseError> {
    let Ok(answered) = routed else {
        return Ok(());
    };
    let Some(consensus) = &answered.consensus else {
        return Ok(());
    };
    let winners = consensus.groups.iter().filter(|group| group.answers);
    let winners: Vec<_> = winners.collect();
    prop_assert_eq!(winners.len(), usize::from(consensus.agreed));
    for winner in winners {
        prop_assert!(winner.share + 1e-9 >= consensus.threshold.get());
        prop_assert!(winner.attempts.contains(&answered.answering));
        prop_assert_eq!(winner, &consensus.groups[0], "nobody has more");
    }
    let votes = consensus.groups.iter().flat_map(|group| &group.attempts);
    for vote in votes {
        let answer = answered.attempts[*vote].answer.as_ref();
        prop_assert!(answer.is_some(), "who votes has said something");
    }
    Ok(())
}

/// Who is tried stands in the plan, in this order, and a session is not moved down.
fn check_plan(world: &World, routed: &Routed, events: &[Event]) -> Result<(), TestCaseError> {
    let planned = events.iter().find_map(|event| match event {
        Event::PlanMade { plan, .. } => Some(plan),
        _ => None,
    });
    let (attempts, _) = attempts_of(routed);
    let Some(plan) = planned else {
        prop_assert!(attempts.is_empty(), "nobody is tried without a plan");
        return Ok(());
    };
    // One that found no money beside a late one is tried again in its turn.
    let given_back = |attempt: &Attempt| {
        attempt.hedges.is_some() && matches!(attempt.outcome, Outcome::Skipped(_))
    };
    let tried = attempts
        .iter()
        .skip(members(events))
        .filter(|attempt| attempt.repair_of.is_none() && !given_back(attempt));
    let tried: Vec<_> = tried.map(|attempt| &attempt.candidate.model).collect();
    let planned = plan.candidates.iter().map(|candidate| &candidate.model);
    let planned: Vec<_> = planned.take(tried.len()).collect();
    prop_assert_eq!(tried, planned, "in the order of the plan");
    let rank = |model: &ModelName| {
        MODELS
            .iter()
            .position(|(_, name, _)| *name == model.as_str())
    };
    if let Some(home) = world.home.filter(|_| world.tool_exchange) {
        let down = attempts
            .iter()
            .find(|attempt| rank(&attempt.candidate.model) < Some(home));
        prop_assert!(down.is_none(), "moved down in a tool exchange: {:?}", down);
    }
    Ok(())
}

fn check_events(routed: &Routed, events: &[Event]) -> Result<(), TestCaseError> {
    let committed = |event: &Event| match event {
        Event::Committed { index } => Some(*index),
        _ => None,
    };
    let commits: Vec<u32> = events.iter().filter_map(committed).collect();
    prop_assert!(commits.len() <= 1, "at most one commit");
    let (attempts, _) = attempts_of(routed);
    if let Some(index) = commits.first() {
        let mut later = attempts.iter().skip(*index as usize + 1);
        let beside = |later: &Attempt| later.hedges == Some(*index);
        prop_assert!(later.all(beside), "nobody answers after a commit");
        let answering = routed.as_ref().ok().map(|answered| answered.answering);
        prop_assert!(answering.is_none_or(|answering| answering == *index as usize));
    }
    let spoke = |index: u32| {
        let of = |event: &Event| matches!(event, Event::Chunk { index: of, .. } if *of == index);
        events.iter().any(of)
    };
    for attempt in attempts {
        let both = |late: u32| spoke(late) && spoke(attempt.index);
        prop_assert!(!attempt.hedges.is_some_and(both), "one speaks");
    }
    for event in events {
        if let Event::AttemptRejected(attempt) = event {
            prop_assert!(
                !commits.contains(&attempt.index),
                "a commit is not taken back"
            );
        }
        if let Event::Chunk {
            index, provisional, ..
        } = event
        {
            prop_assert!(
                *provisional || commits.contains(index),
                "final before its commit"
            );
        }
    }
    Ok(())
}

fn check_books(world: &World, routed: &Routed, books: &Books) -> Result<(), TestCaseError> {
    let (attempts, cost) = attempts_of(routed);
    if books.close.is_none() {
        let absent = world.failing_settlements > 0;
        prop_assert!(
            absent || attempts.is_empty(),
            "only an absent ledger leaves a request open that tried somebody"
        );
        prop_assert!(routed.is_err(), "and then nothing is answered");
    } else {
        prop_assert_eq!(&books.rows, attempts, "one row an attempt");
        prop_assert!(books.holds.is_empty(), "nothing stays reserved");
        prop_assert_eq!(books.spent, cost);
    }
    let cap = world.cap.map(NanoUsd::new);
    prop_assert!(cap.is_none_or(|cap| books.spent <= cap), "the budget holds");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn every_request_ends_in_time_within_its_limits_and_with_its_books_closed(world in world()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(run(&world))?;
    }
}
