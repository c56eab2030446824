//! Databases on the server that the test run was given.

use std::time::Duration;

use terrace_testkit::{PostgresServer, Session, TestDatabase};

#[test]
fn databases_are_empty_apart_from_each_other_and_gone_when_dropped() {
    let (first, second) = (TestDatabase::create(), TestDatabase::create());
    assert!(first.query("CREATE TABLE t (a int, b text)").is_empty());
    assert!(
        first
            .query("INSERT INTO t VALUES (1, NULL), (2, 'x|y')")
            .is_empty()
    );
    let rows = first.query("SELECT a, b FROM t ORDER BY a");
    assert_eq!(rows, [["1", ""], ["2", "x|y"]]);
    let tables = "SELECT count(*) FROM pg_tables WHERE tablename = 't'";
    assert_eq!(second.number(tables), 0);
    let name = first.url().rsplit('/').next().unwrap().to_owned();
    drop(first);
    let left = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    assert_eq!(second.number(&left), 0);
}

#[test]
fn a_session_answers_one_question_after_the_other_until_one_is_wrong() {
    let database = TestDatabase::create();
    let mut session = Session::open(database.url()).unwrap();
    assert!(session.ask("CREATE TABLE t (a int)").unwrap().is_empty());
    for number in 1..=3 {
        let insert = format!("INSERT INTO t VALUES ({number}) RETURNING a");
        assert_eq!(session.ask(&insert).unwrap(), [[number.to_string()]]);
    }
    assert_eq!(session.ask("SELECT sum(a) FROM t").unwrap(), [["6"]]);
    let error = session.ask("SELECT b FROM t").unwrap_err().to_string();
    assert!(error.contains("\"b\" does not exist"), "{error}");
    assert!(session.ask("SELECT 1").is_err());
}

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_is_there_after_it() {
    let server = PostgresServer::start().await.unwrap();
    let mut session = Session::open(server.url()).unwrap();
    session.ask("CREATE TABLE t (a int)").unwrap();
    for kill in 1..=2 {
        session.ask("INSERT INTO t VALUES (1)").unwrap();
        server.kill().await.unwrap();
        assert!(session.ask("SELECT 1").is_err());
        server.restart().await.unwrap();
        session = Session::open(server.url()).unwrap();
        let count = session.ask("SELECT count(*) FROM t").unwrap();
        assert_eq!(count, [[kill.to_string()]]);
    }
}

#[tokio::test]
async fn what_was_acknowledged_before_a_failover_is_there_after_it() {
    let first = PostgresServer::start().await.unwrap();
    let second = first.standby_in(&std::env::temp_dir()).await.unwrap();
    let mut session = Session::open(first.url()).unwrap();
    session.ask("CREATE TABLE t (a int)").unwrap();
    session.ask("INSERT INTO t VALUES (1)").unwrap();
    first.kill().await.unwrap();
    let insert = "INSERT INTO t VALUES (2)";
    let refused = Session::open(second.url()).unwrap().ask(insert);
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("read-only"), "{error}");
    second.promote().await.unwrap();
    // Nobody stands by any more, and no commit waits for that.
    let mut session = Session::open(second.url()).unwrap();
    session.ask(insert).unwrap();
    assert_eq!(session.ask("SELECT sum(a) FROM t").unwrap(), [["3"]]);
    second.kill().await.unwrap();
    second.restart().await.unwrap();
    let mut session = Session::open(second.url()).unwrap();
    assert_eq!(session.ask("SELECT sum(a) FROM t").unwrap(), [["3"]]);
}

#[tokio::test]
async fn no_commit_is_acknowledged_that_the_standby_does_not_have() {
    let first = PostgresServer::start().await.unwrap();
    let second = first.standby_in(&std::env::temp_dir()).await.unwrap();
    second.signal("STOP").unwrap();
    let (told, acknowledged) = std::sync::mpsc::channel();
    let url = first.url().to_owned();
    std::thread::spawn(move || {
        let done = Session::open(&url).unwrap().ask("CREATE TABLE t (a int)");
        drop(told.send(done));
    });
    let while_it_hangs = acknowledged.recv_timeout(Duration::from_millis(500));
    assert!(while_it_hangs.is_err());
    second.signal("CONT").unwrap();
    let after = acknowledged.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(after.unwrap().is_empty());
}
