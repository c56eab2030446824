//! The repair of an answer that fell short: the same model once more, with what the judge found as a
//! further turn of the conversation.
//!
//! It is worth a try when the judge can say what to change: the answer is whole, nothing of it has
//! been committed, it calls no tools, and what counts most against it is neither a refusal nor
//! emptiness nor repetition. A repair is an attempt like any other: it counts against the limit, its
//! worst case is reserved, it is judged and billed.

use std::sync::Arc;

use terrace_domain::NanoUsd;

use crate::catalog::Model;
use crate::request::Request;
use crate::route::trail::{Attempt, Outcome, Trail, Turn};
use crate::verdict::Verdict;

/// Checks whose finding tells a model nothing that it could do better.
const PAST_REPAIR: [&str; 3] = ["empty", "refusal", "repetition"];
/// Most bytes of the turn that names the findings.
const MAX_TURN_BYTES: usize = 1024;
/// Tokens that the two further turns cannot exceed, without the answer itself.
const TURN_TOKENS: u64 = MAX_TURN_BYTES as u64 + 64;

const OPENING: &str = "This answer was not accepted. What was found:";
const CLOSING: &str = "Answer again, in full and in the form that was asked for at first, and \
                       without a word about the correction.";

/// The most repairs of one request.
#[must_use]
pub fn most(request: &Request) -> u32 {
    if request.policy.quality_check {
        request.policy.max_repairs
    } else {
        0
    }
}

/// The most that a repair of a model's answer can cost; `None` when there are to be none, or when
/// the conversation would not fit its context window.
#[must_use]
pub fn worst_case(request: &Request, model: &Model, max_output_tokens: u32) -> Option<NanoUsd> {
    if most(request) == 0 {
        return None;
    }
    let output = u64::from(max_output_tokens);
    let added = output.saturating_add(TURN_TOKENS);
    let needed = request.prompt.estimated_tokens() + added + output;
    if needed > u64::from(model.context_window) {
        return None;
    }
    let input = request.prompt.token_bound().saturating_add(added);
    Some(model.price.worst_case(input, output))
}

/// Whether an attempt's answer is worth a repair.
#[must_use]
pub fn is_worth_a_try(attempt: &Attempt) -> bool {
    let is_whole = attempt
        .answer
        .as_ref()
        .is_some_and(|answer| answer.tool_calls.is_empty());
    attempt.outcome == Outcome::Rejected
        && !attempt.committed
        && is_whole
        && attempt.candidate.repair_worst_case.is_some()
        && attempt.verdict.as_ref().is_some_and(says_what_to_change)
}

fn says_what_to_change(verdict: &Verdict) -> bool {
    verdict.weightiest().is_some_and(|finding| {
        !finding.finding.is_empty() && !PAST_REPAIR.contains(&finding.check.as_str())
    })
}

/// What is asked in a repair: the request with the answer and what was found as further turns.
pub(super) fn of_turn(request: &Request, turn: &Turn<'_>, trail: &Trail) -> Option<Request> {
    let index = usize::try_from(turn.repair_of?).ok()?;
    asked_again(request, trail.attempts().get(index)?)
}

/// The request with the answer and what was found as its last turns.
#[must_use]
pub fn asked_again(request: &Request, attempt: &Attempt) -> Option<Request> {
    let (answer, verdict) = (attempt.answer.as_ref()?, attempt.verdict.as_ref()?);
    Some(Request {
        prompt: Arc::new(request.prompt.answered(answer, &turn(verdict))),
        ..request.clone()
    })
}

/// What was found, worst first, as much of it as there is room for.
fn turn(verdict: &Verdict) -> String {
    let mut found: Vec<_> = verdict
        .checks
        .iter()
        .filter(|check| !check.score.passes(verdict.threshold) || check.hard_failure)
        .collect();
    found.sort_by(|a, b| {
        let by_score = a.score.get().total_cmp(&b.score.get());
        b.hard_failure.cmp(&a.hard_failure).then(by_score)
    });
    if found.is_empty() {
        found.extend(verdict.weightiest());
    }
    let mut text = OPENING.to_owned();
    for check in found {
        let line = format!("\n- {}: {}", check.check, check.finding);
        if text.len() + line.len() + CLOSING.len() + 2 > MAX_TURN_BYTES {
            break;
        }
        text.push_str(&line);
    }
    text.push_str("\n\n");
    text.push_str(CLOSING);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Answer;
    use crate::testing::{attempt, finding, model, request, verdict_of};
    use terrace_proto::common::v1::ToolCall;

    fn rejected(checks: &[(&str, f64, bool)]) -> Attempt {
        let checks = checks
            .iter()
            .map(|(check, score, hard)| finding(check, *score, *hard))
            .collect();
        let mut attempt = attempt(Outcome::Rejected);
        attempt.answer = Some(Answer {
            text: "nearly".to_owned(),
            ..Answer::default()
        });
        attempt.verdict = Some(verdict_of(0.3, checks));
        Arc::make_mut(&mut attempt.candidate).repair_worst_case = Some(NanoUsd::ZERO);
        attempt
    }

    #[test]
    fn what_the_judge_can_put_into_words_is_worth_a_repair() {
        assert!(is_worth_a_try(&rejected(&[("syntax", 0.2, false)])));
        assert!(is_worth_a_try(&rejected(&[("format", 0.0, true)])));
        let soft = [("repetition", 0.6, false), ("relevance", 0.4, false)];
        assert!(is_worth_a_try(&rejected(&soft)));
    }

    #[test]
    fn a_refusal_an_empty_answer_and_a_model_in_a_circle_are_past_repair() {
        for check in PAST_REPAIR {
            for hard in [true, false] {
                assert!(!is_worth_a_try(&rejected(&[(check, 0.2, hard)])), "{check}");
            }
        }
        assert!(!is_worth_a_try(&rejected(&[])), "nobody said what is wrong");
    }

    #[test]
    fn only_a_whole_rejected_answer_without_tool_calls_can_be_repaired() {
        let good = rejected(&[("syntax", 0.2, false)]);
        let with = |change: fn(&mut Attempt)| {
            let mut attempt = good.clone();
            change(&mut attempt);
            is_worth_a_try(&attempt)
        };
        assert!(with(|_| {}));
        assert!(!with(|attempt| attempt.outcome = Outcome::Accepted));
        assert!(!with(|attempt| attempt.committed = true));
        assert!(!with(|attempt| attempt.answer = None));
        assert!(!with(|attempt| attempt.verdict = None));
        assert!(!with(|attempt| {
            let calls = vec![ToolCall::default()];
            attempt.answer.as_mut().unwrap().tool_calls = calls;
        }));
        assert!(!with(|attempt| {
            Arc::make_mut(&mut attempt.candidate).repair_worst_case = None;
        }));
    }

    #[test]
    fn the_further_turn_names_what_fell_short_worst_first_and_is_bounded() {
        let attempt = rejected(&[
            ("relevance", 0.5, false),
            ("refusal", 1.0, false),
            ("format", 0.0, true),
        ]);
        let text = turn(attempt.verdict.as_ref().unwrap());
        let expected = "This answer was not accepted. What was found:\n- format: format found it\n\
                        - relevance: relevance found it\n\nAnswer again,";
        assert!(text.starts_with(expected), "{text}");
        let long = "x".repeat(700);
        let many = [(long.as_str(), 0.1, false), (long.as_str(), 0.2, false)];
        let text = turn(rejected(&many).verdict.as_ref().unwrap());
        assert!(text.len() <= MAX_TURN_BYTES && text.ends_with("the correction."));
    }

    #[test]
    fn the_worst_case_covers_the_conversation_the_answer_and_what_was_found() {
        let mut request = request();
        let mut model = model("local_fast", "small");
        model.price.input = "1000000".parse().unwrap();
        assert_eq!(
            worst_case(&request, &model, 100),
            None,
            "nobody asked for it"
        );
        request.policy.max_repairs = 1;
        let tokens = request.prompt.token_bound() + 100 + TURN_TOKENS;
        let expected = NanoUsd::new(i64::try_from(tokens).unwrap() * 1_000_000_000);
        assert_eq!(worst_case(&request, &model, 100), Some(expected));
        model.context_window = 1200;
        assert_eq!(worst_case(&request, &model, 100), None, "no room for it");
        model.context_window = 8192;
        request.policy.quality_check = false;
        assert_eq!(
            worst_case(&request, &model, 100),
            None,
            "nobody finds anything"
        );
    }

    #[test]
    fn the_turns_fit_into_what_is_reserved_for_them() {
        let mut request = request();
        request.policy.max_repairs = 1;
        let attempt = rejected(&[("syntax", 0.2, false)]);
        let again = asked_again(&request, &attempt).unwrap();
        let answer = "nearly".len() as u64;
        let bound = request.prompt.token_bound() + answer + TURN_TOKENS;
        assert!(again.prompt.token_bound() <= bound);
        assert_eq!(
            again.prompt.messages().len(),
            request.prompt.messages().len() + 2
        );
        assert_eq!(again.id, request.id);
    }
}
