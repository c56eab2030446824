//! What becomes of answers, across all hops: outcomes that callers report, and shadow calls.

use std::time::Duration;

use terrace_e2e::ask::{question, told, within};
use terrace_e2e::{Placement, Sandbox, Scenario};
use terrace_proto::classifier::v1 as classifier;
use terrace_proto::classifier::v1::classifier_service_client::ClassifierServiceClient;
use terrace_proto::ledger::v1::{GetSummaryRequest, VerifyRequest};
use terrace_proto::router::v1::report_outcome_request::Outcome;
use terrace_proto::router::v1::{ReportOutcomeRequest, RouteRequest};
use terrace_rpc::Link;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

crate::in_both_placements!(
    a_reported_outcome_is_a_lesson_and_can_be_rolled_back,
    a_share_of_answers_is_asked_of_another_tier_and_is_learned_from,
);

const PATIENCE: Duration = Duration::from_secs(20);

type Classifier = ClassifierServiceClient<Link>;

fn classifier(sandbox: &Sandbox) -> Classifier {
    ClassifierServiceClient::new(sandbox.service("classifier"))
}

/// What was learned, once there were so many lessons: they are handed on beside the answers.
async fn lessons(client: &mut Classifier, wanted: u64) -> classifier::GetLearningResponse {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let ask = within(classifier::GetLearningRequest {});
        let state = client.get_learning(ask).await.unwrap().into_inner();
        if state.lessons == wanted {
            return state;
        }
        assert!(
            Instant::now() < give_up,
            "{wanted} lessons, and not {state:?}"
        );
        sleep(Duration::from_millis(50)).await;
    }
}

async fn a_reported_outcome_is_a_lesson_and_can_be_rolled_back(placement: Placement) {
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().display();
    let learning = format!("learning: {{enabled: true, folder: '{shown}', snapshot_every: 1}}");
    let scenario = Scenario::default().routing(&learning);
    let sandbox = Sandbox::start(placement, scenario).await.unwrap();
    let ask = question("What is the capital of France?");
    let answered = sandbox.router().route(within(ask)).await.unwrap();
    let mut client = classifier(&sandbox);
    assert!(lessons(&mut client, 1).await.enabled);

    let report = ReportOutcomeRequest {
        request_id: answered.into_inner().request_id,
        outcome: Outcome::Rejected.into(),
    };
    let reported = sandbox
        .router()
        .report_outcome(within(report.clone()))
        .await;
    assert!(reported.unwrap().into_inner().learned);
    let state = lessons(&mut client, 2).await;
    let again = sandbox.router().report_outcome(within(report)).await;
    assert_eq!(again.unwrap_err().code(), tonic::Code::NotFound);

    let mut snapshots = state.snapshots.iter();
    let before = snapshots.find(|snapshot| snapshot.lessons == 1).unwrap();
    let back = classifier::RollBackLearningRequest {
        number: Some(before.number),
    };
    client.roll_back_learning(within(back)).await.unwrap();
    lessons(&mut client, 1).await;
}

/// So many requests that some of them are chosen.
const ASKED: u128 = 100;

/// A request of the paid tier under an id that is always the same: so are those that are chosen.
fn planned(number: u128) -> RouteRequest {
    RouteRequest {
        request_id: Uuid::from_u128((number << 64) | 1).to_string(),
        action: "plan".to_owned(),
        ..question("What is the capital of France?")
    }
}

async fn a_share_of_answers_is_asked_of_another_tier_and_is_learned_from(placement: Placement) {
    let scenario = Scenario::default()
        .routing("action_tier_overrides: {plan: api_fallback}")
        .routing("learning: {enabled: true, shadow: {share: 0.05}}");
    let sandbox = Sandbox::start(placement, scenario).await.unwrap();
    for number in 1..=ASKED {
        let answered = sandbox.router().route(within(planned(number))).await;
        let answered = answered.unwrap().into_inner();
        let attempts = told(&answered.attempts);
        assert_eq!(attempts, ["api_fallback big ACCEPTED - $0.010000"]);
    }
    let shadows = settled_shadows(&sandbox).await;
    let lessons_of_all = u64::try_from(ASKED).unwrap() + shadows;
    lessons(&mut classifier(&sandbox), lessons_of_all).await;

    let rows = "SELECT request.project, event.tier, event.model, event.cost_nano_usd,
                       request.tags ->> 'shadow_of' FROM usage_events event
                JOIN requests request USING (request_id) WHERE step = 'shadow'";
    let asked: Vec<_> = (1..=ASKED)
        .map(|number| planned(number).request_id)
        .collect();
    for row in sandbox.database.query(rows) {
        assert_eq!(row[..4], ["terrace-shadow", "local_quality", "middle", "0"]);
        assert!(asked.contains(&row[4]), "{row:?}");
    }
    assert_books(&sandbox, shadows).await;
}

/// How many there are once every one of them has closed, and no more come.
async fn settled_shadows(sandbox: &Sandbox) -> u64 {
    let count = "SELECT count(*) FROM usage_events WHERE step = 'shadow'";
    let give_up = Instant::now() + PATIENCE;
    let mut seen = 0;
    loop {
        sleep(Duration::from_millis(500)).await;
        let now = sandbox.database.number(count);
        if now > 0 && now == seen {
            return now.unsigned_abs();
        }
        seen = now;
        assert!(Instant::now() < give_up, "no shadow call was made");
    }
}

/// Shadows are no requests, and the books are right.
async fn assert_books(sandbox: &Sandbox, shadows: u64) {
    let ask = within(GetSummaryRequest::default());
    let summary = sandbox
        .ledger()
        .get_summary(ask)
        .await
        .unwrap()
        .into_inner();
    let total = summary.total.unwrap();
    assert_eq!(
        (u128::from(total.requests), total.shadows),
        (ASKED, shadows)
    );
    assert_eq!((u128::from(total.attempts), total.escalated), (ASKED, 0));
    let proof = sandbox.ledger().verify(within(VerifyRequest {})).await;
    let wrong: u64 = proof
        .unwrap()
        .into_inner()
        .checks
        .iter()
        .map(|own| own.wrong)
        .sum();
    assert_eq!(wrong, 0);
}
