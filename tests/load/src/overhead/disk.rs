//! What a commit costs where the benchmark runs: a settlement that is on the disk before its answer
//! leaves cannot take less.

use anyhow::Context as _;
use terrace_testkit::{PostgresServer, Session, TestDatabase};

/// Commits one row after the other within the server, so that no client is in the time.
const COMMIT: &str = "
    CREATE TABLE commits (took interval);
    DO $$
    DECLARE
        began timestamptz;
        took interval;
    BEGIN
        FOR each IN 1..300 LOOP
            began := clock_timestamp();
            INSERT INTO commits VALUES (took);
            COMMIT;
            took := clock_timestamp() - began;
        END LOOP;
    END $$";
const MEDIAN: &str = "
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM took) * 1000) FROM commits";

/// The median time of a commit of one row, in milliseconds.
///
/// # Errors
/// The server does not answer.
pub(crate) fn commit_ms(server: &PostgresServer) -> anyhow::Result<f64> {
    let database = TestDatabase::create_on(server.url())?;
    let mut session = Session::open(database.url())?;
    session.ask(COMMIT)?;
    let rows = session.ask(MEDIAN)?;
    let median = rows.first().and_then(|row| row.first());
    median
        .context("no median")?
        .parse()
        .context("a median that is no number")
}
