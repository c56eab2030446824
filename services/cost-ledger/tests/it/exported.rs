//! Export: every row once, oldest first, and sums that are those of the summary.

use futures::TryStreamExt as _;
use terrace_domain::RequestId;
use terrace_proto::ledger::v1 as wire;

use crate::sandbox::{Sandbox, answer};
use crate::summed_up::every_kind;

async fn export(ledger: &Sandbox, ask: wire::ExportUsageRequest) -> Vec<wire::UsageEvent> {
    let batches = answer(ledger.ledger.clone().export_usage(ask).await).unwrap();
    let batches: Vec<wire::ExportUsageResponse> = batches.try_collect().await.unwrap();
    batches.into_iter().flat_map(|batch| batch.events).collect()
}

fn key(event: &wire::UsageEvent) -> (String, String) {
    (event.request_id.clone(), event.step.clone().unwrap().step)
}

#[tokio::test]
async fn the_rows_of_a_span_add_up_to_its_summary() {
    let ledger = Sandbox::free().await;
    every_kind(&ledger).await;
    let sums = ledger.summary().await;
    let rows = export(&ledger, wire::ExportUsageRequest::default()).await;
    let cost: i64 = rows
        .iter()
        .map(|row| row.step.as_ref().unwrap().cost_nano_usd)
        .sum();
    let baseline: i64 = rows.iter().filter_map(|row| row.baseline_nano_usd).sum();
    assert_eq!(cost, sums.cost_nano_usd);
    assert_eq!(baseline, sums.baseline_nano_usd);
    assert_eq!(baseline - cost, sums.savings_nano_usd);
    // The close of the failed request named a baseline that bought no answer; it is not counted.
    assert_eq!(rows.iter().filter(|row| row.answered).count(), 3);
}

#[tokio::test]
async fn many_batches_have_every_row_once_oldest_first() {
    let ledger = Sandbox::free().await;
    ledger.execute(
        "INSERT INTO requests (request_id, project, key_id, action, ttl_ms, expires_at, closed_at,
                               outcome)
         SELECT ('01930000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'default', '', '',
                1, now(), timestamptz '2026-01-26 00:00Z' + n % 7 * interval '1 s', 'failed'
         FROM generate_series(1, 2500) AS n;
         INSERT INTO usage_events (request_id, step, tier, backend, model, outcome, reason,
                                   input_tokens, output_tokens, cached_input_tokens,
                                   cache_write_tokens, reasoning_tokens, usage_estimated,
                                   cost_nano_usd, started_at, latency_us)
         SELECT request_id, 'attempt/' || k, 't', 'b', 'm', 'failed', '', 0, 0, 0, 0, 0, false, 1,
                closed_at, 1
         FROM requests, generate_series(0, 1) AS k",
    );
    let rows = export(&ledger, wire::ExportUsageRequest::default()).await;
    assert_eq!(rows.len(), 5000);
    let mut keys: Vec<_> = rows.iter().map(key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 5000);
    let closed = |row: &wire::UsageEvent| row.closed_at.unwrap().seconds;
    assert!(rows.is_sorted_by_key(closed));
}

#[tokio::test]
async fn spans_that_follow_each_other_have_every_row_once() {
    let ledger = Sandbox::free().await;
    every_kind(&ledger).await;
    let whole = export(&ledger, wire::ExportUsageRequest::default()).await;
    let middle = whole[whole.len() / 2].closed_at;
    let before = wire::ExportUsageRequest {
        until: middle,
        ..wire::ExportUsageRequest::default()
    };
    let after = wire::ExportUsageRequest {
        from: middle,
        ..wire::ExportUsageRequest::default()
    };
    let mut parts = export(&ledger, before).await;
    assert!(!parts.is_empty() && parts.len() < whole.len());
    parts.extend(export(&ledger, after).await);
    assert_eq!(parts, whole);
}

#[tokio::test]
async fn an_export_is_filtered_and_a_wrong_one_refused() {
    let ledger = Sandbox::free().await;
    every_kind(&ledger).await;
    let ask = |filter: &str| wire::ExportUsageRequest {
        filter: filter.to_owned(),
        ..wire::ExportUsageRequest::default()
    };
    let rejected = export(&ledger, ask("outcome=rejected tier=local_fast")).await;
    assert_eq!(rejected.len(), 2);
    let refused = answer(ledger.ledger.clone().export_usage(ask("tier")).await).unwrap_err();
    assert!(refused.message.contains("write word=value"), "{refused}");
    let nothing = ask(&format!("project={}", RequestId::generate()));
    assert!(export(&ledger, nothing).await.is_empty());
}
