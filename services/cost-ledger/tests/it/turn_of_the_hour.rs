//! The turn of the hour: all requests of the hour before are of an hour that has passed from then on,
//! and plans that a connection has kept were made before.

use sqlx::{Connection as _, PgConnection};
use terrace_testkit::{Session, TestDatabase};

/// Requests of the hour before.
const MANY: i64 = 5_000;
/// As often as PostgreSQL makes a plan anew before it keeps one, and once more.
const PLANNED: usize = 6;

/// Books with requests that have closed just now, and one connection to them.
async fn books() -> (TestDatabase, Session) {
    let database = TestDatabase::create();
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    sqlx::migrate!("./migrations")
        .run(&mut connection)
        .await
        .unwrap();
    let mut session = Session::open(database.url()).unwrap();
    let closed = format!(
        "INSERT INTO requests (request_id, project, key_id, action, ttl_ms, expires_at, closed_at,
                               outcome, tier, backend, model)
         SELECT gen_random_uuid(), 'p', '', '', 1000, now(), now(), 'passed', 't', 'b', 'm'
         FROM generate_series(0, {MANY})"
    );
    for sql in [&closed, "ANALYZE requests"] {
        session.ask(sql).unwrap();
    }
    (database, session)
}

/// Books a step of a request; says how many requests were read for it.
fn book(session: &mut Session, request_id: &str, step: usize) -> i64 {
    let book = format!(
        "INSERT INTO usage_events (request_id, step, tier, backend, model, outcome, reason,
                                   input_tokens, output_tokens, cached_input_tokens,
                                   cache_write_tokens, reasoning_tokens, usage_estimated,
                                   cost_nano_usd, started_at, latency_us)
         VALUES ('{request_id}', 'attempt/{step}', 't', 'b', 'm', 'accepted', '', 1, 1, 0, 0, 0,
                 false, 0, now(), 1)"
    );
    session.ask("BEGIN").unwrap();
    // What earlier transactions have read may not have been handed in yet.
    let before = read(session);
    session.ask(&book).unwrap();
    let after = read(session);
    session.ask("COMMIT").unwrap();
    after - before
}

/// Requests that this connection has read.
fn read(session: &mut Session) -> i64 {
    let read = session
        .ask(
            "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))
             FROM pg_stat_xact_user_tables WHERE relname LIKE 'requests%'",
        )
        .unwrap();
    read[0][0].parse().unwrap()
}

#[tokio::test]
async fn a_step_reads_its_own_request_however_many_are_of_a_passed_hour_now() {
    let (_database, mut session) = books().await;
    let id = session.ask("SELECT min(request_id::text) FROM requests");
    let id = id.unwrap()[0][0].clone();
    for step in 0..PLANNED {
        book(&mut session, &id, step);
    }
    let turn = format!(
        "UPDATE requests SET closed_at = closed_at - interval '1 hour' WHERE request_id <> '{id}'"
    );
    session.ask(&turn).unwrap();
    let read = book(&mut session, &id, PLANNED);
    assert_eq!(read, 1);
}
