//! Verify: books that are right are found right, and every way to spoil them is found.

use terrace_domain::RequestId;
use terrace_proto::ledger::v1::{self as wire, RequestOutcome};

use crate::sandbox::{DAILY, Sandbox, answer, closing, hold, settling, spent};

/// Claims that are not true, each with its first finding.
pub(crate) async fn wrong(ledger: &Sandbox) -> Vec<(String, String)> {
    let proved = answer(ledger.ledger.clone().verify(wire::VerifyRequest {}).await).unwrap();
    assert_eq!(proved.checks.len(), 11);
    let wrong = proved.checks.into_iter().filter(|check| check.wrong > 0);
    let first = |mut check: wire::VerifyCheck| (check.name, check.findings.remove(0).detail);
    wrong.map(first).collect()
}

/// Books with a bit of everything in them.
async fn some_books() -> Sandbox {
    let ledger =
        Sandbox::with_budgets(&[(DAILY, 10_000), ("project/default/monthly", 5_000)]).await;
    let (open, closed, orphan) = (
        RequestId::generate(),
        RequestId::generate(),
        RequestId::generate(),
    );
    for id in [open, closed, orphan] {
        ledger.reserve(hold(id, "attempt/0", 100)).await.unwrap();
        ledger.reserve(hold(id, "attempt/1", 50)).await.unwrap();
    }
    ledger
        .settle(settling(open, [spent("attempt/0", 30)]))
        .await
        .unwrap();
    let end = settling(closed, [spent("attempt/1", 20), spent("judge/1", 1)]);
    let end = closing(end, RequestOutcome::Passed, "api_fallback");
    ledger.settle(end).await.unwrap();
    ledger.expire(orphan);
    ledger.app.reap().await.unwrap();
    ledger
}

#[tokio::test]
async fn books_that_are_right_are_found_right() {
    let ledger = Sandbox::free().await;
    assert_eq!(wrong(&ledger).await, []);
    let ledger = some_books().await;
    assert_eq!(wrong(&ledger).await, []);
    ledger.pass_midnight();
    assert_eq!(wrong(&ledger).await, []);
}

/// Ways to spoil the books, and the claims that are not true then.
const WAYS: [(&str, &[&str]); 10] = [
    (
        "UPDATE usage_events SET cost_nano_usd = cost_nano_usd + 1 WHERE step = 'judge/1'",
        &["spent_is_what_steps_cost"],
    ),
    (
        "DELETE FROM usage_events WHERE step = 'attempt/1' AND outcome = 'accepted'",
        &["settled_holds_have_events", "spent_is_what_steps_cost"],
    ),
    (
        "UPDATE holds SET amount_nano_usd = 51 WHERE state = 'open'",
        &["reserved_is_what_is_held"],
    ),
    (
        "UPDATE budget_periods SET topped_up_nano_usd = 5",
        &["top_ups_add_up"],
    ),
    (
        "UPDATE requests SET expires_at = now() - interval '2 minutes'
         WHERE closed_at IS NULL",
        &["nothing_outlives_its_expiry"],
    ),
    (
        "UPDATE requests SET closed_at = now(), outcome = 'failed' WHERE closed_at IS NULL",
        &["closed_requests_hold_nothing"],
    ),
    (
        "UPDATE holds SET state = 'open', ended_at = NULL WHERE state = 'settled'",
        &[
            "closed_requests_hold_nothing",
            "events_end_their_holds",
            "reserved_is_what_is_held",
        ],
    ),
    (
        "INSERT INTO budget_periods (budget_id, period_start, period_end)
         SELECT budget_id, period_start, period_end + interval '1 h' FROM budget_periods",
        &["periods_follow_each_other"],
    ),
    (
        "UPDATE usage_events SET request_id = gen_random_uuid() WHERE step = 'judge/1'",
        &["rows_belong_to_requests"],
    ),
    (
        "INSERT INTO leases (lease_id, project, key_id, period_ids, granted_nano_usd,
                             remaining_nano_usd, tier, backend, model, expires_at)
         SELECT gen_random_uuid(), 'default', '', ARRAY[period_id], 9, 9, 't', 'b', 'm',
                now() - interval '2 minutes'
         FROM budget_periods LIMIT 1",
        &[
            "reserved_is_what_is_held",
            "leased_is_what_is_lent",
            "no_lease_outlives_its_expiry",
        ],
    ),
];

#[tokio::test]
async fn every_way_to_spoil_the_books_is_found() {
    for (spoil, expected) in WAYS {
        let ledger = some_books().await;
        ledger.execute(spoil);
        let found = wrong(&ledger).await;
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, expected, "{spoil}: {found:?}");
    }
}
