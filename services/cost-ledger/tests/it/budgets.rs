//! The daily budget: refusals, midnight, time zones, changes of the config.

use std::time::Duration;

use terrace_config::{Budget, TimeZone};
use terrace_domain::{Reason, RequestId};

use crate::sandbox::{DAILY, Sandbox, budget, hold, settling, spent};

#[tokio::test]
async fn a_hold_that_does_not_fit_is_refused_without_any_effect() {
    let ledger = Sandbox::with_budget(100).await;
    let first = RequestId::generate();
    ledger.reserve(hold(first, "attempt/0", 60)).await.unwrap();
    let id = RequestId::generate();
    let refused = ledger.reserve(hold(id, "attempt/0", 41)).await.unwrap_err();
    assert_eq!(refused.reason, Reason::BudgetExhausted);
    assert_eq!(refused.quotas[0].subject, "budget:installation/daily");
    assert!(
        refused.quotas[0]
            .description
            .contains("reserved $0.00000006,"),
        "{refused:?}"
    );
    let wait = refused.retry_after.unwrap();
    assert!(wait <= Duration::from_hours(24), "{wait:?}");

    let rows = format!("SELECT count(*) FROM requests WHERE request_id = '{id}'");
    assert_eq!(ledger.database.number(&rows), 0);
    assert_eq!(ledger.standing().await, (0, 60));
    let fits = ledger.reserve(hold(id, "attempt/0", 40)).await.unwrap();
    assert!(!fits.repeated_call);
    ledger.check_books();
}

#[tokio::test]
async fn a_refused_step_leaves_the_requests_other_holds_alone() {
    let ledger = Sandbox::with_budget(100).await;
    let id = RequestId::generate();
    ledger.reserve(hold(id, "attempt/0", 60)).await.unwrap();
    let refused = ledger.reserve(hold(id, "attempt/1", 60)).await.unwrap_err();
    assert_eq!(refused.reason, Reason::BudgetExhausted);
    let again = ledger.reserve(hold(id, "attempt/0", 60)).await.unwrap();
    assert!(again.repeated_call);
    assert_eq!(again.held_nano_usd, 60);
}

#[tokio::test]
async fn a_budget_of_nothing_refuses_everything_that_costs() {
    let ledger = Sandbox::with_budget(0).await;
    let ask = hold(RequestId::generate(), "attempt/0", 1);
    let refused = ledger.reserve(ask).await.unwrap_err();
    assert_eq!(refused.reason, Reason::BudgetExhausted);
}

#[tokio::test]
async fn without_a_budget_holds_are_written_down_and_nothing_is_refused() {
    let ledger = Sandbox::free().await;
    let id = RequestId::generate();
    let held = ledger.reserve(hold(id, "attempt/0", 1_000_000)).await;
    assert_eq!(held.unwrap().held_nano_usd, 1_000_000);
    assert!(ledger.budgets().await.is_empty());
    let settled = ledger.settle(settling(id, [spent("attempt/0", 5)])).await;
    assert_eq!(settled.unwrap().cost_nano_usd, 5);
}

#[tokio::test]
async fn a_hold_taken_before_midnight_is_settled_in_the_day_it_was_taken_from() {
    let ledger = Sandbox::with_budget(100).await;
    let (late, early) = (RequestId::generate(), RequestId::generate());
    ledger.reserve(hold(late, "attempt/0", 80)).await.unwrap();
    ledger.pass_midnight();
    // A new day has all its money.
    assert_eq!(ledger.standing().await, (0, 0));
    ledger.reserve(hold(early, "attempt/0", 100)).await.unwrap();
    ledger
        .settle(settling(late, [spent("attempt/0", 30)]))
        .await
        .unwrap();
    assert_eq!(ledger.standing().await, (0, 100));
    let days = ledger.database.query(
        "SELECT spent_nano_usd, reserved_nano_usd FROM budget_periods ORDER BY period_start",
    );
    assert_eq!(days, [["30", "0"], ["0", "100"]]);
    ledger.check_books();
}

#[tokio::test]
async fn a_late_cost_that_was_never_held_is_spent_today() {
    let ledger = Sandbox::with_budget(100).await;
    let id = RequestId::generate();
    ledger.reserve(hold(id, "attempt/0", 10)).await.unwrap();
    ledger.pass_midnight();
    let steps = [spent("attempt/0", 10), spent("judge/0", 3)];
    ledger.settle(settling(id, steps)).await.unwrap();
    assert_eq!(ledger.standing().await, (3, 0));
    ledger.check_books();
}

#[tokio::test]
async fn a_day_begins_at_midnight_of_the_named_zone() {
    let zone = TimeZone::by_name("Asia/Kathmandu").unwrap();
    let ledger = Sandbox::start(|settings| {
        settings.budgets = vec![Budget {
            time_zone: zone,
            ..budget(DAILY, 100)
        }];
    })
    .await;
    let id = RequestId::generate();
    let before = ledger.budgets().await;
    ledger.reserve(hold(id, "attempt/0", 10)).await.unwrap();
    let day = ledger.budgets().await.remove(0);
    assert_eq!(day.time_zone, "Asia/Kathmandu");
    let (start, end) = (day.period_start.unwrap(), day.period_end.unwrap());
    // Its clocks are 5:45 ahead and never change.
    assert_eq!((start.seconds + 20_700) % 86_400, 0);
    assert_eq!(end.seconds - start.seconds, 86_400);
    assert_eq!(before[0].period_start, Some(start));
}

#[tokio::test]
async fn a_change_of_the_config_changes_the_cap_and_keeps_what_is_spent() {
    let ledger = Sandbox::with_budget(100).await;
    let id = RequestId::generate();
    let steps = [spent("attempt/0", 90)];
    ledger.settle(settling(id, steps)).await.unwrap();
    let raised = |cap: Vec<Budget>| {
        move |settings: &mut terrace_cost_ledger::Settings| {
            settings.budgets = cap;
        }
    };
    let ledger = Sandbox::on(ledger.database, raised(vec![budget(DAILY, 1_000)])).await;
    assert_eq!(ledger.standing().await, (90, 0));
    ledger.reserve(hold(id, "attempt/1", 900)).await.unwrap();
    let ledger = Sandbox::on(ledger.database, raised(Vec::new())).await;
    assert!(ledger.budgets().await.is_empty());
    // What was taken from the budget goes back to it, retired or not.
    ledger
        .settle(settling(id, [spent("attempt/1", 5)]))
        .await
        .unwrap();
    let ledger = Sandbox::on(ledger.database, raised(vec![budget(DAILY, 1_000)])).await;
    assert_eq!(ledger.standing().await, (95, 0));
    ledger.check_books();
}

#[tokio::test]
async fn a_change_of_the_time_zone_never_makes_days_that_overlap() {
    let ledger = Sandbox::with_budget(100).await;
    let id = RequestId::generate();
    ledger.reserve(hold(id, "attempt/0", 60)).await.unwrap();
    let before = ledger.budgets().await.remove(0);
    let ledger = Sandbox::on(ledger.database, |settings| {
        settings.budgets = vec![Budget {
            time_zone: TimeZone::by_name("Pacific/Auckland").unwrap(),
            ..budget(DAILY, 100)
        }];
    })
    .await;
    // The day that has begun goes on until its end, and its money is not given twice.
    let refused = ledger.reserve(hold(id, "attempt/1", 60)).await.unwrap_err();
    assert_eq!(refused.reason, Reason::BudgetExhausted);
    let after = ledger.budgets().await.remove(0);
    assert_eq!(after.period_end, before.period_end);
    ledger.execute(
        "UPDATE budget_periods SET period_start = now() - interval '1 hour',
                                   period_end = now() - interval '1 minute'",
    );
    ledger.reserve(hold(id, "attempt/1", 60)).await.unwrap();
    let overlaps = "SELECT count(*) FROM budget_periods one JOIN budget_periods other
                      ON one.period_id < other.period_id AND one.budget_id = other.budget_id
                     AND one.period_start < other.period_end AND other.period_start < one.period_end";
    assert_eq!(ledger.database.number(overlaps), 0);
}

#[tokio::test]
async fn an_alert_is_due_once_a_day_when_spending_passes_the_threshold() {
    let ledger = Sandbox::with_budget(100).await;
    let id = RequestId::generate();
    let alerted = "SELECT count(alerted_at) FROM budget_periods";
    ledger.reserve(hold(id, "attempt/0", 100)).await.unwrap();
    assert_eq!(ledger.database.number(alerted), 0, "held is not spent");
    for (step, cost, due) in [("attempt/0", 79, 0), ("judge/0", 1, 1), ("judge/1", 9, 1)] {
        ledger
            .settle(settling(id, [spent(step, cost)]))
            .await
            .unwrap();
        assert_eq!(ledger.database.number(alerted), due, "{step}");
    }
    let first = ledger
        .database
        .query("SELECT alerted_at FROM budget_periods");
    ledger
        .settle(settling(id, [spent("judge/2", 1)]))
        .await
        .unwrap();
    let later = ledger
        .database
        .query("SELECT alerted_at FROM budget_periods");
    assert_eq!(first, later);
    let ledger = Sandbox::on(ledger.database, |settings| {
        settings.budgets = vec![budget(DAILY, 1_000)];
    })
    .await;
    assert_eq!(
        ledger.database.number(alerted),
        0,
        "a raised cap may alert again"
    );
}
