//! Callers that leave and orchestrators that die: nothing that was produced goes unbilled, and
//! nothing stays reserved.

use std::time::Duration;

use terrace_e2e::ask::{in_background, question_for};
use terrace_e2e::{Child, Placement, Sandbox, Scenario, books};
use terrace_testkit::process;
use terrace_testkit::provider::Reply;

crate::in_both_placements!(
    a_caller_that_hangs_up_stops_the_backend_and_is_billed_for_what_came,
    an_orchestrator_killed_during_a_paid_call_leaves_a_presumed_row_and_no_hold,
);

const WAIT: Duration = Duration::from_secs(20);
const OPEN: &str = "SELECT count(*) FROM holds WHERE state = 'open'";

/// A paid answer that takes a minute.
fn endless() -> Scenario {
    let pieces = ["word "].repeat(600);
    let reply = Reply::pieces(pieces).timing(Duration::ZERO, Duration::from_millis(100));
    Scenario {
        daily_budget: Some("1.00"),
        reservation_ttl: "2s",
        ..Scenario::default().big(vec![reply])
    }
}

async fn a_caller_that_hangs_up_stops_the_backend_and_is_billed_for_what_came(
    placement: Placement,
) {
    let sandbox = Sandbox::start(placement, endless()).await.unwrap();
    let asked = in_background(sandbox.router(), question_for("api_fallback", "talk to me"));
    assert!(
        sandbox.paid.wait_open(1, WAIT).await,
        "the answer has begun"
    );
    tokio::time::sleep(Duration::from_millis(500)).await;
    asked.abort();
    assert!(
        sandbox.paid.wait_open(0, WAIT).await,
        "nobody hung up on the backend"
    );
    let closed = "SELECT count(*) FROM requests WHERE closed_at IS NOT NULL";
    assert!(
        books::wait_for(&sandbox.database, closed, 1, WAIT).await,
        "{}",
        sandbox.log()
    );
    assert_eq!(books::last_outcome(&sandbox.database), "CANCELLED");
    let row = "SELECT cost_nano_usd FROM usage_events WHERE outcome = 'cancelled' \
               AND output_tokens > 0 AND usage_estimated";
    assert_eq!(sandbox.database.number(row), 10_000_000);
    assert_eq!(books::committed(&sandbox.database), 10_000_000);
    assert_eq!(books::reserved(&sandbox.database), (0, 0));
}

async fn an_orchestrator_killed_during_a_paid_call_leaves_a_presumed_row_and_no_hold(
    placement: Placement,
) {
    let mut sandbox = Sandbox::start(placement, endless()).await.unwrap();
    let asked = in_background(sandbox.router(), question_for("api_fallback", "talk to me"));
    assert!(
        sandbox.paid.wait_open(1, WAIT).await,
        "the answer has begun"
    );
    assert_eq!(sandbox.database.number(OPEN), 1, "the worst case is held");
    match placement {
        Placement::InProcess => {
            sandbox.kill();
            assert_eq!(
                sandbox.database.number(OPEN),
                1,
                "nobody was left to free it"
            );
        }
        Placement::Split => {
            let children = sandbox.children();
            let is_orchestrator = |child: &&Child| child.command.contains("serve orchestrator");
            let orchestrator = children.iter().find(is_orchestrator).unwrap();
            process::send_signal(orchestrator.id, "KILL").unwrap();
            sandbox.ended().await.unwrap();
        }
    }
    asked.await.unwrap().unwrap_err();
    sandbox.restart().await.unwrap();
    assert!(
        books::wait_for(&sandbox.database, OPEN, 0, WAIT).await,
        "{}",
        sandbox.log()
    );
    let presumed = "SELECT cost_nano_usd FROM usage_events WHERE outcome = 'presumed'";
    assert_eq!(sandbox.database.number(presumed), 10_000_000);
    assert_eq!(books::committed(&sandbox.database), 10_000_000);
    assert_eq!(books::reserved(&sandbox.database), (0, 0));
    assert_eq!(books::last_outcome(&sandbox.database), "PRESUMED");
}
