//! Several addresses and several keys of one backend.

use std::time::Duration;

use terrace_runtime::{Shutdown, Tasks};
use terrace_testkit::provider::Reply;
use terrace_testkit::{Provider, Script};

use crate::sandbox::{SOON, Sandbox, Wire, ask, key, settings};

fn serving(text: &str) -> Provider {
    Provider::start(Script::serving(["m"]).otherwise(Reply::text(text)))
}

fn two(first: &Provider, second: &Provider) -> Sandbox {
    let mut settings = settings(Wire::OpenAi, &Wire::OpenAi.url(&first.url()));
    let url = Wire::OpenAi.url(&second.url());
    settings.backend.replicas = vec![url.parse().unwrap()];
    Sandbox::new(&settings)
}

#[tokio::test]
async fn a_call_goes_where_the_fewest_are_in_flight() {
    let slow = Reply::text("slow").timing(Duration::from_millis(300), Duration::ZERO);
    let first = Provider::start(Script::serving(["m"]).otherwise(slow));
    let second = serving("second");
    let sandbox = two(&first, &second);
    let (one, other) = tokio::join!(sandbox.whole(ask()), async {
        assert!(first.wait_open(1, SOON).await);
        sandbox.whole(ask()).await
    });
    assert_eq!(one.unwrap().text, "slow");
    assert_eq!(other.unwrap().text, "second");
}

#[tokio::test]
async fn a_dead_address_costs_no_call_and_is_left_out() {
    let mut first = serving("first");
    let second = serving("second");
    let sandbox = two(&first, &second);
    first.kill();
    for _ in 0..20 {
        assert_eq!(sandbox.whole(ask()).await.unwrap().text, "second");
    }
    assert_eq!(second.requests().len(), 20);
}

#[tokio::test]
async fn a_call_that_one_address_has_no_room_for_goes_to_the_other_at_once() {
    for code in [429, 503] {
        let first = Provider::start(Script::serving(["m"]).otherwise(Reply::status(code)));
        let second = serving("second");
        let mut settings = settings(Wire::OpenAi, &Wire::OpenAi.url(&first.url()));
        settings.backend.replicas = vec![Wire::OpenAi.url(&second.url()).parse().unwrap()];
        // Whoever waited would wait for longer than any call may take.
        settings.backend.retry.initial_backoff = Duration::from_secs(300);
        let sandbox = Sandbox::new(&settings);
        assert_eq!(sandbox.whole(ask()).await.unwrap().text, "second", "{code}");
        assert_eq!(first.requests().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn one_dead_address_does_not_make_the_models_unavailable() {
    let mut first = serving("first");
    let second = serving("second");
    let sandbox = two(&first, &second);
    first.kill();
    let tasks = Tasks::new(Shutdown::new());
    sandbox.gateway.start(&tasks).await;
    let models = sandbox.models().await;
    assert!(models[0].available, "{}", models[0].unavailable_because);
}

#[tokio::test]
async fn a_key_that_is_refused_gives_way_to_the_next() {
    for wire in [Wire::OpenAi, Wire::Anthropic] {
        let provider = Provider::start(Script::serving(["m"]).api_key("sk-right"));
        let mut settings = settings(wire, &wire.url(&provider.url()));
        settings.backend.api_key = key("sk-wrong");
        settings.backend.more_api_keys = vec![key("sk-right")];
        let sandbox = Sandbox::new(&settings);
        for _ in 0..3 {
            assert!(sandbox.whole(ask()).await.is_ok(), "{wire:?}");
        }
        assert_eq!(provider.requests().len(), 3, "the wrong key was tried once");
    }
}
