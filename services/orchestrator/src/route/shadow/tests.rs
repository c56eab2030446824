//! Which answers are compared, and with whom.

use terrace_domain::{ModelName, Usage};

use super::*;
use crate::classification::Classification;
use crate::testing::{attempt, candidate, classification, request, rules, tier};

fn settings(share: f64, seed: u64) -> ShadowSettings {
    ShadowSettings {
        share,
        seed,
        may_cost: false,
        project: ProjectName::new("terrace-shadow").unwrap(),
    }
}

pub(in crate::route) fn answered(tiers: &[&str], classification: Classification) -> Answered {
    let attempts = tiers.iter().map(|tier| Attempt {
        candidate: Arc::new(candidate(tier, "some")),
        ..attempt(Outcome::Accepted)
    });
    let attempts: Vec<_> = attempts.collect();
    Answered {
        id: RequestId::generate(),
        classification,
        answering: attempts.len() - 1,
        attempts,
        consensus: None,
        passed: true,
        usage: Usage::default(),
        cost: NanoUsd::ZERO,
        baseline: None,
        baseline_model: None,
        latency: Duration::ZERO,
    }
}

fn compared(request: &Request, answered: &Answered) -> Vec<String> {
    let others = others(request, answered, &rules());
    others.iter().map(ToString::to_string).collect()
}

#[test]
fn a_higher_tier_is_compared_downwards_and_the_lowest_upwards_the_nearest_first() {
    let with = |tiers: &[&str]| compared(&request(), &answered(tiers, classification(0.1)));
    assert_eq!(with(&["api_fallback"]), ["local_quality", "local_fast"]);
    assert_eq!(with(&["local_quality"]), ["local_fast"]);
    assert_eq!(with(&["local_fast"]), ["local_quality", "api_fallback"]);
}

#[test]
fn what_two_tiers_have_answered_is_compared_already() {
    let both = answered(&["local_fast", "api_fallback"], classification(0.1));
    assert!(compared(&request(), &both).is_empty());
    let repaired = answered(&["local_fast", "local_fast"], classification(0.1));
    assert_eq!(compared(&request(), &repaired).len(), 2);
}

#[test]
fn whoever_says_who_is_to_be_asked_is_obeyed() {
    let high = answered(&["api_fallback"], classification(0.1));
    let with = |change: fn(&mut Policy)| {
        let mut fixed = request();
        change(&mut fixed.policy);
        compared(&fixed, &high)
    };
    assert!(with(|policy| policy.tier = Some(tier("api_fallback"))).is_empty());
    assert!(with(|policy| policy.model = ModelName::new("some").ok()).is_empty());
}

#[test]
fn what_an_override_keeps_low_is_never_sent_up() {
    let by = |source| Classification {
        source,
        ..classification(0.1)
    };
    for source in [Source::ActionOverride, Source::Marker] {
        let low = answered(&["local_fast"], by(source));
        assert!(compared(&request(), &low).is_empty());
        let high = answered(&["api_fallback"], by(source));
        assert_eq!(compared(&request(), &high).len(), 2);
    }
}

#[test]
fn a_shadow_is_paid_by_its_own_project_and_asks_one_tier_once() {
    let project = settings(0.1, 0).project;
    let asked = Request {
        key_id: "key".to_owned(),
        ..request()
    };
    let shadow = asked_of(&asked, tier("local_fast"), &project);
    assert_ne!(shadow.id, asked.id);
    assert_eq!((&shadow.project, shadow.key_id.as_str()), (&project, ""));
    assert_eq!(shadow.tags["shadow_of"], asked.id.to_string());
    assert_eq!(shadow.step(0), terrace_domain::Step::Shadow);
    assert_eq!(shadow.priority, Priority::Batch);
    assert_eq!(
        (shadow.policy.max_attempts, shadow.policy.hedge),
        (1, false)
    );
}

#[test]
fn a_seed_chooses_the_same_ids_and_about_the_share() {
    let ids: Vec<_> = (0..2_000_u128)
        .map(|number| RequestId::from_uuid(uuid::Uuid::from_u128(number << 64 | 1)))
        .collect();
    let chosen = |seed| -> Vec<_> {
        let settings = settings(0.05, seed);
        let chosen = ids.iter().filter(|id| settings.chooses(**id));
        chosen.collect()
    };
    assert_eq!(chosen(1), chosen(1));
    assert_ne!(chosen(1), chosen(2));
    assert!((60..140).contains(&chosen(1).len()), "{}", chosen(1).len());
    let (all, none) = (settings(1.0, 0), settings(0.0, 0));
    assert!(ids.iter().all(|id| all.chooses(*id) && !none.chooses(*id)));
}
