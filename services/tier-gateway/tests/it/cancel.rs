//! Callers that go away, and callers that have to wait.

use std::time::Duration;

use terrace_domain::Reason;
use terrace_proto::gateway::v1 as wire;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_testkit::Provider;
use terrace_testkit::provider::{Fault, Reply, Script};

use crate::sandbox::{ALL, SOON, Sandbox, Wire, ask, settings};

fn stalling() -> Script {
    let reply = Reply::text("a b").fault(Fault::Stall { after: 1 });
    Script::serving(["m"]).otherwise(reply)
}

#[tokio::test]
async fn a_dropped_stream_ends_the_call_upstream() {
    for wire in ALL {
        let (sandbox, provider) = Sandbox::with(wire, stalling());
        let request = wire::GenerateStreamRequest {
            generation: Some(ask()),
            gather: None,
        };
        let request = request_within(request, Deadline::within(SOON));
        let answer = sandbox.client.clone().generate_stream(request).await;
        let mut events = answer.unwrap().into_inner();
        // The estimate of the prompt, then the first piece.
        assert!(events.message().await.unwrap().is_some());
        assert!(events.message().await.unwrap().is_some());
        assert_eq!(provider.open(), 1);
        drop(events);
        assert!(provider.wait_open(0, SOON).await, "{wire:?}");
        assert!(provider.requests()[0].hung_up);
    }
}

#[tokio::test]
async fn a_dropped_whole_call_ends_it_upstream_too() {
    for wire in ALL {
        let (sandbox, provider) = Sandbox::with(wire, stalling());
        tokio::select! {
            _ = sandbox.whole(ask()) => panic!("the answer never ends"),
            arrived = provider.wait_requests(1, SOON) => assert!(arrived),
        }
        assert!(provider.wait_open(0, SOON).await, "{wire:?}");
        assert!(provider.requests()[0].hung_up);
    }
}

#[tokio::test]
async fn a_backend_killed_in_the_middle_breaks_the_stream_with_a_count() {
    for wire in ALL {
        let (sandbox, mut provider) = Sandbox::with(wire, stalling());
        let kill = async {
            assert!(provider.wait_open(1, SOON).await);
            // The first piece is on its way.
            tokio::time::sleep(Duration::from_millis(100)).await;
            provider.kill();
        };
        let (streamed, ()) = tokio::join!(sandbox.stream(ask()), kill);
        assert_eq!(streamed.failure.unwrap().reason, Reason::Truncated);
        assert_eq!(streamed.usage.unwrap().input_tokens, 10, "{wire:?}");
    }
}

#[tokio::test]
async fn who_finds_no_place_is_sent_away_and_a_free_place_is_used() {
    let provider = Provider::start(stalling());
    let mut settings = settings(Wire::OpenAi, &Wire::OpenAi.url(&provider.url()));
    settings.backend.max_concurrency = 1;
    let sandbox = Sandbox::new(&settings);
    let request = wire::GenerateStreamRequest {
        generation: Some(ask()),
        gather: None,
    };
    let request = request_within(request, Deadline::within(SOON));
    let first = sandbox.client.clone().generate_stream(request).await;
    let second = sandbox.whole(ask()).await.unwrap_err();
    assert_eq!(second.reason, Reason::Overloaded);
    assert!(second.retry_after.is_some());
    assert_eq!(provider.requests().len(), 1);
    drop(first);
    provider.set_script(Script::serving(["m"]));
    assert!(sandbox.whole(ask()).await.is_ok());
}
