//! gRPC-web as browsers send it, and gRPC as it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use terrace_proto::common::v1::Role;
use terrace_proto::convert::{text_message, text_of_parts};
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::router_service_client::RouterServiceClient;
use terrace_rpc::Link;

use crate::http::request;
use crate::world::World;

const PATH: &str = "/terrace.router.v1.RouterService/Route";

fn question() -> wire::RouteRequest {
    wire::RouteRequest {
        messages: vec![text_message(Role::User, "Name the capital of France.")],
        ..wire::RouteRequest::default()
    }
}

/// One message as gRPC frames it.
fn framed(message: &wire::RouteRequest) -> Vec<u8> {
    let bytes = message.encode_to_vec();
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[0][..], &length, &bytes].concat()
}

/// The first message of a body, and the trailers behind it.
fn unframed(body: &[u8]) -> (wire::RouteResponse, String) {
    let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
    let response = wire::RouteResponse::decode(&body[5..5 + length]).unwrap();
    let trailers = &body[5 + length..];
    assert_eq!(trailers[0], 0x80);
    (response, String::from_utf8(trailers[5..].to_vec()).unwrap())
}

/// Each frame is base64 by itself, so padding stands also in the middle.
fn from_text(text: &[u8]) -> Vec<u8> {
    let groups = text.chunks(4);
    groups
        .flat_map(|group| STANDARD.decode(group).unwrap())
        .collect()
}

#[tokio::test]
async fn a_browser_calls_in_binary_and_in_text() {
    let cors = "edge: {cors: {origins: ['https://chat.example']}}";
    let world = World::with(cors, Vec::new()).await;
    let message = framed(&question());
    let text = STANDARD.encode(&message).into_bytes();
    for (kind, body) in [
        ("application/grpc-web+proto", message),
        ("application/grpc-web-text+proto", text),
    ] {
        let headers = [
            ("content-type", kind),
            ("accept", kind),
            ("x-grpc-web", "1"),
            ("origin", "https://chat.example"),
            ("authorization", "Bearer tk_1"),
        ];
        let reply = world.raw(&request("POST", PATH, &headers, &body)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let body = match kind.contains("text") {
            true => from_text(&reply.body),
            false => reply.body.clone(),
        };
        let (response, trailers) = unframed(&body);
        assert_eq!(text_of_parts(&response.output.unwrap()), "Paris.");
        assert!(trailers.contains("grpc-status:0"), "{trailers}");
        let exposed = reply.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("grpc-status"));
    }
    let keys: Vec<_> = world
        .fake
        .asked()
        .into_iter()
        .map(|asked| asked.key)
        .collect();
    assert_eq!(
        keys,
        [
            Some("Bearer tk_1".to_owned()),
            Some("Bearer tk_1".to_owned())
        ]
    );
}

#[tokio::test]
async fn grpc_itself_is_handed_on_with_streams_and_errors() {
    let world = World::answering(Vec::new()).await;
    let link = Link::network("edge", &format!("http://{}", world.address)).unwrap();
    let mut client = RouterServiceClient::new(link);
    let response = client.route(question()).await.unwrap().into_inner();
    assert_eq!(text_of_parts(&response.output.unwrap()), "Paris.");
    let request = wire::RouteStreamRequest {
        request: Some(question()),
        ..wire::RouteStreamRequest::default()
    };
    let mut events = client.route_stream(request).await.unwrap().into_inner();
    assert!(events.message().await.unwrap().is_some());
    assert!(events.message().await.unwrap().is_none());
    let refused = client.explain(wire::ExplainRequest::default()).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::Unimplemented);
}
