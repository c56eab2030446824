//! Summaries by dimensions and buckets: groups add up to the whole, parts to the savings.

use std::collections::HashMap;

use terrace_domain::{BackendName, NanoUsd, RequestId};
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::ledger::v1::{self as wire, RequestOutcome};

use crate::sandbox::{Sandbox, answer, closing, ended, settling};
use crate::summed_up::every_kind;

async fn summary(ledger: &Sandbox, by: &[&str], bucket: Option<i64>) -> wire::GetSummaryResponse {
    let ask = wire::GetSummaryRequest {
        group_by: by.iter().map(ToString::to_string).collect(),
        bucket: bucket.map(|seconds| prost_types::Duration { seconds, nanos: 0 }),
        ..wire::GetSummaryRequest::default()
    };
    answer(ledger.ledger.clone().get_summary(ask).await).unwrap()
}

fn sums(group: &wire::SummaryGroup) -> &wire::Sums {
    group.sums.as_ref().unwrap()
}

fn parts_of(sums: &wire::Sums) -> [i64; 6] {
    let parts = sums.savings_parts.unwrap();
    [
        parts.tokens_nano_usd,
        parts.judge_nano_usd,
        parts.consensus_nano_usd,
        parts.rejected_nano_usd,
        parts.cache_nano_usd,
        parts.gpu_hours_nano_usd,
    ]
}

fn of<'a>(summary: &'a wire::GetSummaryResponse, values: &[&str]) -> &'a wire::Sums {
    let found = summary.groups.iter().find(|group| group.values == values);
    sums(found.unwrap_or_else(|| panic!("no {values:?} in {:?}", summary.groups)))
}

#[tokio::test]
async fn groups_add_up_to_the_whole_however_they_are_cut() {
    let ledger = Sandbox::free().await;
    every_kind(&ledger).await;
    let cuts: [(&[&str], Option<i64>); 7] = [
        (&["tier"], None),
        (&["model", "backend"], None),
        (&["action"], Some(60)),
        (&["project", "key"], None),
        (&["tag.topic"], None),
        (&[], Some(86_400)),
        (
            &[
                "tier", "backend", "model", "action", "project", "key", "tag.x",
            ],
            Some(3_600),
        ),
    ];
    for (by, bucket) in cuts {
        let summary = summary(&ledger, by, bucket).await;
        let total = summary.total.as_ref().unwrap();
        let add =
            |what: fn(&wire::Sums) -> i64| summary.groups.iter().map(sums).map(what).sum::<i64>();
        assert_eq!(
            add(|sums| sums.cost_nano_usd),
            total.cost_nano_usd,
            "{by:?}"
        );
        assert_eq!(
            add(|sums| sums.savings_nano_usd),
            total.savings_nano_usd,
            "{by:?}"
        );
        assert_eq!(add(|sums| sums.requests as i64), 6, "{by:?}");
        assert_eq!(
            add(|sums| sums.attempts as i64),
            total.attempts as i64,
            "{by:?}"
        );
        assert_eq!((total.cost_nano_usd, total.requests), (2_190, 6));
        for group in summary.groups.iter().map(sums).chain([total]) {
            assert_eq!(parts_of(group).iter().sum::<i64>(), group.savings_nano_usd);
        }
        assert_eq!(summary.groups[0].from.is_some(), bucket.is_some());
        assert!(
            summary
                .groups
                .iter()
                .all(|group| group.values.len() == by.len())
        );
    }
}

#[tokio::test]
async fn each_part_of_the_savings_is_what_it_says() {
    let ledger = Sandbox::free().await;
    every_kind(&ledger).await;
    let total = summary(&ledger, &[], None).await.total.unwrap();
    // Baselines of 900 and 500; answers for 0, 500 and, of a best effort, 600.
    let tokens = 1_400 - 1_100;
    let rejected = -(4 + 5 + 70 + 8 + 1_000);
    assert_eq!(parts_of(&total), [tokens, -3, 0, rejected, 0, 0]);
    assert_eq!((total.answered, total.passed, total.escalated), (3, 2, 2));
    assert_eq!((total.baseline_requests, total.scored), (2, 0));
    assert_eq!(total.mean_score, None);
}

#[tokio::test]
async fn members_of_a_consensus_are_paid_beside_the_answer() {
    let ledger = Sandbox::free().await;
    let steps = [
        ended("attempt/0", "local_fast", AttemptOutcome::Accepted, 40),
        ended("attempt/1", "local_quality", AttemptOutcome::Accepted, 50),
        ended("attempt/2", "api_fallback", AttemptOutcome::Rejected, 600),
    ];
    let steps = settling(RequestId::generate(), steps);
    let ask = closing(steps, RequestOutcome::Passed, "local_fast");
    ledger.settle(ask).await.unwrap();
    let total = summary(&ledger, &[], None).await.total.unwrap();
    assert_eq!(parts_of(&total), [-40, 0, -50, -600, 0, 0]);
}

#[tokio::test]
async fn an_answer_for_which_nothing_was_called_is_saved_by_the_cache() {
    let ledger = Sandbox::free().await;
    let mut ask = closing(
        settling(RequestId::generate(), []),
        RequestOutcome::Passed,
        "local_fast",
    );
    ask.close.as_mut().unwrap().baseline_nano_usd = Some(700);
    ledger.settle(ask).await.unwrap();
    let total = summary(&ledger, &[], None).await.total.unwrap();
    assert_eq!(parts_of(&total), [0, 0, 0, 0, 700, 0]);
}

#[tokio::test]
async fn a_request_is_counted_where_it_was_answered_and_a_step_where_it_was_called() {
    let ledger = Sandbox::free().await;
    let steps = [
        ended("attempt/0", "local_fast", AttemptOutcome::Rejected, 2),
        ended("attempt/1", "api_fallback", AttemptOutcome::Accepted, 700),
    ];
    let id = RequestId::generate();
    let mut ask = closing(settling(id, steps), RequestOutcome::Passed, "api_fallback");
    let close = ask.close.as_mut().unwrap();
    close.baseline_nano_usd = Some(900);
    close.score = Some(0.8);
    close.latency = Some(prost_types::Duration {
        seconds: 2,
        nanos: 0,
    });
    close.tags = HashMap::from([("topic".to_owned(), "async".to_owned())]);
    ledger.settle(ask).await.unwrap();

    let by_tier = summary(&ledger, &["tier"], None).await;
    let (low, high) = (
        of(&by_tier, &["local_fast"]),
        of(&by_tier, &["api_fallback"]),
    );
    assert_eq!(
        (low.requests, low.attempts, low.savings_nano_usd),
        (0, 1, -2)
    );
    assert_eq!(
        (high.requests, high.attempts, high.savings_nano_usd),
        (1, 1, 200)
    );
    assert_eq!((high.mean_score, high.escalated), (Some(0.8), 1));
    let median = high.latency.unwrap().p50.unwrap();
    let seconds = median.seconds as f64 + f64::from(median.nanos) / 1e9;
    assert!((seconds - 2.0).abs() < 2.0 * 0.022, "{seconds}");
    assert!(low.latency.is_none());

    let by_tag = summary(&ledger, &["tag.topic", "action"], None).await;
    assert_eq!(of(&by_tag, &["async", "edit_file"]).cost_nano_usd, 702);
}

#[tokio::test]
async fn a_project_sees_its_own_alone() {
    let ledger = Sandbox::free().await;
    every_kind(&ledger).await;
    let ask = wire::GetSummaryRequest {
        project: "other".to_owned(),
        group_by: vec!["tier".to_owned()],
        ..wire::GetSummaryRequest::default()
    };
    let summary = answer(ledger.ledger.clone().get_summary(ask).await).unwrap();
    assert_eq!((summary.requests, summary.groups.len()), (0, 0));
    assert!(summary.tiers.is_empty() && summary.outcomes.is_empty());
}

#[tokio::test]
async fn hours_of_a_gpu_make_savings_smaller_and_are_borne_by_who_ran() {
    let ledger = Sandbox::start(|settings| {
        let backend = BackendName::new("backend").unwrap();
        settings.gpu_cost_per_hour = [(backend, NanoUsd::new(360_000_000_000))].into();
    })
    .await;
    let local = |seconds| wire::StepSettlement {
        latency: Some(prost_types::Duration { seconds, nanos: 0 }),
        ..ended("attempt/0", "local_fast", AttemptOutcome::Accepted, 0)
    };
    for (action, seconds) in [("long", 3), ("short", 1)] {
        let steps = settling(RequestId::generate(), [local(seconds)]);
        let mut ask = closing(steps, RequestOutcome::Passed, "local_fast");
        ask.action = action.to_owned();
        ledger.settle(ask).await.unwrap();
    }
    // A hundred dollars a second, so that some of it has come up already.
    let summary = summary(&ledger, &["action"], None).await;
    let total = summary.total.as_ref().unwrap();
    let gpu = |sums: &wire::Sums| sums.savings_parts.unwrap().gpu_hours_nano_usd;
    let (long, short) = (gpu(of(&summary, &["long"])), gpu(of(&summary, &["short"])));
    assert!(short < 0 && (long - 3 * short).abs() <= 3, "{long} {short}");
    assert_eq!(gpu(total), long + short);
    assert_eq!(total.savings_nano_usd, gpu(total));
    assert_eq!(summary.savings_nano_usd, gpu(total));
}
