//! The list of models: what the config says, and what the backend has.

use std::time::Duration;

use terrace_config::Profile;
use terrace_runtime::{Shutdown, Tasks};
use terrace_testkit::Provider;
use terrace_testkit::provider::Script;

use crate::sandbox::{ALL, SOON, Sandbox, Wire, settings};

fn tasks() -> Tasks {
    Tasks::new(Shutdown::new())
}

#[tokio::test]
async fn configured_models_are_listed_with_tier_price_and_limits() {
    for wire in ALL {
        let (sandbox, _provider) = Sandbox::with(wire, Script::serving(["m", "other"]));
        sandbox.gateway.start(&tasks()).await;
        let models = sandbox.models().await;
        let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
        assert_eq!(names, ["m", "absent"], "{wire:?}");
        let model = &models[0];
        assert_eq!(
            (model.tier.as_str(), model.backend.as_str()),
            ("local_fast", "test")
        );
        let price = model.price.clone().unwrap();
        assert_eq!((price.input_nano_usd, price.output_nano_usd), (3, 15));
        assert_eq!(price.version, "2026-11-01");
        assert_eq!(
            (model.context_window, model.default_max_output_tokens),
            (4096, 512)
        );
        assert!(model.capabilities.unwrap().code);
        assert!(model.available && !models[1].available);
        let because = &models[1].unavailable_because;
        assert!(because.contains("`absent` not found"), "{because}");
    }
}

#[tokio::test]
async fn a_backend_that_comes_back_is_noticed_by_itself() {
    let mut first = Provider::start(Script::serving(["m"]));
    let address = first.url().replace("http://", "").parse().unwrap();
    let mut settings = settings(Wire::Ollama, &first.url());
    first.kill();
    settings.refresh_soon = Duration::from_millis(20);
    let sandbox = Sandbox::new(&settings);
    sandbox.gateway.start(&tasks()).await;
    let down = sandbox.models().await.remove(0);
    assert!(!down.available);
    assert!(down.unavailable_because.contains("is it running?"));
    let _second = Provider::start_at(address, Script::serving(["m"])).unwrap();
    let back = async {
        while !sandbox.models().await[0].available {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, back).await.unwrap();
}

#[tokio::test]
async fn a_scripted_stand_in_is_named_as_such() {
    let provider = Provider::start(Script::serving(["m"]));
    let mut settings = settings(Wire::Ollama, &provider.url());
    assert!(!Sandbox::new(&settings).models().await[0].scripted);
    settings.backend.scripted = true;
    assert!(Sandbox::new(&settings).models().await[0].scripted);
}

#[tokio::test]
async fn what_the_backend_tells_of_a_model_completes_the_config() {
    let provider = Provider::start(Script::serving(["m"]));
    let mut settings = settings(Wire::Ollama, &provider.url());
    settings.models[0].model.context_window = 131_072;
    settings.models[0].model.known.capabilities = false;
    let sandbox = Sandbox::new(&settings);
    let before = sandbox.models().await.remove(0);
    assert_eq!(before.context_window, 131_072);
    sandbox.gateway.start(&tasks()).await;
    let told = sandbox.models().await.remove(0);
    assert_eq!(told.context_window, 8192, "as the backend runs it");
    let can = told.capabilities.unwrap();
    assert!(can.tools && !can.vision);
}

#[tokio::test]
async fn a_server_that_says_it_is_not_well_is_not_available_although_it_lists_its_models() {
    let script = Script {
        unhealthy: true,
        ..Script::serving(["m"])
    };
    let provider = Provider::start(script);
    let mut settings = settings(Wire::OpenAi, &Wire::OpenAi.url(&provider.url()));
    for (profile, available) in [
        (Profile::Vllm, false),
        (Profile::LlamaCpp, false),
        (Profile::Generic, true),
    ] {
        settings.backend.profile = profile;
        let sandbox = Sandbox::new(&settings);
        sandbox.gateway.start(&tasks()).await;
        let model = sandbox.models().await.remove(0);
        assert_eq!(model.available, available, "{profile:?}");
    }
    assert!(provider.requests().is_empty(), "it cost no call");
}

#[tokio::test]
async fn a_server_of_ones_own_can_be_held_to_json_without_a_word_in_the_config() {
    let provider = Provider::start(Script::serving(["m"]));
    let mut settings = settings(Wire::OpenAi, &Wire::OpenAi.url(&provider.url()));
    settings.models[0].model.known.capabilities = false;
    for (profile, json) in [
        (Profile::Vllm, true),
        (Profile::LlamaCpp, true),
        (Profile::Generic, false),
    ] {
        settings.backend.profile = profile;
        let sandbox = Sandbox::new(&settings);
        sandbox.gateway.start(&tasks()).await;
        let can = sandbox.models().await.remove(0).capabilities.unwrap();
        assert_eq!((can.json, can.logprobs), (json, json), "{profile:?}");
    }
}
