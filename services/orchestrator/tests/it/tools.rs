//! Tools and pictures: carried to models that can use them, and the calls carried back.

use terrace_proto::common::v1::{
    FinishReason, Image, Message, Part, Role, Tool, ToolCallDelta, Usage, part::Kind,
};
use terrace_proto::gateway::v1::Finished;
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::route_stream_response::Event;
use tokio_stream::StreamExt as _;

use crate::fakes::Step;
use crate::world::{World, question};

fn with_a_tool() -> wire::RouteRequest {
    wire::RouteRequest {
        tools: vec![Tool {
            name: "find".to_owned(),
            description: "finds files".to_owned(),
            parameters_json_schema: "{}".to_owned(),
        }],
        ..question()
    }
}

/// A call of `find` in two pieces.
fn calling() -> Vec<Step> {
    let piece = |id: &str, arguments: &str| {
        Step::Call(ToolCallDelta {
            index: 0,
            id: id.to_owned(),
            name: if id.is_empty() { "" } else { "find" }.to_owned(),
            arguments_json: arguments.to_owned(),
        })
    };
    let end = Step::Finished(Finished {
        finish_reason: FinishReason::ToolCalls.into(),
        usage: Some(Usage {
            input_tokens: 10,
            output_tokens: 5,
            ..Usage::default()
        }),
        served_model: "middle".to_owned(),
    });
    vec![piece("call-1", "{\"name\":"), piece("", "\"a\"}"), end]
}

#[tokio::test(start_paused = true)]
async fn tools_go_to_a_model_that_calls_them_and_its_calls_come_back() {
    let world = World::start().await;
    world.middle.next(calling());
    let response = world.route(with_a_tool()).await.unwrap();
    assert_eq!(world.calls(), [0, 1, 0], "small calls no tools");
    assert_eq!(world.middle.seen()[0].message.tools, with_a_tool().tools);
    assert_eq!(world.classifier.classify.last().tool_count, 1);
    assert_eq!(response.finish_reason(), FinishReason::ToolCalls);
    let parts = response.output.unwrap().parts;
    let [
        Part {
            kind: Some(Kind::ToolCall(call)),
        },
    ] = parts.as_slice()
    else {
        panic!("{parts:?}");
    };
    assert_eq!((&*call.id, &*call.name), ("call-1", "find"));
    assert_eq!(call.arguments_json, "{\"name\":\"a\"}");
    let judged = world.judge.judge.last().output.unwrap();
    assert_eq!(judged.parts, parts, "the judge sees the calls");
}

#[tokio::test(start_paused = true)]
async fn the_plan_names_who_cannot_call_tools_or_read_pictures() {
    let world = World::start().await;
    let plan = world.explain(with_a_tool()).await.unwrap();
    assert_eq!(
        plan.left_out[0].why,
        "it calls no tools, and the request has some"
    );
    let mut request = question();
    request.messages[0].parts.push(Part {
        kind: Some(Kind::Image(Image {
            data: vec![1; 100_000],
            media_type: "image/png".to_owned(),
        })),
    });
    let plan = world.explain(request).await.unwrap();
    assert_eq!(plan.candidates.len(), 1, "a picture's bytes are no tokens");
    assert_eq!(plan.candidates[0].model, "middle");
    assert_eq!(
        plan.left_out[0].why,
        "it reads no pictures, and the prompt has some"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_carries_a_tool_call_as_a_chunk() {
    let world = World::start().await;
    world.middle.next(calling());
    let request = wire::RouteStreamRequest {
        request: Some(with_a_tool()),
        ..wire::RouteStreamRequest::default()
    };
    let stream = world.client.clone().route_stream(request).await.unwrap();
    let events: Vec<_> = stream.into_inner().collect().await;
    let calls = events
        .into_iter()
        .filter_map(|event| match event.unwrap().event? {
            Event::Chunk(chunk) => chunk.tool_call,
            _ => None,
        });
    let calls: Vec<(String, String)> = calls.map(|call| (call.name, call.arguments_json)).collect();
    assert_eq!(calls, [("find".to_owned(), "{\"name\":\"a\"}".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn the_result_of_a_tool_is_carried_to_the_model() {
    let world = World::start().await;
    let mut request = with_a_tool();
    let result = Kind::ToolResult(terrace_proto::common::v1::ToolResult {
        tool_call_id: "call-1".to_owned(),
        content: "a.txt".to_owned(),
        is_error: false,
    });
    request.messages.push(Message {
        role: Role::Tool.into(),
        parts: vec![Part { kind: Some(result) }],
    });
    world.route(request.clone()).await.unwrap();
    assert_eq!(world.middle.seen()[0].message.messages, request.messages);
}
