//! The packages under clients/, each by its own tests, against a Terrace that runs.

use std::path::Path;
use std::process::Command;

use terrace_e2e::clients::Ground;
use terrace_e2e::tools::{ROOT, installed, printed};

use crate::real_model;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_package_keeps_its_promises() {
    let python = installed("python-client").unwrap();
    let ground = Ground::start().await.unwrap();
    let folder = Path::new(ROOT).join("clients/python");
    let output = Command::new(&python)
        .args(["-m", "pytest"])
        .current_dir(&folder)
        .envs(ground.environment().unwrap())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let ran = printed(&output);
    assert!(output.status.success(), "{ran}\n{}", ground.running.log());
    assert!(ran.contains(" passed"), "{ran}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_survives_the_plans_of_a_very_small_model() {
    let python = installed("python-client").unwrap();
    let (running, _database) = real_model::running().await;
    let home = tempfile::tempdir().unwrap();
    let daemon = Path::new(ROOT).join("clients/python/examples/hybrid_daemon.py");
    let output = Command::new(python)
        .arg(daemon)
        .args(["--objective", "Collect what is known about caching"])
        .args(["--max-steps", "3", "--pause", "0", "--verbose", "--home"])
        .arg(home.path().join("daemon"))
        .env("TERRACE_ADDRESS", running.url())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let ran = printed(&output);
    assert!(output.status.success(), "{ran}\n{}", running.log());
    assert!(
        ran.contains("caching: given up, 3 steps") || ran.contains("caching: done"),
        "{ran}"
    );
    let inside: Vec<_> = std::fs::read_dir(home.path()).unwrap().collect();
    assert_eq!(inside.len(), 1, "nothing is written beside its own folder");
}

#[test]
fn the_python_package_has_the_types_that_it_says() {
    let python = installed("python-client").unwrap();
    let output = Command::new(python)
        .args(["-m", "mypy"])
        .current_dir(Path::new(ROOT).join("clients/python"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", printed(&output));
}
