//! Overrides and markers over the wire.

use terrace_proto::classifier::v1::{ClassificationSource, TaskKind};
use terrace_proto::common::v1::Role;
use terrace_proto::convert::text_message;

use crate::world::{ask, classify, request};

#[tokio::test]
async fn an_overridden_action_starts_at_its_tier_and_is_scored_all_the_same() {
    let found = classify("Rename the variable x to total.", "edit_file").await;
    assert_eq!(found.source(), ClassificationSource::ActionOverride);
    assert_eq!(found.tier, "local_quality");
    assert!(found.difficulty > 0.0 && !found.evidence.is_empty());
}

#[tokio::test]
async fn a_marker_starts_at_its_tier_as_orchestration() {
    let found = classify("ORCHESTRATE: build and ship the release", "").await;
    assert_eq!(found.source(), ClassificationSource::Marker);
    assert_eq!(found.task_kind(), TaskKind::Orchestration);
    assert_eq!(found.tier, "api_fallback");
    assert!(found.difficulty > 0.5);
}

#[tokio::test]
async fn only_the_last_user_message_can_carry_a_marker() {
    let mut request = request("ORCHESTRATE: do everything", "");
    request
        .messages
        .push(text_message(Role::Assistant, "Done."));
    request.messages.push(text_message(Role::User, "Thanks!"));
    let found = ask(request).await.unwrap();
    assert_eq!(found.source(), ClassificationSource::Scorer);
    assert_eq!(found.tier, "");
}

#[tokio::test]
async fn evidence_stands_strongest_first_and_never_quotes_the_prompt() {
    let found = classify(
        "Prove the zanzibar theorem about zanzibars, step by step.",
        "",
    )
    .await;
    let strengths: Vec<_> = found.evidence.iter().map(|one| one.weight.abs()).collect();
    assert!(
        strengths.len() > 2 && strengths.is_sorted_by(|a, b| a >= b),
        "{strengths:?}"
    );
    assert!(
        found
            .evidence
            .iter()
            .all(|one| !one.detail.contains("zanzibar"))
    );
    assert!(
        found
            .evidence
            .iter()
            .any(|one| one.feature == "proof_words")
    );
}
