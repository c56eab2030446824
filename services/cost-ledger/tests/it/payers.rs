//! Several budgets on one hold: of the installation, a project and a key, by the day and by the
//! month. All of them give, or none does.

use std::time::Duration;

use futures::future::join_all;
use terrace_domain::{Reason, RequestId};
use terrace_proto::ledger::v1 as wire;

use crate::sandbox::{DAILY, Sandbox, hold, settling, spent};

/// As [`hold`], of another project and with a key.
fn hold_of(project: &str, key: &str, amount: i64) -> wire::ReserveRequest {
    wire::ReserveRequest {
        project: project.to_owned(),
        key_id: key.to_owned(),
        ..hold(RequestId::generate(), "attempt/0", amount)
    }
}

fn settling_of(held: &wire::ReserveRequest, cost: i64) -> wire::SettleRequest {
    let id = held.request_id.parse().unwrap();
    wire::SettleRequest {
        project: held.project.clone(),
        key_id: held.key_id.clone(),
        ..settling(id, [spent("attempt/0", cost)])
    }
}

#[tokio::test]
async fn a_hold_is_taken_from_every_budget_above_it_and_goes_back_to_all() {
    let ledger = Sandbox::with_budgets(&[
        (DAILY, 1_000),
        ("installation/monthly", 5_000),
        ("project/search/daily", 500),
        ("key/k1/monthly", 300),
        ("project/other/daily", 100),
    ])
    .await;
    let ask = hold_of("search", "k1", 100);
    ledger.reserve(ask.clone()).await.unwrap();
    let reserved = |amount| {
        [
            ("installation/daily", amount),
            ("installation/monthly", amount),
            ("key/k1/monthly", amount),
            ("project/other/daily", 0),
            ("project/search/daily", amount),
        ]
        .map(|(name, amount)| (name.to_owned(), 0, amount))
    };
    assert_eq!(ledger.standings().await, reserved(100));
    ledger.check_books();
    ledger.settle(settling_of(&ask, 30)).await.unwrap();
    let settled = reserved(30).map(|(name, none, amount)| (name, amount, none));
    assert_eq!(ledger.standings().await, settled);
    ledger.check_books();
}

#[tokio::test]
async fn what_one_budget_refuses_is_taken_from_none() {
    let ledger = Sandbox::with_budgets(&[
        (DAILY, 1_000),
        ("project/search/daily", 150),
        ("key/k1/daily", 100),
    ])
    .await;
    let refused = ledger.reserve(hold_of("search", "k1", 151)).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.reason, Reason::BudgetExhausted);
    let subjects = refused.quotas.iter().map(|quota| quota.subject.as_str());
    assert!(subjects.eq(["budget:project/search/daily", "budget:key/k1/daily"]));
    let nothing = ledger.standings().await;
    assert!(
        nothing
            .iter()
            .all(|(_, spent, reserved)| spent + reserved == 0)
    );
    // Another key of the project has the project's money, another project has neither.
    ledger.reserve(hold_of("search", "k2", 150)).await.unwrap();
    ledger.reserve(hold_of("other", "k3", 700)).await.unwrap();
    ledger.check_books();
}

#[tokio::test]
async fn a_month_outlasts_its_days() {
    let ledger = Sandbox::with_budgets(&[(DAILY, 100), ("installation/monthly", 250)]).await;
    for _ in 0..2 {
        ledger.reserve(hold_of("default", "", 100)).await.unwrap();
        let today = ledger.reserve(hold_of("default", "", 1)).await;
        let today = today.unwrap_err();
        assert_eq!(today.quotas[0].subject, "budget:installation/daily");
        assert!(today.retry_after.unwrap() <= Duration::from_hours(24));
        ledger.execute(
            "UPDATE budget_periods
             SET period_start = period_start - interval '1 day',
                 period_end = period_end - interval '1 day'
             WHERE period_end - period_start < interval '2 days'",
        );
    }
    let refused = ledger.reserve(hold_of("default", "", 51)).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.quotas.len(), 1);
    assert_eq!(refused.quotas[0].subject, "budget:installation/monthly");
    ledger.reserve(hold_of("default", "", 50)).await.unwrap();
    ledger.check_books();
}

#[tokio::test]
async fn a_hold_from_before_midnight_settles_in_its_day_and_in_the_month() {
    let ledger = Sandbox::with_budgets(&[(DAILY, 100), ("installation/monthly", 250)]).await;
    let ask = hold_of("default", "", 100);
    ledger.reserve(ask.clone()).await.unwrap();
    ledger.execute(
        "UPDATE budget_periods
         SET period_start = period_start - interval '1 day',
             period_end = period_end - interval '1 day'
         WHERE period_end - period_start < interval '2 days'",
    );
    ledger.settle(settling_of(&ask, 40)).await.unwrap();
    let standings = [
        (DAILY.to_owned(), 0, 0),
        ("installation/monthly".to_owned(), 40, 0),
    ];
    assert_eq!(ledger.standings().await, standings);
    ledger.check_books();
}

#[tokio::test]
async fn a_hold_that_an_older_version_wrote_is_settled_in_its_one_period() {
    let ledger = Sandbox::with_budget(100).await;
    let ask = hold_of("default", "", 60);
    ledger.reserve(ask.clone()).await.unwrap();
    ledger.execute("UPDATE holds SET period_id = period_ids[1], period_ids = NULL");
    ledger.settle(settling_of(&ask, 20)).await.unwrap();
    assert_eq!(ledger.standing().await, (20, 0));
}

#[tokio::test]
async fn a_project_sees_its_own_budgets_and_those_of_the_installation() {
    let ledger = Sandbox::with_budgets(&[
        (DAILY, 1_000),
        ("project/search/daily", 500),
        ("project/other/daily", 100),
    ])
    .await;
    let names: Vec<String> = ledger
        .budgets_of("search")
        .await
        .into_iter()
        .map(|b| b.name)
        .collect();
    assert_eq!(names, [DAILY, "project/search/daily"]);
    assert_eq!(ledger.budgets().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projects_at_once_pass_neither_their_own_cap_nor_the_installations() {
    let ledger = Sandbox::with_budgets(&[
        (DAILY, 1_000),
        ("project/one/daily", 600),
        ("project/two/monthly", 700),
    ])
    .await;
    let asks = (0..60).map(|index| {
        let project = if index % 2 == 0 { "one" } else { "two" };
        ledger.reserve(hold_of(project, "", 50))
    });
    let held = join_all(asks)
        .await
        .into_iter()
        .filter(Result::is_ok)
        .count();
    assert_eq!(held, 20, "the installation's money is all held");
    for (name, spent, reserved) in ledger.standings().await {
        let cap = match name.as_str() {
            "project/one/daily" => 600,
            "project/two/monthly" => 700,
            _ => 1_000,
        };
        assert!(spent + reserved <= cap, "{name}: {spent} + {reserved}");
    }
    ledger.check_books();
}
