//! Is there an answer at all, and does it end where it should?
//!
//! Nothing said and nothing called is a hard failure. An answer that its backend cut (output cap,
//! content filter) scores low whatever it looks like; one that claims to be whole and breaks off
//! inside a code block or a sentence scores between, because that is an observation about text.

use crate::answer::{Answer, Finish};
use crate::check::{Check, Finding, Kind};
use crate::fences;

/// Empty or cut off.
#[derive(Debug, Clone, Copy)]
pub struct Empty;

/// Shorter answers may well end without a full stop.
const PROSE_BYTES: usize = 200;
/// As many sentences as make it prose.
const PROSE_SENTENCES: usize = 2;

impl Check for Empty {
    fn kind(&self) -> Kind {
        Kind::Empty
    }

    fn check(&self, answer: &Answer) -> Option<Finding> {
        Some(look(answer))
    }
}

fn look(answer: &Answer) -> Finding {
    let says_something = answer.text.chars().any(char::is_alphanumeric);
    if !answer.tool_calls.is_empty() {
        return Finding::good("calls a tool");
    }
    if answer.text.trim().is_empty() {
        return Finding::hard("is empty");
    }
    match answer.finish {
        Finish::Length => Finding::scored(0.2, "was cut off at the output cap"),
        Finish::ContentFilter => Finding::scored(0.1, "was cut off by the backend's filter"),
        _ if !says_something => signs_alone(answer),
        Finish::Unknown | Finish::Stop | Finish::ToolCalls => how_it_ends(answer),
    }
}

/// Signs without a letter or digit: an answer only where a form was asked for or to the eye.
fn signs_alone(answer: &Answer) -> Finding {
    if answer.format.is_free() && answer.text.is_ascii() {
        Finding::scored(0.3, "has no letter and no digit")
    } else {
        Finding::good("is short")
    }
}

fn how_it_ends(answer: &Answer) -> Finding {
    // Without the backend's word that it was done, a broken end is likelier to be a cut.
    let doubt = if answer.finish == Finish::Unknown {
        0.2
    } else {
        0.0
    };
    let fenced = fences::find(&answer.text);
    if fenced.blocks.last().is_some_and(|block| !block.closed) {
        return Finding::scored(0.3 - doubt / 2.0, "ends inside a code block");
    }
    let is_prose = answer.format.is_free() && !answer.code_expected;
    if is_prose && fenced.blocks.is_empty() && ends_in_a_sentence(&answer.text) {
        return Finding::scored(0.6 - doubt, "ends in the middle of a sentence");
    }
    Finding::good("is there and complete")
}

/// Whether prose (several finished sentences) stops without finishing its last one.
fn ends_in_a_sentence(text: &str) -> bool {
    let text = text.trim_end();
    if text.len() < PROSE_BYTES {
        return false;
    }
    let Some(last) = text.lines().next_back().map(str::trim) else {
        return false;
    };
    let is_item = last.starts_with(['-', '*', '#', '|', '>', '+'])
        || last.starts_with(|c: char| c.is_ascii_digit());
    let finished = text
        .as_bytes()
        .windows(2)
        .filter(|pair| matches!(pair, [b'.' | b'!' | b'?', b' ' | b'\n']))
        .take(PROSE_SENTENCES)
        .count();
    let breaks_off = last.ends_with(|c: char| c.is_alphabetic() || matches!(c, ',' | '-' | '('));
    // Scripts that do not end their sentences with a full stop are left alone.
    let is_latin = last
        .chars()
        .rev()
        .take(20)
        .all(|c| c.is_ascii() || c.is_lowercase());
    finished == PROSE_SENTENCES && !is_item && breaks_off && is_latin && last.len() > 20
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(answer: &Answer) -> f64 {
        look(answer).score.get()
    }

    #[test]
    fn nothing_at_all_is_a_hard_failure_unless_a_tool_is_called() {
        for text in ["", " \n\t "] {
            assert!(look(&Answer::plain(text)).hard_failure);
        }
        let calls = Answer {
            tool_calls: vec!["{}".into()],
            ..Answer::plain("")
        };
        assert_eq!(look(&calls), Finding::good("calls a tool"));
    }

    #[test]
    fn what_the_backend_cut_scores_low() {
        for finish in [Finish::Length, Finish::ContentFilter] {
            let answer = Answer {
                finish,
                ..Answer::plain("A whole sentence.")
            };
            assert!(score(&answer) <= 0.2);
        }
    }

    #[test]
    fn prose_that_breaks_off_is_told_from_short_answers_and_lists() {
        let prose = "The council met on Monday. It agreed on the park. ".repeat(5);
        assert!(
            score(&Answer::plain(format!(
                "{prose}After that the members of the"
            ))) < 1.0
        );
        assert!((score(&Answer::plain(prose.clone())) - 1.0).abs() < 1e-9);
        assert!((score(&Answer::plain("kebab-case-topic")) - 1.0).abs() < 1e-9);
        let list = format!("{prose}\n- the first point of them\n- the second point of them all");
        assert!((score(&Answer::plain(list)) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn an_open_code_block_is_a_cut() {
        assert!(score(&Answer::plain("Here:\n```rust\nfn main() {")) < 0.5);
    }

    #[test]
    fn a_symbol_can_be_an_answer() {
        assert!((score(&Answer::plain("\u{1f44d}")) - 1.0).abs() < 1e-9);
        assert!(score(&Answer::plain("...")) < 0.5);
    }
}
