//! Each kind of attack once, as short as it makes sense.

use terrace_chaos::{fleet, killed};

#[tokio::test(flavor = "multi_thread")]
async fn kills_lose_nothing_double_nothing_and_pass_no_budget() {
    let attack = killed::Args {
        kills: 2,
        rate: 25,
        seed: 5,
        spool: true,
        logs: None,
    };
    let report = killed::run(&attack).await.unwrap();
    assert!(report.holds(), "{report}");
    assert!(report.clients.answered > 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_orchestrators_spend_one_budget_to_its_end_and_no_further() {
    let attack = fleet::Args {
        orchestrators: 8,
        requests: 400,
        at_once: 4,
        logs: None,
    };
    let report = fleet::run(&attack).await.unwrap();
    assert!(report.holds(), "{report}");
    assert!(report.clients.answered >= 290, "{report}");
}
