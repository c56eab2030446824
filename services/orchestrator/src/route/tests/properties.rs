//! What holds whatever backends, judge, ledger, clock and caller do.

use proptest::prelude::*;

use super::*;
use crate::route::events::Commit;
use crate::testing::priced;

#[derive(Debug, Clone)]
struct World {
    replies: [Vec<Reply>; 3],
    verdicts: Vec<Option<f64>>,
    difficulty: f64,
    cap: Option<i64>,
    max_attempts: u32,
    strict: bool,
    failing_settlements: u32,
    cancel_after: Option<Duration>,
    deadline: Duration,
    commit: Commit,
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        4 => Just(Reply::Says(&["some ", "words"])),
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

fn world() -> impl Strategy<Value = World> {
    let replies = prop::array::uniform3(prop::collection::vec(reply(), 1));
    let verdicts = prop::collection::vec(prop::option::weighted(0.9, 0.0..1.0), 0..4);
    let scripts = (
        replies,
        verdicts,
        0.0..1.0,
        prop::option::of(0i64..60_000_000),
    );
    let commit = prop_oneof![
        Just(Commit::HoldBack),
        Just(Commit::Provisional),
        (1u64..4).prop_map(|tokens| Commit::Prefix { tokens }),
    ];
    let policy = (1u32..5, any::<bool>(), 0u32..3, commit);
    let times = (prop::option::of(0u64..90_000), 1_000u64..90_000);
    (scripts, policy, times).prop_map(|(scripts, policy, times)| World {
        replies: scripts.0,
        verdicts: scripts.1,
        difficulty: scripts.2,
        cap: scripts.3,
        max_attempts: policy.0,
        strict: policy.1,
        failing_settlements: policy.2,
        cancel_after: times.0.map(Duration::from_millis),
        deadline: Duration::from_millis(times.1),
        commit: policy.3,
    })
}

fn script(world: &World) -> Script {
    let models = [
        priced("local_fast", "small", "0"),
        priced("local_quality", "middle", "0.01"),
        priced("api_fallback", "big", "0.02"),
    ];
    let away = || Err(Failure::new(Reason::ServiceUnavailable, "no judge"));
    let verdicts = world.verdicts.iter();
    Script {
        models: models
            .into_iter()
            .map(|model| (model, Vec::new()))
            .collect(),
        classification: Ok(classification(world.difficulty)),
        verdicts: verdicts
            .map(|score| score.map_or_else(away, |score| Ok(verdict(score))))
            .collect(),
        books: Books {
            cap: world.cap.map(NanoUsd::new),
            failing_settlements: world.failing_settlements,
            ..Books::default()
        },
        ..Script::default()
    }
    .replies(world.replies.clone())
}

type Routed = Result<Answered, Box<Unanswered>>;

async fn run(world: &World) -> Result<(), TestCaseError> {
    let bench = script(world).bench().await;
    let mut request = request();
    request.policy.max_attempts = world.max_attempts;
    if world.strict {
        request.policy.on_exhausted = OnExhausted::Strict;
    }
    let (sender, mut happened) = tokio::sync::mpsc::channel(8);
    let context = Context {
        events: Events::to(sender, world.commit),
        ..bench.context(world.deadline)
    };
    let started = Instant::now();
    let leave = async {
        match world.cancel_after {
            Some(after) => tokio::time::sleep(after).await,
            None => std::future::pending().await,
        }
        bench.cancel.cancel();
        std::future::pending::<()>().await;
    };
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
        () = leave => unreachable!("it never ends"),
    };
    check_attempts(world, &routed)?;
    check_events(&routed, &events)?;
    let took = started.elapsed();
    // A cancel leaves ten more seconds for the ledger.
    prop_assert!(
        took <= world.deadline + Duration::from_secs(11),
        "took {:?}",
        took
    );
    check_books(world, &routed, &bench.books.lock().unwrap())
}

fn attempts_of(routed: &Routed) -> (&[Attempt], NanoUsd) {
    match routed {
        Ok(answered) => (&answered.attempts, answered.cost),
        Err(unanswered) => (&unanswered.attempts, unanswered.cost),
    }
}

fn check_attempts(world: &World, routed: &Routed) -> Result<(), TestCaseError> {
    let (attempts, cost) = attempts_of(routed);
    let was_called = |attempt: &&Attempt| !matches!(attempt.outcome, Outcome::Skipped(_));
    let called = attempts.iter().filter(was_called).count();
    prop_assert!(
        called <= world.max_attempts as usize,
        "attempts within the limit"
    );
    let total: NanoUsd = attempts.iter().map(|attempt| attempt.cost).sum();
    prop_assert_eq!(total, cost, "the parts add up");
    for attempt in attempts {
        let worst_case = attempt.candidate.worst_case;
        prop_assert!(attempt.cost <= worst_case, "never above its worst case");
        let is_last = attempt.index as usize + 1 == attempts.len();
        let cancelled = attempt.outcome == Outcome::Cancelled;
        prop_assert!(is_last || !cancelled, "nothing starts after a cancel");
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
        let last = attempts.last().map(|attempt| attempt.index);
        prop_assert_eq!(last, Some(*index), "nobody answers after a commit");
        let answering = routed.as_ref().ok().map(|answered| answered.answering);
        prop_assert!(answering.is_none_or(|answering| answering == *index as usize));
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
        prop_assert!(absent, "only an absent ledger leaves a request open");
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
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

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
