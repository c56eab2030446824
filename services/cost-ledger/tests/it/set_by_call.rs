//! Budgets that are set, changed, paused, topped up and removed while calls go on.

use terrace_domain::{Reason, RequestId};
use terrace_proto::ledger::v1::{self as wire, BudgetOrigin};

use crate::sandbox::{DAILY, Sandbox, budget, hold, settling, spent};

const SEARCH: &str = "project/default/daily";

/// A change of the named fields alone.
fn changing(name: &str, fields: &[&str], change: wire::SetBudgetRequest) -> wire::SetBudgetRequest {
    let paths = fields.iter().map(ToString::to_string).collect();
    wire::SetBudgetRequest {
        name: name.to_owned(),
        update_mask: Some(prost_types::FieldMask { paths }),
        ..change
    }
}

fn cap(name: &str, cap: i64) -> wire::SetBudgetRequest {
    let change = wire::SetBudgetRequest {
        cap_nano_usd: cap,
        ..wire::SetBudgetRequest::default()
    };
    changing(name, &["cap_nano_usd"], change)
}

fn paused(name: &str, paused: bool) -> wire::SetBudgetRequest {
    let change = wire::SetBudgetRequest {
        paused,
        ..wire::SetBudgetRequest::default()
    };
    changing(name, &["paused"], change)
}

fn top_up(name: &str, id: RequestId, amount: i64) -> wire::SetBudgetRequest {
    wire::SetBudgetRequest {
        name: name.to_owned(),
        top_up_nano_usd: amount,
        top_up_id: id.to_string(),
        ..wire::SetBudgetRequest::default()
    }
}

async fn ask(ledger: &Sandbox, amount: i64) -> Result<(), Reason> {
    let ask = hold(RequestId::generate(), "attempt/0", amount);
    let answer = ledger.reserve(ask).await;
    answer.map(drop).map_err(|failure| failure.reason)
}

#[tokio::test]
async fn a_budget_set_by_call_holds_from_its_answer_on() {
    let ledger = Sandbox::free().await;
    ask(&ledger, 1_000).await.unwrap();
    let set = ledger.set_budget(cap(SEARCH, 100)).await.unwrap();
    assert_eq!((set.cap_nano_usd, set.alert_threshold), (100, 0.8));
    assert_eq!(set.origin(), BudgetOrigin::Call);
    assert_eq!(ask(&ledger, 101).await, Err(Reason::BudgetExhausted));
    ask(&ledger, 100).await.unwrap();
    let raised = ledger.set_budget(cap(SEARCH, 150)).await.unwrap();
    assert_eq!(raised.reserved_nano_usd, 100);
    ask(&ledger, 50).await.unwrap();
    ledger.check_books();
}

#[tokio::test]
async fn a_call_without_a_mask_sets_all_there_is() {
    let ledger = Sandbox::free().await;
    let whole = wire::SetBudgetRequest {
        name: SEARCH.to_owned(),
        cap_nano_usd: 100,
        alert_threshold: 0.5,
        paused: true,
        time_zone: "Asia/Tokyo".to_owned(),
        ..wire::SetBudgetRequest::default()
    };
    let set = ledger.set_budget(whole).await.unwrap();
    assert_eq!((set.cap_nano_usd, set.alert_threshold), (100, 0.5));
    assert_eq!((set.paused, set.time_zone.as_str()), (true, "Asia/Tokyo"));
    let only = ledger.set_budget(cap(SEARCH, 7)).await.unwrap();
    assert_eq!(
        (only.cap_nano_usd, only.paused),
        (7, true),
        "the rest stays"
    );
}

#[tokio::test]
async fn a_cap_below_what_is_taken_refuses_and_takes_nothing_back() {
    let ledger = Sandbox::free().await;
    ledger.set_budget(cap(SEARCH, 100)).await.unwrap();
    let id = RequestId::generate();
    ledger.reserve(hold(id, "attempt/0", 80)).await.unwrap();
    ledger.set_budget(cap(SEARCH, 50)).await.unwrap();
    assert_eq!(ask(&ledger, 1).await, Err(Reason::BudgetExhausted));
    ledger
        .settle(settling(id, [spent("attempt/0", 30)]))
        .await
        .unwrap();
    ask(&ledger, 20).await.unwrap();
    ledger.check_books();
}

#[tokio::test]
async fn a_paused_budget_refuses_until_it_is_resumed() {
    let ledger = Sandbox::with_budget(100).await;
    ledger.set_budget(paused(DAILY, true)).await.unwrap();
    let refused = ledger
        .reserve(hold(RequestId::generate(), "attempt/0", 1))
        .await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.reason, Reason::BudgetExhausted);
    assert!(
        refused.message.contains("installation/daily is paused"),
        "{refused}"
    );
    // The pause outlasts a restart with the same config.
    let ledger = Sandbox::on(ledger.database, |settings| {
        settings.budgets = vec![budget(DAILY, 100)];
    })
    .await;
    assert_eq!(ask(&ledger, 1).await, Err(Reason::BudgetExhausted));
    ledger.set_budget(paused(DAILY, false)).await.unwrap();
    ask(&ledger, 1).await.unwrap();
}

#[tokio::test]
async fn a_top_up_is_for_one_period_and_added_once() {
    let ledger = Sandbox::with_budget(100).await;
    ask(&ledger, 100).await.unwrap();
    let id = RequestId::generate();
    for _ in 0..2 {
        let topped_up = ledger.set_budget(top_up(DAILY, id, 50)).await.unwrap();
        assert_eq!(
            (topped_up.cap_nano_usd, topped_up.topped_up_nano_usd),
            (100, 50)
        );
    }
    ask(&ledger, 50).await.unwrap();
    assert_eq!(ask(&ledger, 1).await, Err(Reason::BudgetExhausted));
    let more = ledger
        .set_budget(top_up(DAILY, RequestId::generate(), 5))
        .await;
    assert_eq!(more.unwrap().topped_up_nano_usd, 55);
    ledger.pass_midnight();
    assert_eq!(ask(&ledger, 101).await, Err(Reason::BudgetExhausted));
    ask(&ledger, 100).await.unwrap();
    ledger.check_books();
}

#[tokio::test]
async fn what_the_config_says_only_the_config_changes() {
    let ledger = Sandbox::with_budget(100).await;
    let remove = wire::SetBudgetRequest {
        name: DAILY.to_owned(),
        remove: true,
        ..wire::SetBudgetRequest::default()
    };
    for change in [cap(DAILY, 500), remove] {
        let refused = ledger.set_budget(change).await.unwrap_err();
        assert_eq!(refused.reason, Reason::InvalidRequest);
        assert!(refused.message.contains("cost_control"), "{refused}");
    }
    let budgets = ledger.budgets().await;
    assert_eq!(budgets[0].cap_nano_usd, 100);
    assert_eq!(budgets[0].origin(), BudgetOrigin::Config);
}

#[tokio::test]
async fn a_removed_budget_refuses_nothing_and_keeps_its_past() {
    let ledger = Sandbox::free().await;
    ledger.set_budget(cap(SEARCH, 100)).await.unwrap();
    let id = RequestId::generate();
    ledger.reserve(hold(id, "attempt/0", 80)).await.unwrap();
    let remove = wire::SetBudgetRequest {
        name: SEARCH.to_owned(),
        remove: true,
        ..wire::SetBudgetRequest::default()
    };
    ledger.set_budget(remove.clone()).await.unwrap();
    assert!(ledger.budgets().await.is_empty());
    ask(&ledger, 1_000).await.unwrap();
    ledger
        .settle(settling(id, [spent("attempt/0", 30)]))
        .await
        .unwrap();
    let again = ledger.set_budget(remove).await.unwrap_err();
    assert_eq!(again.reason, Reason::NotFound);
    let anew = ledger.set_budget(cap(SEARCH, 100)).await.unwrap();
    assert_eq!((anew.spent_nano_usd, anew.reserved_nano_usd), (30, 0));
    ledger.check_books();
}

#[tokio::test]
async fn a_budget_that_is_not_there_cannot_be_paused_or_topped_up() {
    let ledger = Sandbox::free().await;
    let id = RequestId::generate();
    for change in [paused("key/k1/daily", true), top_up("key/k1/daily", id, 5)] {
        let refused = ledger.set_budget(change).await.unwrap_err();
        assert_eq!(refused.reason, Reason::NotFound, "{refused}");
    }
}

#[tokio::test]
async fn the_config_takes_a_budget_over_and_lets_it_go() {
    let ledger = Sandbox::free().await;
    ledger.set_budget(cap(SEARCH, 100)).await.unwrap();
    ask(&ledger, 60).await.unwrap();
    let ledger = Sandbox::on(ledger.database, |settings| {
        settings.budgets = vec![budget(SEARCH, 70)];
    })
    .await;
    assert_eq!(ask(&ledger, 11).await, Err(Reason::BudgetExhausted));
    let ledger = Sandbox::on(ledger.database, |_| ()).await;
    ask(&ledger, 1_000).await.unwrap();
}
