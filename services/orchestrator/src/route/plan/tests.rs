use super::*;
use crate::classification::Source;
use crate::testing::{
    classification, model, priced, prompt, request, rules, three_tiers, tier, with,
};

fn names(plan: &Plan) -> Vec<&str> {
    plan.candidates
        .iter()
        .map(|candidate| candidate.model.as_str())
        .collect()
}

#[test]
fn an_easy_request_goes_up_from_the_lowest_tier() {
    let plan = plan(
        &request(),
        classification(0.1),
        with(&three_tiers()),
        &rules(),
    );
    assert_eq!(names(&plan), ["small", "middle", "big"]);
    assert!(
        plan.candidates
            .iter()
            .all(|candidate| !candidate.last_resort)
    );
}

#[test]
fn a_difficult_request_starts_higher_and_keeps_lower_tiers_as_last_resort() {
    let plan = plan(
        &request(),
        classification(0.9),
        with(&three_tiers()),
        &rules(),
    );
    assert_eq!(names(&plan), ["big", "middle", "small"]);
    let last_resort: Vec<_> = plan
        .candidates
        .iter()
        .map(|candidate| candidate.last_resort)
        .collect();
    assert_eq!(last_resort, [false, true, true]);
}

#[test]
fn the_tier_of_an_override_or_marker_beats_the_difficulty() {
    let demanded = Classification {
        tier: Some(tier("local_quality")),
        source: Source::Marker,
        ..classification(0.0)
    };
    let plan = plan(&request(), demanded, with(&three_tiers()), &rules());
    assert_eq!(names(&plan), ["middle", "big", "small"]);
    assert_eq!(plan.candidates[0].why, "the prompt's marker sends it here");
}

#[test]
fn a_forced_tier_leaves_out_every_other_and_says_so() {
    let mut request = request();
    request.policy.tier = Some(tier("api_fallback"));
    let plan = plan(
        &request,
        classification(0.0),
        with(&three_tiers()),
        &rules(),
    );
    assert_eq!(names(&plan), ["big"]);
    assert_eq!(plan.left_out.len(), 2);
    assert!(
        plan.left_out
            .iter()
            .all(|left_out| left_out.why.contains("another tier"))
    );
}

#[test]
fn an_unavailable_model_is_left_out_with_its_own_reason() {
    let mut models = three_tiers();
    models[0].unavailable_because = Some("run `ollama pull small`".to_owned());
    let plan = plan(&request(), classification(0.0), with(&models), &rules());
    assert_eq!(names(&plan), ["middle", "big"]);
    assert_eq!(plan.left_out[0].why, "run `ollama pull small`");
}

#[test]
fn a_prompt_that_does_not_fit_a_context_window_leaves_the_model_out() {
    let mut request = request();
    request.prompt = prompt(&"word ".repeat(8000), None);
    let mut models = three_tiers();
    models[2].context_window = 200_000;
    let plan = plan(&request, classification(0.0), with(&models), &rules());
    assert_eq!(names(&plan), ["big"]);
    assert!(plan.left_out[0].why.contains("context window of 8192"));
}

#[test]
fn a_candidate_above_the_requests_max_cost_is_left_out() {
    let mut request = request();
    request.policy.max_cost = Some("0.005".parse().unwrap());
    let plan = plan(
        &request,
        classification(0.9),
        with(&three_tiers()),
        &rules(),
    );
    assert_eq!(names(&plan), ["middle", "small"]);
    assert!(plan.left_out[0].why.contains("max_cost of $0.005000"));
}

#[test]
fn code_goes_to_code_models_first_and_else_to_the_cheaper() {
    let mut models = vec![
        priced("local_fast", "dear", "0.002"),
        priced("local_fast", "cheap", "0.001"),
        priced("local_fast", "coder", "0.003"),
    ];
    models[2].abilities.code = true;
    let code = Classification {
        task_kind: TaskKind::Code,
        ..classification(0.0)
    };
    assert_eq!(
        names(&plan(&request(), code, with(&models), &rules())),
        ["coder", "cheap", "dear"]
    );
    let chat = plan(&request(), classification(0.0), with(&models), &rules());
    assert_eq!(names(&chat), ["cheap", "dear", "coder"]);
}

#[test]
fn the_callers_output_cap_is_what_is_sent_and_what_is_reserved_for() {
    let mut models = vec![model("local_fast", "small")];
    models[0].price = Price::per_million("1".parse().unwrap(), "1000".parse().unwrap());
    let mut request = request();
    request.prompt = prompt("hi", Some(7));
    let plan = plan(&request, classification(0.0), with(&models), &rules());
    let candidate = &plan.candidates[0];
    assert_eq!(candidate.max_output_tokens, 7);
    assert_eq!(
        candidate.worst_case,
        models[0].price.worst_case(plan.input_token_bound, 7)
    );
    assert!(candidate.worst_case > candidate.expected);
}
