//! Every fault of llmock on both of its wires, whole and streamed: the right reason, in time, with
//! the right bill, and its own verdict on how we took it.

use std::time::Duration;

use serde_json::{Value, json};
use terrace_conformance::server::variable;
use terrace_conformance::{Answer, Gateway, Kind, Server, ask, http};
use terrace_domain::Reason;
use terrace_domain::usage::estimate_tokens;
use terrace_proto::common::v1 as common;
use tokio::time::Instant;

const PROMPT: &str = "Say hello to all of us.";

/// A fault as llmock scripts it, and what a caller is to be told.
struct Case {
    behaviour: Value,
    reason: Reason,
    /// Whether the model may have worked on the prompt, so that there is a bill.
    billed: bool,
}

/// Refusals, for as long as it is asked.
fn refusals() -> Vec<Case> {
    let fail = |status: u16, reason| Case {
        behaviour: json!({"type": "fail", "status": status, "times": null}),
        reason,
        billed: false,
    };
    vec![
        fail(429, Reason::BackendRateLimited),
        fail(529, Reason::BackendRateLimited),
        fail(500, Reason::BackendFailed),
        fail(503, Reason::BackendFailed),
        fail(400, Reason::BackendRejected),
        fail(401, Reason::BackendUnauthorized),
    ]
}

/// Faults of the answer itself, twice: streamed, whole, and then a good answer.
fn faults() -> Vec<Case> {
    let case = |behaviour, reason| Case {
        behaviour,
        reason,
        billed: true,
    };
    let stream = |kind: &str| json!({"type": "stream_fault", "kind": kind, "after_chunks": 3, "times": 2, "stall_seconds": 5});
    let late = |kind: &str| json!({"type": kind, "seconds": 3, "times": 2});
    vec![
        case(stream("disconnect"), Reason::Truncated),
        case(stream("truncate"), Reason::Truncated),
        case(stream("stall"), Reason::BackendTimeout),
        case(stream("malformed"), Reason::BackendMalformed),
        case(late("delay"), Reason::BackendTimeout),
        case(late("slow_first_token"), Reason::BackendTimeout),
    ]
}

fn llmock(path: &str) -> String {
    format!("{}/_llmock/{path}", variable("TERRACE_TEST_LLMOCK_URL"))
}

async fn script(behaviours: Value) {
    let empty = json!({});
    http::post(&llmock("reset"), &empty).await.unwrap();
    http::post(&llmock("scenario"), &json!({"behaviors": behaviours}))
        .await
        .unwrap();
}

/// llmock's verdict on all calls since its script was set: nothing is excused.
async fn assert_clean_verdict(what: &str) {
    let verdict = http::get(&llmock("verdict")).await.unwrap();
    assert_eq!(verdict["passed"], true, "{what}: {verdict}");
}

fn gateway(kind: Kind) -> Gateway {
    let url = Server::Llmock.url(kind);
    let mut settings = ask::settings(kind, &url, &Server::Llmock.model(kind));
    settings.backend.idle_timeout = Duration::from_secs(1);
    settings.backend.first_token_timeout = Duration::from_secs(1);
    // Each fault is made to last.
    settings.backend.breaker.failures = 1000;
    settings.backend.retry.initial_backoff = Duration::from_millis(200);
    Gateway::new(&settings)
}

/// The bill of a broken answer: all of the prompt, and what came of the answer.
fn assert_bill(answer: &Answer, billed: bool, what: &str) {
    let text = answer.text();
    let Some(usage) = answer.usage else {
        assert!(!billed && text.is_empty(), "{what}: no bill");
        return;
    };
    assert!(billed, "{what}: a bill for a refusal");
    // Anthropic's wire counts one token before there is any text.
    let came = estimate_tokens(text.len() as u64);
    assert!(
        (came..=came.max(1)).contains(&usage.output_tokens),
        "{what}: {usage:?}"
    );
    let estimate = estimate_tokens(PROMPT.len() as u64);
    // It counts the prompt, too; what is not counted is estimated.
    let about = estimate / 2..=estimate * 2;
    assert!(about.contains(&usage.input_tokens), "{what}: {usage:?}");
}

async fn assert_case(gateway: &Gateway, case: &Case, prompts: [&str; 2], what: &str) {
    let began = Instant::now();
    let streamed = gateway.stream(gateway.call(prompts[0])).await;
    assert!(streamed.failure.is_some(), "{what}: no failure");
    let failure = streamed.failure.as_ref().unwrap();
    assert_eq!(failure.reason, case.reason, "{what}: {failure}");
    assert_bill(&streamed, case.billed, what);
    let whole = gateway.whole(gateway.call(prompts[1])).await;
    assert_eq!(whole.unwrap_err().reason, case.reason, "{what}, whole");
    assert!(began.elapsed() < Duration::from_secs(15), "{what}");
}

/// llmock has one scenario for all, so one test goes through all of them.
#[tokio::test(flavor = "multi_thread")]
async fn every_fault_has_its_reason_in_time_with_its_bill_and_a_clean_verdict() {
    for kind in [Kind::OpenAi, Kind::Anthropic] {
        for case in refusals() {
            let what = format!("{} of {}", case.behaviour, kind.title());
            script(json!([case.behaviour])).await;
            // Another prompt: what was refused as wrong is not to be asked again.
            let prompts = [PROMPT, "Say hello to all of us, at once."];
            assert_case(&gateway(kind), &case, prompts, &what).await;
            assert_clean_verdict(&what).await;
        }
        for case in faults() {
            let what = format!("{} of {}", case.behaviour, kind.title());
            script(json!([case.behaviour])).await;
            let gateway = gateway(kind);
            assert_case(&gateway, &case, [PROMPT; 2], &what).await;
            // The gateway never asks again for an answer that has begun; its caller, who was told
            // that it broke, does.
            let again = gateway.whole(gateway.call(PROMPT)).await;
            assert!(again.is_ok(), "{what}: {:?}", again.err());
            assert_clean_verdict(&what).await;
        }
        what_is_asked_to_wait_for_is_waited_for(kind).await;
        a_broken_tool_call_reaches_the_caller_as_it_came(kind).await;
    }
}

async fn what_is_asked_to_wait_for_is_waited_for(kind: Kind) {
    let behaviour = json!({"type": "fail", "status": 429, "retry_after": 1.0, "times": 1});
    script(json!([behaviour])).await;
    let gateway = gateway(kind);
    let answer = gateway.stream(gateway.call(PROMPT)).await;
    assert!(answer.failure.is_none(), "{:?}", answer.failure);
    assert_clean_verdict("retry-after").await;
}

/// What a model calls is for the judge, and for the caller, to look at.
async fn a_broken_tool_call_reaches_the_caller_as_it_came(kind: Kind) {
    for fault in ["malformed_arguments", "unknown_tool"] {
        script(json!([{"type": "tool_fault", "kind": fault, "times": 1}])).await;
        let gateway = gateway(kind);
        let mut call = gateway.call("Use the tool.");
        call.tools = vec![common::Tool {
            name: "find".into(),
            description: "Finds it.".into(),
            parameters_json_schema: r#"{"type":"object","properties":{}}"#.into(),
        }];
        let answer = gateway.stream(call).await;
        assert!(answer.failure.is_none(), "{fault}: {:?}", answer.failure);
        let call = answer.tool_calls.first().unwrap();
        let arguments = serde_json::from_str::<Value>(&call.arguments_json);
        let is_broken = call.name != "find" || arguments.is_err();
        assert!(is_broken, "{fault} of {}: {call:?}", kind.title());
        assert_clean_verdict(fault).await;
    }
}
