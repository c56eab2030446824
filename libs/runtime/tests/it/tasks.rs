//! What the end of a task means, and that waiting for tasks is bounded.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use terrace_runtime::{Kind, Lost, Shutdown, Tasks};

fn tasks() -> (Tasks, Shutdown) {
    let shutdown = Shutdown::new();
    (Tasks::new(shutdown.clone()), shutdown)
}

#[tokio::test]
async fn a_panic_in_a_critical_task_requests_shutdown() {
    let (tasks, shutdown) = tasks();
    tasks.spawn("ledger writer", Kind::Critical, async {
        panic!("disk gone")
    });
    shutdown.requested().await;
}

#[tokio::test]
async fn an_early_end_of_a_critical_task_requests_shutdown() {
    let (tasks, shutdown) = tasks();
    tasks.spawn("ledger writer", Kind::Critical, async {});
    shutdown.requested().await;
}

#[tokio::test]
async fn a_panic_in_a_background_task_changes_nothing() {
    let (tasks, shutdown) = tasks();
    tasks.spawn("refresh", Kind::Background, async { panic!("no network") });
    tasks.wait(Duration::from_secs(5)).await.unwrap();
    assert!(!shutdown.is_requested());
}

#[tokio::test(start_paused = true)]
async fn background_tasks_do_not_hold_up_the_end() {
    let (tasks, _shutdown) = tasks();
    tasks.spawn("refresh", Kind::Background, pending());
    tasks.wait(Duration::from_secs(5)).await.unwrap();
    assert_eq!(tasks.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn detached_work_is_waited_for_although_nobody_holds_it() {
    let (tasks, _shutdown) = tasks();
    let settled = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&settled);
    drop(tasks.detach("settle", async move {
        tokio::time::sleep(Duration::from_secs(3)).await;
        mark.store(true, Ordering::SeqCst);
    }));
    tasks.wait(Duration::from_secs(5)).await.unwrap();
    assert!(settled.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn waiting_is_bounded_and_names_what_is_left() {
    let (tasks, _shutdown) = tasks();
    drop(tasks.detach("settle", pending::<()>()));
    let error = tasks.wait(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(error.names, ["settle"]);
}

#[tokio::test]
async fn detached_work_hands_back_its_result_or_its_loss() {
    let (tasks, _shutdown) = tasks();
    assert_eq!(tasks.detach("count", async { 42 }).await, Ok(42));
    let lost = tasks.detach("count", async { panic!("overflow") }).await;
    assert_eq!(lost, Err::<(), _>(Lost { name: "count" }));
}
