pub(crate) mod properties;

use terrace_domain::{Reason, Score};

use super::*;
use crate::classification::{Source, TaskKind};
use crate::request::OnExhausted;
use crate::route::trail::{Outcome, RequestOutcome};
use crate::testing::{Books, Reply, Script, classification, request, verdict};

const LONG: Duration = Duration::from_secs(60);

fn outcomes(attempts: &[Attempt]) -> Vec<(String, String)> {
    let told = attempts.iter().map(|attempt| {
        let outcome = match &attempt.outcome {
            Outcome::Failed(failure) => format!("failed {}", failure.reason),
            Outcome::Skipped(failure) => format!("skipped {}", failure.reason),
            other => format!("{other:?}").to_lowercase(),
        };
        (attempt.candidate.model.to_string(), outcome)
    });
    told.collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(model, outcome)| ((*model).to_owned(), (*outcome).to_owned()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_good_answer_of_the_lowest_tier_is_returned_and_settled() {
    let bench = Script::default().bench().await;
    let answered = bench.route(&request()).await.unwrap();
    assert!(answered.passed);
    assert_eq!(
        outcomes(&answered.attempts),
        pairs(&[("small", "accepted")])
    );
    assert_eq!(answered.cost, NanoUsd::ZERO);
    assert_eq!(answered.baseline, Some("0.01".parse().unwrap()));
    let books = bench.books.lock().unwrap();
    assert_eq!(books.rows, answered.attempts);
    assert_eq!(
        books.close.as_ref().unwrap().outcome,
        RequestOutcome::Passed
    );
    assert_eq!(bench.calls(), [1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_answer_goes_one_tier_up_and_both_are_settled() {
    let script = Script {
        verdicts: vec![Ok(verdict(0.2)), Ok(verdict(0.9))],
        ..Script::default()
    };
    let bench = script.bench().await;
    let answered = bench.route(&request()).await.unwrap();
    let expected = pairs(&[("small", "rejected"), ("middle", "accepted")]);
    assert_eq!(outcomes(&answered.attempts), expected);
    assert_eq!(answered.answering, 1);
    assert_eq!(bench.books.lock().unwrap().rows, answered.attempts);
}

#[tokio::test(start_paused = true)]
async fn a_broken_answer_is_billed_as_counted_and_the_next_tier_answers() {
    let replies = [
        vec![Reply::Breaks(&["half "], Reason::Truncated)],
        vec![],
        vec![],
    ];
    let bench = Script::default().replies(replies).bench().await;
    let answered = bench.route(&request()).await.unwrap();
    let expected = pairs(&[("small", "failed TRUNCATED"), ("middle", "accepted")]);
    assert_eq!(outcomes(&answered.attempts), expected);
    assert_eq!(answered.attempts[0].usage.output_tokens, 2);
}

#[tokio::test(start_paused = true)]
async fn when_every_tier_fails_all_attempts_are_told_and_nothing_is_billed() {
    let fails = |reason| vec![Reply::Fails(reason)];
    let replies = [
        fails(Reason::BackendUnreachable),
        fails(Reason::ModelNotFound),
        fails(Reason::BackendRateLimited),
    ];
    let bench = Script::default().replies(replies).bench().await;
    let unanswered = bench.route(&request()).await.unwrap_err();
    assert_eq!(unanswered.failure.reason, Reason::AllAttemptsFailed);
    assert_eq!(unanswered.attempts.len(), 3);
    assert_eq!(unanswered.cost, NanoUsd::ZERO);
    let books = bench.books.lock().unwrap();
    assert_eq!(books.rows, unanswered.attempts);
    assert!(books.holds.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_hanging_tier_leaves_time_for_the_next() {
    let replies = [vec![Reply::Hangs(&["a ", "b "])], vec![], vec![]];
    let bench = Script::default().replies(replies).bench().await;
    let answered = bench.route(&request()).await.unwrap();
    let expected = pairs(&[("small", "failed BACKEND_TIMEOUT"), ("middle", "accepted")]);
    assert_eq!(outcomes(&answered.attempts), expected);
    assert_eq!(answered.attempts[0].usage.output_tokens, 2);
    assert!(answered.attempts[0].usage.estimated);
    assert!(answered.latency >= LONG / 2 && answered.latency < LONG);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_stops_everything_and_is_billed_for_what_was_produced() {
    let hard = Script {
        classification: Ok(classification(0.9)),
        ..Script::default()
    };
    let replies = [
        vec![],
        vec![],
        vec![Reply::Hangs(&["one ", "two ", "three "])],
    ];
    let bench = hard.replies(replies).bench().await;
    let cancel = bench.cancel.clone();
    let (request, context) = (request(), bench.context(LONG));
    let leave = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        cancel.cancel();
    };
    let (routed, ()) = tokio::join!(bench.router.route(&request, &context), leave);
    let unanswered = routed.unwrap_err();
    assert_eq!(unanswered.failure.reason, Reason::Cancelled);
    assert_eq!(
        outcomes(&unanswered.attempts),
        pairs(&[("big", "cancelled")])
    );
    // 14 bytes of text: more by bytes than by pieces.
    assert_eq!(unanswered.attempts[0].usage.output_tokens, 4);
    assert_eq!(unanswered.cost, "0.01".parse().unwrap());
    assert_eq!(bench.calls(), [0, 0, 1], "a cancel starts no other attempt");
    let books = bench.books.lock().unwrap();
    assert_eq!(books.rows, unanswered.attempts);
    assert_eq!(
        books.close.as_ref().unwrap().outcome,
        RequestOutcome::Cancelled
    );
    assert!(books.holds.is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_budget_the_priced_tier_is_not_called_and_a_local_one_answers() {
    let script = Script {
        classification: Ok(classification(0.9)),
        books: Books {
            cap: Some(NanoUsd::new(1)),
            ..Books::default()
        },
        ..Script::default()
    };
    let bench = script.bench().await;
    let answered = bench.route(&request()).await.unwrap();
    let expected = pairs(&[("big", "skipped BUDGET_EXHAUSTED"), ("middle", "accepted")]);
    assert_eq!(outcomes(&answered.attempts), expected);
    assert_eq!(bench.calls(), [0, 1, 0]);
    assert!(bench.books.lock().unwrap().holds.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lower_tier_is_no_last_resort_once_somebody_answered() {
    let script = Script {
        classification: Ok(classification(0.9)),
        verdicts: vec![Ok(verdict(0.1))],
        ..Script::default()
    };
    let bench = script.bench().await;
    let answered = bench.route(&request()).await.unwrap();
    assert!(!answered.passed);
    assert_eq!(outcomes(&answered.attempts), pairs(&[("big", "rejected")]));
}

#[tokio::test(start_paused = true)]
async fn the_attempt_limit_holds() {
    let bad = || Ok(verdict(0.1));
    let script = Script {
        verdicts: vec![bad(), bad(), bad()],
        ..Script::default()
    };
    let bench = script.bench().await;
    let mut request = request();
    request.policy.max_attempts = 2;
    request.policy.on_exhausted = OnExhausted::Strict;
    let unanswered = bench.route(&request).await.unwrap_err();
    assert_eq!(unanswered.failure.reason, Reason::QualityNotReached);
    assert_eq!(unanswered.attempts.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_an_unavailable_judge_means_is_the_configs_choice() {
    let away = || Err(Failure::new(Reason::ServiceUnavailable, "no judge"));
    for (choice, expected) in [
        (
            OnJudgeUnavailable::AcceptMarked,
            vec![("small", "accepted")],
        ),
        (
            OnJudgeUnavailable::NextTier,
            vec![("small", "rejected"), ("middle", "accepted")],
        ),
    ] {
        let script = Script {
            verdicts: vec![away()],
            on_judge_unavailable: choice,
            ..Script::default()
        };
        let bench = script.bench().await;
        let answered = bench.route(&request()).await.unwrap();
        assert_eq!(outcomes(&answered.attempts), pairs(&expected));
        assert_eq!(answered.passed, choice == OnJudgeUnavailable::NextTier);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unavailable_classifier_starts_low_or_fails_as_configured() {
    let away = || Err(Failure::new(Reason::ServiceUnavailable, "no classifier"));
    let script = Script {
        classification: away(),
        ..Script::default()
    };
    let bench = script.bench().await;
    let answered = bench.route(&request()).await.unwrap();
    assert_eq!(answered.classification.source, Source::Unavailable);
    assert_eq!(answered.classification.task_kind, TaskKind::Unknown);
    assert_eq!(answered.classification.difficulty, Score::ZERO);
    let script = Script {
        classification: away(),
        on_classifier_unavailable: OnClassifierUnavailable::Fail,
        ..Script::default()
    };
    let bench = script.bench().await;
    let unanswered = bench.route(&request()).await.unwrap_err();
    assert_eq!(unanswered.failure.reason, Reason::ServiceUnavailable);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_answered_before_the_ledger_has_acknowledged() {
    let books = |failing| Books {
        failing_settlements: failing,
        ..Books::default()
    };
    let bench = Script {
        books: books(3),
        ..Script::default()
    }
    .bench()
    .await;
    let answered = bench.route(&request()).await.unwrap();
    assert!(answered.passed);
    assert_eq!(bench.books.lock().unwrap().settlements, 4);

    let bench = Script {
        books: books(u32::MAX),
        ..Script::default()
    }
    .bench()
    .await;
    let unanswered = bench.route(&request()).await.unwrap_err();
    assert_eq!(unanswered.failure.reason, Reason::LedgerUnavailable);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_could_not_be_settled_at_once_goes_along_with_the_next() {
    let script = Script {
        verdicts: vec![Ok(verdict(0.2))],
        books: Books {
            failing_settlements: 1,
            ..Books::default()
        },
        ..Script::default()
    };
    let bench = script.bench().await;
    let answered = bench.route(&request()).await.unwrap();
    assert_eq!(bench.books.lock().unwrap().rows, answered.attempts);
    assert_eq!(answered.attempts.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_the_ledger_knows_is_refused_with_what_it_knows() {
    let known = crate::ports::KnownRequest {
        end: Some(crate::ports::KnownEnd::Answered {
            tier: "api_fallback".to_owned(),
            passed: true,
        }),
        cost: "0.01".parse().unwrap(),
        body: None,
    };
    let script = Script {
        books: Books {
            known: Some(known),
            ..Books::default()
        },
        ..Script::default()
    };
    let bench = script.bench().await;
    let mut request = request();
    request.body = Some(crate::testing::body());
    let unanswered = bench.route(&request).await.unwrap_err();
    assert_eq!(unanswered.failure.reason, Reason::RequestIdUsed);
    assert!(
        unanswered
            .failure
            .message
            .contains("answered by api_fallback, passed, and cost $0.010000")
    );
    assert_eq!(bench.calls(), [0, 0, 0]);
}
