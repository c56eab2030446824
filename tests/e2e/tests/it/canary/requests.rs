//! Requests of all kinds, each full of secrets, and what their caller was told.

use std::process::Command;

use terrace_e2e::Sandbox;
use terrace_e2e::ask::{question, within};
use terrace_proto::common::v1::part::Kind;
use terrace_proto::common::v1::response_format::Kind as Format;
use terrace_proto::common::v1::{
    JsonSchemaFormat, Message, Part, ResponseFormat, Role, Tool, ToolCall, ToolResult,
};
use terrace_proto::convert::text_message;
use terrace_proto::router::v1::{CommitMode, RoutePolicy, RouteRequest, RouteStreamRequest};
use tokio_stream::StreamExt as _;
use tonic::metadata::MetadataValue;
use tonic::{Request, Status};

use super::gossip::{BREAKS, REFUSES};
use super::stage::{
    ARGUMENTS, BIG_FAILS, METADATA, PROMPT, RESULT, ROOT_KEY, SMALL_FAILS, SMALL_REFUSES, SYSTEM,
    TOOL, WRONG_KEY,
};

/// What callers were told.
#[derive(Default)]
pub(super) struct Told {
    /// Answers, the whole responses.
    pub(super) answers: Vec<String>,
    /// Errors.
    pub(super) errors: Vec<String>,
}

/// A message in the operator's name, with metadata that nobody asked for.
pub(super) fn keyed<T>(message: T) -> Request<T> {
    with_key(message, ROOT_KEY)
}

fn with_key<T>(message: T, key: &str) -> Request<T> {
    let mut request = within(message);
    let metadata = request.metadata_mut();
    let bearer: MetadataValue<_> = format!("Bearer {key}").parse().unwrap();
    metadata.insert("authorization", bearer);
    metadata.insert("x-of-their-own", METADATA.parse().unwrap());
    request
}

/// What a command prints, well or not.
pub(super) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    format!("{said}{}", String::from_utf8_lossy(&output.stderr))
}

/// A question full of secrets.
pub(super) fn secret_question(more: &str) -> RouteRequest {
    let plain = question(&format!("{PROMPT} {more}: what is the capital of France?"));
    let system = text_message(Role::System, format!("Be brief. {SYSTEM}"));
    RouteRequest {
        messages: [vec![system], plain.messages].concat(),
        ..RouteRequest::default()
    }
}

fn strict(more: &str) -> RouteRequest {
    RouteRequest {
        policy: Some(RoutePolicy {
            max_attempts: Some(1),
            on_exhausted: terrace_proto::router::v1::OnExhausted::Strict.into(),
            ..RoutePolicy::default()
        }),
        ..secret_question(more)
    }
}

fn of_the_paid_tier(more: &str) -> RouteRequest {
    RouteRequest {
        policy: Some(RoutePolicy {
            tier: "api_fallback".to_owned(),
            ..RoutePolicy::default()
        }),
        ..secret_question(more)
    }
}

/// A conversation in the middle of a tool exchange.
fn with_tools() -> RouteRequest {
    let message = |role: Role, kind| Message {
        role: role.into(),
        parts: vec![Part { kind: Some(kind) }],
    };
    let call = ToolCall {
        id: "call-1".to_owned(),
        name: "look_up".to_owned(),
        arguments_json: format!("{{\"place\": \"{ARGUMENTS}\"}}"),
    };
    let result = ToolResult {
        tool_call_id: "call-1".to_owned(),
        content: RESULT.to_owned(),
        is_error: false,
    };
    let mut request = secret_question("with a tool");
    request.messages.extend([
        message(Role::Assistant, Kind::ToolCall(call)),
        message(Role::Tool, Kind::ToolResult(result)),
    ]);
    request.tools = vec![Tool {
        name: "look_up".to_owned(),
        description: TOOL.to_owned(),
        parameters_json_schema: format!("{{\"type\": \"object\", \"description\": \"{TOOL}\"}}"),
    }];
    request
}

/// Wants JSON and gets prose.
fn with_schema() -> RouteRequest {
    let schema = JsonSchemaFormat {
        name: "city".to_owned(),
        schema_json: format!("{{\"type\": \"object\", \"required\": [\"{TOOL}\"]}}"),
        strict: true,
    };
    RouteRequest {
        response_format: Some(ResponseFormat {
            kind: Some(Format::JsonSchema(schema)),
        }),
        ..secret_question("as JSON")
    }
}

/// Asks everything once.
pub(super) async fn ask_all(sandbox: &Sandbox) -> Told {
    let mut told = Told::default();
    let requests = [
        secret_question("plainly"),
        secret_question(SMALL_FAILS),
        secret_question(SMALL_REFUSES),
        secret_question(BREAKS),
        secret_question(REFUSES),
        strict(REFUSES),
        of_the_paid_tier("for money"),
        of_the_paid_tier(BIG_FAILS),
        with_tools(),
        with_schema(),
    ];
    for request in requests {
        let done = sandbox.router().route(keyed(request)).await;
        told.note(done.map(tonic::Response::into_inner));
    }
    let wrong = with_key(secret_question("by a stranger"), WRONG_KEY);
    told.note(sandbox.router().route(wrong).await);
    for mode in [
        CommitMode::HoldBack,
        CommitMode::Provisional,
        CommitMode::Prefix,
    ] {
        for request in [secret_question(SMALL_FAILS), of_the_paid_tier(BIG_FAILS)] {
            stream(sandbox, mode, request, &mut told).await;
        }
    }
    over_http(sandbox, &mut told);
    told
}

impl Told {
    fn note<T: std::fmt::Debug>(&mut self, done: Result<T, Status>) {
        match done {
            Ok(answer) => self.answers.push(format!("{answer:?}")),
            Err(status) => self.errors.push(format!("{status:?}")),
        }
    }
}

async fn stream(sandbox: &Sandbox, mode: CommitMode, request: RouteRequest, told: &mut Told) {
    let request = RouteStreamRequest {
        request: Some(request),
        commit_mode: mode.into(),
        prefix_tokens: 0,
    };
    match sandbox.router().route_stream(keyed(request)).await {
        Err(status) => told.errors.push(format!("{status:?}")),
        Ok(opened) => {
            let mut events = opened.into_inner();
            while let Some(event) = events.next().await {
                told.note(event);
            }
        }
    }
}

/// The same by the APIs of OpenAI and Anthropic.
fn over_http(sandbox: &Sandbox, told: &mut Told) {
    let edge = sandbox.edge_url().unwrap();
    let chat = |model: &str, more: &str, stream: bool| {
        serde_json::json!({
            "model": model, "stream": stream, "max_tokens": 64,
            "messages": [{"role": "user", "content": format!("{PROMPT} {more} capital of France?")}],
        })
    };
    for path in ["/v1/chat/completions", "/v1/messages"] {
        for stream in [false, true] {
            let good = curl(&edge, path, ROOT_KEY, &chat("terrace/auto", "", stream));
            told.answers.push(good);
            let paid = chat("terrace/api_fallback", BIG_FAILS, stream);
            told.errors.push(curl(&edge, path, ROOT_KEY, &paid));
        }
        let body = chat("terrace/auto", "", false);
        told.errors.push(curl(&edge, path, WRONG_KEY, &body));
        let broken = serde_json::json!({"model": "terrace/auto", "messages": PROMPT});
        told.errors.push(curl(&edge, path, ROOT_KEY, &broken));
    }
}

fn curl(edge: &str, path: &str, key: &str, body: &serde_json::Value) -> String {
    run(Command::new("curl")
        .args(["-sS", "-H", "content-type: application/json"])
        .args(["-H", &format!("authorization: Bearer {key}")])
        .args(["-H", &format!("x-of-their-own: {METADATA}")])
        .args(["-d", &body.to_string(), &format!("{edge}{path}")]))
}
