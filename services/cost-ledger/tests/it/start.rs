//! Starting, and what happens when the database is away.

use std::time::Duration;

use terrace_config::Secret;
use terrace_cost_ledger::{Settings, StartError, build};
use terrace_domain::{Reason, RequestId};
use terrace_runtime::{Shutdown, Tasks};
use terrace_testkit::{TestDatabase, Wire};

use crate::sandbox::{DAILY, Sandbox, budget, hold, relayed};

#[tokio::test]
async fn replicas_that_start_at_once_share_the_work_of_the_tables() {
    let database = TestDatabase::create();
    let tasks = Tasks::new(Shutdown::new());
    let start = || {
        let mut settings = Settings::for_testing(database.url());
        settings.budgets = vec![budget(DAILY, 100)];
        settings.max_connections = 2;
        build(settings, &tasks)
    };
    let (one, two, three) = tokio::join!(start(), start(), start());
    for app in [one, two, three] {
        app.unwrap();
    }
    assert_eq!(
        database.number("SELECT count(*) FROM budgets WHERE active"),
        1
    );
}

#[tokio::test]
async fn tables_are_brought_up_to_date_as_often_as_one_likes() {
    let database = TestDatabase::create();
    let address = (
        "TERRACE__LEDGER__DATABASE_URL".to_owned(),
        database.url().to_owned(),
    );
    let loaded = terrace_config::parse("", "test.yaml", [address]).unwrap();
    let tables = "SELECT count(*) FROM _sqlx_migrations";
    terrace_cost_ledger::migrate(&loaded.config).await.unwrap();
    let made = database.number(tables);
    assert!(made > 0);
    terrace_cost_ledger::migrate(&loaded.config).await.unwrap();
    let ledger = Sandbox::on(database, |_| ()).await;
    assert_eq!(ledger.database.number(tables), made);
}

#[tokio::test]
async fn an_older_version_starts_on_the_tables_of_a_newer_one() {
    let ledger = Sandbox::free().await;
    ledger.execute(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'of a newer version', true, '\\x00', 0)",
    );
    let ledger = Sandbox::on(ledger.database, |_| ()).await;
    let ask = hold(RequestId::generate(), "attempt/0", 1);
    ledger.reserve(ask).await.unwrap();
}

#[tokio::test]
async fn a_missing_address_or_database_is_told_by_name() {
    let tasks = Tasks::new(Shutdown::new());
    let mut settings = Settings::for_testing("");
    settings.database_url = Secret::Unset;
    let error = build(settings, &tasks).await.unwrap_err();
    assert!(matches!(error, StartError::NoAddress), "{error}");

    let database = TestDatabase::create();
    let gone = database.url().to_owned();
    drop(database);
    let error = build(Settings::for_testing(&gone), &tasks)
        .await
        .unwrap_err();
    assert!(matches!(error, StartError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn a_database_that_is_slow_to_connect_to_is_waited_for() {
    let database = TestDatabase::create();
    let (relay, settings) = relayed(&database);
    relay.set(Wire::Late(Duration::from_secs(2)));
    let ledger = Sandbox::with(database, settings).await;
    let ask = hold(RequestId::generate(), "attempt/0", 1);
    ledger.reserve(ask).await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_too_slow_to_connect_to_is_told_with_place_and_time() {
    let database = TestDatabase::create();
    let (relay, mut settings) = relayed(&database);
    relay.set(Wire::Late(Duration::from_secs(20)));
    settings.connect_timeout = Duration::from_millis(600);
    let tasks = Tasks::new(Shutdown::new());
    let error = build(settings, &tasks).await.unwrap_err().to_string();
    assert!(error.contains(&relay.address()), "{error}");
    assert!(error.contains("no connection stood after 600ms"), "{error}");
    assert!(error.contains("ledger.connect_timeout"), "{error}");
}

#[tokio::test]
async fn a_database_that_went_away_is_told_as_unavailable_and_when_to_come_back() {
    let Sandbox {
        ledger, database, ..
    } = Sandbox::with_budget(100).await;
    drop(database);
    let ask = hold(RequestId::generate(), "attempt/0", 1);
    let status = ledger.clone().reserve(ask).await.unwrap_err();
    let failure = terrace_rpc::status::to_failure(&status);
    assert_eq!(failure.reason, Reason::LedgerUnavailable, "{failure}");
    assert!(failure.retry_after.is_some());
    assert!(!failure.message.contains("terrace_test_"), "{failure}");
}
