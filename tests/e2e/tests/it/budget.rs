//! A daily budget that has money for ten, asked by sixty-four at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use terrace_domain::Reason;
use terrace_e2e::ask::{failure, question, question_for, within};
use terrace_e2e::{Placement, Sandbox, Scenario, books};
use terrace_proto::router::v1 as router;
use terrace_testkit::provider::Reply;

crate::in_both_placements!(
    ten_of_sixty_four_are_paid_for_and_the_others_are_refused_with_the_quota,
    ten_of_sixty_four_are_paid_for_and_the_others_are_answered_locally,
);

const CAP: i64 = 100_000_000;

fn scenario() -> Scenario {
    let slow =
        Reply::text(terrace_e2e::scenario::GOOD).timing(Duration::from_millis(300), Duration::ZERO);
    Scenario {
        daily_budget: Some("0.10"),
        ..Scenario::default()
            .big(vec![slow])
            .routing("action_tier_overrides: {expensive: api_fallback}")
    }
}

/// Asks sixty-four times at once while an observer reads the books; returns the highest sum of
/// spent and reserved that it saw, with the answers.
async fn ask_all(
    sandbox: &Sandbox,
    request: &router::RouteRequest,
) -> (i64, Vec<Result<router::RouteResponse, tonic::Status>>) {
    let done = AtomicBool::new(false);
    let done = Arc::new(done);
    let observed = async {
        let mut highest = 0;
        while !done.load(Ordering::Relaxed) {
            highest = highest.max(books::committed(&sandbox.database));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        highest
    };
    let asked = async {
        let ask = |_| async {
            let answered = sandbox.router().route(within(request.clone())).await;
            answered.map(tonic::Response::into_inner)
        };
        let answers = join_all((0..64).map(ask)).await;
        done.store(true, Ordering::Relaxed);
        answers
    };
    tokio::join!(observed, asked)
}

fn paid_calls(sandbox: &Sandbox) -> usize {
    let seen = sandbox.paid.requests();
    seen.iter()
        .filter(|seen| seen.path.ends_with("/chat/completions"))
        .count()
}

async fn ten_of_sixty_four_are_paid_for_and_the_others_are_refused_with_the_quota(
    placement: Placement,
) {
    let sandbox = Sandbox::start(placement, scenario()).await.unwrap();
    let request = question_for("api_fallback", "capital of France?");
    let (highest, answers) = ask_all(&sandbox, &request).await;
    let (answered, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((answered.len(), refused.len()), (10, 54));
    for status in refused.into_iter().filter_map(Result::err) {
        let failure = failure(&status);
        assert_eq!(
            failure.reason,
            Reason::BudgetExhausted,
            "{failure:?}\n{}",
            sandbox.log()
        );
        assert_eq!(failure.quotas.len(), 1, "{failure:?}");
        assert!(failure.retry_after.is_some());
    }
    assert_eq!(paid_calls(&sandbox), 10);
    assert!(highest <= CAP, "{highest} was committed of {CAP}");
    assert_eq!(books::committed(&sandbox.database), CAP);
    assert_eq!(books::reserved(&sandbox.database), (0, 0));
}

async fn ten_of_sixty_four_are_paid_for_and_the_others_are_answered_locally(placement: Placement) {
    let sandbox = Sandbox::start(placement, scenario()).await.unwrap();
    let request = router::RouteRequest {
        action: "expensive".to_owned(),
        ..question("capital of France?")
    };
    let (highest, answers) = ask_all(&sandbox, &request).await;
    let tiers: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.unwrap().decision.unwrap().tier)
        .collect();
    assert_eq!(
        tiers.iter().filter(|tier| *tier == "api_fallback").count(),
        10
    );
    assert_eq!(
        tiers.iter().filter(|tier| *tier == "local_quality").count(),
        54
    );
    assert_eq!(paid_calls(&sandbox), 10);
    assert!(highest <= CAP, "{highest} was committed of {CAP}");
    assert_eq!(books::reserved(&sandbox.database), (0, 0));
    let skipped = "SELECT count(*) FROM usage_events WHERE outcome = 'skipped'";
    assert_eq!(
        sandbox.database.number(skipped),
        54,
        "a skipped attempt is a row too"
    );
}
