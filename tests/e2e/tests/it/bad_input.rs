//! What no caller should send: refused with every bad field named, nothing written, nothing hurt.

use prost::Message;
use terrace_domain::Reason;
use terrace_e2e::ask::{failure, question, within};
use terrace_e2e::{Placement, Sandbox, Scenario};
use terrace_proto::common::v1::GenerationParams;
use terrace_proto::router::v1 as router;
use tonic::{Code, Request, Status};

crate::in_both_placements!(bad_input_is_named_and_changes_nothing);

/// Wire-compatible with nothing: a number where `RouteRequest` has its `request_id`.
#[derive(Clone, PartialEq, Eq, Message)]
struct OfAnotherType {
    #[prost(uint64, tag = "1")]
    number: u64,
}

/// Bytes that are no text where `RouteRequest` has its `action`.
#[derive(Clone, PartialEq, Eq, Message)]
struct NoText {
    #[prost(bytes, tag = "2")]
    action: Vec<u8>,
}

async fn send<M: Message + Default + 'static>(sandbox: &Sandbox, request: Request<M>) -> Status {
    let mut client = tonic::client::Grpc::new(sandbox.link());
    client.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<M, router::RouteResponse>::default();
    let path = tonic::codegen::http::uri::PathAndQuery::from_static(
        "/terrace.router.v1.RouterService/Route",
    );
    client.unary(request, path, codec).await.unwrap_err()
}

fn fields(status: &Status) -> Vec<String> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let failure = failure(status);
    assert_eq!(failure.reason, Reason::InvalidRequest);
    failure
        .fields
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}

async fn bad_input_is_named_and_changes_nothing(placement: Placement) {
    let sandbox = Sandbox::start(placement, Scenario::default())
        .await
        .unwrap();
    wrong_sizes(&sandbox).await;
    wrong_values(&sandbox).await;
    wrong_bytes(&sandbox).await;
    let rows = "SELECT (SELECT count(*) FROM requests) + (SELECT count(*) FROM usage_events)";
    assert_eq!(sandbox.database.number(rows), 0, "nothing was written");
    let asked = sandbox
        .router()
        .route(within(question("capital of France?")))
        .await;
    assert!(asked.unwrap().into_inner().passed, "and it still answers");
}

/// The fields that a request is refused for.
async fn refused(sandbox: &Sandbox, request: router::RouteRequest) -> Vec<String> {
    fields(&sandbox.router().route(within(request)).await.unwrap_err())
}

async fn wrong_sizes(sandbox: &Sandbox) {
    assert_eq!(
        refused(sandbox, router::RouteRequest::default()).await,
        ["messages"]
    );
    assert_eq!(refused(sandbox, question("")).await, ["messages[0]"]);
    assert_eq!(
        refused(sandbox, question(&"x".repeat(10 << 20))).await,
        ["messages"]
    );
    // Larger than a message may be at all.
    let huge = sandbox
        .router()
        .route(within(question(&"x".repeat(20 << 20))))
        .await;
    assert_eq!(failure(&huge.unwrap_err()).reason, Reason::InvalidRequest);
}

async fn wrong_values(sandbox: &Sandbox) {
    let many = router::RouteRequest {
        params: Some(GenerationParams {
            temperature: Some(-1.0),
            ..Default::default()
        }),
        policy: Some(router::RoutePolicy {
            tier: "penthouse".to_owned(),
            quality_threshold: Some(-0.1),
            max_cost_nano_usd: Some(-1),
            ..Default::default()
        }),
        ..question("hello")
    };
    let named = refused(sandbox, many).await;
    let expected = [
        "params.temperature",
        "policy.quality_threshold",
        "policy.max_cost_nano_usd",
        "policy.tier",
    ];
    assert_eq!(named, expected);
}

async fn wrong_bytes(sandbox: &Sandbox) {
    let wrong = send(sandbox, Request::new(OfAnotherType { number: 7 })).await;
    assert_eq!(wrong.code(), Code::InvalidArgument, "{wrong:?}");
    let no_text = send(
        sandbox,
        Request::new(NoText {
            action: vec![0xff, 0xfe],
        }),
    )
    .await;
    assert_eq!(no_text.code(), Code::InvalidArgument, "{no_text:?}");

    let mut request = Request::new(question("hello"));
    let bytes = tonic::codegen::http::HeaderValue::from_bytes(b"\xff\xfe").unwrap();
    request.metadata_mut().as_mut().insert("x-note", bytes);
    let named = fields(&send(sandbox, request).await);
    assert_eq!(named, ["metadata.x-note"]);
}
