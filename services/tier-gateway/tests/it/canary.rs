//! A key that stands in none of the places where people look: logs at their most talkative, spans,
//! errors, metrics, debug output. The backend does its worst and repeats the key in its answers.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use terrace_config::{Secret, SecretFile};
use terrace_telemetry::{capture, metrics};
use terrace_testkit::provider::{Fault, Reply, Rule};
use terrace_testkit::{Provider, Script};
use tracing::Instrument as _;
use tracing::instrument::WithSubscriber as _;

use crate::sandbox::{ALL, Sandbox, Wire, ask, settings};

const CANARY: &str = "sk-canary-7f3a90c1";

/// A log in memory.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// A backend that repeats the key in whatever it says.
fn gossip() -> Script {
    let status = |code| Fault::Status {
        code,
        retry_after: Some(CANARY.to_owned()),
        body: Some(
            json!({"error": {"message": format!("bad key {CANARY}"), "type": CANARY, "code": CANARY}}),
        ),
    };
    let codes = [401, 403, 400, 404, 429, 500];
    let refusals = codes.map(|code| Reply::text("no").fault(status(code)));
    let redirect = Reply::text("no").fault(Fault::Redirect(format!("http://127.0.0.1:9/{CANARY}")));
    let replies = refusals.into_iter().chain([redirect, Reply::text("fine")]);
    Script::serving(["m"]).rule(Rule::replying(replies))
}

/// Makes all that can go wrong go wrong, with the key from a file; everything that was said of it.
async fn provoke(wire: Wire) -> String {
    let provider = Provider::start(gossip());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, CANARY).unwrap();
    let mut settings = settings(wire, &wire.url(&provider.url()));
    settings.backend.api_key = Secret::File(SecretFile::read(&path));
    settings.backend.more_api_keys = vec![Secret::Value(format!("{CANARY}-2").into())];
    settings.backend.retry.max_attempts = 1;
    let sandbox = Sandbox::new(&settings);
    let mut said = format!("{settings:?} {:?}", sandbox.gateway);
    for _ in 0..8 {
        said += &format!("{:?}", sandbox.stream(ask()).await);
    }
    said += &format!("{:?}", sandbox.models().await);
    assert_eq!(provider.requests().len(), 8);
    let headers = &provider.requests()[0].headers;
    assert!(
        format!("{headers:?}").contains(CANARY),
        "the key was really sent"
    );
    said
}

#[tokio::test]
async fn a_key_is_in_no_log_error_metric_or_debug_output() {
    for wire in ALL {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        let said = provoke(wire).with_subscriber(subscriber).await;
        assert!(!said.contains(CANARY), "{wire:?}: {said}");
        let log = log.text();
        assert!(log.contains("backend refused a call"), "the log was read");
        let line = log.lines().find(|line| line.contains(CANARY));
        assert_eq!(line, None, "{wire:?}");
    }
    assert!(!metrics::render().contains(CANARY));
}

#[tokio::test]
async fn a_key_is_on_no_span() {
    let capture = capture::start();
    let (root, trace) = capture::root("test");
    provoke(Wire::OpenAi).instrument(root.clone()).await;
    drop(root);
    let spans = capture.spans(trace);
    assert!(spans.len() > 8);
    assert!(!format!("{spans:?}").contains(CANARY));
}
