//! Calls that are made again, and calls that are not.

use std::time::Duration;

use terrace_domain::Reason;
use terrace_testkit::provider::{Fault, Reply, Rule};
use terrace_testkit::{Provider, Script};

use crate::sandbox::{ALL, Sandbox, Wire, ask, settings};

fn refusal(code: u16, retry_after: Option<&str>) -> Reply {
    Reply::text("no").fault(Fault::Status {
        code,
        retry_after: retry_after.map(str::to_owned),
        body: None,
    })
}

fn script(replies: Vec<Reply>) -> Script {
    Script::serving(["m"]).rule(Rule::replying(replies))
}

#[tokio::test]
async fn a_backend_that_was_busy_for_a_moment_is_asked_again() {
    for wire in ALL {
        let replies = vec![refusal(503, None), Reply::text("here I am")];
        let (sandbox, provider) = Sandbox::with(wire, script(replies));
        let whole = sandbox.whole(ask()).await.unwrap();
        assert_eq!(whole.text, "here I am", "{wire:?}");
        assert_eq!(provider.requests().len(), 2, "{wire:?}");
    }
}

#[tokio::test]
async fn what_the_backend_asks_to_wait_is_waited_and_not_less() {
    let replies = vec![refusal(429, Some("1")), Reply::text("now")];
    let (sandbox, provider) = Sandbox::with(Wire::OpenAi, script(replies));
    assert_eq!(sandbox.whole(ask()).await.unwrap().text, "now");
    let seen = provider.requests();
    assert!(seen[1].at - seen[0].at >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_wait_beyond_what_is_allowed_is_told_and_not_made() {
    let (sandbox, provider) = Sandbox::with(Wire::OpenAi, script(vec![refusal(429, Some("60"))]));
    let failure = sandbox.whole(ask()).await.unwrap_err();
    assert_eq!(failure.reason, Reason::BackendRateLimited);
    assert_eq!(failure.retry_after, Some(Duration::from_secs(60)));
    assert_eq!(provider.requests().len(), 1);
}

#[tokio::test]
async fn nothing_is_made_again_once_an_answer_has_begun() {
    for wire in ALL {
        for fault in [Fault::Disconnect { after: 1 }, Fault::Truncate { after: 0 }] {
            let replies = vec![Reply::text("a b c").fault(fault), Reply::text("second")];
            let (sandbox, provider) = Sandbox::with(wire, script(replies));
            let streamed = sandbox.stream(ask()).await;
            assert_eq!(
                streamed.failure.unwrap().reason,
                Reason::Truncated,
                "{wire:?}"
            );
            assert_eq!(provider.requests().len(), 1, "{wire:?}");
        }
    }
}

#[tokio::test]
async fn a_storm_of_failures_is_not_made_worse() {
    let provider = Provider::start(script(vec![refusal(503, None)]));
    let mut settings = settings(Wire::OpenAi, &Wire::OpenAi.url(&provider.url()));
    settings.backend.retry.initial_backoff = Duration::from_millis(1);
    settings.backend.breaker.failures = u32::MAX;
    let sandbox = Sandbox::new(&settings);
    for _ in 0..100 {
        let failure = sandbox.whole(ask()).await.unwrap_err();
        assert_eq!(failure.reason, Reason::BackendFailed);
    }
    let calls = provider.requests().len();
    assert!(
        (101..=120).contains(&calls),
        "{calls} calls for 100 requests"
    );
}
