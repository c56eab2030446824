//! What acknowledged means: what costs is on the database's disk by then, whatever the config says;
//! what is free may be written there a moment later.

use terrace_config::Durability;
use terrace_domain::RequestId;
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::ledger::v1::{self as wire, RequestOutcome};
use terrace_testkit::{Session, TestDatabase};

use crate::sandbox::{DAILY, Sandbox, budget, closing, ended, hold, settling, spent};

/// A ledger whose database notes how each transaction that books anything commits.
async fn noting(durability: Durability) -> Sandbox {
    let ledger = Sandbox::on(waiting(), |settings| {
        settings.budgets = vec![budget(DAILY, 1_000)];
        settings.durability = durability;
    })
    .await;
    ledger.execute("CREATE TABLE commits (id bigserial, waits text NOT NULL)");
    ledger.execute(
        "CREATE FUNCTION note_commit() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             INSERT INTO commits (waits) VALUES (current_setting('synchronous_commit'));
             RETURN NULL;
         END $$",
    );
    // Deferred: it sees the setting with which the transaction commits.
    ledger.execute(
        "CREATE CONSTRAINT TRIGGER note_commit AFTER INSERT OR UPDATE ON requests
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_commit()",
    );
    ledger
}

/// A database whose commits wait for the disk, whatever its server does otherwise.
fn waiting() -> TestDatabase {
    let database = TestDatabase::create();
    let mut session = Session::open(database.url()).unwrap();
    let set = "DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET synchronous_commit = on', current_database());
    END $$";
    session.ask(set).unwrap();
    database
}

impl Sandbox {
    /// How the last transaction committed: `on` waits for the disk, `off` does not.
    fn last_commit(&self) -> String {
        let mut session = Session::open(self.database.url()).unwrap();
        let rows = session.ask("SELECT waits FROM commits ORDER BY id DESC LIMIT 1");
        rows.unwrap()[0][0].clone()
    }
}

fn free(id: RequestId) -> wire::SettleRequest {
    let steps = [ended(
        "attempt/0",
        "local_fast",
        AttemptOutcome::Accepted,
        0,
    )];
    closing(settling(id, steps), RequestOutcome::Passed, "local_fast")
}

#[tokio::test]
async fn what_is_free_does_not_wait_for_the_disk_where_that_is_asked_for() {
    let ledger = noting(Durability::Relaxed).await;
    let id = RequestId::generate();
    ledger.settle(free(id)).await.unwrap();
    assert_eq!(ledger.last_commit(), "off");
    let close = ledger.request(id).await.close.unwrap();
    assert_eq!(close.outcome(), RequestOutcome::Passed);
    ledger.check_books();
}

#[tokio::test]
async fn what_costs_waits_for_the_disk_all_the_same() {
    let ledger = noting(Durability::Relaxed).await;
    let held = RequestId::generate();
    ledger.reserve(hold(held, "attempt/0", 100)).await.unwrap();
    assert_eq!(ledger.last_commit(), "on", "a hold");
    ledger.release(held, &[]).await;
    ledger.settle(free(held)).await.unwrap();
    assert_eq!(ledger.last_commit(), "on", "after a hold");

    let paid = RequestId::generate();
    let cost = settling(paid, [spent("attempt/0", 30)]);
    ledger.settle(cost).await.unwrap();
    assert_eq!(ledger.last_commit(), "on", "a cost");
    let close = closing(settling(paid, []), RequestOutcome::Passed, "api_fallback");
    ledger.settle(close).await.unwrap();
    assert_eq!(ledger.last_commit(), "on", "the close of what has cost");
    ledger.check_books();
}

#[tokio::test]
async fn all_waits_for_the_disk_unless_something_else_is_asked_for() {
    let ledger = noting(Durability::Strict).await;
    ledger.settle(free(RequestId::generate())).await.unwrap();
    assert_eq!(ledger.last_commit(), "on");
}
