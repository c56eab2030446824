//! The database goes away and comes back: what costs is refused, what is free waits or is kept.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use terrace_config::Secret;
use terrace_cost_ledger::{App, Settings, SpoolSettings};
use terrace_domain::{Reason, RequestId};
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::ledger::v1::ledger_service_client::LedgerServiceClient;
use terrace_proto::ledger::v1::{self as wire, RequestOutcome};
use terrace_rpc::Link;
use terrace_rpc::server::ServerSettings;
use terrace_runtime::{Shutdown, Tasks};
use terrace_testkit::{TestDatabase, Wire};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::sandbox::{DAILY, answer, budget, closing, ended, hold, relayed, settling};

/// The way to the database, which can be shut.
struct Gate {
    address: SocketAddr,
    open: watch::Sender<bool>,
    passed: Arc<AtomicBool>,
}

impl Gate {
    async fn before(database: &TestDatabase) -> Self {
        let url = url::Url::parse(database.url()).unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, is_open) = watch::channel(true);
        let passed = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&passed);
        let pass = async move {
            while let Ok((mut inner, _)) = listener.accept().await {
                if !*is_open.borrow() {
                    continue;
                }
                seen.store(true, Ordering::SeqCst);
                let (server, mut is_open) = (server.clone(), is_open.clone());
                start(async move {
                    let mut outer = TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut inner, &mut outer) => (),
                        _ = is_open.wait_for(|open| !open) => (),
                    }
                });
            }
        };
        start(pass);
        Self {
            address,
            open,
            passed,
        }
    }

    fn url(&self, database: &TestDatabase) -> String {
        let mut url = url::Url::parse(database.url()).unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.to_string()
    }

    fn shut(&self) {
        self.open.send_replace(false);
    }

    fn reopen(&self) {
        self.open.send_replace(true);
    }
}

#[expect(clippy::disallowed_methods, reason = "part of a test, dropped with it")]
fn start(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

/// A ledger behind the gate.
struct Ledger {
    app: App,
    client: LedgerServiceClient<Link>,
    tasks: Tasks,
}

impl Ledger {
    async fn behind(gate: &Gate, database: &TestDatabase, spool: Option<&Path>) -> Self {
        Self::with_room(gate, database, spool, 2_000).await
    }

    async fn with_room(
        gate: &Gate,
        database: &TestDatabase,
        spool: Option<&Path>,
        max_bytes: u64,
    ) -> Self {
        let tasks = Tasks::new(Shutdown::new());
        let mut settings = Settings::for_testing(database.url());
        settings.database_url = Secret::Value(gate.url(database).into());
        settings.connect_timeout = Duration::from_secs(2);
        settings.budgets = vec![budget(DAILY, 1_000)];
        settings.spool = SpoolSettings {
            folder: spool.map(Path::to_owned),
            max_bytes,
        };
        let app = terrace_cost_ledger::build(settings, &tasks).await.unwrap();
        assert!(gate.passed.load(Ordering::SeqCst), "it goes another way");
        let stack = app.stack(&ServerSettings::for_testing()).unwrap();
        let client = LedgerServiceClient::new(Link::in_process("cost-ledger", stack));
        Self { app, client, tasks }
    }

    async fn reserve(&self) -> Result<(), Reason> {
        let ask = hold(RequestId::generate(), "attempt/0", 1);
        let answer = answer(self.client.clone().reserve(ask).await);
        answer.map(drop).map_err(|failure| failure.reason)
    }

    async fn settle(&self, ask: wire::SettleRequest) -> Result<wire::SettleResponse, Reason> {
        let answer = answer(self.client.clone().settle(ask).await);
        answer.map_err(|failure| failure.reason)
    }
}

/// A whole request that a free model answered.
fn free(id: RequestId) -> wire::SettleRequest {
    let step = ended("attempt/0", "local_fast", AttemptOutcome::Accepted, 0);
    closing(settling(id, [step]), RequestOutcome::Passed, "local_fast")
}

const CLOSED: &str = "SELECT count(*) FROM requests WHERE outcome = 'passed'";

async fn until_closed(database: &TestDatabase, wanted: i64) {
    let written = async {
        while database.number(CLOSED) < wanted {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), written)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_spool_free_work_waits_for_the_database_and_paid_work_is_refused() {
    let database = TestDatabase::create();
    let gate = Gate::before(&database).await;
    let ledger = Ledger::behind(&gate, &database, None).await;
    ledger.reserve().await.unwrap();
    gate.shut();
    assert_eq!(ledger.reserve().await, Err(Reason::LedgerUnavailable));
    let open_again = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        gate.reopen();
    };
    let (settled, ()) = tokio::join!(ledger.settle(free(RequestId::generate())), open_again);
    assert!(!settled.unwrap().spooled);
    assert_eq!(database.number(CLOSED), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_spool_free_work_is_kept_on_disk_and_written_once() {
    let (database, folder) = (TestDatabase::create(), tempfile::tempdir().unwrap());
    let gate = Gate::before(&database).await;
    let ledger = Ledger::behind(&gate, &database, Some(folder.path())).await;
    gate.shut();
    let ids: Vec<RequestId> = (0..3).map(|_| RequestId::generate()).collect();
    for id in &ids {
        for _ in 0..2 {
            assert!(ledger.settle(free(*id)).await.unwrap().spooled);
        }
    }
    assert_eq!(ledger.reserve().await, Err(Reason::LedgerUnavailable));
    // The process dies before it could write them.
    drop(ledger);
    gate.reopen();
    let ledger = Ledger::behind(&gate, &database, Some(folder.path())).await;
    ledger.app.start_background(&ledger.tasks);
    until_closed(&database, 3).await;
    assert_eq!(database.number(EVENTS), 3);
    let direct = async {
        while ledger
            .settle(free(RequestId::generate()))
            .await
            .unwrap()
            .spooled
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), direct)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_comes_to_its_end_although_settlements_keep_coming() {
    let (database, folder) = (TestDatabase::create(), tempfile::tempdir().unwrap());
    let gate = Gate::before(&database).await;
    let room = 64 << 20;
    let ledger = Ledger::with_room(&gate, &database, Some(folder.path()), room).await;
    ledger.app.start_background(&ledger.tasks);
    gate.shut();
    assert!(
        ledger
            .settle(free(RequestId::generate()))
            .await
            .unwrap()
            .spooled
    );
    gate.reopen();
    // Somebody adds to it at any moment, until nothing waits.
    let keep_coming = || async {
        let mut count = 0;
        while ledger
            .settle(free(RequestId::generate()))
            .await
            .unwrap()
            .spooled
        {
            count += 1;
        }
        count + 1
    };
    let all = futures::future::join_all((0..8).map(|_| keep_coming()));
    let settled = tokio::time::timeout(Duration::from_secs(30), all).await;
    let settled: i64 = settled.expect("it never ends").into_iter().sum();
    until_closed(&database, settled + 1).await;
    assert_eq!(database.number(CLOSED), settled + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_spool_refuses_and_forgets_nothing() {
    let (database, folder) = (TestDatabase::create(), tempfile::tempdir().unwrap());
    let gate = Gate::before(&database).await;
    let ledger = Ledger::behind(&gate, &database, Some(folder.path())).await;
    gate.shut();
    let mut kept = 0;
    while ledger.settle(free(RequestId::generate())).await.is_ok() {
        kept += 1;
        assert!(kept < 50, "the spool has no bound");
    }
    assert!(kept > 0);
    let refused = ledger.settle(free(RequestId::generate())).await;
    assert_eq!(refused.unwrap_err(), Reason::LedgerUnavailable);
    gate.reopen();
    ledger.app.start_background(&ledger.tasks);
    until_closed(&database, kept).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paid_work_waits_for_a_database_that_takes_its_time() {
    let database = TestDatabase::create();
    let (relay, settings) = relayed(&database);
    let tasks = Tasks::new(Shutdown::new());
    let app = terrace_cost_ledger::build(settings, &tasks).await.unwrap();
    let stack = app.stack(&ServerSettings::for_testing()).unwrap();
    let client = LedgerServiceClient::new(Link::in_process("cost-ledger", stack));
    let ledger = Ledger { app, client, tasks };
    // What was connected is gone, and what connects now waits. By then no connection is so fresh
    // that it is used unasked.
    relay.set(Wire::Cut);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    relay.set(Wire::Stuck);
    let back = async {
        // Longer than the pool tries at once.
        tokio::time::sleep(Duration::from_millis(5500)).await;
        relay.set(Wire::Whole);
    };
    let (held, ()) = tokio::join!(ledger.reserve(), back);
    held.unwrap();
}

const EVENTS: &str = "SELECT count(*) FROM usage_events";

/// A paid request that found no database: its step is skipped, and that is kept in the spool.
async fn fail_without_database(ledger: &Ledger, id: RequestId) {
    let skipped = ended("attempt/0", "api_fallback", AttemptOutcome::Skipped, 0);
    let failed = closing(settling(id, [skipped]), RequestOutcome::Failed, "");
    assert!(ledger.settle(failed).await.unwrap().spooled);
}

async fn until_written(database: &TestDatabase) {
    let written = async {
        while database.number(EVENTS) < 1 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let written = tokio::time::timeout(Duration::from_secs(30), written).await;
    written.unwrap();
}

async fn until_held(ledger: &Ledger, id: RequestId) -> wire::ReserveResponse {
    let held = async {
        let hold = hold(id, "attempt/0", 10);
        loop {
            match answer(ledger.client.clone().reserve(hold.clone()).await) {
                Ok(held) => return held,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    let held = tokio::time::timeout(Duration::from_secs(30), held).await;
    held.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_held_for_a_request_while_the_end_of_an_earlier_try_waits() {
    let (database, folder) = (TestDatabase::create(), tempfile::tempdir().unwrap());
    let gate = Gate::before(&database).await;
    let ledger = Ledger::behind(&gate, &database, Some(folder.path())).await;
    let id = RequestId::generate();
    gate.shut();
    fail_without_database(&ledger, id).await;
    gate.reopen();
    until_held(&ledger, RequestId::generate()).await;
    let is_refused = async |ledger: &Ledger| {
        let hold = hold(id, "attempt/0", 10);
        let failure = answer(ledger.client.clone().reserve(hold).await).unwrap_err();
        assert_eq!(failure.reason, Reason::LedgerUnavailable);
        assert!(failure.message.contains("an earlier try"), "{failure}");
    };
    is_refused(&ledger).await;
    // Nor by the ledger that finds the spool of one that died.
    drop(ledger);
    let ledger = Ledger::behind(&gate, &database, Some(folder.path())).await;
    is_refused(&ledger).await;
    ledger.app.start_background(&ledger.tasks);
    let held = until_held(&ledger, id).await;
    assert!(held.repeated_call, "the first try is written: {held:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_was_skipped_before_is_booked_at_its_cost_when_it_is_made_after_all() {
    let (database, folder) = (TestDatabase::create(), tempfile::tempdir().unwrap());
    let gate = Gate::before(&database).await;
    let ledger = Ledger::behind(&gate, &database, Some(folder.path())).await;
    let another = Ledger::behind(&gate, &database, None).await;
    let id = RequestId::generate();
    gate.shut();
    fail_without_database(&ledger, id).await;
    // The second try comes to a ledger that does not know of the spool, before that is written.
    gate.reopen();
    until_held(&another, id).await;
    ledger.app.start_background(&ledger.tasks);
    until_written(&database).await;
    let made = ended("attempt/0", "api_fallback", AttemptOutcome::Accepted, 7);
    let passed = closing(settling(id, [made]), RequestOutcome::Passed, "api_fallback");
    another.settle(passed).await.unwrap();
    let rows = database.query("SELECT step, outcome, cost_nano_usd FROM usage_events");
    assert_eq!(rows, [["attempt/0", "accepted", "7"]]);
    assert_eq!(database.query("SELECT outcome FROM requests"), [["passed"]]);
}
