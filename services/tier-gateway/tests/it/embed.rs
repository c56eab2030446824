//! Texts into vectors.

use terrace_domain::{Failure, Reason};
use terrace_proto::gateway::v1 as wire;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_rpc::status;
use terrace_testkit::Script;

use crate::sandbox::{SOON, Sandbox, Wire};

async fn embed(sandbox: &Sandbox, inputs: &[&str]) -> Result<wire::EmbedResponse, Failure> {
    embed_with("m", sandbox, inputs).await
}

async fn embed_with(
    model: &str,
    sandbox: &Sandbox,
    inputs: &[&str],
) -> Result<wire::EmbedResponse, Failure> {
    let request = wire::EmbedRequest {
        model: model.to_owned(),
        inputs: inputs.iter().map(|text| (*text).to_owned()).collect(),
        ..wire::EmbedRequest::default()
    };
    let request = request_within(request, Deadline::within(SOON));
    let answer = sandbox.client.clone().embed(request).await;
    answer
        .map(tonic::Response::into_inner)
        .map_err(|error| status::to_failure(&error))
}

#[tokio::test]
async fn vectors_come_in_the_order_of_their_texts_with_what_they_used() {
    for wire in [Wire::OpenAi, Wire::Ollama] {
        let (sandbox, _provider) = Sandbox::with(wire, Script::serving(["m"]));
        let answer = embed(&sandbox, &["a", "bbb"]).await.unwrap();
        let first: Vec<f32> = answer
            .embeddings
            .iter()
            .map(|vector| vector.values[0])
            .collect();
        assert_eq!(first, [1.0, 3.0], "{wire:?}");
        let usage = answer.usage.unwrap();
        assert_eq!(
            (usage.input_tokens, usage.estimated),
            (4, false),
            "{wire:?}"
        );
    }
}

#[tokio::test]
async fn a_kind_without_vectors_says_so_before_any_call() {
    let (sandbox, provider) = Sandbox::with(Wire::Anthropic, Script::serving(["m"]));
    let failure = embed(&sandbox, &["a"]).await.unwrap_err();
    assert_eq!(failure.reason, Reason::CapabilityMissing);
    assert!(failure.message.contains("embeddings"), "{failure}");
    assert!(provider.requests().is_empty());
}

#[tokio::test]
async fn a_model_that_is_known_to_give_no_vectors_is_not_asked() {
    let (sandbox, _provider) = Sandbox::with(Wire::OpenAi, Script::serving(["m", "absent"]));
    let failure = embed_with("absent", &sandbox, &["a"]).await.unwrap_err();
    assert_eq!(failure.reason, Reason::CapabilityMissing);
}

#[tokio::test]
async fn texts_that_are_none_are_named() {
    let (sandbox, _provider) = Sandbox::with(Wire::OpenAi, Script::serving(["m"]));
    let failure = embed(&sandbox, &["a", ""]).await.unwrap_err();
    let fields: Vec<_> = failure
        .fields
        .iter()
        .map(|wrong| wrong.field.as_str())
        .collect();
    assert_eq!(fields, ["inputs[1]"]);
}
