//! The HTTP way in with everything behind it: the commands of the docs, and one trace for all.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use terrace_e2e::{Placement, Sandbox, Scenario};
use terrace_testkit::otlp::Span;

crate::in_both_placements!(
    every_curl_command_of_the_docs_works,
    a_request_over_http_is_one_trace_from_the_callers_span_to_the_backend,
);

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// How long spans may be on their way.
const WAIT: Duration = Duration::from_secs(30);

/// The commands that begin with curl, of the README and of the manual.
fn commands() -> Vec<String> {
    let texts = ["README.md", "docs/HTTP.md"]
        .map(|path| std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap());
    let lines = texts.iter().flat_map(|text| text.lines());
    lines
        .filter(|line| line.starts_with("curl "))
        .map(str::to_owned)
        .collect()
}

/// What a shell command prints; it has to end well.
fn run(command: &str) -> String {
    let output = Command::new("bash").args(["-c", command]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}\n{text}{told}");
    text
}

async fn every_curl_command_of_the_docs_works(placement: Placement) {
    let sandbox = Sandbox::start(placement, Scenario::default())
        .await
        .unwrap();
    let edge = sandbox.edge_url().unwrap();
    let commands = commands();
    assert!(commands.len() >= 7, "{commands:?}");
    for command in commands {
        let typed = command
            .replacen("curl ", "curl --fail-with-body ", 1)
            .replace("http://127.0.0.1:7680", &edge);
        let text = run(&typed);
        let told = ["Paris", "terrace/auto", "input_tokens"];
        assert!(
            told.iter().any(|word| text.contains(word)),
            "{command}\n{text}"
        );
    }
}

async fn a_request_over_http_is_one_trace_from_the_callers_span_to_the_backend(
    placement: Placement,
) {
    let sandbox = Sandbox::start(placement, Scenario::default())
        .await
        .unwrap();
    let edge = sandbox.edge_url().unwrap();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    run(&format!(
        "curl -s --fail-with-body {edge}/v1/chat/completions -H 'content-type: application/json' \
         -H 'traceparent: 00-{trace}-b7ad6b7169203331-01' -d '{{\"model\": \"small\", \"messages\": \
         [{{\"role\": \"user\", \"content\": \"hi\"}}]}}'"
    ));
    // The parts of a split Terrace export by themselves: all have when every parent has come.
    let whole = |spans: &[Span]| {
        let own: Vec<&Span> = spans.iter().filter(|span| span.trace_id == trace).collect();
        let has = |name: &str| own.iter().any(|span| span.name.ends_with(name));
        let parents = own.iter().filter_map(|span| span.parent_id.as_deref());
        let missing = parents.filter(|parent| !own.iter().any(|span| span.span_id == *parent));
        has("POST /v1/chat/completions")
            && has("chat small")
            && has("LedgerService/Settle")
            && missing.count() == 1
    };
    sandbox.collector.wait_for(whole, WAIT).await;
    let tree = sandbox.collector.tree(trace);
    let lines: Vec<&str> = tree.lines().map(str::trim_start).collect();
    // Its own parent is the caller's.
    assert!(
        lines[0].ends_with("POST /v1/chat/completions (orphan)"),
        "{tree}"
    );
    assert!(lines[1].ends_with("RouterService/Route"), "{tree}");
    assert!(lines.len() > 8, "{tree}");
}
