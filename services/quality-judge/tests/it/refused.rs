//! Requests that are wrong: `INVALID_ARGUMENT` that names every bad field.

use terrace_domain::{Failure, Reason};
use terrace_proto::common::v1::response_format::Kind;
use terrace_proto::common::v1::{Message, Part, Role, TokenLogprob};
use terrace_proto::convert::text_message;
use terrace_proto::judge::v1::JudgeRequest;
use terrace_rpc::status::to_failure;

use crate::world::{ask, choice, format, request, schema};

async fn failure(request: JudgeRequest) -> Failure {
    to_failure(&ask(request).await.unwrap_err())
}

async fn fields(request: JudgeRequest) -> Vec<String> {
    let failure = failure(request).await;
    assert_eq!(failure.reason, Reason::InvalidRequest);
    failure
        .fields
        .into_iter()
        .map(|field| field.field)
        .collect()
}

#[tokio::test]
async fn every_bad_field_is_named_at_once() {
    let mut wrong = request("x");
    wrong.messages = vec![
        Message::default(),
        Message {
            role: Role::User.into(),
            parts: vec![Part { kind: None }],
        },
    ];
    wrong.output = Some(text_message(Role::User, "zanzibar"));
    wrong.threshold = f64::NAN;
    wrong.finish_reason = 99;
    wrong.action = "\u{7}".to_owned();
    wrong.code_language = "x".repeat(300);
    wrong.logprobs = vec![TokenLogprob::default()];
    wrong.response_format = format(Kind::Regex("(".to_owned()));
    let failure = failure(wrong).await;
    assert!(!failure.to_string().contains("zanzibar"));
    let mut named: Vec<_> = failure
        .fields
        .iter()
        .map(|field| field.field.as_str())
        .collect();
    named.sort_unstable();
    let expected = [
        "action",
        "code_language",
        "finish_reason",
        "logprobs",
        "messages[0].parts",
        "messages[0].role",
        "messages[1].parts[0]",
        "output.role",
        "response_format.regex",
        "threshold",
    ];
    assert_eq!(named, expected);
}

#[tokio::test]
async fn an_empty_request_says_what_it_lacks() {
    assert_eq!(
        fields(JudgeRequest::default()).await,
        ["messages", "output"]
    );
}

#[tokio::test]
async fn thresholds_outside_of_zero_to_one_are_refused() {
    for threshold in [-0.1, 1.1, f64::INFINITY] {
        let wrong = JudgeRequest {
            threshold,
            ..request("x")
        };
        assert_eq!(fields(wrong).await, ["threshold"]);
    }
}

#[tokio::test]
async fn forms_that_cannot_be_checked_are_refused() {
    let with = |response_format| JudgeRequest {
        response_format,
        ..request("x")
    };
    for text in [
        "{",
        "[]",
        "{\"type\": 7}",
        "{\"$ref\": \"http://127.0.0.1:1/\"}",
    ] {
        let named = fields(with(schema(text))).await;
        assert_eq!(named, ["response_format.json_schema.schema_json"], "{text}");
    }
    for pattern in ["(", "(?=a)", "(a{1000}){1000}"] {
        let named = fields(with(format(Kind::Regex(pattern.to_owned())))).await;
        assert_eq!(named, ["response_format.regex"], "{pattern}");
    }
    for options in [&[][..], &["yes", " "]] {
        assert_eq!(
            fields(with(choice(options))).await,
            ["response_format.choice.options"]
        );
    }
}
