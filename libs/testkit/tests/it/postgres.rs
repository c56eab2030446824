//! Databases on the server that the test run was given.

use terrace_testkit::TestDatabase;

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
