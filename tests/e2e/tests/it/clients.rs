//! The packages under clients/, each by its own tests, against a Terrace that runs.

use std::path::Path;
use std::process::Command;

use terrace_e2e::clients::Ground;
use terrace_e2e::tools::{ROOT, installed, printed};

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
