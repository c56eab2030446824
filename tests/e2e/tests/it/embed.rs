//! Texts into vectors through all services.

use terrace_domain::Reason;
use terrace_e2e::ask::within;
use terrace_e2e::{Placement, Sandbox, Scenario, books};
use terrace_proto::router::v1::EmbedRequest;
use terrace_rpc::status;

crate::in_both_placements!(
    vectors_come_from_the_tiers_model_and_stand_in_the_books,
    a_tier_without_a_model_for_vectors_says_so,
);

fn texts(tier: &str) -> EmbedRequest {
    EmbedRequest {
        tier: tier.into(),
        inputs: vec!["a".into(), "bbb".into()],
        ..EmbedRequest::default()
    }
}

async fn vectors_come_from_the_tiers_model_and_stand_in_the_books(placement: Placement) {
    let scenario = Scenario {
        small_embeds: true,
        small_usd: Some("0.001"),
        ..Scenario::default()
    };
    let sandbox = Sandbox::start(placement, scenario).await.unwrap();
    let answer = sandbox.router().embed(within(texts(""))).await;
    let answer = answer.unwrap().into_inner();
    let first: Vec<f32> = answer
        .embeddings
        .iter()
        .map(|vector| vector.values[0])
        .collect();
    assert_eq!(first, [1.0, 3.0]);
    assert_eq!((&*answer.tier, &*answer.model), ("local_fast", "small"));
    assert_eq!(answer.cost_nano_usd, 1_000_000);
    assert_eq!(
        books::rows(&sandbox.database, &answer.request_id),
        ["local_fast small ACCEPTED - $0.001000"]
    );
}

async fn a_tier_without_a_model_for_vectors_says_so(placement: Placement) {
    let sandbox = Sandbox::start(placement, Scenario::default())
        .await
        .unwrap();
    let answer = sandbox.router().embed(within(texts("local_fast"))).await;
    let reason = status::reason(&answer.unwrap_err());
    assert_eq!(reason, Reason::NoCandidate);
}
