//! Requests that are wrong: `INVALID_ARGUMENT` that names every bad field.

use terrace_domain::{Failure, Reason};
use terrace_proto::classifier::v1::ClassifyRequest;
use terrace_proto::common::v1::{Message, Part, Role};
use terrace_proto::convert::text_message;
use terrace_rpc::status::to_failure;

use crate::world::{ask, request};

async fn failure(request: ClassifyRequest) -> Failure {
    to_failure(&ask(request).await.unwrap_err())
}

fn fields(failure: &Failure) -> Vec<&str> {
    failure
        .fields
        .iter()
        .map(|field| field.field.as_str())
        .collect()
}

#[tokio::test]
async fn every_bad_field_is_named_at_once() {
    let mut request = request("fine", "\u{7}");
    request.messages.push(Message::default());
    request.messages.push(Message {
        role: Role::User.into(),
        parts: vec![Part { kind: None }],
    });
    request.code_language = "x".repeat(65);
    request.project = "p".repeat(129);
    let failure = failure(request).await;
    assert_eq!(failure.reason, Reason::InvalidRequest);
    let mut named = fields(&failure);
    named.sort_unstable();
    let expected = [
        "action",
        "code_language",
        "messages[1].parts",
        "messages[1].role",
        "messages[2].parts[0]",
        "project",
    ];
    assert_eq!(named, expected);
}

#[tokio::test]
async fn nothing_to_classify_is_refused() {
    for text in ["", " \n\t"] {
        assert_eq!(fields(&failure(request(text, "")).await), ["messages"]);
    }
    assert_eq!(
        fields(&failure(ClassifyRequest::default()).await),
        ["messages"]
    );
}

#[tokio::test]
async fn too_much_is_refused() {
    let big = request(&"x".repeat(10 * 1024 * 1024), "");
    assert_eq!(fields(&failure(big).await), ["messages"]);
    let many = ClassifyRequest {
        messages: vec![text_message(Role::User, "x"); 1001],
        ..ClassifyRequest::default()
    };
    assert_eq!(fields(&failure(many).await), ["messages"]);
}

#[tokio::test]
async fn a_refusal_never_repeats_the_prompt() {
    let mut request = request("zanzibar", "");
    request.messages.push(Message::default());
    assert!(!failure(request).await.to_string().contains("zanzibar"));
}
