//! One request is one trace, through every part, and the trace of a fallback reads as what happened.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use terrace_e2e::scenario::REFUSAL;
use terrace_e2e::{Placement, Sandbox, Scenario};
use terrace_testkit::otlp::{Span, tree};
use terrace_testkit::provider::Reply;

/// How long spans may be on their way.
const WAIT: Duration = Duration::from_secs(30);
const ROOT: &str = "POST /v1/chat/completions";
const MANUAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/OPERATIONS.md");

/// The small model breaks, the middle one refuses, the big one answers.
async fn start() -> Sandbox {
    let scenario = Scenario {
        daily_budget: Some("1.00"),
        ..Scenario::default()
            .small(vec![Reply::status(500)])
            .middle(vec![Reply::text(REFUSAL)])
    };
    Sandbox::start(Placement::Split, scenario).await.unwrap()
}

/// What `curl` prints; it has to end well.
fn curl(args: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["-sS", "--fail-with-body"])
        .args(args)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}\n{text}{told}");
    text
}

/// Asks one question over HTTP; all spans that came of it and around it.
async fn asked(sandbox: &Sandbox) -> Vec<Span> {
    let url = format!("{}/v1/chat/completions", sandbox.edge_url().unwrap());
    let turn = json!({"role": "user", "content": "What is the capital of France?"});
    let body = json!({"model": "terrace/auto", "messages": [turn]}).to_string();
    curl(&["-H", "content-type: application/json", "-d", &body, &url]);
    let whole = |spans: &[Span]| root(spans).is_some_and(|root| is_whole(&of(spans, root)));
    sandbox.collector.wait_for(whole, WAIT).await
}

fn root(spans: &[Span]) -> Option<&Span> {
    spans.iter().find(|span| span.name == ROOT)
}

fn of(spans: &[Span], root: &Span) -> Vec<Span> {
    let is_of_it = |span: &&Span| span.trace_id == root.trace_id;
    spans.iter().filter(is_of_it).cloned().collect()
}

/// Whether the three settlements are there and everybody's parent is.
fn is_whole(trace: &[Span]) -> bool {
    let settled = |span: &&Span| span.name.ends_with("LedgerService/Settle");
    let has_parent = |span: &Span| {
        let parent = span.parent_id.as_ref();
        parent.is_none_or(|parent| trace.iter().any(|other| other.span_id == *parent))
    };
    trace.iter().filter(settled).count() == 6 && trace.iter().all(has_parent)
}

fn value<'a>(span: &'a Span, key: &str) -> &'a str {
    span.attributes.get(key).map_or("", String::as_str)
}

/// A span's name with what an operator looks for in it.
fn told(span: &Span) -> String {
    let name = match span.name.strip_prefix("terrace.") {
        Some(method) => method.rsplit('.').next().unwrap_or(method),
        None => &span.name,
    };
    let keys: &[&str] = match name {
        "attempt" => &[
            "terrace.tier",
            "terrace.model",
            "terrace.attempt.outcome",
            "terrace.reason",
            "terrace.verdict.check",
        ],
        _ if name.starts_with("chat ") => &["error.type", "gen_ai.response.finish_reasons"],
        _ => &[],
    };
    let values = keys.iter().map(|key| value(span, key));
    let told: Vec<&str> = values.filter(|value| !value.is_empty()).collect();
    let side = match (span.kind, name.contains("Service/")) {
        (3, true) => "→ ",
        _ => "",
    };
    match told.is_empty() {
        true => format!("{side}{name}"),
        false => format!("{side}{name}: {}", told.join(", ")),
    }
}

/// The whole story, a line a span.
fn story(trace: &[Span]) -> String {
    let named = trace.iter().map(|span| Span {
        name: told(span),
        service: span.service.trim_start_matches("terrace-").to_owned(),
        ..span.clone()
    });
    tree(&named.collect::<Vec<_>>())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_through_every_part_is_one_trace_that_tells_its_story() {
    let sandbox = start().await;
    let spans = asked(&sandbox).await;
    let trace = of(&spans, root(&spans).unwrap());
    let story = story(&trace);
    assert!(is_whole(&trace), "{story}");

    let roots = trace.iter().filter(|span| span.parent_id.is_none());
    assert_eq!(roots.count(), 1, "{story}");
    let services: BTreeSet<&str> = trace.iter().map(|span| span.service.as_str()).collect();
    let parts = [
        "classifier",
        "cost-ledger",
        "edge",
        "orchestrator",
        "quality-judge",
        "tier-gateway",
    ];
    let parts = parts.map(|part| format!("terrace-{part}"));
    assert_eq!(
        services,
        parts.iter().map(String::as_str).collect(),
        "{story}"
    );
    // What belongs to a request has not begun a trace of its own anywhere.
    let works = [
        "RouterService/Route",
        "Classify",
        "GenerateStream",
        "Judge",
        "Settle",
        "Reserve",
    ];
    for span in &spans {
        let is_work = works.iter().any(|work| span.name.ends_with(work));
        assert!(!is_work || trace.contains(span), "{span:?}");
        let is_of_a_model = span.name.starts_with("chat ");
        let has_gen_ai = span.attributes.keys().any(|key| key.starts_with("gen_ai."));
        assert_eq!(is_of_a_model, has_gen_ai, "{span:?}");
    }

    let manual = std::fs::read_to_string(MANUAL).unwrap();
    assert!(
        manual.contains(&story),
        "docs/OPERATIONS.md should have this trace:\n{story}"
    );
}

/// Posts all spans to the trace store that `scripts/trace-store.sh` starts, and reads them back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(
    clippy::disallowed_methods,
    reason = "this variable is for tests alone"
)]
async fn a_trace_store_shows_the_request_as_one_trace() {
    let Ok(store) = std::env::var("TERRACE_TEST_TRACE_STORE_URL") else {
        return;
    };
    let sandbox = start().await;
    let spans = asked(&sandbox).await;
    let trace = of(&spans, root(&spans).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("spans.json");
    std::fs::write(&file, sandbox.collector.json()).unwrap();
    post(&store, &file);

    let id = &trace[0].trace_id;
    let shown: Value = serde_json::from_str(&curl(&[&format!("{store}/api/trace/{id}")])).unwrap();
    let shown_spans = shown["spans"].as_array().unwrap();
    assert_eq!(shown_spans.len(), trace.len(), "{shown}");
    let has_parent = |span: &&Value| {
        let parent = &span["parent_id"];
        shown_spans.iter().any(|other| other["id"] == *parent)
    };
    let orphans = shown_spans.iter().filter(|span| !has_parent(span));
    let names: Vec<&Value> = orphans.map(|span| &span["name"]).collect();
    assert_eq!(names, [ROOT], "{shown}");
}

fn post(store: &str, file: &Path) {
    let data = format!("@{}", file.display());
    let json = "content-type: application/json";
    curl(&[
        "-H",
        json,
        "--data-binary",
        &data,
        &format!("{store}/v1/traces"),
    ]);
}
