//! Each kind of attack once, as short as it makes sense.

use terrace_chaos::rolling::Act;
use terrace_chaos::{faults, fleet, killed, rolling};

#[tokio::test(flavor = "multi_thread")]
async fn kills_lose_nothing_double_nothing_and_pass_no_budget() {
    let attack = killed::Args {
        kills: 2,
        rate: 25,
        seed: 5,
        spool: true,
        leases: true,
        logs: None,
    };
    let report = killed::run(&attack).await.unwrap();
    assert!(report.holds(), "{report}");
    assert!(report.clients.answered > 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_end_and_everything_is_well_again() {
    let only = [
        "blackholed/gateway-paid",
        "read-only/database",
        "no-connections/database",
        "promoted/database",
        "wrong-usage/big",
        "cut/orchestrator",
        "stopped/edge",
    ];
    let attack = faults::Args {
        rate: 10,
        seed: 5,
        hold_seconds: 1,
        only: only.map(str::to_owned).to_vec(),
        logs: None,
    };
    let report = faults::run(&attack).await.unwrap();
    assert!(report.holds(), "{report}");
    assert_eq!(report.faults.len(), only.len(), "{report}");
    assert!(report.figures["answered over HTTP"] > 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_orchestrators_spend_one_budget_to_its_end_and_no_further() {
    let attack = fleet::Args {
        orchestrators: 8,
        requests: 400,
        at_once: 4,
        leases: false,
        logs: None,
    };
    let report = fleet::run(&attack).await.unwrap();
    assert!(report.holds(), "{report}");
    assert!(report.clients.answered >= 290, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn orchestrators_that_decide_by_themselves_pass_no_budget_and_strand_nothing() {
    let attack = fleet::Args {
        orchestrators: 3,
        requests: 600,
        at_once: 16,
        leases: true,
        logs: None,
    };
    let report = fleet::run(&attack).await.unwrap();
    assert!(report.holds(), "{report}");
    assert!(report.clients.answered >= 440, "{report}");
    assert!(report.figures["calls paid from leases"] > 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_are_replaced_and_one_is_killed_and_no_request_fails_that_need_not() {
    let attack = rolling::Args {
        rate: 5,
        tls: false,
        seed: 3,
        hang_seconds: 1,
        settle_seconds: 2,
        acts: vec![Act::Restart, Act::KillGateway],
        logs: None,
    };
    let report = rolling::run(&attack).await.unwrap();
    assert!(report.holds(), "{report}");
    assert!(report.clients.answered > 0, "{report}");
    assert_eq!(report.figures["acts"], 2, "{report}");
    assert!(
        report.figures["streams that came to their end"] > 0,
        "{report}"
    );
}
