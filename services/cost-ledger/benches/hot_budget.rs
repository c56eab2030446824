//! Reservations on one hot budget: the ledger beside a transaction and a row lock per request.
//!
//! Both write the same rows to the same PostgreSQL, in turns, with the same number of callers that
//! each wait for their answer before they ask again. Run it on a cluster that syncs to disk:
//!
//! ```text
//! export TERRACE_TEST_DATABASE_URL=$(scripts/postgres.sh start /tmp/terrace-bench-pg)
//! cargo bench -p terrace-cost-ledger --bench hot_budget -- --callers 50 --seconds 3 --rounds 5
//! ```
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints what it measured and stops at the first thing that is wrong"
)]

use std::time::Duration;

use clap::Parser;
use futures::future::join_all;
use sqlx::{Executor as _, PgPool};
use terrace_config::{Budget, TimeZone};
use terrace_cost_ledger::Settings;
use terrace_domain::{BudgetName, NanoUsd, RequestId, Score};
use terrace_proto::ledger::v1 as wire;
use terrace_proto::ledger::v1::ledger_service_client::LedgerServiceClient;
use terrace_rpc::Link;
use terrace_rpc::server::ServerSettings;
use terrace_runtime::{Shutdown, Tasks};
use terrace_testkit::TestDatabase;
use tokio::time::Instant;

/// Measures reservations on one hot budget.
#[derive(Debug, Parser)]
struct Args {
    /// Callers at once
    #[arg(long, default_value_t = 50)]
    callers: usize,
    /// Length of each measurement
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How often each way is measured, in turns
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// More than is ever reserved.
const CAP: NanoUsd = NanoUsd::new(1_000_000_000_000_000_000);

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let (one_by_one, together) = (RowLock::start(args.callers).await, Ledger::start().await);
    let durable = sqlx::query_scalar::<_, String>("SHOW fsync").fetch_one(&one_by_one.pool);
    let durable = durable.await.unwrap();
    println!(
        "{} callers, {} s each, fsync {durable}",
        args.callers, args.seconds
    );
    let (mut slow, mut fast) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        slow.push(measure(&args, || one_by_one.reserve()).await);
        fast.push(measure(&args, || together.reserve()).await);
    }
    let slow = report("a transaction and a row lock per request", slow);
    let fast = report("the ledger (group commit)", fast);
    println!("ratio of the medians: {:.1}", fast / slow);
}

/// What one round came to.
struct Round {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

async fn measure<F: Future<Output = ()>>(args: &Args, reserve: impl Fn() -> F) -> Round {
    let began = Instant::now();
    let until = began + Duration::from_secs(args.seconds);
    let caller = || async {
        let mut took = Vec::new();
        while Instant::now() < until {
            let asked = Instant::now();
            reserve().await;
            took.push(asked.elapsed());
        }
        took
    };
    let callers = (0..args.callers).map(|_| caller());
    let mut took: Vec<Duration> = join_all(callers).await.into_iter().flatten().collect();
    let elapsed = began.elapsed();
    took.sort_unstable();
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of calls is far below 2^52"
    )]
    let per_second = took.len() as f64 / elapsed.as_secs_f64();
    Round {
        per_second,
        p50: took[took.len() / 2],
        p99: took[took.len() * 99 / 100],
    }
}

/// Prints the median round with the lowest and the highest; returns the median rate.
fn report(name: &str, mut rounds: Vec<Round>) -> f64 {
    rounds.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    let (first, last) = (&rounds[0], &rounds[rounds.len() - 1]);
    let median = &rounds[rounds.len() / 2];
    let worst = rounds
        .iter()
        .map(|round| round.p99)
        .max()
        .unwrap_or_default();
    println!(
        "{name}: {:.0}/s [{:.0}..{:.0}], p50 {:.2?}, p99 {:.2?} (worst round {worst:.2?})",
        median.per_second, first.per_second, last.per_second, median.p50, median.p99,
    );
    median.per_second
}

/// The ledger as it runs, over an in-process link.
struct Ledger {
    client: LedgerServiceClient<Link>,
    _tasks: Tasks,
    _database: TestDatabase,
}

impl Ledger {
    async fn start() -> Self {
        let (database, tasks) = (TestDatabase::create(), Tasks::new(Shutdown::new()));
        let mut settings = Settings::for_testing(database.url());
        settings.budgets = vec![Budget {
            name: BudgetName::INSTALLATION_DAILY,
            cap: CAP,
            alert_threshold: Score::ONE,
            time_zone: TimeZone::UTC,
        }];
        let app = terrace_cost_ledger::build(settings, &tasks).await.unwrap();
        let stack = app.stack(&ServerSettings::for_testing()).unwrap();
        Self {
            client: LedgerServiceClient::new(Link::in_process("cost-ledger", stack)),
            _tasks: tasks,
            _database: database,
        }
    }

    async fn reserve(&self) {
        let ask = wire::ReserveRequest {
            request_id: RequestId::generate().to_string(),
            step: "attempt/0".to_owned(),
            project: "default".to_owned(),
            key_id: String::new(),
            amount_nano_usd: 1_000,
            ttl: None,
            target: Some(wire::StepTarget {
                tier: "api_fallback".to_owned(),
                backend: "anthropic".to_owned(),
                model: "claude-sonnet-4-5".to_owned(),
            }),
            action: "edit_file".to_owned(),
            body_fingerprint: Vec::new(),
        };
        self.client.clone().reserve(ask).await.unwrap();
    }
}

/// The usual way: each request a transaction of its own that waits for the row of the budget. As
/// quick as it can be: two statements, the second of which decides and writes everything.
struct RowLock {
    pool: PgPool,
    _ledger: Ledger,
}

const TAKE_AND_HOLD: &str = "
    WITH taken AS (
        UPDATE budget_periods period
        SET reserved_nano_usd = period.reserved_nano_usd + $2
        FROM budgets budget
        WHERE budget.name = 'installation/daily' AND budget.active
          AND period.budget_id = budget.budget_id
          AND period.period_start <= now() AND period.period_end > now()
          AND $2 <= budget.cap_nano_usd - period.spent_nano_usd - period.reserved_nano_usd
        RETURNING period.period_id
    )
    INSERT INTO holds (request_id, step, amount_nano_usd, tier, backend, model, state, period_ids)
    SELECT $1, 'attempt/0', $2, 'api_fallback', 'anthropic', 'claude-sonnet-4-5', 'open',
           ARRAY[period_id]
    FROM taken";

impl RowLock {
    async fn start(callers: usize) -> Self {
        let ledger = Ledger::start().await;
        // Its first reservation begins the day.
        ledger.reserve().await;
        let pool = sqlx::postgres::PgPoolOptions::new()
            .max_connections(u32::try_from(callers).unwrap_or(50))
            .test_before_acquire(false)
            .connect(ledger._database.url())
            .await
            .unwrap();
        Self {
            pool,
            _ledger: ledger,
        }
    }

    async fn reserve(&self) {
        let id = RequestId::generate().as_uuid();
        let mut connection = self.pool.acquire().await.unwrap();
        connection.execute("BEGIN").await.unwrap();
        sqlx::query(
            "INSERT INTO requests (request_id, project, key_id, action, ttl_ms, expires_at)
             VALUES ($1, 'default', '', 'edit_file', 600000, now() + interval '600 s')
             ON CONFLICT (request_id) DO UPDATE SET project = requests.project",
        )
        .bind(id)
        .execute(&mut *connection)
        .await
        .unwrap();
        let taken = sqlx::query(TAKE_AND_HOLD)
            .bind(id)
            .bind(1_000_i64)
            .execute(&mut *connection)
            .await
            .unwrap();
        assert_eq!(taken.rows_affected(), 1);
        connection.execute("COMMIT").await.unwrap();
    }
}
