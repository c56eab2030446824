//! Several models at once, and another beside a late one: answers, books and open connections.

use std::time::Duration;

use terrace_e2e::ask::{question, told, within};
use terrace_e2e::scenario::GOOD;
use terrace_e2e::{Placement, Sandbox, Scenario, books};
use terrace_proto::router::v1 as router;
use terrace_testkit::provider::Reply;

crate::in_both_placements!(
    two_of_three_agree_and_the_third_is_hung_up_on_and_billed,
    without_agreement_the_next_tier_decides_and_every_answer_is_paid_for,
    a_late_model_is_hedged_and_called_off_when_the_other_has_answered,
);

/// Longer than any test waits.
const NEVER: Duration = Duration::from_secs(30);

fn says(text: &str, after: Duration) -> Vec<Reply> {
    vec![Reply::text(text).timing(after, Duration::ZERO)]
}

async fn ask(sandbox: &Sandbox, policy: router::RoutePolicy) -> router::RouteResponse {
    let request = router::RouteRequest {
        policy: Some(policy),
        ..question("What is the capital of France?")
    };
    let answered = sandbox.router().route(within(request)).await;
    answered.unwrap().into_inner()
}

fn at_once(models: &[&str]) -> router::RoutePolicy {
    router::RoutePolicy {
        consensus: Some(router::ConsensusPolicy {
            models: models.iter().map(ToString::to_string).collect(),
            ..router::ConsensusPolicy::default()
        }),
        ..router::RoutePolicy::default()
    }
}

/// Asserts that the books say the same as the response, and that nothing is held any more.
fn assert_settled(sandbox: &Sandbox, response: &router::RouteResponse) {
    let rows = books::rows(&sandbox.database, &response.request_id);
    assert_eq!(rows, told(&response.attempts));
    assert_eq!(books::reserved(&sandbox.database), (0, 0));
}

async fn two_of_three_agree_and_the_third_is_hung_up_on_and_billed(placement: Placement) {
    let soon = Duration::from_millis(300);
    let scenario = Scenario {
        small_usd: Some("0.001"),
        daily_budget: Some("1"),
        ..Scenario::default()
            .small(says(GOOD, soon))
            .middle(says(&GOOD.to_uppercase(), soon))
            .big(says(GOOD, NEVER))
    };
    let sandbox = Sandbox::start(placement, scenario).await.unwrap();
    let response = ask(&sandbox, at_once(&["small", "middle", "big"])).await;
    let expected = [
        "local_fast small ACCEPTED - $0.001000",
        "local_quality middle ACCEPTED - $0.000000",
        "api_fallback big CANCELLED - $0.010000",
    ];
    assert_eq!(told(&response.attempts), expected);
    let consensus = response.consensus.as_ref().unwrap();
    assert!(consensus.agreed && consensus.decided_early && response.passed);
    assert_settled(&sandbox, &response);
    assert!(sandbox.paid.wait_open(0, Duration::from_secs(5)).await);
}

async fn without_agreement_the_next_tier_decides_and_every_answer_is_paid_for(
    placement: Placement,
) {
    let lyon = GOOD.replace("Paris", "Lyon");
    let scenario = Scenario {
        small_usd: Some("0.001"),
        ..Scenario::default().small(says(&lyon, Duration::ZERO))
    };
    let sandbox = Sandbox::start(placement, scenario).await.unwrap();
    let response = ask(&sandbox, at_once(&["small", "middle"])).await;
    let expected = [
        "local_fast small REJECTED - $0.001000",
        "local_quality middle REJECTED - $0.000000",
        "api_fallback big ACCEPTED - $0.010000",
    ];
    assert_eq!(told(&response.attempts), expected);
    let consensus = response.consensus.as_ref().unwrap();
    assert!(!consensus.agreed);
    assert_eq!(consensus.groups.len(), 2, "both answers are there");
    assert_settled(&sandbox, &response);
}

async fn a_late_model_is_hedged_and_called_off_when_the_other_has_answered(placement: Placement) {
    let scenario = Scenario {
        small_usd: Some("0.001"),
        ..Scenario::default()
            .small(says(GOOD, NEVER))
            .routing("hedge: {enabled: true, default_delay: 300ms}")
    };
    let sandbox = Sandbox::start(placement, scenario).await.unwrap();
    let response = ask(&sandbox, router::RoutePolicy::default()).await;
    let expected = [
        "local_fast small CANCELLED - $0.001000",
        "local_quality middle ACCEPTED - $0.000000",
    ];
    assert_eq!(told(&response.attempts), expected);
    assert_eq!(response.attempts[1].hedge_of, Some(0));
    assert_settled(&sandbox, &response);
    assert!(sandbox.local.wait_open(0, Duration::from_secs(5)).await);
}
