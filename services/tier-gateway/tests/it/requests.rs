//! Requests that never get to a backend.

use terrace_domain::Reason;
use terrace_testkit::provider::Script;

use crate::sandbox::{Sandbox, Wire, ask};

#[tokio::test]
async fn a_wrong_request_names_every_wrong_field_and_calls_nothing() {
    let (sandbox, provider) = Sandbox::with(Wire::OpenAi, Script::serving(["m"]));
    let mut generation = ask();
    generation.messages.clear();
    generation.params.get_or_insert_default().temperature = Some(9.0);
    let whole = sandbox.whole(generation.clone()).await.unwrap_err();
    assert_eq!(whole.reason, Reason::InvalidRequest);
    let fields: Vec<&str> = whole.fields.iter().map(|f| f.field.as_str()).collect();
    assert_eq!(
        fields,
        ["generation.messages", "generation.params.temperature"]
    );
    let streamed = sandbox.stream(generation).await;
    assert_eq!(streamed.failure, Some(whole));
    assert!(provider.requests().is_empty());
}

#[tokio::test]
async fn a_model_that_is_not_configured_calls_nothing() {
    let (sandbox, provider) = Sandbox::with(Wire::OpenAi, Script::serving(["secret"]));
    let mut generation = ask();
    generation.model = "secret".into();
    let failure = sandbox.whole(generation).await.unwrap_err();
    assert_eq!(failure.reason, Reason::ModelNotFound);
    assert!(provider.requests().is_empty());
}
