//! What has to be true after an attack, pure: answers that clients got, held against the books.

use serde::Serialize;

use terrace_domain::NanoUsd;

use crate::books::{Request, Requests};
use crate::callers::Answer;

/// The most findings that a claim keeps.
const KEPT: usize = 20;

/// Something that has to be true, and for what it is not.
#[derive(Debug, Clone, Serialize)]
pub struct Claim {
    /// What has to be true.
    pub about: &'static str,
    /// For how much it was checked.
    pub checked: usize,
    /// For how much it is not true.
    pub wrong: usize,
    /// The first of it.
    pub findings: Vec<String>,
}

impl Claim {
    /// A claim of which this is wrong.
    #[must_use]
    pub fn of(about: &'static str, checked: usize, wrong: Vec<String>) -> Self {
        Self {
            about,
            checked,
            wrong: wrong.len(),
            findings: wrong.into_iter().take(KEPT).collect(),
        }
    }

    /// A claim about one thing, which holds or does not.
    #[must_use]
    pub fn one(about: &'static str, holds: bool, detail: impl FnOnce() -> String) -> Self {
        let wrong = match holds {
            true => Vec::new(),
            false => vec![detail()],
        };
        Self::of(about, 1, wrong)
    }

    /// Whether it is true.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.wrong == 0
    }
}

/// Every answer is in the books as its client got it: ended, step by step, at the same cost.
#[must_use]
pub fn answers_are_booked(answers: &[Answer], books: &Requests) -> Claim {
    let unknown = Request::default();
    let find = |answer: &Answer| {
        let booked = books.get(&answer.request_id).unwrap_or(&unknown);
        let difference = difference(answer, booked)?;
        Some(format!("request {}: {difference}", answer.request_id))
    };
    Claim::of(
        "every answer that a client received is in the ledger, with its cost and its steps",
        answers.len(),
        answers.iter().filter_map(find).collect(),
    )
}

/// How the books of a request differ from what its client was told.
fn difference(answer: &Answer, booked: &Request) -> Option<String> {
    let wanted = match answer.passed {
        true => "passed",
        false => "best_effort",
    };
    if booked.outcome != wanted {
        let outcome = &booked.outcome;
        return Some(format!("answered as {wanted}, booked as {outcome:?}"));
    }
    let steps = booked.steps.iter();
    let booked_steps: Vec<_> = steps.map(|(_, how, cost)| (how.clone(), *cost)).collect();
    if booked_steps != answer.attempts {
        let attempts = &answer.attempts;
        return Some(format!(
            "answered with {attempts:?}, booked {booked_steps:?}"
        ));
    }
    let cost = booked.steps.iter().map(|(.., cost)| *cost).sum();
    (answer.cost != cost).then(|| format!("answered at {}, booked at {cost}", answer.cost))
}

/// No step of a request stands in the books twice.
#[must_use]
pub fn nothing_is_booked_twice(books: &Requests) -> Claim {
    let twice = |(id, request): (&String, &Request)| {
        let mut names: Vec<_> = request.steps.iter().map(|(name, ..)| name).collect();
        names.sort_unstable();
        let again = names.windows(2).find(|pair| pair[0] == pair[1])?;
        Some(format!("request {id}: {} stands there twice", again[0]))
    };
    Claim::of(
        "nothing is in the ledger twice",
        books.len(),
        books.iter().filter_map(twice).collect(),
    )
}

/// What the calls that the paid model answered have cost is in the books, at least as presumed.
#[must_use]
pub fn costs_are_booked(answered: usize, each: NanoUsd, books: &Requests) -> Claim {
    let steps = books.values().flat_map(|request| &request.steps);
    let booked: NanoUsd = steps.map(|(.., cost)| *cost).sum();
    let calls = i64::try_from(answered).unwrap_or(i64::MAX);
    let cost = NanoUsd::new(each.get().saturating_mul(calls));
    let about = "what the paid model has cost is in the ledger";
    let wrong = match booked >= cost {
        true => Vec::new(),
        false => vec![format!("{answered} calls cost {cost}, {booked} is booked")],
    };
    Claim::of(about, answered, wrong)
}

/// Every call that the paid model answered is in the books, at least as presumed.
#[must_use]
pub fn calls_are_booked(answered: usize, books: &Requests) -> Claim {
    let steps = books.values().flat_map(|request| &request.steps);
    let booked = steps.filter(|(.., cost)| !cost.is_zero()).count();
    let about = "every call that reached the paid model is in the ledger at a cost";
    let wrong = match answered.saturating_sub(booked) {
        0 => Vec::new(),
        missing => vec![format!(
            "{answered} calls, {booked} booked: {missing} are missing"
        )],
    };
    Claim::of(about, answered, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrace_domain::NanoUsd;

    fn answer() -> Answer {
        Answer {
            request_id: "a".to_owned(),
            passed: true,
            cost: NanoUsd::new(7),
            attempts: vec![
                ("rejected".to_owned(), NanoUsd::ZERO),
                ("accepted".to_owned(), NanoUsd::new(7)),
            ],
        }
    }

    fn booked(outcome: &str, costs: &[(&str, &str, i64)]) -> Requests {
        let step = |&(name, how, cost): &(&str, &str, i64)| {
            (name.to_owned(), how.to_owned(), NanoUsd::new(cost))
        };
        let request = Request {
            outcome: outcome.to_owned(),
            steps: costs.iter().map(step).collect(),
        };
        Requests::from([("a".to_owned(), request)])
    }

    const RIGHT: [(&str, &str, i64); 2] =
        [("attempt/0", "rejected", 0), ("attempt/1", "accepted", 7)];

    #[test]
    fn an_answer_that_is_booked_as_it_was_told_is_right() {
        let claim = answers_are_booked(&[answer()], &booked("passed", &RIGHT));
        assert!(claim.holds(), "{claim:?}");
    }

    #[test]
    fn an_answer_that_is_missing_open_presumed_or_of_another_cost_is_wrong() {
        let dear = [RIGHT[0], ("attempt/1", "accepted", 8)];
        for books in [
            Requests::new(),
            booked("", &RIGHT),
            booked("presumed", &RIGHT),
            booked("passed", &RIGHT[1..]),
            booked("passed", &dear),
        ] {
            let claim = answers_are_booked(&[answer()], &books);
            assert_eq!(claim.wrong, 1, "{books:?}");
        }
    }

    #[test]
    fn a_step_that_stands_there_twice_is_found() {
        assert!(nothing_is_booked_twice(&booked("passed", &RIGHT)).holds());
        let twice = [RIGHT[1], RIGHT[0], RIGHT[1]];
        assert_eq!(nothing_is_booked_twice(&booked("passed", &twice)).wrong, 1);
    }

    #[test]
    fn a_paid_call_that_nobody_booked_is_found() {
        let books = booked("presumed", &[("attempt/0", "presumed", 9)]);
        assert!(calls_are_booked(1, &books).holds());
        assert!(!calls_are_booked(2, &books).holds());
    }
}
