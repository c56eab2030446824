//! Several addresses and several keys of one backend.

use std::time::Duration;

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
