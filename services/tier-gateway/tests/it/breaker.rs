//! A model that keeps failing is left alone, and found again.

use std::time::Duration;

use terrace_domain::Reason;
use terrace_proto::gateway::v1 as wire;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_testkit::provider::{Fault, Reply};
use terrace_testkit::{Provider, Script};

use crate::sandbox::{SOON, Sandbox, Wire, ask, settings};

const OPEN: Duration = Duration::from_millis(300);

fn broken() -> Script {
    let fault = Fault::Status {
        code: 500,
        retry_after: None,
        body: None,
    };
    Script::serving(["m", "absent"]).otherwise(Reply::text("no").fault(fault))
}

fn sandbox(provider: &Provider) -> Sandbox {
    let mut settings = settings(Wire::OpenAi, &Wire::OpenAi.url(&provider.url()));
    settings.backend.retry.max_attempts = 1;
    settings.backend.breaker.failures = 3;
    settings.backend.breaker.open_for = OPEN;
    Sandbox::new(&settings)
}

#[tokio::test]
async fn it_opens_after_failures_in_a_row_and_closes_by_itself() {
    let provider = Provider::start(broken());
    let sandbox = sandbox(&provider);
    for _ in 0..3 {
        let failure = sandbox.whole(ask()).await.unwrap_err();
        assert_eq!(failure.reason, Reason::BackendFailed);
    }
    let failure = sandbox.whole(ask()).await.unwrap_err();
    assert_eq!(failure.reason, Reason::BackendUnreachable);
    assert!(failure.retry_after.unwrap() <= OPEN);
    assert_eq!(
        provider.requests().len(),
        3,
        "nobody asked while it was open"
    );
    provider.set_script(Script::serving(["m"]).otherwise(Reply::text("well again")));
    tokio::time::sleep(OPEN).await;
    assert_eq!(sandbox.whole(ask()).await.unwrap().text, "well again");
}

#[tokio::test]
async fn an_open_breaker_shows_in_the_list_of_models_for_that_model_alone() {
    let provider = Provider::start(broken());
    let sandbox = sandbox(&provider);
    for _ in 0..3 {
        drop(sandbox.whole(ask()).await);
    }
    let models = sandbox.models().await;
    let model = |name: &str| models.iter().find(|model| model.name == name).unwrap();
    assert!(!model("m").available);
    let why = &model("m").unavailable_because;
    assert!(why.contains("failed too often"), "{why}");
    assert!(model("absent").available);
}

#[tokio::test]
async fn refusals_that_are_the_callers_fault_do_not_open_it() {
    let fault = Fault::Status {
        code: 400,
        retry_after: None,
        body: None,
    };
    let script = Script::serving(["m"]).otherwise(Reply::text("no").fault(fault));
    let provider = Provider::start(script);
    let sandbox = sandbox(&provider);
    for _ in 0..5 {
        let failure = sandbox.whole(ask()).await.unwrap_err();
        assert_eq!(failure.reason, Reason::BackendRejected);
    }
    assert_eq!(provider.requests().len(), 5);
}

#[tokio::test]
async fn a_probe_that_answers_lets_the_others_in_before_its_end() {
    let provider = Provider::start(broken());
    let sandbox = sandbox(&provider);
    for _ in 0..3 {
        drop(sandbox.whole(ask()).await);
    }
    let endless = Reply::text("a b").fault(Fault::Stall { after: 1 });
    provider.set_script(Script::serving(["m"]).otherwise(endless));
    tokio::time::sleep(OPEN).await;
    let generation = Some(ask());
    let request = wire::GenerateStreamRequest {
        generation,
        gather: None,
    };
    let request = request_within(request, Deadline::within(SOON));
    let probe = sandbox.client.clone().generate_stream(request).await;
    let mut probe = probe.unwrap().into_inner();
    // The estimate of the prompt, then the first piece.
    for _ in 0..2 {
        assert!(probe.message().await.unwrap().is_some());
    }
    provider.set_script(Script::serving(["m"]).otherwise(Reply::text("well again")));
    assert_eq!(sandbox.whole(ask()).await.unwrap().text, "well again");
}
