//! Extend: a hold that grows, an expiry that moves, and what they never do.

use terrace_domain::{Reason, RequestId};
use terrace_proto::ledger::v1::{self as wire, RequestOutcome};

use crate::sandbox::{Sandbox, closing, hold, raising, settling, spent};

#[tokio::test]
async fn a_raised_hold_is_taken_from_the_budget_once() {
    let ledger = Sandbox::with_budget(100).await;
    let id = RequestId::generate();
    ledger.reserve(hold(id, "attempt/0", 40)).await.unwrap();
    for _ in 0..3 {
        let raised = ledger.extend(raising(id, "attempt/0", 70)).await.unwrap();
        assert_eq!(raised.held_nano_usd, 70);
        assert_eq!(ledger.standing().await, (0, 70));
    }
    let lower = ledger.extend(raising(id, "attempt/0", 10)).await.unwrap();
    assert_eq!(lower.held_nano_usd, 70, "a hold never shrinks");
    ledger.check_books();
    let steps = [spent("attempt/0", 65)];
    ledger.settle(settling(id, steps)).await.unwrap();
    assert_eq!(ledger.standing().await, (65, 0));
    ledger.check_books();
}

#[tokio::test]
async fn a_raise_above_the_cap_is_refused_and_the_hold_stays_as_it_was() {
    let ledger = Sandbox::with_budget(100).await;
    let (id, other) = (RequestId::generate(), RequestId::generate());
    ledger.reserve(hold(id, "attempt/0", 40)).await.unwrap();
    ledger.reserve(hold(other, "attempt/0", 30)).await.unwrap();
    ledger.extend(raising(id, "attempt/0", 70)).await.unwrap();
    let refused = ledger.extend(raising(id, "attempt/0", 71)).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.reason, Reason::BudgetExhausted);
    assert!(
        refused.quotas[0]
            .description
            .contains("asked for $0.000000001")
    );
    assert_eq!(ledger.standing().await, (0, 100));
    ledger.check_books();
}

#[tokio::test]
async fn a_hold_of_yesterday_grows_in_the_day_it_was_taken_from() {
    let ledger = Sandbox::with_budget(100).await;
    let id = RequestId::generate();
    ledger.reserve(hold(id, "attempt/0", 40)).await.unwrap();
    ledger.pass_midnight();
    ledger.extend(raising(id, "attempt/0", 90)).await.unwrap();
    assert_eq!(ledger.standing().await, (0, 0), "today is untouched");
    let refused = ledger.extend(raising(id, "attempt/0", 101)).await;
    assert_eq!(refused.unwrap_err().reason, Reason::BudgetExhausted);
    ledger.check_books();
}

#[tokio::test]
async fn the_expiry_moves_later_and_never_earlier() {
    let ledger = Sandbox::free().await;
    let id = RequestId::generate();
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let mut ask = hold(id, "attempt/0", 40);
    ask.ttl = seconds(60);
    let first = ledger.reserve(ask).await.unwrap().expires_at.unwrap();
    let only_time = |ttl| wire::ExtendRequest {
        request_id: id.to_string(),
        ttl,
        ..wire::ExtendRequest::default()
    };
    let longer = ledger.extend(only_time(seconds(300))).await.unwrap();
    assert_eq!(longer.held_nano_usd, 40);
    let longer = longer.expires_at.unwrap();
    assert!((239..=242).contains(&(longer.seconds - first.seconds)));
    let shorter = ledger.extend(only_time(seconds(1))).await.unwrap();
    assert!(shorter.expires_at.unwrap().seconds >= longer.seconds);
    ledger.expire(id);
    ledger.extend(only_time(None)).await.unwrap();
    assert_eq!(ledger.app.reap().await, Ok(0), "it showed a sign of life");
}

#[tokio::test]
async fn what_is_not_held_or_has_ended_cannot_be_extended() {
    let ledger = Sandbox::with_budget(100).await;
    let id = RequestId::generate();
    let unknown = ledger.extend(raising(id, "attempt/0", 5)).await;
    assert_eq!(unknown.unwrap_err().reason, Reason::NotFound);
    ledger.reserve(hold(id, "attempt/0", 40)).await.unwrap();
    let never_held = ledger.extend(raising(id, "attempt/1", 5)).await;
    assert_eq!(never_held.unwrap_err().reason, Reason::NotFound);
    let steps = [spent("attempt/0", 10)];
    ledger.settle(settling(id, steps)).await.unwrap();
    let settled = ledger.extend(raising(id, "attempt/0", 50)).await;
    assert_eq!(settled.unwrap_err().reason, Reason::NotFound);
    let end = closing(settling(id, []), RequestOutcome::Failed, "");
    ledger.settle(end).await.unwrap();
    let closed = ledger.extend(raising(id, "", 0)).await;
    assert_eq!(closed.unwrap_err().reason, Reason::NotFound);
    assert_eq!(ledger.standing().await, (10, 0));
    ledger.check_books();
}
