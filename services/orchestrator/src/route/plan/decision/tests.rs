use proptest::prelude::*;
use terrace_domain::Price;

use super::*;
use crate::classification::Learned;
use crate::route::plan::{Plan, Situation, plan};
use crate::testing::{classification, model, request, rules, three_tiers, with};

/// A question of this chance that the lowest tier does, and this gain by the highest.
fn question(suffices: f64, gain: f64) -> Classification {
    Classification {
        learned: Learned {
            lower_tier_suffices: suffices,
            expected_gain: gain,
            familiarity: 1.0,
            rank: 0.5,
        },
        ..classification(0.1)
    }
}

fn weighing(usd: f64, second: f64) -> Rules {
    let weights = Some(Weights { usd, second });
    Rules {
        deciding: Deciding {
            weights,
            ..Deciding::default()
        },
        ..rules()
    }
}

fn planned(classification: Classification, rules: &Rules) -> Plan {
    plan(&request(), classification, with(&three_tiers()), rules)
}

fn decided(plan: &Plan) -> (Course, &str) {
    let course = plan.decision.as_ref().unwrap().course;
    (course, plan.candidates[0].model.as_str())
}

#[test]
fn quality_is_bought_as_long_as_it_is_worth_its_price() {
    let hard = question(0.4, 0.5);
    let cheap = planned(hard.clone(), &weighing(1.0, 0.0));
    assert_eq!(decided(&cheap), (Course::DirectHigh, "big"));
    let dear = planned(hard, &weighing(100.0, 0.0));
    assert_eq!(decided(&dear), (Course::LowWithJudge, "small"));
    assert!(dear.quality_check);
    let easy = planned(question(0.97, 0.01), &weighing(10.0, 0.0));
    assert_eq!(decided(&easy).0, Course::LowWithJudge);
}

#[test]
fn the_terms_of_each_candidate_add_up() {
    let plan = planned(question(0.4, 0.5), &weighing(20.0, 0.0));
    let terms: Vec<Terms> = plan
        .candidates
        .iter()
        .map(|one| one.terms.unwrap())
        .collect();
    for terms in &terms {
        let value = terms.quality - terms.cost - terms.latency;
        assert!((terms.value - value).abs() < 1e-9, "{terms:?}");
    }
    let big = plan
        .candidates
        .iter()
        .find(|one| one.model.as_str() == "big");
    let big = big.unwrap().terms.unwrap();
    assert!(
        (big.quality - 0.9).abs() < 1e-9 && (big.cost - 0.2).abs() < 1e-9,
        "{big:?}"
    );
    assert_eq!(big.judged_value, Some(big.value), "nobody stands above it");
    let best = terms
        .iter()
        .filter_map(|terms| terms.judged_value)
        .fold(f64::MIN, f64::max);
    assert_eq!(terms[0].judged_value, Some(best));
}

#[test]
fn a_slow_model_is_passed_over_when_a_second_is_worth_much() {
    use crate::route::pace::Pace;
    let span = Duration::from_secs(20);
    let slow = Record {
        pace: Some(Pace {
            first: span,
            late_first: span,
            whole: span,
            per_token: Duration::ZERO,
        }),
        ..Record::default()
    };
    let (models, records) = (three_tiers(), [slow, slow, Record::default()]);
    let situation = Situation {
        records: &records,
        ..with(&models)
    };
    let of = |second| {
        let rules = weighing(60.0, second);
        plan(&request(), question(0.8, 0.1), situation, &rules)
    };
    assert_eq!(decided(&of(0.0)).0, Course::LowWithJudge);
    assert_eq!(decided(&of(0.1)), (Course::DirectHigh, "big"));
}

#[test]
fn the_judge_is_left_out_only_where_that_is_allowed_and_worth_more() {
    let mut rules = weighing(20.0, 0.0);
    let sure = question(0.97, 0.01);
    assert!(planned(sure.clone(), &rules).quality_check);
    rules.deciding.skip_judge = true;
    let skipped = planned(sure.clone(), &rules);
    assert_eq!(decided(&skipped).0, Course::DirectLow);
    assert!(!skipped.quality_check);
    let unsure = planned(question(0.5, 0.4), &rules);
    assert!(unsure.quality_check, "{:?}", unsure.decision);
    let mut request = request();
    request.policy.always_judged = true;
    let asked = plan(&request, sure, with(&three_tiers()), &rules);
    assert!(asked.quality_check, "the request says that it is judged");
}

#[test]
fn what_nobody_knows_is_left_to_the_difficulty_and_the_judge() {
    let mut strange = question(0.2, 0.7);
    strange.learned.familiarity = 0.2;
    let mut rules = weighing(0.1, 0.0);
    rules.deciding.skip_judge = true;
    let plan = planned(strange, &rules);
    assert_eq!(decided(&plan), (Course::LowWithJudge, "small"));
    assert!(plan.quality_check);
    let why = &plan.decision.unwrap().why;
    assert!(why.contains("too few of its words are known"), "{why}");
    let silent = planned(classification(0.9), &rules);
    assert_eq!(decided(&silent), (Course::DirectHigh, "big"));
    assert_eq!(silent.candidates[0].terms, None);
}

#[test]
fn a_target_sends_up_who_gains_the_most() {
    let target = Target::ApiShare(Score::clamped(0.2));
    let mut rules = rules();
    rules.deciding.target = Some(target);
    let models = three_tiers();
    let cut = Some(Cut { gain: 0.1, target });
    let situation = Situation {
        cut,
        ..with(&models)
    };
    let of = |gain| plan(&request(), question(0.3, gain), situation, &rules);
    let (much, little) = (of(0.7), of(0.1));
    assert_eq!(decided(&much), (Course::DirectHigh, "big"));
    assert_eq!(decided(&little), (Course::LowWithJudge, "small"));
    let why = &little.candidates[0].why;
    assert!(why.contains("too little for a share of 0.20"), "{why}");
    let unknown = planned(question(0.3, 0.7), &rules);
    assert_eq!(decided(&unknown).0, Course::LowWithJudge);
    assert!(unknown.decision.unwrap().why.contains("too few requests"));
}

#[test]
fn a_tier_without_a_budget_is_no_way_out() {
    let mut models = three_tiers();
    models[2].unavailable_because = Some("it is gone".to_owned());
    let plan = plan(
        &request(),
        question(0.4, 0.5),
        with(&models),
        &weighing(0.0, 0.0),
    );
    assert_eq!(decided(&plan), (Course::DirectHigh, "middle"));
}

fn rung() -> impl Strategy<Value = (f64, f64, f64, f64)> {
    (0.0_f64..1.0, 0.0_f64..0.05, 0.0_f64..30.0, 0.0_f64..=1.0)
}

fn ladder() -> impl Strategy<Value = Vec<Rung>> {
    prop::collection::vec(rung(), 1..5).prop_map(|rungs| {
        let rungs = rungs.into_iter().enumerate();
        let made = rungs.map(|(rank, (quality, usd, seconds, passes))| Rung {
            rank,
            alone: Way {
                quality,
                usd,
                seconds,
            },
            passes,
        });
        made.collect()
    })
}

/// The way that is chosen with these weights.
fn chosen(rungs: &[Rung], weights: Weights, skip_judge: bool) -> Way {
    let (classification, request) = (question(0.5, 0.2), request());
    let rules = Rules {
        deciding: Deciding {
            weights: Some(weights),
            skip_judge,
            target: None,
        },
        ..rules()
    };
    let facts = Facts {
        request: &request,
        classification: &classification,
        rules: &rules,
        rungs,
        cut: None,
    };
    let choice = facts.choose();
    let place = rungs.iter().position(|rung| Some(rung.rank) == choice.rank);
    facts.way(place.unwrap(), choice.unjudged)
}

proptest! {
    #[test]
    fn a_dearer_dollar_never_chooses_a_dearer_way(
        rungs in ladder(), usd in 0.0_f64..500.0, more in 0.0_f64..500.0, skip in any::<bool>(),
    ) {
        let weights = |usd| Weights { usd, second: 0.001 };
        let (before, after) = (chosen(&rungs, weights(usd), skip), chosen(&rungs, weights(usd + more), skip));
        prop_assert!(after.usd <= before.usd + 1e-9, "{:?} became {:?}", before, after);
    }

    #[test]
    fn a_dearer_second_never_chooses_a_slower_way(
        rungs in ladder(), second in 0.0_f64..1.0, more in 0.0_f64..1.0, skip in any::<bool>(),
    ) {
        let weights = |second| Weights { usd: 5.0, second };
        let (before, after) = (chosen(&rungs, weights(second), skip), chosen(&rungs, weights(second + more), skip));
        prop_assert!(after.seconds <= before.seconds + 1e-9, "{:?} became {:?}", before, after);
    }

    #[test]
    fn no_way_is_worth_more_than_the_chosen_one(rungs in ladder(), usd in 0.0_f64..500.0) {
        let weights = Weights { usd, second: 0.01 };
        let value = chosen(&rungs, weights, false).value(weights);
        for place in 0..rungs.len() {
            prop_assert!(judged(&rungs[place..], 3).value(weights) <= value + 1e-9);
        }
    }

    #[test]
    fn of_two_tiers_a_dearer_dollar_never_starts_with_the_dearer_model(
        suffices in 0.01_f64..1.0, gain in -0.5_f64..1.0, usd in 0.0_f64..200.0, more in 0.0_f64..200.0,
    ) {
        let mut models = vec![model("local_fast", "small"), model("api_fallback", "big")];
        models[1].price = Price { per_request: NanoUsd::new(10_000_000), ..Price::FREE };
        let first = |usd| {
            let plan = plan(&request(), question(suffices, gain), with(&models), &weighing(usd, 0.0));
            plan.candidates[0].expected
        };
        prop_assert!(first(usd + more) <= first(usd));
    }
}
