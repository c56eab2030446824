//! Every way in which a backend fails has its own reason, and what it cost is told before.

use std::time::Duration;

use terrace_domain::{Failure, Reason};
use terrace_testkit::Provider;
use terrace_testkit::provider::{Fault, Reply, Script, UnknownModel};

use crate::sandbox::{ALL, SOON, Sandbox, Wire, ask, key, settings};

fn failing(fault: Fault) -> Script {
    Script::serving(["m"]).otherwise(Reply::pieces(["12345678", "9"]).fault(fault))
}

fn status(code: u16, retry_after: Option<&str>) -> Script {
    failing(Fault::Status {
        code,
        retry_after: retry_after.map(str::to_owned),
        body: None,
    })
}

/// What a script makes of a whole call; a streamed one has to end the same.
async fn failure(wire: Wire, script: Script) -> Failure {
    let (sandbox, _provider) = Sandbox::with(wire, script);
    let whole = sandbox.whole(ask()).await.unwrap_err();
    let streamed = sandbox.stream(ask()).await;
    assert!(
        streamed.finished.is_none(),
        "a failed answer has no clean end"
    );
    assert_eq!(streamed.failure.as_ref(), Some(&whole));
    whole
}

#[tokio::test]
async fn statuses_have_their_own_reasons() {
    for (code, reason) in [
        (400, Reason::BackendRejected),
        (401, Reason::BackendUnauthorized),
        (403, Reason::BackendUnauthorized),
        (404, Reason::BackendRejected),
        (413, Reason::BackendRejected),
        (422, Reason::BackendRejected),
        (429, Reason::BackendRateLimited),
        (500, Reason::BackendFailed),
        (503, Reason::BackendFailed),
        (529, Reason::BackendRateLimited),
    ] {
        for wire in ALL {
            let failure = failure(wire, status(code, None)).await;
            assert_eq!(failure.reason, reason, "{code} on {wire:?}");
            assert!(failure.message.contains("`test`"), "{}", failure.message);
            assert!(!failure.message.contains("scripted"), "no words of a body");
        }
    }
}

#[tokio::test]
async fn a_full_backend_says_when_to_come_back() {
    let failure = failure(Wire::OpenAi, status(429, Some("7"))).await;
    assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_backend_that_is_not_there_is_named_with_its_address() {
    for wire in ALL {
        let mut provider = Provider::start(Script::serving(["m"]));
        let url = wire.url(&provider.url());
        provider.kill();
        let sandbox = Sandbox::new(&settings(wire, &url));
        let failure = sandbox.whole(ask()).await.unwrap_err();
        assert_eq!(failure.reason, Reason::BackendUnreachable);
        let expected = format!("cannot connect to backend `test` at {url}: is it running?");
        assert_eq!(failure.message, expected);
    }
}

#[tokio::test]
async fn a_model_that_the_backend_lacks_says_what_to_do() {
    let mut generation = ask();
    generation.model = "absent".into();
    let (ollama, _provider) = Sandbox::with(Wire::Ollama, Script::serving(["m"]));
    let failure = ollama.whole(generation.clone()).await.unwrap_err();
    assert_eq!(failure.reason, Reason::ModelNotFound);
    let expected = "model `absent` not found on backend `test`: run `ollama pull absent`";
    assert_eq!(failure.message, expected);
    for unknown_model in [UnknownModel::NotFound, UnknownModel::BadRequest] {
        let script = Script {
            unknown_model,
            ..Script::serving(["m", "n"])
        };
        let (openai, _provider) = Sandbox::with(Wire::OpenAi, script);
        openai.gateway.start(&tasks()).await;
        let failure = openai.whole(generation.clone()).await.unwrap_err();
        assert_eq!(failure.reason, Reason::ModelNotFound, "{unknown_model:?}");
        let expected = "model `absent` not found on backend `test`, which has: m, n";
        assert_eq!(failure.message, expected);
    }
}

fn tasks() -> terrace_runtime::Tasks {
    terrace_runtime::Tasks::new(terrace_runtime::Shutdown::new())
}

#[tokio::test]
async fn a_broken_answer_is_never_a_clean_end_and_is_counted_first() {
    for (fault, reason) in [
        (Fault::Disconnect { after: 1 }, Reason::Truncated),
        (Fault::Truncate { after: 1 }, Reason::Truncated),
        (Fault::Malformed { after: 1 }, Reason::BackendMalformed),
        (Fault::ErrorInside { after: 1 }, Reason::BackendFailed),
    ] {
        for wire in ALL {
            let (sandbox, _provider) = Sandbox::with(wire, failing(fault.clone()));
            let streamed = sandbox.stream(ask()).await;
            let failure = streamed.failure.as_ref().unwrap();
            assert_eq!(failure.reason, reason, "{fault:?} on {wire:?}");
            assert_eq!(streamed.text(), "12345678");
            let usage = streamed.usage.unwrap();
            assert_eq!((usage.input_tokens, usage.output_tokens), (10, 2));
            assert!(usage.estimated);
            assert_eq!(sandbox.whole(ask()).await.unwrap_err().reason, reason);
        }
    }
}

#[tokio::test]
async fn an_answer_that_says_why_it_stopped_and_has_no_terminator_is_no_clean_end() {
    for wire in ALL {
        let (sandbox, _provider) = Sandbox::with(wire, failing(Fault::NoTerminator));
        let streamed = sandbox.stream(ask()).await;
        let failure = streamed.failure.as_ref().unwrap();
        assert_eq!(failure.reason, Reason::Truncated, "{wire:?}");
        assert_eq!(streamed.text(), "123456789");
        assert_eq!(streamed.usage.unwrap().input_tokens, 10);
        let whole = sandbox.whole(ask()).await.unwrap_err();
        assert_eq!(whole.reason, Reason::Truncated, "{wire:?}");
    }
}

#[tokio::test]
async fn an_answer_that_drips_ends_at_the_limit_for_the_whole() {
    let pace = Duration::from_millis(20);
    let drip = Reply::text("drip ".repeat(200)).timing(Duration::ZERO, pace);
    for wire in ALL {
        let provider = Provider::start(Script::serving(["m"]).otherwise(drip.clone()));
        let mut settings = settings(wire, &wire.url(&provider.url()));
        settings.backend.total_timeout = Duration::from_millis(300);
        let streamed = Sandbox::new(&settings).stream(ask()).await;
        let failure = streamed.failure.unwrap();
        assert_eq!(failure.reason, Reason::BackendTimeout, "{wire:?}");
        assert!(failure.message.contains("total_timeout"), "{failure}");
        assert!(streamed.usage.unwrap().output_tokens > 0, "it came so far");
        assert!(provider.wait_open(0, SOON).await, "{wire:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_an_error_from_its_start_is_one() {
    for wire in ALL {
        let failure = failure(wire, failing(Fault::ErrorInside { after: 0 })).await;
        assert_eq!(failure.reason, Reason::BackendFailed, "{wire:?}");
    }
}

#[tokio::test]
async fn malformed_bytes_are_found_where_they_are() {
    let failure = failure(Wire::Ollama, failing(Fault::Malformed { after: 0 })).await;
    assert!(failure.message.contains("at byte 0"), "{}", failure.message);
}

#[tokio::test]
async fn a_page_for_people_is_no_answer() {
    let page = failure(Wire::Ollama, failing(Fault::Html)).await;
    assert_eq!(page.reason, Reason::BackendMalformed);
    let page = failure(Wire::OpenAi, failing(Fault::Html)).await;
    assert_eq!(page.reason, Reason::BackendMalformed);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Provider::start(Script::serving(["m"]));
    for wire in ALL {
        let to = format!("{}/v1/chat/completions", elsewhere.url());
        let failure = failure(wire, failing(Fault::Redirect(to))).await;
        assert_eq!(failure.reason, Reason::BackendFailed);
        assert!(failure.message.contains("redirect"), "{}", failure.message);
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn neither_a_line_nor_an_answer_is_read_without_end() {
    let gibibyte = 1 << 30;
    for wire in ALL {
        let (sandbox, provider) = Sandbox::with(wire, failing(Fault::Flood { bytes: gibibyte }));
        let line = sandbox.stream(ask()).await.failure.unwrap();
        assert_eq!(line.reason, Reason::BackendMalformed, "{wire:?}");
        assert!(provider.wait_open(0, SOON).await, "{wire:?}: still sending");
        let long = Script::serving(["m"]).otherwise(Reply::text("word ".repeat(500)));
        let provider = Provider::start(long);
        let mut settings = settings(wire, &wire.url(&provider.url()));
        settings.backend.max_response_bytes = terrace_config::ByteSize::kib(4);
        let sandbox = Sandbox::new(&settings);
        let failure = sandbox.whole(ask()).await.unwrap_err();
        assert_eq!(failure.reason, Reason::BackendFailed, "{wire:?}");
        assert!(failure.message.contains("max_response_bytes"));
    }
}

#[tokio::test]
async fn silence_is_a_time_out_at_every_stage() {
    let short = Duration::from_millis(150);
    let late = Reply::text("x").timing(Duration::from_secs(60), Duration::ZERO);
    let long = Duration::from_secs(30);
    for (script, first, idle, named) in [
        (
            Script::serving(["m"]).otherwise(late),
            short,
            long,
            "did not begin",
        ),
        (
            failing(Fault::Stall { after: 0 }),
            short,
            long,
            "did not begin",
        ),
        (
            failing(Fault::Stall { after: 1 }),
            long,
            short,
            "went silent",
        ),
    ] {
        for wire in ALL {
            let provider = Provider::start(script.clone());
            let mut settings = settings(wire, &wire.url(&provider.url()));
            settings.backend.first_token_timeout = first;
            settings.backend.idle_timeout = idle;
            let streamed = Sandbox::new(&settings).stream(ask()).await;
            let failure = streamed.failure.unwrap();
            assert_eq!(failure.reason, Reason::BackendTimeout, "{wire:?}");
            assert!(failure.message.contains(named), "{}", failure.message);
            assert!(streamed.usage.is_some(), "it may have cost something");
        }
    }
}

#[tokio::test]
async fn the_callers_deadline_ends_it_with_a_count_of_what_was_used() {
    let (sandbox, provider) = Sandbox::with(Wire::OpenAi, failing(Fault::Stall { after: 1 }));
    let streamed = sandbox.stream_within(ask(), Duration::from_secs(1)).await;
    assert_eq!(streamed.failure.unwrap().reason, Reason::BackendTimeout);
    assert_eq!(streamed.usage.unwrap().output_tokens, 2);
    assert!(provider.wait_open(0, SOON).await);
}

#[tokio::test]
async fn a_wrong_key_is_the_backends_word_and_a_missing_one_ours() {
    let script = Script::serving(["m"]).api_key("sk-right");
    let provider = Provider::start(script);
    let mut settings = settings(Wire::OpenAi, &Wire::OpenAi.url(&provider.url()));
    settings.backend.api_key = key("sk-right");
    assert!(Sandbox::new(&settings).whole(ask()).await.is_ok());
    settings.backend.api_key = key("sk-wrong");
    let wrong = Sandbox::new(&settings).whole(ask()).await.unwrap_err();
    assert_eq!(wrong.reason, Reason::BackendUnauthorized);
    assert!(!wrong.message.contains("sk-"), "{}", wrong.message);
    settings.backend.api_key = terrace_config::Secret::Missing {
        source: "the variable OPENAI_API_KEY".into(),
    };
    let missing = Sandbox::new(&settings).whole(ask()).await.unwrap_err();
    assert_eq!(missing.reason, Reason::BackendUnauthorized);
    assert!(missing.message.contains("OPENAI_API_KEY"));
    assert_eq!(
        provider.requests().len(),
        1,
        "only the right key got through"
    );
}
