//! Backends that break: every fault ends on the next tier, with the cut attempt kept and billed.

use std::time::Duration;

use terrace_e2e::ask::{in_background, question, text, told, within};
use terrace_e2e::scenario::GOOD;
use terrace_e2e::{Placement, Sandbox, Scenario, books};
use terrace_testkit::provider::{Fault, Reply, Rule, Script};

crate::in_both_placements!(
    a_backend_killed_in_the_middle_of_an_answer_is_billed_and_the_next_tier_answers,
    a_cut_off_answer_is_never_taken_for_a_whole_one,
    a_backend_that_stalls_is_given_up_after_its_idle_timeout,
);

const WAIT: Duration = Duration::from_secs(20);

/// Many small pieces, slowly.
fn slow() -> Reply {
    let pieces = ["Paris ", "is ", "the ", "capital "].repeat(50);
    Reply::pieces(pieces).timing(Duration::ZERO, Duration::from_millis(100))
}

async fn a_backend_killed_in_the_middle_of_an_answer_is_billed_and_the_next_tier_answers(
    placement: Placement,
) {
    let scenario = Scenario {
        small_usd: Some("0.002"),
        ..Scenario::default().small(vec![slow()])
    };
    let mut sandbox = Sandbox::start(placement, scenario).await.unwrap();
    let asked = in_background(sandbox.router(), question("capital?"));
    assert!(
        sandbox.local.wait_open(1, WAIT).await,
        "the answer has begun"
    );
    tokio::time::sleep(Duration::from_millis(500)).await;
    sandbox.local.kill();
    let response = asked.await.unwrap().unwrap();
    assert_eq!(text(&response), GOOD);
    let attempts = told(&response.attempts);
    assert_eq!(
        attempts.first().unwrap(),
        "local_fast small FAILED TRUNCATED $0.002000"
    );
    assert_eq!(
        attempts.last().unwrap(),
        "api_fallback big ACCEPTED - $0.010000"
    );
    assert_eq!(
        books::rows(&sandbox.database, &response.request_id),
        attempts
    );
    let cut = response.attempts[0].usage.as_ref().unwrap();
    assert!(
        cut.estimated && cut.input_tokens > 0 && cut.output_tokens > 0,
        "{cut:?}"
    );
    assert_eq!(books::reserved(&sandbox.database), (0, 0));
}

async fn a_cut_off_answer_is_never_taken_for_a_whole_one(placement: Placement) {
    let faults = [Fault::Truncate { after: 2 }, Fault::Disconnect { after: 2 }];
    for fault in faults {
        let reply = Reply::pieces(["Paris ", "is ", "nice."]).fault(fault);
        let sandbox = Sandbox::start(placement, Scenario::default().small(vec![reply]));
        let sandbox = sandbox.await.unwrap();
        let asked = sandbox.router().route(within(question("capital?"))).await;
        let attempts = told(&asked.unwrap().into_inner().attempts);
        let expected = [
            "local_fast small FAILED TRUNCATED $0.000000",
            "local_quality middle ACCEPTED - $0.000000",
        ];
        assert_eq!(attempts, expected);
    }
}

async fn a_backend_that_stalls_is_given_up_after_its_idle_timeout(placement: Placement) {
    let stalled = Reply::pieces(["Paris ", "is "]).fault(Fault::Stall { after: 1 });
    let scenario = Scenario {
        local: Script::serving(["small", "middle"])
            .rule(Rule::replying([stalled]).model("small"))
            .otherwise(Reply::text(GOOD)),
        ..Scenario::default()
    };
    let sandbox = Sandbox::start(placement, scenario).await.unwrap();
    let asked = sandbox.router().route(within(question("capital?"))).await;
    let response = asked.unwrap().into_inner();
    let expected = [
        "local_fast small FAILED BACKEND_TIMEOUT $0.000000",
        "local_quality middle ACCEPTED - $0.000000",
    ];
    assert_eq!(told(&response.attempts), expected);
    assert!(
        sandbox.local.requests().iter().any(|seen| seen.hung_up),
        "we hung up on it"
    );
}
