//! Books that an old version has filled: they are taken over as they are, and the statements of the
//! old version still work on the tables, because it runs beside the new one for a while.

use std::borrow::Cow;

use sqlx::migrate::Migrator;
use sqlx::{Connection as _, Executor as _, PgConnection};
use terrace_domain::RequestId;
use terrace_proto::ledger::v1::RequestOutcome;
use terrace_testkit::TestDatabase;

use crate::sandbox::{DAILY, Sandbox, budget, closing, settling, spent};
use crate::verified::wrong;

/// The last migration of the first version that was in use.
const OLD: i64 = 3;

/// A database as that version left it.
async fn old_database() -> TestDatabase {
    let database = TestDatabase::create();
    let all = sqlx::migrate!("./migrations");
    let old = all.migrations.iter().filter(|one| one.version <= OLD);
    let old = Migrator {
        migrations: Cow::Owned(old.cloned().collect()),
        ..Migrator::DEFAULT
    };
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    old.run(&mut connection).await.unwrap();
    connection
        .execute(
            "INSERT INTO budgets (name, cap_nano_usd, alert_threshold, alert_nano_usd, time_zone,
                                  active)
             VALUES ('installation/daily', 10000, 0.8, 8000, 'UTC', true);
             INSERT INTO budget_periods (budget_id, period_start, period_end)
             SELECT budget_id, date_trunc('day', now(), 'UTC') + day * interval '1 day',
                    date_trunc('day', now(), 'UTC') + (day + 1) * interval '1 day'
             FROM budgets, generate_series(-1, 0) AS day",
        )
        .await
        .unwrap();
    database
}

/// What the old version writes for a request that holds a hundred; with a cost it is settled and
/// closed.
fn old_request(database: &TestDatabase, cost: Option<i64>) -> RequestId {
    let id = RequestId::generate();
    let today = "(SELECT max(period_id) FROM budget_periods)";
    let open = format!(
        "INSERT INTO requests (request_id, project, key_id, action, ttl_ms, expires_at)
         VALUES ('{id}', 'default', '', 'edit_file', 600000, now() + interval '10 min');
         INSERT INTO holds (request_id, step, amount_nano_usd, period_id, tier, backend, model, state)
         VALUES ('{id}', 'attempt/0', 100, {today}, 'api_fallback', 'backend', 'm', 'open');
         UPDATE budget_periods SET reserved_nano_usd = reserved_nano_usd + 100
         WHERE period_id = {today}"
    );
    assert!(database.query(&open).is_empty());
    if let Some(cost) = cost {
        let settle = format!(
            "UPDATE holds SET state = 'settled', ended_at = now() WHERE request_id = '{id}';
             INSERT INTO usage_events (request_id, step, tier, backend, model, outcome, reason,
                 input_tokens, output_tokens, cached_input_tokens, cache_write_tokens,
                 reasoning_tokens, usage_estimated, cost_nano_usd, period_id, started_at, latency_us)
             VALUES ('{id}', 'attempt/0', 'api_fallback', 'backend', 'm', 'accepted', '', 10, 5, 0,
                 0, 0, false, {cost}, {today}, now(), 1000);
             UPDATE budget_periods SET reserved_nano_usd = reserved_nano_usd - 100,
                                       spent_nano_usd = spent_nano_usd + {cost}
             WHERE period_id = {today};
             UPDATE requests SET closed_at = now(), outcome = 'passed', tier = 'api_fallback',
                 backend = 'backend', model = 'm', latency_us = 1000
             WHERE request_id = '{id}'"
        );
        assert!(database.query(&settle).is_empty());
    }
    id
}

async fn new_ledger(database: TestDatabase) -> Sandbox {
    Sandbox::on(database, |settings| {
        settings.budgets = vec![terrace_config::Budget {
            time_zone: terrace_config::TimeZone::UTC,
            ..budget(DAILY, 10_000)
        }];
    })
    .await
}

#[tokio::test]
async fn old_books_are_taken_over_with_their_sums_and_open_holds() {
    let database = old_database().await;
    old_request(&database, Some(40));
    let open = old_request(&database, None);
    let ledger = new_ledger(database).await;
    assert_eq!(wrong(&ledger).await, []);
    assert_eq!(ledger.standing().await, (40, 100));
    assert_eq!(ledger.summary().await.cost_nano_usd, 40);
    let end = settling(open, [spent("attempt/0", 25)]);
    let end = closing(end, RequestOutcome::Passed, "api_fallback");
    ledger.settle(end).await.unwrap();
    assert_eq!(ledger.standing().await, (65, 0));
    assert_eq!(wrong(&ledger).await, []);
}

#[tokio::test]
async fn an_old_version_goes_on_writing_beside_the_new_one() {
    let ledger = new_ledger(old_database().await).await;
    old_request(&ledger.database, Some(40));
    let orphan = old_request(&ledger.database, None);
    assert_eq!(ledger.standing().await, (40, 100));
    assert_eq!(wrong(&ledger).await, []);
    ledger.expire(orphan);
    assert_eq!(ledger.app.reap().await, Ok(1));
    assert_eq!(ledger.standing().await, (140, 0));
    assert_eq!(wrong(&ledger).await, []);
}
