//! What a request leaves in a trace: every call out, each with the status that it ended with.

use terrace_domain::Reason;
use terrace_proto::router::v1 as wire;
use terrace_telemetry::{capture, fields};
use tracing::Instrument;

use crate::fakes::Step;
use crate::world::{World, question};

/// The calls out of a request's trace with their statuses, in the order they ended.
async fn calls_out(world: &World, request: wire::RouteRequest) -> Vec<String> {
    let capture = capture::start();
    let (root, trace) = capture::root("caller");
    let routed = world.route(request).instrument(root.clone()).await;
    drop(root);
    assert!(routed.is_ok());
    let spans = capture.spans(trace);
    let calls = spans.iter().filter_map(|span| {
        let value = |key| {
            let pair = span.attributes.iter().find(|pair| pair.key.as_str() == key);
            pair.map(|pair| pair.value.to_string())
        };
        let peer = value(fields::PEER).filter(|peer| peer != "orchestrator")?;
        Some(format!(
            "{peer} {}",
            value(fields::RPC_RESPONSE_STATUS_CODE)?
        ))
    });
    calls.collect()
}

#[tokio::test(start_paused = true)]
async fn what_went_well_is_ok_in_the_trace_streams_too() {
    let world = World::start().await;
    let expected = ["classifier OK", "gateway OK", "judge OK", "ledger OK"];
    assert_eq!(calls_out(&world, question()).await, expected);
}

#[tokio::test(start_paused = true)]
async fn what_failed_has_its_own_status_in_the_trace() {
    let world = World::start().await;
    let broken = [Step::text("x"), Step::fails(Reason::BackendFailed)];
    world.small.next(broken);
    let expected = [
        "classifier OK",
        "gateway UNAVAILABLE",
        "ledger OK",
        "gateway OK",
        "judge OK",
        "ledger OK",
    ];
    assert_eq!(calls_out(&world, question()).await, expected);
}

#[tokio::test(start_paused = true)]
async fn the_tree_of_a_request_is_attempts_with_their_calls() {
    let world = World::start().await;
    world.judge.scores(&[0.1]);
    let capture = capture::start();
    let (root, trace) = capture::root("caller");
    let routed = world.route(question()).instrument(root.clone()).await;
    drop(root);
    assert!(routed.is_ok());
    let tree = capture.tree(trace).replace("terrace.", "");
    insta::assert_snapshot!(tree, @r"
    caller
      router.v1.RouterService/Route
        router.v1.RouterService/Route
          classifier.v1.ClassifierService/Classify
            classifier.v1.ClassifierService/Classify
          attempt
            gateway.v1.GatewayService/GenerateStream
              gateway.v1.GatewayService/GenerateStream
            judge.v1.JudgeService/Judge
              judge.v1.JudgeService/Judge
          ledger.v1.LedgerService/Settle
            ledger.v1.LedgerService/Settle
          attempt
            gateway.v1.GatewayService/GenerateStream
              gateway.v1.GatewayService/GenerateStream
            judge.v1.JudgeService/Judge
              judge.v1.JudgeService/Judge
          ledger.v1.LedgerService/Settle
            ledger.v1.LedgerService/Settle
    ");
}
