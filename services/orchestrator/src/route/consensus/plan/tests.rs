use super::*;
use crate::classification::Source;
use crate::route::plan::plan;
use crate::testing::{classification, model, priced, request, rules, three_tiers, tier, with};

fn wish(models: &[&str]) -> Wish {
    Wish {
        models: models.iter().map(|name| name.parse().unwrap()).collect(),
        threshold: Score::clamped(0.66),
        equivalence: None,
        by_request: true,
    }
}

fn wanting(wish: Wish) -> Request {
    let mut request = request();
    request.policy.consensus = Some(wish);
    request
}

fn names(candidates: &[Candidate]) -> Vec<&str> {
    candidates.iter().map(|own| own.model.as_str()).collect()
}

fn absent(round: &Round) -> Vec<String> {
    let told = |absent: &Absent| format!("{}: {}", absent.model, absent.why);
    round.absent.iter().map(told).collect()
}

#[test]
fn members_are_asked_first_and_the_tiers_above_them_decide_if_they_do_not_agree() {
    let request = wanting(wish(&["small", "middle"]));
    let plan = plan(
        &request,
        classification(0.1),
        with(&three_tiers()),
        &rules(),
    );
    let round = plan.consensus.unwrap();
    assert_eq!(names(&round.members), ["small", "middle"]);
    assert_eq!(round.why, "2 of 2 have to agree");
    assert_eq!(names(&plan.candidates), ["big"]);
    assert!(!plan.candidates[0].last_resort);
}

#[test]
fn a_model_that_is_no_member_of_their_tiers_is_a_last_resort() {
    let mut models = three_tiers();
    models.push(model("local_fast", "other"));
    let request = wanting(wish(&["middle", "big"]));
    let plan = plan(&request, classification(0.1), with(&models), &rules());
    let resort = |own: &Candidate| (own.model.to_string(), own.last_resort);
    let candidates: Vec<_> = plan.candidates.iter().map(resort).collect();
    assert_eq!(
        candidates,
        [("small".to_owned(), true), ("other".to_owned(), true)]
    );
}

#[test]
fn models_that_cannot_be_asked_are_told_and_two_are_needed() {
    let mut models = three_tiers();
    models[1].unavailable_because = Some("its breaker is open".to_owned());
    let request = wanting(wish(&["small", "middle", "unheard-of"]));
    let plan = plan(&request, classification(0.1), with(&models), &rules());
    let round = plan.consensus.unwrap();
    assert!(!round.is_held());
    assert_eq!(
        absent(&round),
        [
            "middle: its breaker is open",
            "unheard-of: no gateway lists a model of this name"
        ]
    );
    assert_eq!(
        round.why,
        "no consensus is held: it needs two models, and 1 can be asked"
    );
    assert_eq!(names(&plan.candidates), ["small", "big"], "as without it");
}

#[test]
fn members_that_would_pass_the_max_cost_together_are_not_asked() {
    let models = [
        priced("local_fast", "a", "0.01"),
        priced("local_fast", "b", "0.01"),
        priced("local_fast", "c", "0.01"),
    ];
    let mut request = wanting(wish(&["a", "b", "c"]));
    request.policy.max_cost = Some("0.02".parse().unwrap());
    let plan = plan(&request, classification(0.1), with(&models), &rules());
    let round = plan.consensus.unwrap();
    assert_eq!(names(&round.members), ["a", "b"]);
    assert_eq!(round.worst_case(), "0.02".parse().unwrap());
    assert!(round.absent[0].why.contains("above the request's max_cost"));
}

#[test]
fn the_configs_wish_gives_way_to_what_a_request_demands_and_its_own_does_not() {
    let by = |by_request: bool| Wish {
        by_request,
        ..wish(&["small", "middle"])
    };
    let marked = Classification {
        tier: Some(tier("api_fallback")),
        source: Source::Marker,
        ..classification(0.1)
    };
    let held = |wish: Wish| {
        let plan = plan(
            &wanting(wish),
            marked.clone(),
            with(&three_tiers()),
            &rules(),
        );
        plan.consensus.unwrap().is_held()
    };
    assert!(held(by(true)));
    assert!(!held(by(false)));
    let mut request = wanting(by(false));
    request.policy.tier = Some(tier("local_fast"));
    let plan = plan(
        &request,
        classification(0.1),
        with(&three_tiers()),
        &rules(),
    );
    assert!(!plan.consensus.unwrap().is_held());
}

#[test]
fn votes_weigh_by_accuracy_once_that_of_every_member_is_known() {
    let weights = |known: &[(&str, f64)]| {
        let mut classification = classification(0.1);
        let known = known.iter();
        let known = known.map(|(name, value)| (model("a", name).name, Score::clamped(*value)));
        classification.taught.accuracies = known.collect();
        let request = wanting(wish(&["small", "middle"]));
        let plan = plan(&request, classification, with(&three_tiers()), &rules());
        plan.consensus.unwrap().weights()
    };
    assert_eq!(weights(&[]), weights(&[("small", 0.4)]));
    let known = weights(&[("middle", 0.9), ("small", 0.4)]);
    assert!(known[1] > 3 * known[0], "{known:?}");
}

#[test]
fn vectors_need_an_embedding_model_that_costs_nothing() {
    let embedding = |mut model: Model| {
        model.abilities.embeddings = true;
        model
    };
    let wish = Wish {
        equivalence: Some(Equivalence::Embedding),
        ..wish(&["small", "middle"])
    };
    let mut models = three_tiers();
    models.push(embedding(priced("api_fallback", "paid", "0.01")));
    let request = wanting(wish.clone());
    assert_eq!(refusal(&request, &models), Some(NO_EMBEDDER));
    let configured = wanting(Wish {
        by_request: false,
        ..wish
    });
    assert_eq!(refusal(&configured, &models), None);
    let plan = |models: &[Model]| plan(&configured, classification(0.1), with(models), &rules());
    assert!(!plan(&models).consensus.unwrap().is_held());
    models.push(embedding(model("local_fast", "vectors")));
    assert_eq!(refusal(&request, &models), None);
    let round = plan(&models).consensus.unwrap();
    let (_, embedder) = round.embedder.unwrap();
    assert_eq!(embedder.as_str(), "vectors");
}
