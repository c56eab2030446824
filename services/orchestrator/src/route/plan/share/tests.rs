use super::*;
use crate::route::pace::Pace;
use crate::route::plan::{Plan, Situation, plan};
use crate::route::record::Record;
use crate::testing::{classification, request, rules, three_tiers, with};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A record of answers that take this long.
fn taking(span: u64) -> Record {
    Record {
        pace: Some(Pace {
            first: seconds(0),
            late_first: seconds(0),
            whole: seconds(span),
            per_token: seconds(span),
        }),
        ..Record::default()
    }
}

/// The plan of a request that has `time`, over three tiers whose answers take so many seconds.
fn planned(time: u64, taken: [Option<u64>; 3], difficulty: f64) -> Plan {
    let records = taken.map(|span| span.map(taking).unwrap_or_default());
    let models = three_tiers();
    let situation = Situation {
        records: &records,
        time: seconds(time),
        ..with(&models)
    };
    plan(&request(), classification(difficulty), situation, &rules())
}

fn shares(plan: &Plan) -> Vec<(&str, Option<u128>)> {
    let shares = plan.candidates.iter().map(|candidate| {
        let millis = candidate.share.map(|share| share.as_millis());
        (candidate.model.as_str(), millis)
    });
    shares.collect()
}

#[test]
fn each_gets_half_of_what_is_left_and_the_last_what_judge_and_settlement_do_not_need() {
    let plan = planned(60, [None; 3], 0.0);
    let expected = [
        ("small", Some(30_000)),
        ("middle", Some(15_000)),
        ("big", Some(14_500)),
    ];
    assert_eq!(shares(&plan), expected);
    assert_eq!(plan.time, seconds(60));
}

#[test]
fn beyond_the_attempt_limit_nobody_has_a_share() {
    let models = three_tiers();
    let mut request = request();
    request.policy.max_attempts = 1;
    let plan = plan(&request, classification(0.0), with(&models), &rules());
    let expected = [("small", Some(59_500)), ("middle", None), ("big", None)];
    assert_eq!(shares(&plan), expected);
}

#[test]
fn nothing_is_kept_for_a_last_resort() {
    let plan = planned(60, [None; 3], 0.9);
    let first = ("big", Some(59_500));
    assert_eq!(shares(&plan)[0], first);
}

#[test]
fn a_model_that_needs_more_than_half_gets_it_while_the_next_keeps_what_it_needs() {
    // A quarter more than expected, and the next one keeps a quarter of the whole at least.
    let plan = planned(60, [Some(32), None, None], 0.0);
    assert_eq!(shares(&plan)[0], ("small", Some(40_000)));
    let plan = planned(60, [Some(40), None, None], 0.0);
    assert_eq!(shares(&plan)[0], ("small", Some(45_000)));
    let plan = planned(60, [Some(32), Some(20), None], 0.0);
    assert_eq!(shares(&plan)[0], ("small", Some(35_000)));
}

#[test]
fn who_cannot_finish_in_the_whole_time_is_left_out_with_why() {
    let plan = planned(10, [None, Some(30), None], 0.0);
    let expected = [("small", Some(5_000)), ("big", Some(4_500))];
    assert_eq!(shares(&plan), expected);
    assert_eq!(
        plan.left_out[0].why,
        "answers of middle take about 30.0 s, and it could have 9.5 s of the deadline: allow more time"
    );
}

#[test]
fn who_is_first_and_cannot_finish_in_its_share_is_left_out_for_those_who_can() {
    let plan = planned(20, [Some(18), Some(2), None], 0.0);
    let expected = [("middle", Some(10_000)), ("big", Some(9_500))];
    assert_eq!(shares(&plan), expected);
    assert_eq!(plan.left_out[0].model.as_str(), "small");
    // Alone it has all the time, and is tried.
    let models = three_tiers()[..1].to_vec();
    let situation = Situation {
        records: &[taking(18)],
        time: seconds(20),
        ..with(&models)
    };
    let alone = super::super::plan(&request(), classification(0.0), situation, &rules());
    assert_eq!(shares(&alone), [("small", Some(19_500))]);
}

#[test]
fn whoever_is_skipped_leaves_its_time_and_its_place_to_those_behind() {
    let mut plan = planned(60, [None; 3], 0.0);
    plan.max_attempts = 2;
    let left = seconds(60);
    // The second of two attempts has nobody behind it, unless the first one was skipped.
    assert_eq!(plan.share(1, 1, left), Duration::from_millis(59_500));
    assert_eq!(plan.share(1, 0, left), seconds(30));
}

#[test]
fn no_time_at_all_is_shared_without_a_panic() {
    let plan = planned(0, [Some(1), None, None], 0.0);
    assert_eq!(shares(&plan), [("middle", Some(0)), ("big", Some(0))]);
}
