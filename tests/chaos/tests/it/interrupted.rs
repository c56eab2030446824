//! An attack that is told to stop.

use std::path::Path;
use std::time::Duration;

use terrace_testkit::Process;
use terrace_testkit::process::{children, is_running};
use tokio::time::{sleep, timeout};

/// For all of a fleet to start, or to end.
const PATIENCE: Duration = Duration::from_secs(120);
/// An edge, an orchestrator, a ledger, a classifier, a judge and two gateways.
const SERVICES: usize = 7;

/// Waits until the attack says on its standard error that a window has passed: all of it runs then.
async fn under_way(attack: &Process) {
    let told = || {
        attack
            .stderr()
            .iter()
            .any(|line| line.starts_with("window"))
    };
    let waiting = async {
        while !told() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    let told = timeout(PATIENCE, waiting).await;
    assert!(told.is_ok(), "{}", attack.stderr().join("\n"));
}

#[tokio::test]
async fn an_attack_that_is_told_to_stop_ends_what_it_has_started() {
    let program = Path::new(env!("CARGO_BIN_EXE_terrace-chaos"));
    let args = ["soak", "--rate", "1", "--window-seconds", "5"];
    let mut attack = Process::start(program, args, std::iter::empty::<(&str, &str)>()).unwrap();
    under_way(&attack).await;
    let started = children(attack.id());
    assert!(started.len() >= SERVICES, "{started:?}");

    attack.terminate().unwrap();
    let status = attack.wait(PATIENCE).await.unwrap();
    assert!(!status.success());
    let left: Vec<u32> = started.into_iter().filter(|id| is_running(*id)).collect();
    assert_eq!(left, [] as [u32; 0]);
    let told = attack.stderr().join("\n");
    assert!(told.contains("stopped by SIGTERM"), "{told}");
}
