//! Every fault of llmock on both of its wires, whole and streamed: the right reason, in time, with
//! a bill where there may be one, and its own verdict on how we took it.

use std::time::Duration;

use serde_json::{Value, json};
use terrace_conformance::server::variable;
use terrace_conformance::{Gateway, Kind, Server, ask, http};
use terrace_domain::Reason;
use tokio::time::Instant;

/// A fault as llmock scripts it, and what a caller is to be told.
struct Case {
    behaviour: Value,
    /// Whether the fault is in a stream: llmock has those for streams alone, which are what the
    /// gateway always asks for.
    reason: Reason,
    billed: bool,
}

fn cases() -> Vec<Case> {
    let fail = |status: u16| json!({"type": "fail", "status": status, "times": null});
    let stream = |kind: &str| json!({"type": "stream_fault", "kind": kind, "after_chunks": 3, "times": null, "stall_seconds": 5});
    let case = |behaviour, reason, billed| Case {
        behaviour,
        reason,
        billed,
    };
    vec![
        case(fail(429), Reason::BackendRateLimited, false),
        case(fail(529), Reason::BackendRateLimited, false),
        case(fail(500), Reason::BackendFailed, false),
        case(fail(503), Reason::BackendFailed, false),
        case(fail(400), Reason::BackendRejected, false),
        case(fail(401), Reason::BackendUnauthorized, false),
        case(stream("disconnect"), Reason::Truncated, true),
        case(stream("truncate"), Reason::Truncated, true),
        case(stream("stall"), Reason::BackendTimeout, true),
        case(stream("malformed"), Reason::BackendMalformed, true),
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

/// What llmock finds wrong with how we took its faults.
///
/// It takes a cut stream that is not asked for again for one that was accepted as whole. It cannot
/// see what the caller was told, and this test can: a failure. An answer that has begun is never
/// asked for twice.
async fn misbehaviour() -> Vec<Value> {
    let verdict = http::get(&llmock("verdict")).await.unwrap();
    let findings = verdict["findings"].as_array().cloned().unwrap_or_default();
    let is_wrong = |finding: &Value| {
        finding["severity"] == "error" && finding["code"] != "truncated_stream_accepted"
    };
    findings.into_iter().filter(is_wrong).collect()
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

/// llmock has one scenario for all, so one test goes through all of them.
#[tokio::test(flavor = "multi_thread")]
async fn every_fault_has_its_reason_in_time_with_its_bill_and_a_clean_verdict() {
    for kind in [Kind::OpenAi, Kind::Anthropic] {
        for Case {
            behaviour,
            reason,
            billed,
        } in cases()
        {
            let gateway = gateway(kind);
            let what = format!("{} of {}", behaviour, kind.title());
            script(json!([behaviour])).await;
            let began = Instant::now();
            let streamed = gateway
                .stream(gateway.call("Say hello to all of us."))
                .await;
            let failure = streamed
                .failure
                .unwrap_or_else(|| panic!("{what}: no failure"));
            assert_eq!(failure.reason, reason, "{what}: {failure}");
            assert_eq!(streamed.usage.is_some(), billed, "{what}");
            let whole = gateway
                .whole(gateway.call("Say hello to all of us, at once."))
                .await;
            assert_eq!(whole.unwrap_err().reason, reason, "{what}, whole");
            assert!(began.elapsed() < Duration::from_secs(15), "{what}");
            let wrong = misbehaviour().await;
            assert_eq!(wrong, Vec::<Value>::new(), "{what}");
        }
    }
}
