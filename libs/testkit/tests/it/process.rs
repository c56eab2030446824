//! Child processes, by the example of the scripted provider's own binary.

use std::path::Path;
use std::time::Duration;

use terrace_testkit::Process;

const SOON: Duration = Duration::from_secs(10);

fn start(args: &[&str]) -> Process {
    let program = Path::new(env!("CARGO_BIN_EXE_scripted-provider"));
    Process::start(program, args, [("UNUSED", "1")]).unwrap()
}

#[tokio::test]
async fn the_binary_prints_its_url_and_sigterm_ends_it() {
    let mut process = start(&["--model", "m"]);
    let line = process.wait_for_line(|_| true, SOON).await.unwrap();
    assert!(line.starts_with("http://127.0.0.1:"), "{line}");
    process.terminate().unwrap();
    let status = process.wait(SOON).await.unwrap();
    assert_eq!(status.code(), None, "ended by a signal");
}

#[tokio::test]
async fn a_missing_line_is_reported_with_all_that_was_written() {
    let process = start(&["--no-such-flag"]);
    let error = process.wait_for_line(|_| true, SOON).await.unwrap_err();
    assert!(error.to_string().contains("--no-such-flag"), "{error}");
}
