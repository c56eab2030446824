//! Bad input: every wrong field is named at once, and nothing is written.

use terrace_domain::{Failure, Reason, RequestId};
use terrace_proto::common::v1::{AttemptOutcome, Usage};
use terrace_proto::ledger::v1::{self as wire, RequestOutcome};

use crate::sandbox::{DAILY, Sandbox, answer, closing, hold, settling, spent};

fn fields(refused: &Failure) -> Vec<&str> {
    assert_eq!(refused.reason, Reason::InvalidRequest, "{refused}");
    refused.fields.iter().map(|f| f.field.as_str()).collect()
}

#[tokio::test]
async fn every_wrong_field_of_a_reserve_is_named_and_nothing_is_written() {
    let ledger = Sandbox::with_budget(100).await;
    let ask = wire::ReserveRequest {
        request_id: "7".to_owned(),
        step: "attempt".to_owned(),
        project: String::new(),
        key_id: "a\0b".to_owned(),
        amount_nano_usd: 0,
        ttl: Some(prost_types::Duration {
            seconds: -1,
            nanos: 0,
        }),
        target: Some(wire::StepTarget {
            tier: " t".to_owned(),
            ..wire::StepTarget::default()
        }),
        action: "x".repeat(200),
        body_fingerprint: vec![7; 65],
    };
    let refused = ledger.reserve(ask).await.unwrap_err();
    let expected = [
        "ttl",
        "request_id",
        "project",
        "key_id",
        "action",
        "body_fingerprint",
        "step",
        "amount_nano_usd",
        "target.tier",
        "target.backend",
        "target.model",
    ];
    assert_eq!(fields(&refused), expected);
    let rows = "SELECT (SELECT count(*) FROM requests) + (SELECT count(*) FROM budget_periods)";
    assert_eq!(ledger.database.number(rows), 0);
}

#[tokio::test]
async fn amounts_out_of_range_are_refused_before_they_overflow() {
    let ledger = Sandbox::with_budget(100).await;
    for amount in [i64::MIN, -1, 0, i64::MAX] {
        let ask = hold(RequestId::generate(), "attempt/0", amount);
        let refused = ledger.reserve(ask).await.unwrap_err();
        assert_eq!(fields(&refused), ["amount_nano_usd"]);
    }
    let huge = hold(RequestId::generate(), "attempt/0", 1_000_000_000_000_000);
    let refused = ledger.reserve(huge).await.unwrap_err();
    assert_eq!(refused.reason, Reason::BudgetExhausted);
}

/// A step of which everything is wrong.
fn nonsense() -> wire::StepSettlement {
    wire::StepSettlement {
        step: "tea/1".to_owned(),
        target: None,
        outcome: 99,
        reason: "TEAPOT".to_owned(),
        usage: Some(Usage {
            input_tokens: u64::MAX,
            ..Usage::default()
        }),
        cost_nano_usd: -1,
        score: Some(1.5),
        started_at: Some(prost_types::Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        }),
        latency: Some(prost_types::Duration {
            seconds: 0,
            nanos: -1,
        }),
        lease_id: String::new(),
        lease_debit_nano_usd: 0,
    }
}

#[tokio::test]
async fn every_wrong_field_of_a_settle_is_named_and_nothing_is_written() {
    let ledger = Sandbox::free().await;
    let mut skipped = spent("attempt/1", 5);
    skipped.outcome = AttemptOutcome::Skipped.into();
    let mut presumed = spent("attempt/2", 5);
    presumed.outcome = AttemptOutcome::Presumed.into();
    let steps = [
        nonsense(),
        spent("attempt/0", 1),
        spent("attempt/0", 2),
        skipped,
        presumed,
    ];
    let mut ask = closing(
        settling(RequestId::generate(), steps),
        RequestOutcome::Failed,
        "api_fallback",
    );
    let close = ask.close.as_mut().unwrap();
    close.score = Some(f64::NAN);
    close.baseline_nano_usd = Some(-1);
    close.tags.insert("a".to_owned(), "\0".to_owned());
    let refused = ledger.settle(ask).await.unwrap_err();
    let expected = [
        "steps[0].step",
        "steps[0].target",
        "steps[0].outcome",
        "steps[0].reason",
        "steps[0].cost_nano_usd",
        "steps[0].usage.input_tokens",
        "steps[0].score",
        "steps[0].started_at",
        "steps[0].latency",
        "steps[2].step",
        "steps[3].cost_nano_usd",
        "steps[4].outcome",
        "close.tier",
        "close.backend",
        "close.model",
        "close.baseline_nano_usd",
        "close.score",
        "close.tags",
    ];
    assert_eq!(fields(&refused), expected);
    assert_eq!(ledger.database.number("SELECT count(*) FROM requests"), 0);
}

#[tokio::test]
async fn a_close_says_what_answered_and_only_callers_outcomes_count() {
    let ledger = Sandbox::free().await;
    let id = RequestId::generate();
    let nothing = ledger.settle(settling(id, [])).await.unwrap_err();
    assert_eq!(fields(&nothing), ["steps"]);
    let presumed = closing(settling(id, []), RequestOutcome::Presumed, "");
    let refused = ledger.settle(presumed).await.unwrap_err();
    assert_eq!(fields(&refused), ["close.outcome"]);
    let passed = closing(settling(id, []), RequestOutcome::Passed, "");
    let refused = ledger.settle(passed).await.unwrap_err();
    let parts = ["close.tier", "close.backend", "close.model"];
    assert_eq!(fields(&refused), parts);
}

#[tokio::test]
async fn tags_are_held_to_the_limits() {
    let ledger = Sandbox::start(|settings| {
        settings.tags.count = 2;
        settings.tags.bytes = 8;
    })
    .await;
    let tagged = |tags: &[(&str, &str)]| {
        let id = RequestId::generate();
        let mut ask = closing(settling(id, []), RequestOutcome::Failed, "");
        let tags = tags.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        ask.close.as_mut().unwrap().tags = tags.collect();
        ask
    };
    ledger
        .settle(tagged(&[("team", "abcd"), ("x", "")]))
        .await
        .unwrap();
    for wrong in [
        &[("a", "1"), ("b", "2"), ("c", "3")][..],
        &[("team", "abcde")],
        &[("", "v")],
    ] {
        let refused = ledger.settle(tagged(wrong)).await.unwrap_err();
        assert_eq!(fields(&refused), ["close.tags"], "{wrong:?}");
    }
}

#[tokio::test]
async fn wrong_ids_steps_and_projects_are_named_in_the_other_calls_too() {
    let ledger = Sandbox::free().await;
    let mut client = ledger.ledger.clone();
    let ask = wire::ReleaseRequest {
        request_id: String::new(),
        steps: vec!["attempt/0".to_owned(), "x".to_owned()],
    };
    let refused = answer(client.release(ask).await).unwrap_err();
    assert_eq!(fields(&refused), ["request_id", "steps[1]"]);
    let ask = wire::GetRequestRequest::default();
    let refused = answer(client.get_request(ask).await).unwrap_err();
    assert_eq!(fields(&refused), ["request_id", "project"]);
    let ask = wire::ExtendRequest {
        step: "x".to_owned(),
        amount_nano_usd: 5,
        ttl: Some(prost_types::Duration::default()),
        ..wire::ExtendRequest::default()
    };
    let refused = ledger.extend(ask).await.unwrap_err();
    assert_eq!(
        fields(&refused),
        ["request_id", "step", "amount_nano_usd", "ttl"]
    );
    let ask = wire::ListBudgetsRequest {
        project: " ".to_owned(),
    };
    let refused = answer(client.list_budgets(ask).await).unwrap_err();
    assert_eq!(fields(&refused), ["project"]);
}

#[tokio::test]
async fn every_wrong_field_of_a_budget_is_named_and_nothing_is_written() {
    let ledger = Sandbox::free().await;
    let ask = wire::SetBudgetRequest {
        name: "team/search/daily".to_owned(),
        cap_nano_usd: -1,
        alert_threshold: 2.0,
        time_zone: "Mars/Olympus".to_owned(),
        top_up_nano_usd: -5,
        top_up_id: "7".to_owned(),
        update_mask: Some(prost_types::FieldMask {
            paths: ["cap_nano_usd", "alert_threshold", "time_zone", "colour"]
                .map(str::to_owned)
                .to_vec(),
        }),
        ..wire::SetBudgetRequest::default()
    };
    let refused = ledger.set_budget(ask).await.unwrap_err();
    let expected = [
        "name",
        "update_mask",
        "cap_nano_usd",
        "alert_threshold",
        "time_zone",
        "top_up_nano_usd",
        "top_up_id",
    ];
    assert_eq!(fields(&refused), expected);
    let empty = wire::SetBudgetRequest {
        name: DAILY.to_owned(),
        update_mask: Some(prost_types::FieldMask::default()),
        ..wire::SetBudgetRequest::default()
    };
    let refused = ledger.set_budget(empty.clone()).await.unwrap_err();
    assert_eq!(fields(&refused), ["update_mask"]);
    let both = wire::SetBudgetRequest {
        remove: true,
        top_up_nano_usd: 5,
        top_up_id: RequestId::generate().to_string(),
        ..empty
    };
    let refused = ledger.set_budget(both).await.unwrap_err();
    assert_eq!(fields(&refused), ["remove"]);
    assert_eq!(ledger.database.number("SELECT count(*) FROM budgets"), 0);
}
