//! How findings become verdicts, over the wire.

use terrace_proto::common::v1::{FinishReason, Message, Part, Role, ToolCall, part};
use terrace_proto::judge::v1::JudgeRequest;

use crate::world::{json, judge, request, score};

#[tokio::test]
async fn a_good_answer_passes_with_every_check_that_applies_in_order_of_cost() {
    let verdict = judge(request("async-caching-memory")).await;
    assert!(verdict.passed && !verdict.undecided);
    assert!((verdict.score - 1.0).abs() < 1e-9 && (verdict.threshold - 0.7).abs() < 1e-9);
    let names: Vec<_> = verdict
        .checks
        .iter()
        .map(|found| found.check.as_str())
        .collect();
    assert_eq!(names, ["empty", "refusal", "repetition"]);
    assert!(
        verdict
            .checks
            .iter()
            .all(|found| (found.weight - 1.0).abs() < 1e-9)
    );
}

#[tokio::test]
async fn a_hard_failure_passes_no_threshold_and_ends_the_judging() {
    let verdict = judge(JudgeRequest {
        threshold: 0.0,
        response_format: json(),
        ..request("I'm sorry, but I can't help with that.")
    })
    .await;
    assert!(!verdict.passed);
    assert!(verdict.score.abs() < 1e-9);
    let last = verdict.checks.last().unwrap();
    assert!(last.hard_failure && last.check == "refusal");
}

#[tokio::test]
async fn a_threshold_of_zero_passes_a_poor_answer_that_did_not_fail() {
    let poor = |threshold| JudgeRequest {
        threshold,
        finish_reason: FinishReason::Length.into(),
        ..request("Half of an answer that")
    };
    assert!(judge(poor(0.0)).await.passed);
    assert!(!judge(poor(0.7)).await.passed);
}

#[tokio::test]
async fn the_profile_of_the_action_says_which_checks_count() {
    let refrain = "row row row your boat gently down the stream\n".repeat(12);
    let sung = |action: &str| JudgeRequest {
        action: action.to_owned(),
        ..request(&refrain)
    };
    assert!(!judge(sung("")).await.passed);
    let poem = judge(sung("write_poem")).await;
    assert!(poem.passed);
    assert_eq!(score(&poem, "repetition"), None);
}

#[tokio::test]
async fn findings_never_quote_the_answer() {
    let answers = [
        "I'm sorry, but I can't help with zanzibar.",
        "zanzibar zanzibar zanzibar zanzibar zanzibar zanzibar zanzibar zanzibar zanzibar zanzibar",
        "{\"zanzibar\": [",
        "```python\ndef zanzibar(:\n```",
        "```zanzibar\nx",
    ];
    for answer in answers {
        for response_format in [None, json()] {
            let verdict = judge(JudgeRequest {
                response_format,
                code_expected: true,
                ..request(answer)
            })
            .await;
            assert!(verdict.score < 1.0, "{answer}");
            let quotes = verdict
                .checks
                .iter()
                .any(|found| found.finding.contains("zanzibar"));
            assert!(!quotes, "{verdict:?}");
        }
    }
}

#[tokio::test]
async fn a_tool_call_is_an_answer_and_its_arguments_are_checked() {
    let calling = |arguments: &str| {
        let call = ToolCall {
            arguments_json: arguments.to_owned(),
            ..ToolCall::default()
        };
        let output = Message {
            role: Role::Assistant.into(),
            parts: vec![Part {
                kind: Some(part::Kind::ToolCall(call)),
            }],
        };
        JudgeRequest {
            output: Some(output),
            finish_reason: FinishReason::ToolCalls.into(),
            ..request("")
        }
    };
    assert!(judge(calling("{\"city\": \"Oslo\"}")).await.passed);
    assert!(!judge(calling("{\"city\": ")).await.passed);
}

#[tokio::test]
async fn an_answer_of_a_megabyte_is_judged_off_the_runtime() {
    let prose: String = (0..100_000).map(|n| format!("word{n} ")).collect();
    let answer = format!("```python\n{}```\n{prose}", "x = (1)\n".repeat(1000));
    let verdict = judge(request(&answer)).await;
    assert_eq!(score(&verdict, "syntax"), Some(1.0));
}

#[tokio::test]
async fn code_is_told_from_other_code_if_that_is_asked_for() {
    let tree = async |code: &str, with_code_tree| {
        let request = JudgeRequest {
            with_code_tree,
            ..request(&format!("```python\n{code}\n```"))
        };
        let response = crate::world::client().judge(request).await;
        response.unwrap().into_inner().code_tree
    };
    let plain = tree("x = [1, 2]", true).await;
    assert!(plain.starts_with("python:"), "{plain}");
    assert_eq!(tree("x = [1,2]  # two", true).await, plain);
    assert_ne!(tree("x = [2, 1]", true).await, plain);
    assert_eq!(tree("x = [1, 2]", false).await, "");
}
