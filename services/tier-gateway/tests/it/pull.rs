//! Fetching models.

use terrace_domain::{Failure, Reason};
use terrace_proto::gateway::v1 as wire;
use terrace_rpc::status;
use terrace_testkit::Script;

use crate::sandbox::{Sandbox, Wire};

async fn pull(sandbox: &Sandbox, model: &str) -> Result<Vec<wire::PullModelResponse>, Failure> {
    let model = model.to_owned();
    let request = wire::PullModelRequest { model };
    let failure = |error: tonic::Status| status::to_failure(&error);
    let answer = sandbox.client.clone().pull_model(request).await;
    let mut steps = answer.map_err(failure)?.into_inner();
    let mut seen = Vec::new();
    while let Some(step) = steps.message().await.map_err(failure)? {
        seen.push(step);
    }
    Ok(seen)
}

#[tokio::test]
async fn a_fetch_tells_how_far_it_is_and_that_it_is_done() {
    let (sandbox, _provider) = Sandbox::with(Wire::Ollama, Script::serving(["m"]));
    let steps = pull(&sandbox, "absent").await.unwrap();
    let words: Vec<_> = steps.iter().map(|step| step.status.as_str()).collect();
    assert_eq!(words, ["pulling manifest", "pulling 0", "success", "done"]);
    assert_eq!((steps[1].completed_bytes, steps[1].total_bytes), (50, 100));
    let done: Vec<_> = steps.iter().map(|step| step.done).collect();
    assert_eq!(done, [false, false, false, true]);
}

#[tokio::test]
async fn only_models_of_the_config_are_fetched() {
    let (sandbox, _provider) = Sandbox::with(Wire::Ollama, Script::serving(["m"]));
    let failure = pull(&sandbox, "someone-elses").await.unwrap_err();
    assert_eq!(failure.reason, Reason::ModelNotFound);
}

#[tokio::test]
async fn a_kind_that_has_no_library_says_so() {
    for wire in [Wire::OpenAi, Wire::Anthropic] {
        let (sandbox, _provider) = Sandbox::with(wire, Script::serving(["m"]));
        let failure = pull(&sandbox, "m").await.unwrap_err();
        assert_eq!(failure.reason, Reason::CapabilityMissing, "{wire:?}");
    }
}
