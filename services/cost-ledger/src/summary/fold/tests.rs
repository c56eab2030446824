use proptest::prelude::*;
use terrace_domain::Usage;

use super::*;
use crate::summary::facts::{LatencyFact, RequestFact};
use crate::summary::sums::Parts;

fn keys() -> impl Strategy<Value = Keys> {
    (0_usize..3, "[ab]?", "[gh]", "[mn]", "[xyz]?").prop_map(
        |(bucket, tier, backend, model, action)| Keys {
            bucket,
            tier,
            backend,
            model,
            action,
            ..Keys::default()
        },
    )
}

fn money() -> impl Strategy<Value = NanoUsd> {
    (0_i64..1_000_000_000).prop_map(NanoUsd::new)
}

fn steps() -> impl Strategy<Value = StepFact> {
    (
        keys(),
        prop::array::uniform6(money()),
        0_u64..1000,
        0_u64..50,
    )
        .prop_map(
            |(keys, [answer, judge, consensus, rejected, presumed, shadow], busy_us, attempts)| {
                StepFact {
                    keys,
                    attempts,
                    accepted: attempts / 2,
                    usage: Usage {
                        input_tokens: busy_us * 3,
                        output_tokens: busy_us,
                        ..Usage::default()
                    },
                    answer_cost: answer,
                    judge_cost: judge,
                    consensus_cost: consensus,
                    rejected_cost: rejected.plus(presumed),
                    presumed_cost: presumed,
                    shadows: attempts / 5,
                    shadow_cost: shadow,
                    busy_us,
                }
            },
        )
}

fn requests() -> impl Strategy<Value = RequestFact> {
    let outcomes = prop::sample::select(vec![
        RequestOutcome::Passed,
        RequestOutcome::BestEffort,
        RequestOutcome::Failed,
    ]);
    (keys(), outcomes, 1_u64..100, money(), money()).prop_map(
        |(keys, outcome, requests, baseline, cached)| RequestFact {
            keys,
            outcome,
            requests,
            escalated: requests / 3,
            with_baseline: requests / 2,
            baseline: baseline.plus(cached),
            cached_baseline: cached,
            scored: requests,
            score_millionths: requests * 900_000,
        },
    )
}

fn facts() -> impl Strategy<Value = Facts> {
    let some = 0..12_usize;
    (
        prop::collection::vec(steps(), some.clone()),
        prop::collection::vec(requests(), some),
    )
        .prop_map(|(steps, requests)| {
            let latencies = requests.iter().map(|fact| LatencyFact {
                keys: fact.keys.clone(),
                bin: 100,
                requests: fact.requests,
            });
            Facts {
                latencies: latencies.collect(),
                steps,
                requests,
            }
        })
}

fn dimensions() -> impl Strategy<Value = Vec<By>> {
    let all = vec![By::Tier, By::Backend, By::Model, By::Action];
    prop::sample::subsequence(all, 1..=4)
}

fn hours() -> impl Strategy<Value = Hours> {
    let hour = (0_usize..3, "[ghi]");
    prop::collection::btree_map(hour, money(), 0..6)
}

fn sum_of_parts(parts: &[Parts]) -> Parts {
    parts.iter().fold(Parts::default(), |sum, part| Parts {
        tokens: sum.tokens.plus(part.tokens),
        judge: sum.judge.plus(part.judge),
        consensus: sum.consensus.plus(part.consensus),
        rejected: sum.rejected.plus(part.rejected),
        cache: sum.cache.plus(part.cache),
        gpu_hours: sum.gpu_hours.plus(part.gpu_hours),
        shadow: sum.shadow.plus(part.shadow),
    })
}

proptest! {
    #[test]
    fn parts_add_up_to_the_savings_and_groups_to_the_whole(
        facts in facts(), by in dimensions(), has_buckets in any::<bool>(), hours in hours(),
    ) {
        let mut folded = fold(&facts, &by, has_buckets);
        folded.share_out(&hours, &facts.steps, None);
        let total = folded.total.clone();
        let gpu: NanoUsd = hours.values().copied().sum();
        prop_assert_eq!(total.parts.sum(), total.baseline.minus(total.cost).minus(gpu));

        let groups: Vec<Sums> = folded.groups.values().cloned().collect();
        let tiers: Vec<Sums> = folded.tiers.values().cloned().collect();
        for of in [groups, tiers] {
            let parts: Vec<Parts> = of.iter().map(|sums| sums.parts).collect();
            prop_assert_eq!(sum_of_parts(&parts), total.parts);
            prop_assert_eq!(of.iter().map(|sums| sums.cost).sum::<NanoUsd>(), total.cost);
            prop_assert_eq!(of.iter().map(|sums| sums.baseline).sum::<NanoUsd>(), total.baseline);
            prop_assert_eq!(of.iter().map(|sums| sums.requests).sum::<u64>(), total.requests);
            prop_assert_eq!(of.iter().map(|sums| sums.attempts).sum::<u64>(), total.attempts);
            prop_assert_eq!(of.iter().map(|sums| sums.scored).sum::<u64>(), total.scored);
        }
    }
}

#[test]
fn hours_that_others_used_are_not_borne_by_one_project() {
    let keys = Keys {
        backend: "gpu".to_owned(),
        ..Keys::default()
    };
    let own = StepFact {
        keys,
        busy_us: 30,
        ..StepFact::default()
    };
    let facts = Facts {
        steps: vec![own],
        ..Facts::default()
    };
    let hours = Hours::from([((0, "gpu".to_owned()), NanoUsd::new(1000))]);
    let of_all = Busy::from([((0, "gpu".to_owned()), 120)]);
    let mut folded = fold(&facts, &[], false);
    folded.share_out(&hours, &facts.steps, Some(&of_all));
    assert_eq!(folded.total.parts.gpu_hours, NanoUsd::new(-250));

    // Idle hours are nobody's.
    let mut folded = fold(&Facts::default(), &[], false);
    folded.share_out(&hours, &[], Some(&Busy::new()));
    assert_eq!(folded.total.parts.gpu_hours, NanoUsd::ZERO);
    folded.share_out(&hours, &[], None);
    assert_eq!(folded.total.parts.gpu_hours, NanoUsd::new(-1000));
}
