//! History: sums of passed hours are those of their rows, corrections count at once, what is old
//! goes and its sums stay.

use std::time::Duration;

use terrace_domain::{NanoUsd, Reason, RequestId};
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::ledger::v1::{self as wire, RequestOutcome};
use uuid::Uuid;

use crate::sandbox::{DAILY, Sandbox, answer, budget, closing, ended, hold, settling, spent};
use crate::summed_up::every_kind;
use crate::verified::wrong;

const DAY: Duration = Duration::from_hours(24);

/// Spreads all closed requests over the past: the oldest so many hours ago, forty minutes apart.
fn age(ledger: &Sandbox, hours: i64) {
    ledger.execute(&format!(
        "UPDATE requests SET closed_at = date_trunc('hour', now()) - interval '{hours} hours'
                                         + place * interval '40 minutes'
         FROM (SELECT request_id AS id, row_number() OVER (ORDER BY closed_at) AS place
               FROM requests WHERE closed_at IS NOT NULL) AS places
         WHERE request_id = id"
    ));
}

async fn summary(
    ledger: &Sandbox,
    by: &[&str],
    bucket: Option<i64>,
) -> Result<wire::GetSummaryResponse, terrace_domain::Failure> {
    let ask = wire::GetSummaryRequest {
        from: Some(prost_types::Timestamp {
            seconds: ledger.database.number(
                "SELECT extract(epoch FROM date_trunc('hour', now()) - interval '60 days')::bigint",
            ),
            nanos: 0,
        }),
        group_by: by.iter().map(ToString::to_string).collect(),
        bucket: bucket.map(|seconds| prost_types::Duration { seconds, nanos: 0 }),
        ..wire::GetSummaryRequest::default()
    };
    let mut sums = answer(ledger.ledger.clone().get_summary(ask).await)?;
    // Now moves on between two questions.
    sums.until = None;
    for group in &mut sums.groups {
        group.until = None;
    }
    Ok(sums)
}

fn rolled(ledger: &Sandbox) -> i64 {
    ledger.database.number("SELECT count(*) FROM rolled_hours")
}

#[tokio::test]
async fn sums_of_passed_hours_are_those_of_their_rows() {
    let ledger = Sandbox::free().await;
    every_kind(&ledger).await;
    every_kind(&ledger).await;
    age(&ledger, 10);
    let cuts: [(&[&str], Option<i64>); 4] = [
        (&[], None),
        (&["tier", "model", "backend"], Some(3_600)),
        (&["project", "action", "key"], Some(5_400)),
        (&["tag.topic"], Some(86_400)),
    ];
    let mut before = Vec::new();
    for (by, bucket) in cuts {
        before.push(summary(&ledger, by, bucket).await);
    }
    ledger.app.tend_history().await.unwrap();
    assert!(rolled(&ledger) >= 8);
    for ((by, bucket), before) in cuts.into_iter().zip(before) {
        assert_eq!(summary(&ledger, by, bucket).await, before, "{by:?}");
    }
}

#[tokio::test]
async fn what_is_put_right_in_a_passed_hour_counts_at_once() {
    let ledger = Sandbox::free().await;
    let orphan = RequestId::generate();
    ledger
        .reserve(hold(orphan, "attempt/0", 1_000))
        .await
        .unwrap();
    ledger.expire(orphan);
    assert_eq!(ledger.app.reap().await, Ok(1));
    let late = RequestId::generate();
    let steps = settling(late, [spent("attempt/0", 7)]);
    ledger
        .settle(closing(steps, RequestOutcome::Passed, "api_fallback"))
        .await
        .unwrap();
    age(&ledger, 5);
    ledger.app.tend_history().await.unwrap();
    let hours = rolled(&ledger);
    let cost = async || summary(&ledger, &[], None).await.unwrap().cost_nano_usd;
    assert_eq!(cost().await, 1_007);

    // The orphan's real settlement, and a step that nobody had told of.
    ledger
        .settle(settling(orphan, [spent("attempt/0", 300)]))
        .await
        .unwrap();
    assert_eq!(cost().await, 307);
    let judge = ended("judge/0", "local_fast", AttemptOutcome::Accepted, 20);
    ledger.settle(settling(late, [judge])).await.unwrap();
    assert_eq!(cost().await, 327);
    assert!(rolled(&ledger) < hours);
    ledger.app.tend_history().await.unwrap();
    assert_eq!((rolled(&ledger), cost().await), (hours, 327));
}

#[tokio::test]
async fn ids_have_partitions_by_their_time_and_stay_unique_without_one() {
    let ledger = Sandbox::free().await;
    let random = RequestId::from_uuid(Uuid::from_u128(0xdead_beef_dead_4eef_9ead_beef_dead_beef));
    let timed = RequestId::generate();
    for id in [random, timed, random, timed] {
        let steps = settling(id, [spent("attempt/0", 7)]);
        let ask = closing(steps, RequestOutcome::Passed, "api_fallback");
        assert_eq!(ledger.settle(ask).await.unwrap().cost_nano_usd, 7);
    }
    let count = |table: &str| {
        ledger
            .database
            .number(&format!("SELECT count(*) FROM {table}"))
    };
    assert_eq!((count("requests"), count("usage_events")), (2, 2));
    assert_eq!((count("requests_rest"), count("usage_events_rest")), (1, 1));
}

/// A ledger that keeps rows for two days in pieces of one.
async fn forgetful() -> Sandbox {
    Sandbox::start(|settings| {
        settings.history.retention = Some(2 * DAY);
        settings.history.partition = DAY;
    })
    .await
}

/// Settles a request under an id of so many days ago, and closes it then.
async fn settle_old(ledger: &Sandbox, days: i64, cost: i64) -> RequestId {
    let bits = ledger.database.query(&format!(
        "SELECT first_id_of(now() - interval '{days} days')"
    ));
    let first: Uuid = bits[0][0].parse().unwrap();
    let id = RequestId::from_uuid(Uuid::from_u128(
        first.as_u128() + u128::from(cost.unsigned_abs()),
    ));
    let steps = settling(id, [spent("attempt/0", cost)]);
    let ask = closing(steps, RequestOutcome::Passed, "api_fallback");
    ledger.settle(ask).await.unwrap();
    ledger.execute(&format!(
        "UPDATE requests SET closed_at = now() - interval '{days} days' WHERE request_id = '{id}'"
    ));
    id
}

#[tokio::test]
async fn old_rows_go_with_their_partition_and_their_sums_stay() {
    let ledger = forgetful().await;
    ledger.execute(
        "DO $$ BEGIN PERFORM begin_history_span(date_trunc('day', now()) - interval '9 days',
                                                date_trunc('day', now()) - interval '8 days'); END $$",
    );
    for (days, cost) in [(9, 5), (9, 6), (30, 70), (1, 800)] {
        settle_old(&ledger, days, cost).await;
    }
    let before = summary(&ledger, &["tier"], Some(86_400)).await.unwrap();
    let parts = "SELECT count(*) FROM pg_class WHERE relname LIKE 'requests_2%' AND relkind = 'r'";
    let count = ledger.database.number(parts);
    ledger.app.tend_history().await.unwrap();
    assert_eq!(ledger.database.number(parts), count - 1);
    assert_eq!(
        ledger
            .database
            .number("SELECT sum(cost_nano_usd) FROM usage_events"),
        800
    );
    assert_eq!(ledger.database.number("SELECT count(*) FROM holds"), 0);
    let after = summary(&ledger, &["tier"], Some(86_400)).await.unwrap();
    assert_eq!(after, before);
    assert_eq!(after.cost_nano_usd, 881);

    let refused = summary(&ledger, &["tag.topic"], None).await.unwrap_err();
    assert_eq!(refused.reason, Reason::InvalidRequest);
    assert!(
        refused.message.contains("tags are kept with the rows"),
        "{refused}"
    );
}

#[tokio::test]
async fn rows_that_were_deleted_for_their_age_are_no_gap_in_the_books() {
    let ledger = Sandbox::start(|settings| {
        settings.history.retention = Some(2 * DAY);
        settings.budgets = vec![budget(DAILY, 10_000)];
    })
    .await;
    settle_old(&ledger, 30, 70).await;
    assert_eq!(ledger.standing().await, (70, 0));
    ledger.execute(
        "UPDATE budget_periods SET period_start = period_start - interval '30 days',
                                   period_end = period_end - interval '30 days'",
    );
    ledger.app.tend_history().await.unwrap();
    let rows = "SELECT count(*) FROM usage_events";
    assert_eq!(ledger.database.number(rows), 0);
    assert_eq!(wrong(&ledger).await, []);

    ledger.execute("UPDATE history_horizon SET horizon = '-infinity'");
    assert_eq!(wrong(&ledger).await.len(), 1);
}

#[tokio::test]
async fn a_partition_with_an_open_request_stays() {
    let ledger = forgetful().await;
    ledger.execute(
        "DO $$ BEGIN PERFORM begin_history_span(date_trunc('day', now()) - interval '9 days',
                                                date_trunc('day', now()) - interval '8 days'); END $$",
    );
    settle_old(&ledger, 9, 5).await;
    let open = settle_old(&ledger, 9, 6).await;
    ledger.execute(&format!(
        "UPDATE requests SET closed_at = NULL, outcome = NULL WHERE request_id = '{open}'"
    ));
    ledger.app.tend_history().await.unwrap();
    let kept: NanoUsd = NanoUsd::new(
        ledger
            .database
            .number("SELECT sum(cost_nano_usd) FROM usage_events"),
    );
    assert_eq!(kept, NanoUsd::new(11));
}

#[tokio::test]
async fn an_older_version_writes_into_the_partitions_of_a_newer_one() {
    // What the statements of the first version were, on the tables of this one.
    let ledger = Sandbox::free().await;
    let id = RequestId::generate();
    ledger.execute(&format!(
        "INSERT INTO requests (request_id, project, key_id, action, ttl_ms, expires_at)
         VALUES ('{id}', 'default', '', 'a', 1000, now())
         ON CONFLICT (request_id) DO UPDATE SET project = requests.project;
         INSERT INTO holds (request_id, step, amount_nano_usd, tier, backend, model, state)
         VALUES ('{id}', 'attempt/0', 5, 't', 'b', 'm', 'open');
         UPDATE holds SET state = 'settled', ended_at = now() WHERE request_id = '{id}';
         INSERT INTO usage_events
             (request_id, step, tier, backend, model, outcome, reason, input_tokens, output_tokens,
              cached_input_tokens, cache_write_tokens, reasoning_tokens, usage_estimated,
              cost_nano_usd, started_at, latency_us)
         VALUES ('{id}', 'attempt/0', 't', 'b', 'm', 'accepted', '', 1, 1, 0, 0, 0, false, 5, now(), 1)
         ON CONFLICT (request_id, step) DO UPDATE SET outcome = 'accepted'
         WHERE usage_events.outcome = 'presumed';
         UPDATE requests SET closed_at = now(), outcome = 'passed', tier = 't', backend = 'b',
                             model = 'm' WHERE request_id = '{id}'"
    ));
    assert_eq!(ledger.request(id).await.cost_nano_usd, 5);
    assert_eq!(ledger.summary().await.cost_nano_usd, 5);
}
