//! Fetching a model, as an operator does it.

use std::process::Output;
use std::time::Duration;

use terrace_e2e::ask::within;
use terrace_e2e::{Placement, Sandbox, Scenario};
use terrace_proto::router::v1::ListModelsRequest;
use terrace_testkit::process::program;
use terrace_testkit::provider::Script;

crate::in_both_placements!(
    a_model_that_the_backend_lacks_is_fetched_and_then_there,
    a_model_of_no_tier_is_refused_with_what_to_do,
);

async fn terrace(sandbox: &Sandbox, args: &'static [&'static str]) -> Output {
    let (program, url) = (program("terrace").unwrap(), sandbox.url().to_owned());
    let run = move || {
        let mut command = std::process::Command::new(program);
        command.arg("--server").arg(url).args(args).output()
    };
    tokio::task::spawn_blocking(run).await.unwrap().unwrap()
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().map(str::to_owned).collect()
}

async fn is_available(sandbox: &Sandbox, name: &str) -> bool {
    let mut router = sandbox.router();
    let list = router.list_models(within(ListModelsRequest {})).await;
    let models = list.unwrap().into_inner().models;
    models
        .iter()
        .any(|model| model.name == name && model.available)
}

async fn a_model_that_the_backend_lacks_is_fetched_and_then_there(placement: Placement) {
    let scenario = Scenario {
        local: Script::serving(["small"]),
        ..Scenario::default()
    };
    let sandbox = Sandbox::start(placement, scenario).await.unwrap();
    assert!(!is_available(&sandbox, "middle").await);
    let pulled = terrace(&sandbox, &["models", "pull", "middle"]).await;
    let told = lines(&pulled.stderr);
    assert!(pulled.status.success(), "{told:?}");
    assert_eq!(lines(&pulled.stdout), ["middle is on backend local"]);
    assert_eq!(told, ["pulling manifest", "pulling 0", "success"]);
    let noticed = async {
        while !is_available(&sandbox, "middle").await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, noticed).await.unwrap();
    let again = terrace(&sandbox, &["models", "pull", "middle", "--json"]).await;
    let last = lines(&again.stdout).pop().unwrap();
    let last: serde_json::Value = serde_json::from_str(&last).unwrap();
    assert_eq!(last["done"], true);
}

async fn a_model_of_no_tier_is_refused_with_what_to_do(placement: Placement) {
    let sandbox = Sandbox::start(placement, Scenario::default())
        .await
        .unwrap();
    let refused = terrace(&sandbox, &["models", "pull", "strange"]).await;
    assert!(!refused.status.success());
    let told = lines(&refused.stderr).join("\n");
    assert!(told.contains("no tier of the config has"), "{told}");
}
