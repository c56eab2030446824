//! A server that is not there.

use std::net::TcpListener;

use crate::{stderr, stdout, terrace};

/// An address where nobody listens: it was free a moment ago.
fn dead_server() -> String {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    format!("http://{address}")
}

#[test]
fn every_client_says_how_to_start_the_server_that_is_missing() {
    let server = dead_server();
    let route: &[&str] = &["route", "--prompt", "hello"];
    let stream: &[&str] = &["route", "--prompt", "hello", "--stream"];
    let explain: &[&str] = &["explain", "--prompt", "hello"];
    let budget: &[&str] = &["budget", "pause", "installation/daily"];
    for verb in [route, stream, explain, &["models"], &["cost"], budget] {
        let output = terrace(&[&["--server", server.as_str()], verb].concat());
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(7), "{verb:?}: {text}");
        assert!(text.starts_with("error: cannot reach the server"), "{text}");
        assert!(text.contains("hint: start one with `terrace up`"), "{text}");
        assert!(stdout(&output).is_empty());
        // No logs, no colours, no spinner.
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}

#[test]
fn with_json_the_error_is_json_on_standard_output() {
    let output = terrace(&[
        "--server",
        &dead_server(),
        "route",
        "--prompt",
        "x",
        "--json",
    ]);
    assert_eq!(output.status.code(), Some(7));
    assert!(stderr(&output).is_empty());
    let value: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(value["error"]["reason"], "SERVICE_UNAVAILABLE");
    assert_eq!(value["attempts"], serde_json::json!([]));
}

#[test]
fn colours_can_be_forced() {
    let output = terrace(&["--server", &dead_server(), "models", "--color", "always"]);
    assert!(stderr(&output).contains('\u{1b}'));
}

#[test]
fn what_is_no_address_and_no_file_is_wrong_usage() {
    let output = terrace(&["--server", "nowhere", "models"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--server"));
    let output = terrace(&["route", "--prompt", "@/no/such/file"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("/no/such/file"));
}
