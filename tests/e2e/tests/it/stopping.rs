//! Stopping: asked politely it ends well, and never leaves a process behind.

use std::path::Path;
use std::time::Duration;

use terrace_e2e::ask::{in_background, question};
use terrace_e2e::scenario::GOOD;
use terrace_e2e::{Placement, Sandbox, Scenario};
use terrace_testkit::provider::Reply;

crate::in_both_placements!(
    a_request_in_flight_is_answered_before_the_end,
    what_is_answered_before_it_is_settled_is_settled_before_the_end,
    no_process_is_left_behind,
);

async fn a_request_in_flight_is_answered_before_the_end(placement: Placement) {
    let slow = Reply::text(GOOD).timing(Duration::from_secs(2), Duration::ZERO);
    let scenario = Scenario::default().small(vec![slow]);
    let mut sandbox = Sandbox::start(placement, scenario).await.unwrap();
    let asked = in_background(sandbox.router(), question("capital?"));
    assert!(sandbox.local.wait_open(1, Duration::from_secs(20)).await);
    assert!(sandbox.stop().await.unwrap(), "{}", sandbox.log());
    assert!(asked.await.unwrap().unwrap().passed);
    assert_eq!(
        sandbox.database.number("SELECT count(*) FROM usage_events"),
        1
    );
}

async fn what_is_answered_before_it_is_settled_is_settled_before_the_end(placement: Placement) {
    let mut scenario = Scenario::default();
    scenario.ledger.push("durability: relaxed".to_owned());
    let mut sandbox = Sandbox::start(placement, scenario).await.unwrap();
    let asked = (0..20).map(|_| in_background(sandbox.router(), question("capital?")));
    for answer in asked.collect::<Vec<_>>() {
        assert!(answer.await.unwrap().unwrap().passed);
    }
    assert!(sandbox.stop().await.unwrap(), "{}", sandbox.log());
    let closed = "SELECT count(*) FROM requests WHERE outcome = 'passed'";
    assert_eq!(sandbox.database.number(closed), 20, "{}", sandbox.log());
}

async fn no_process_is_left_behind(placement: Placement) {
    for politely in [true, false] {
        let mut sandbox = Sandbox::start(placement, Scenario::default())
            .await
            .unwrap();
        let children = sandbox.children();
        assert_eq!(children.is_empty(), placement == Placement::InProcess);
        if politely {
            assert!(sandbox.stop().await.unwrap(), "{}", sandbox.log());
        } else {
            sandbox.kill();
        }
        for child in children {
            assert!(is_gone(child.id).await, "{} is left", child.command);
        }
    }
}

async fn is_gone(id: u32) -> bool {
    for _ in 0..200 {
        if !Path::new(&format!("/proc/{id}")).exists() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}
