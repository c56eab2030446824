//! One process or many: the same attempts, the same trace.

use std::collections::BTreeMap;
use std::time::Duration;

use terrace_e2e::ask::{question, told, within};
use terrace_e2e::scenario::REFUSAL;
use terrace_e2e::{Placement, Sandbox, Scenario};
use terrace_testkit::otlp::Span;
use terrace_testkit::provider::Reply;

const WAIT: Duration = Duration::from_secs(30);

/// Names of a trace's spans as a tree, in the order in which they began, two spaces a level.
fn tree(spans: &[Span]) -> String {
    let mut children: BTreeMap<Option<&str>, Vec<&Span>> = BTreeMap::new();
    let ids: Vec<_> = spans.iter().map(|span| span.span_id.as_str()).collect();
    for span in spans {
        let parent = span.parent_id.as_deref().filter(|id| ids.contains(id));
        children.entry(parent).or_default().push(span);
    }
    let mut lines = String::new();
    let mut open: Vec<(&Span, usize)> = Vec::new();
    push(&mut open, &mut children, None, 0);
    while let Some((span, depth)) = open.pop() {
        let name = span.name.trim_start_matches("terrace.");
        lines.push_str(&format!("{}{name}\n", "  ".repeat(depth)));
        push(&mut open, &mut children, Some(&span.span_id), depth + 1);
    }
    lines
}

/// Puts a span's children on the stack, the first to begin on top.
fn push<'a>(
    open: &mut Vec<(&'a Span, usize)>,
    children: &mut BTreeMap<Option<&'a str>, Vec<&'a Span>>,
    parent: Option<&'a str>,
    depth: usize,
) {
    let mut of_parent = children.remove(&parent).unwrap_or_default();
    of_parent.sort_by_key(|span| std::cmp::Reverse(span.start_ns));
    open.extend(of_parent.into_iter().map(|span| (span, depth)));
}

/// Routes one request that is rejected once and then paid for; returns its attempts and the tree
/// of its one trace.
async fn attempts_and_trace(placement: Placement) -> (Vec<String>, String) {
    let scenario = Scenario {
        daily_budget: Some("1.00"),
        ..Scenario::default()
            .small(vec![Reply::text(REFUSAL)])
            .routing("action_tier_overrides: {hard: local_fast}")
    };
    let sandbox = Sandbox::start(placement, scenario).await.unwrap();
    let mut request = question("capital of France?");
    request.action = "hard".to_owned();
    request.policy = Some(terrace_proto::router::v1::RoutePolicy {
        allowed_tiers: vec!["local_fast".to_owned(), "api_fallback".to_owned()],
        ..Default::default()
    });
    let response = sandbox
        .router()
        .route(within(request))
        .await
        .unwrap()
        .into_inner();
    let is_root = |span: &Span| span.name == "terrace.router.v1.RouterService/Route";
    let ended = |spans: &[Span]| spans.iter().any(is_root);
    let spans = sandbox.collector.wait_for(ended, WAIT).await;
    let trace = spans
        .iter()
        .find(|span| is_root(span))
        .unwrap()
        .trace_id
        .clone();
    // The parts of a split Terrace export by themselves: all have when their last spans have come.
    let whole = |spans: &[Span]| {
        let settled = |span: &&Span| span.name.ends_with("LedgerService/Settle");
        let of_trace = spans.iter().filter(|span| span.trace_id == trace);
        of_trace.filter(settled).count() == 4
    };
    let spans = sandbox.collector.wait_for(whole, WAIT).await;
    let of_trace: Vec<_> = spans
        .into_iter()
        .filter(|span| span.trace_id == trace)
        .collect();
    (told(&response.attempts), tree(&of_trace))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_has_the_same_attempts_and_the_same_trace_in_both_placements() {
    let (attempts, trace) = attempts_and_trace(Placement::InProcess).await;
    let (split_attempts, split_trace) = attempts_and_trace(Placement::Split).await;
    let expected = [
        "local_fast small REJECTED - $0.000000",
        "api_fallback big ACCEPTED - $0.010000",
    ];
    assert_eq!(attempts, expected);
    assert_eq!(attempts, split_attempts);
    assert_eq!(trace, split_trace);
    assert_eq!(trace, EXPECTED_TRACE);
}

/// Every rpc twice: the caller's span, and in it the callee's.
const EXPECTED_TRACE: &str = "\
router.v1.RouterService/Route
  classifier.v1.ClassifierService/Classify
    classifier.v1.ClassifierService/Classify
  attempt
    gateway.v1.GatewayService/GenerateStream
      gateway.v1.GatewayService/GenerateStream
        chat small
    judge.v1.JudgeService/Judge
      judge.v1.JudgeService/Judge
  ledger.v1.LedgerService/Settle
    ledger.v1.LedgerService/Settle
  attempt
    ledger.v1.LedgerService/Reserve
      ledger.v1.LedgerService/Reserve
    gateway.v1.GatewayService/GenerateStream
      gateway.v1.GatewayService/GenerateStream
        chat big
    judge.v1.JudgeService/Judge
      judge.v1.JudgeService/Judge
  ledger.v1.LedgerService/Settle
    ledger.v1.LedgerService/Settle
";
