//! Good answers, whole and streamed, on all wires.

use std::time::Duration;

use terrace_proto::common::v1 as common;
use terrace_testkit::provider::{Provider, Reply, Script, UsageReport};

use crate::sandbox::{ALL, Sandbox, Wire, ask, settings};

fn script(reply: Reply) -> Script {
    Script::serving(["m"]).otherwise(reply)
}

fn hello() -> Reply {
    Reply::pieces(["Hel", "lo ", "wörld."])
}

#[tokio::test]
async fn a_whole_answer_has_text_reason_usage_and_model() {
    for wire in ALL {
        let (sandbox, _provider) = Sandbox::with(wire, script(hello()));
        let whole = sandbox.whole(ask()).await.unwrap();
        assert_eq!(whole.text, "Hello wörld.", "{wire:?}");
        assert_eq!(whole.finish, common::FinishReason::Stop);
        assert_eq!(
            (whole.usage.input_tokens, whole.usage.output_tokens),
            (10, 3)
        );
        assert!(!whole.usage.estimated);
        assert_eq!(whole.served_model, "m");
    }
}

#[tokio::test]
async fn a_stream_has_all_of_the_text_and_ends_with_all_that_was_used() {
    for wire in ALL {
        let (sandbox, _provider) = Sandbox::with(wire, script(hello()));
        let streamed = sandbox.stream(ask()).await;
        assert_eq!(streamed.text(), "Hello wörld.", "{wire:?}");
        let finished = streamed.finished.unwrap();
        assert_eq!(finished.finish_reason(), common::FinishReason::Stop);
        let usage = finished.usage.unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (10, 3));
        assert_eq!(finished.served_model, "m");
        assert_eq!(streamed.failure, None);
    }
}

#[tokio::test]
async fn usage_that_never_comes_is_estimated_and_marked() {
    for wire in ALL {
        let reply = hello().usage(UsageReport::Absent);
        let (sandbox, _provider) = Sandbox::with(wire, script(reply));
        let usage = sandbox.whole(ask()).await.unwrap().usage;
        assert_eq!(
            (usage.input_tokens, usage.output_tokens),
            (10, 4),
            "{wire:?}"
        );
        assert!(usage.estimated);
    }
}

#[tokio::test]
async fn cached_tokens_are_told_apart() {
    let counts = UsageReport::Counts {
        input: 1000,
        cached: 900,
        output: 3,
    };
    let (sandbox, _provider) = Sandbox::with(Wire::OpenAi, script(hello().usage(counts)));
    let usage = sandbox.whole(ask()).await.unwrap().usage;
    assert_eq!(usage.cached_input_tokens, 900);
    assert_eq!(usage.input_tokens, 1000);
}

#[tokio::test]
async fn tokens_that_cannot_be_are_not_believed() {
    let counts = UsageReport::Counts {
        input: 1_000_000,
        cached: 0,
        output: 1_000_000,
    };
    for wire in ALL {
        let (sandbox, _provider) = Sandbox::with(wire, script(hello().usage(counts)));
        let usage = sandbox.whole(ask()).await.unwrap().usage;
        assert!(usage.estimated, "{wire:?}");
        assert!(
            usage.input_tokens < 100 && usage.output_tokens < 100,
            "{usage:?}"
        );
    }
}

#[tokio::test]
async fn the_models_own_cap_binds_when_the_caller_gives_none() {
    for wire in ALL {
        let (sandbox, provider) = Sandbox::with(wire, script(hello()));
        sandbox.whole(ask()).await.unwrap();
        let mut capped = ask();
        capped.params.get_or_insert_default().max_output_tokens = Some(2);
        let whole = sandbox.whole(capped).await.unwrap();
        assert_eq!(whole.finish, common::FinishReason::Length, "{wire:?}");
        let sent: Vec<u64> = provider.requests().iter().map(|r| cap(&r.body)).collect();
        assert_eq!(sent, [512, 2]);
    }
}

fn cap(body: &serde_json::Value) -> u64 {
    let cap = body["max_tokens"].as_u64();
    cap.or_else(|| body["options"]["num_predict"].as_u64())
        .unwrap()
}

#[tokio::test]
async fn upstream_is_always_streamed_and_asked_for_usage() {
    let (sandbox, provider) = Sandbox::with(Wire::OpenAi, script(hello()));
    sandbox.whole(ask()).await.unwrap();
    let body = &provider.requests()[0].body;
    assert_eq!(body["stream"], true);
    assert_eq!(body["stream_options"]["include_usage"], true);
}

#[tokio::test]
async fn a_slow_stream_within_its_limits_is_no_fault() {
    let pace = std::time::Duration::from_millis(20);
    let reply = hello().timing(pace, pace);
    let (sandbox, _provider) = Sandbox::with(Wire::Ollama, script(reply));
    assert_eq!(sandbox.stream(ask()).await.text(), "Hello wörld.");
}

/// A gateway that asks its backend for whole answers, in front of a provider.
fn asking_for_whole_answers(reply: Reply) -> (Sandbox, Provider) {
    let provider = Provider::start(script(reply));
    let mut settings = settings(Wire::OpenAi, &Wire::OpenAi.url(&provider.url()));
    settings.backend.whole_answers = true;
    (Sandbox::new(&settings), provider)
}

#[tokio::test]
async fn a_backend_that_is_to_answer_in_one_piece_is_asked_so_and_read_alike() {
    let (sandbox, provider) = asking_for_whole_answers(hello());
    let whole = sandbox.whole(ask()).await.unwrap();
    assert_eq!(whole.text, "Hello wörld.");
    assert_eq!(whole.finish, common::FinishReason::Stop);
    assert_eq!(
        (whole.usage.input_tokens, whole.usage.output_tokens),
        (10, 3)
    );
    assert_eq!(whole.served_model, "m");
    assert_eq!(provider.requests()[0].body["stream"], false);
}

#[tokio::test]
async fn whoever_is_shown_the_pieces_gets_a_stream_all_the_same() {
    let (sandbox, provider) = asking_for_whole_answers(hello());
    let streamed = sandbox.stream(ask()).await;
    assert_eq!(streamed.text(), "Hello wörld.");
    assert_eq!(provider.requests()[0].body["stream"], true);
}

#[tokio::test]
async fn an_answer_in_one_piece_may_take_longer_than_a_first_token() {
    let late = Reply {
        first_delay: Duration::from_millis(300),
        ..hello()
    };
    let provider = Provider::start(script(late));
    let mut settings = settings(Wire::OpenAi, &Wire::OpenAi.url(&provider.url()));
    settings.backend.whole_answers = true;
    settings.backend.first_token_timeout = Duration::from_millis(50);
    let whole = Sandbox::new(&settings).whole(ask()).await.unwrap();
    assert_eq!(whole.text, "Hello wörld.");
}
