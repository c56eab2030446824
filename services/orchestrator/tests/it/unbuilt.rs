//! Rpcs that stand in the contract and are not built yet: they say so, and do nothing.

use terrace_domain::Reason;
use terrace_proto::router::v1 as wire;
use tonic::{Code, Status};

use crate::world::{World, failed};

#[tokio::test(start_paused = true)]
async fn what_is_not_built_yet_answers_so_by_name() {
    let world = World::start().await;
    let mut client = world.client.clone();
    let report = wire::ReportOutcomeRequest::default();
    let refused: [(&str, Status); 1] = [(
        "ReportOutcome",
        client.report_outcome(report).await.unwrap_err(),
    )];
    for (name, status) in refused {
        let failed = failed(&status);
        assert_eq!(
            (failed.code, failed.reason()),
            (Code::Unimplemented, Reason::NotImplemented)
        );
        assert_eq!(failed.failure.message, format!("{name} is not built yet"));
    }
    assert_eq!(world.classifier.classify.calls(), 0);
}
