use terrace_domain::{Failure, Reason, Score};

use super::*;
use crate::catalog::Model;
use crate::route::budget::Refusal;
use crate::route::pace::Pace;
use crate::route::plan::{Plan, Situation, plan};
use crate::testing::{
    classification, model, priced, request, rules, three_tiers, tier, tool_result, with,
};

fn names(plan: &Plan) -> Vec<&str> {
    let models = plan.candidates.iter();
    models.map(|candidate| candidate.model.as_str()).collect()
}

fn judged(good: u32, judged: u32) -> Record {
    Record {
        good,
        judged,
        ..Record::default()
    }
}

fn taking(seconds: u64) -> Record {
    let span = Duration::from_secs(seconds);
    Record {
        pace: Some(Pace {
            first: span,
            late_first: span,
            whole: span,
            per_token: Duration::ZERO,
        }),
        ..Record::default()
    }
}

fn of_one_tier(models: &[(&str, &str)]) -> Vec<Model> {
    let models = models.iter();
    models
        .map(|(name, usd)| priced("local_fast", name, usd))
        .collect()
}

fn planned(models: &[Model], records: &[Record]) -> Plan {
    let situation = Situation {
        records,
        ..with(models)
    };
    plan(&request(), classification(0.0), situation, &rules())
}

#[test]
fn the_cheaper_for_a_good_enough_answer_comes_first_and_not_the_cheaper_call() {
    let models = of_one_tier(&[("cheap", "0.001"), ("dear", "0.002")]);
    let blank = planned(&models, &[]);
    assert_eq!(names(&blank), ["cheap", "dear"]);
    let records = [judged(2, 20), judged(19, 20)];
    let plan = planned(&models, &records);
    assert_eq!(names(&plan), ["dear", "cheap"]);
    let why = &plan.candidates[0].why;
    assert!(
        why.ends_with("19 of its last 20 answers reached 0.70"),
        "{why}"
    );
}

#[test]
fn of_free_models_the_one_that_is_clearly_better_comes_first() {
    let models = of_one_tier(&[("first", "0"), ("second", "0")]);
    let slightly = planned(&models, &[judged(14, 20), judged(15, 20)]);
    assert_eq!(names(&slightly), ["first", "second"], "as in the config");
    let clearly = planned(&models, &[judged(8, 20), judged(19, 20)]);
    assert_eq!(names(&clearly), ["second", "first"]);
}

#[test]
fn a_wished_latency_is_weighed_against_cost() {
    let models = of_one_tier(&[("slow", "0.001"), ("quick", "0.003")]);
    let mut request = request();
    let mut with_target = |seconds: Option<u64>| {
        request.policy.latency_target = seconds.map(Duration::from_secs);
        let situation = Situation {
            records: &[taking(8), taking(1)],
            ..with(&models)
        };
        plan(&request, classification(0.0), situation, &rules())
    };
    assert_eq!(names(&with_target(None)), ["slow", "quick"]);
    // Twice as late is twice as dear, which is still cheaper; four times as late is not.
    assert_eq!(names(&with_target(Some(4))), ["slow", "quick"]);
    let hurried = with_target(Some(2));
    assert_eq!(names(&hurried), ["quick", "slow"]);
    let why = &hurried.candidates[1].why;
    assert!(why.ends_with("slower than wished: about 8.0 s"), "{why}");
}

#[test]
fn of_equals_the_one_that_fails_or_is_busy_comes_later() {
    let models = of_one_tier(&[("first", "0"), ("second", "0")]);
    let failing = Record {
        failing: true,
        ..Record::default()
    };
    let plan = planned(&models, &[failing]);
    assert_eq!(names(&plan), ["second", "first"]);
    assert!(
        plan.candidates[1]
            .why
            .ends_with("it failed in most of its last calls")
    );
    let with_calls = |in_flight| Record {
        in_flight,
        ..Record::default()
    };
    assert_eq!(
        names(&planned(&models, &[with_calls(7)])),
        ["first", "second"]
    );
    let plan = planned(&models, &[with_calls(8)]);
    assert_eq!(names(&plan), ["second", "first"]);
    assert!(plan.candidates[1].why.ends_with("busy: 8 calls in flight"));
}

#[test]
fn no_merit_moves_a_model_out_of_its_tier() {
    let models = three_tiers();
    let poor = Record {
        failing: true,
        in_flight: 100,
        ..judged(0, 60)
    };
    assert_eq!(
        names(&planned(&models, &[poor])),
        ["small", "middle", "big"]
    );
}

#[test]
fn a_budget_without_room_is_told_of_beforehand_and_takes_no_time() {
    let models = three_tiers();
    let refusal = Refusal {
        amount: "0.01".parse().unwrap(),
        failure: Failure::new(Reason::BudgetExhausted, "the budget is used up"),
    };
    let situation = Situation {
        refusal: Some(&refusal),
        ..with(&models)
    };
    let plan = plan(&request(), classification(0.9), situation, &rules());
    assert_eq!(names(&plan), ["big", "middle", "small"]);
    let big = &plan.candidates[0];
    assert!(
        big.why
            .ends_with("not called for now: the budget is used up")
    );
    assert_eq!((big.share, big.no_budget.is_some()), (None, true));
    assert!(plan.candidates[1].share.is_some());
}

fn home(tier_name: &str, name: &str) -> Home {
    let model = model(tier_name, name);
    Home {
        tier: model.tier,
        backend: model.backend,
        model: model.name,
    }
}

/// The plan of a session that is at home there.
fn at_home(home: &Home, difficulty: f64, change: impl FnOnce(&mut Request)) -> Plan {
    let models = three_tiers();
    let mut request = request();
    change(&mut request);
    let situation = Situation {
        home: Some(home),
        ..with(&models)
    };
    plan(&request, classification(difficulty), situation, &rules())
}

#[test]
fn a_session_stays_in_the_tier_that_served_it_well_and_goes_up_when_it_must() {
    let middle = home("local_quality", "middle");
    let easy = at_home(&middle, 0.0, |_| {});
    assert_eq!(names(&easy), ["middle", "big", "small"]);
    assert_eq!(
        easy.candidates[0].why,
        "the session was served well in this tier; it served the session before"
    );
    let hard = at_home(&middle, 0.9, |_| {});
    assert_eq!(names(&hard), ["big", "middle", "small"]);
}

#[test]
fn in_its_tier_the_session_comes_to_the_model_it_knows() {
    let models = of_one_tier(&[("cheap", "0.001"), ("known", "0.002")]);
    let home = home("local_fast", "known");
    let situation = Situation {
        home: Some(&home),
        ..with(&models)
    };
    let plan = plan(&request(), classification(0.0), situation, &rules());
    assert_eq!(names(&plan), ["known", "cheap"]);
}

#[test]
fn what_the_config_demands_of_an_action_beats_a_session_but_not_in_a_tool_exchange() {
    let models = three_tiers();
    let home = home("api_fallback", "big");
    let low = || Classification {
        tier: Some(tier("local_fast")),
        source: Source::ActionOverride,
        ..classification(0.0)
    };
    let situation = Situation {
        home: Some(&home),
        ..with(&models)
    };
    let mut request = request();
    let free = plan(&request, low(), situation, &rules());
    assert_eq!(names(&free), ["small", "middle", "big"]);
    request.prompt = tool_result();
    let bound = plan(&request, low(), situation, &rules());
    assert_eq!(names(&bound), ["big"]);
}

#[test]
fn in_the_middle_of_a_tool_exchange_a_session_is_never_moved_down() {
    let middle = home("local_quality", "middle");
    let plan = at_home(&middle, 0.0, |request| request.prompt = tool_result());
    assert_eq!(names(&plan), ["middle", "big"]);
    assert_eq!(
        plan.left_out[0].why,
        "the session is in the middle of a tool exchange in local_quality, and is not moved down"
    );
    assert!(
        plan.candidates[0]
            .why
            .starts_with("the session is in the middle of a tool exchange")
    );
    let hard = at_home(&middle, 0.9, |request| request.prompt = tool_result());
    assert_eq!(names(&hard), ["big", "middle"], "up it may go, and back");
    let asked = at_home(&middle, 0.0, |request| {
        request.prompt = tool_result();
        request.policy.tier = Some(tier("local_fast"));
    });
    assert_eq!(names(&asked), ["small"], "down, when the caller says so");
}

#[test]
fn a_home_that_the_config_no_longer_has_is_no_home() {
    let gone = home("penthouse", "middle");
    let plan = at_home(&gone, 0.0, |request| request.prompt = tool_result());
    assert_eq!(names(&plan), ["small", "middle", "big"]);
}

#[test]
fn the_expected_share_of_good_answers_is_coarse_and_stays_in_its_bounds() {
    assert_eq!(quarters(&Record::default()), 3);
    assert_eq!(quarters(&judged(1000, 1000)), 4);
    assert_eq!(quarters(&judged(0, 1000)), 0);
    assert_eq!(
        Score::ONE.get(),
        f64::from(thousandths(&judged(9999, 9999)) / 1000)
    );
}
