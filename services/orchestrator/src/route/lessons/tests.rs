use super::*;
use crate::route::trail::Outcome;
use crate::testing::{attempt, candidate, classification, request, rules, verdict};

fn judged(tier: &str, model: &str, outcome: Outcome) -> Attempt {
    Attempt {
        candidate: Arc::new(candidate(tier, model)),
        verdict: Some(verdict(0.5)),
        ..attempt(outcome)
    }
}

fn taught(attempts: &[Attempt]) -> Option<Lesson> {
    of_verdicts(&request(), &classification(0.1), attempts, &rules())
}

#[test]
fn a_low_answer_that_passed_says_that_nothing_was_to_be_gained() {
    let lesson = taught(&[judged("local_fast", "small", Outcome::Accepted)]).unwrap();
    assert_eq!(lesson.gain, Some(0.0));
    assert_eq!(lesson.models.len(), 1);
    assert!((lesson.models[0].1 - 1.0).abs() < 1e-9);
}

#[test]
fn what_those_above_made_of_a_rejected_answer_is_the_gain() {
    let low = judged("local_fast", "small", Outcome::Rejected);
    let with = |outcome| {
        let high = judged("api_fallback", "big", outcome);
        taught(&[low.clone(), high]).unwrap().gain
    };
    assert_eq!(with(Outcome::Accepted), Some(1.0));
    assert_eq!(with(Outcome::Rejected), Some(0.0));
    let alone = taught(std::slice::from_ref(&low)).unwrap();
    assert_eq!(alone.gain, None, "nobody above was asked");
}

#[test]
fn the_highest_tier_says_nothing_of_gain_and_an_unjudged_answer_nothing_at_all() {
    let high = judged("api_fallback", "big", Outcome::Accepted);
    assert_eq!(taught(&[high]).unwrap().gain, None);
    assert_eq!(taught(&[attempt(Outcome::Accepted)]), None);
    let repair = Attempt {
        repair_of: Some(0),
        ..judged("local_fast", "small", Outcome::Accepted)
    };
    assert_eq!(taught(&[repair]), None);
}

#[test]
fn a_shadow_tells_what_was_gained_or_lost_by_the_higher_tier() {
    use crate::route::shadow::tests::answered;
    use Outcome::{Accepted, Rejected};
    let gain = |(answering, passed), (tier, outcome)| {
        let given = Compared {
            passed,
            is_news: false,
        };
        let shadow = judged(tier, "other", outcome);
        let answered = answered(&[answering], classification(0.1));
        let lesson = of_shadow(&request(), &answered, (given, &shadow), &rules()).unwrap();
        assert_eq!(
            lesson.models.len(),
            1,
            "the other one was learned from before"
        );
        lesson.gain.unwrap()
    };
    let (low, high) = ("local_fast", "api_fallback");
    let close = |gain: f64, wanted: f64| assert!((gain - wanted).abs() < 1e-9, "{gain}");
    close(gain((high, true), (low, Rejected)), 1.0);
    close(gain((high, true), (low, Accepted)), 0.0);
    close(gain((high, false), (low, Accepted)), -1.0);
    close(gain((low, false), (high, Accepted)), 1.0);
    close(gain((low, true), (high, Rejected)), -1.0);
    let unjudged = attempt(Accepted);
    let given = Compared {
        passed: true,
        is_news: true,
    };
    let answered = answered(&[high], classification(0.1));
    assert_eq!(
        of_shadow(&request(), &answered, (given, &unjudged), &rules()),
        None
    );
    let shadow = judged(low, "other", Rejected);
    let lesson = of_shadow(&request(), &answered, (given, &shadow), &rules()).unwrap();
    assert_eq!(
        lesson.models.len(),
        2,
        "nobody had judged the answer before"
    );
}

#[test]
fn what_a_person_says_is_how_good_the_model_was_and_what_was_to_be_gained() {
    let given = |is_low| Given {
        hashed: None,
        project: request().project,
        action: None,
        model: candidate("local_fast", "small").model,
        is_low,
    };
    let gain = |reported| given(true).lesson(reported).gain.unwrap();
    assert!(gain(Reported::Accepted).abs() < 1e-9);
    assert!(gain(Reported::Edited) < gain(Reported::Rejected));
    assert!((gain(Reported::Retried) - gain(Reported::Rejected)).abs() < 1e-9);
    assert_eq!(given(false).lesson(Reported::Rejected).gain, None);
}
