use terrace_proto::ledger::v1::{OutcomeCount, RequestOutcome, SummaryGroup, Sums};

use super::*;
use crate::render::testing;

#[test]
fn a_response_has_its_money_twice_and_its_enums_in_lower_case() {
    let value = response(&testing::fallen_back());
    assert_eq!(value["output"], "async-caching-memory");
    assert_eq!(value["finish_reason"], "stop");
    assert_eq!(value["cost_nano_usd"], 12_300_000);
    assert_eq!(value["cost_usd"], "0.012300");
    assert_eq!(value["savings_usd"], "0.004500");
    assert_eq!(value["scripted"], true);
    assert_eq!(value["latency_ms"], 87.0);
    assert_eq!(value["classification"]["task_kind"], "code");
    assert_eq!(value["attempts"][0]["outcome"], "rejected");
    assert_eq!(value["attempts"][0]["step"], "attempt/0");
    assert_eq!(value["attempts"][0]["started_at"], "2025-06-15T15:06:40Z");
    assert_eq!(
        value["attempts"][0]["verdict"]["checks"][0]["check"],
        "syntax"
    );
}

#[test]
fn what_is_not_known_is_null_and_not_nothing() {
    let value = response(&testing::accepted());
    for key in [
        "verdict",
        "baseline_nano_usd",
        "baseline_usd",
        "savings_nano_usd",
    ] {
        assert!(value[key].is_null(), "{key}");
    }
}

#[test]
fn a_consensus_is_whole_in_the_json() {
    let value = response(&testing::agreed());
    let consensus = &value["consensus"];
    assert_eq!(consensus["agreed"], true);
    assert_eq!(consensus["groups"][0]["votes"][1]["attempt_index"], 2);
    assert_eq!(consensus["groups"][1]["answers"], false);
    assert_eq!(consensus["groups"][1]["votes"][0]["output"], "memory");
}

/// Scripts rely on these: a key may be added, none may go.
#[test]
fn the_keys_of_a_response_are_these() {
    let value = response(&testing::accepted());
    let keys: Vec<_> = value.as_object().unwrap().keys().collect();
    insta::assert_snapshot!(keys.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(" "), @"attempts backend baseline_model baseline_nano_usd baseline_usd cached classification consensus cost_nano_usd cost_usd finish_reason latency_ms model output passed request_id savings_nano_usd savings_usd scripted tier usage verdict");
}

#[test]
fn a_plan_has_its_candidates_in_order() {
    let value = plan(&testing::plan());
    assert_eq!(value["candidates"][1]["worst_case_usd"], "0.015600");
    assert_eq!(value["on_exhausted"], "best_effort");
    assert_eq!(value["left_out"][0]["tier"], "local_quality");
}

#[test]
fn models_list_what_they_can() {
    let value = models(&testing::models());
    assert_eq!(value["tiers"][0], "local_fast");
    assert_eq!(value["models"][0]["capabilities"], json!(["code", "json"]));
    assert_eq!(value["models"][0]["price"]["input_usd"], "3.000000");
    assert_eq!(value["models"][1]["available"], false);
}

#[test]
fn a_bill_counts_outcomes_by_name() {
    let summary = GetSummaryResponse {
        outcomes: vec![OutcomeCount {
            outcome: RequestOutcome::BestEffort.into(),
            requests: 2,
        }],
        savings_nano_usd: -1,
        groups: vec![SummaryGroup {
            values: vec!["local_fast".into()],
            sums: Some(Sums {
                cost_nano_usd: 5,
                ..Sums::default()
            }),
            ..SummaryGroup::default()
        }],
        ..GetSummaryResponse::default()
    };
    let value = cost(&summary, &["tier".to_owned()], &[Budget::default()]);
    assert_eq!(value["outcomes"]["best_effort"], 2);
    assert_eq!(value["savings_usd"], "-0.000000001");
    assert_eq!(value["budgets"][0]["cap_nano_usd"], 0);
    assert_eq!(value["groups"][0]["by"]["tier"], "local_fast");
    assert_eq!(value["groups"][0]["cost_usd"], "0.000000005");
    assert!(value["total"]["latency_ms"]["p50"].is_null());
}
