//! The span of a call: named by the conventions, under the server's, as long as the answer.

use terrace_telemetry::{capture, fields};
use terrace_testkit::provider::{Fault, Reply, Script};
use tracing::Instrument as _;

use crate::sandbox::{Sandbox, Wire, ask};

#[tokio::test]
async fn a_call_is_a_client_span_under_the_servers_with_what_it_used() {
    let capture = capture::start();
    let (sandbox, _provider) = Sandbox::with(Wire::OpenAi, Script::serving(["m"]));
    let (root, trace) = capture::root("test");
    sandbox.stream(ask()).instrument(root.clone()).await;
    drop(root);
    let tree = capture.tree(trace);
    let depth = |line: &str| line.len() - line.trim_start().len();
    let chat = tree
        .lines()
        .position(|line| line.trim() == "chat m")
        .unwrap();
    let lines: Vec<&str> = tree.lines().collect();
    assert!(lines[chat - 1].contains("GenerateStream"), "{tree}");
    assert_eq!(depth(lines[chat]), depth(lines[chat - 1]) + 2, "{tree}");
    let spans = capture.spans(trace);
    let span = spans.iter().find(|span| span.name == "chat m").unwrap();
    let value = |key: &str| {
        let attribute = span.attributes.iter().find(|pair| pair.key.as_str() == key);
        attribute.map(|pair| pair.value.to_string())
    };
    assert_eq!(
        value(fields::GEN_AI_OPERATION_NAME).as_deref(),
        Some("chat")
    );
    assert_eq!(
        value(fields::GEN_AI_USAGE_INPUT_TOKENS).as_deref(),
        Some("10")
    );
    let finish = value(fields::GEN_AI_RESPONSE_FINISH_REASONS);
    assert_eq!(finish.as_deref(), Some("stop"));
    let prompt = "x".repeat(40);
    let texts = span.attributes.iter().map(|pair| pair.value.to_string());
    assert!(texts.into_iter().all(|text| !text.contains(&prompt)));
}

#[tokio::test]
async fn a_call_that_breaks_has_its_reason_on_the_span() {
    let capture = capture::start();
    let broken = Reply::text("a b").fault(Fault::Truncate { after: 1 });
    let script = Script::serving(["m"]).otherwise(broken);
    let (sandbox, _provider) = Sandbox::with(Wire::Ollama, script);
    let (root, trace) = capture::root("test");
    sandbox.stream(ask()).instrument(root.clone()).await;
    drop(root);
    let spans = capture.spans(trace);
    let span = spans.iter().find(|span| span.name == "chat m").unwrap();
    let error = span.attributes.iter();
    let mut error = error.filter(|pair| pair.key.as_str() == fields::ERROR_TYPE);
    assert_eq!(error.next().unwrap().value.to_string(), "TRUNCATED");
}
