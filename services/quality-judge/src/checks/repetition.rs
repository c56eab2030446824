//! Does it go round in circles? Small models at low temperature do.
//!
//! Three signs, each linear in what is looked at (the first and the last 32 KiB): the end of the
//! text is one piece again and again; the same line stands many times in a row; few of all runs
//! of six words are different. Tables, code and lists repeat words, not whole runs of them.

use std::collections::HashSet;

use crate::answer::Answer;
use crate::check::{Check, Finding, Kind};

/// Repeats itself.
#[derive(Debug, Clone, Copy)]
pub struct Repetition;

/// How much of either end is looked at.
const END_BYTES: usize = 32 * 1024;
/// How much of the end is searched for a cycle.
const CYCLE_BYTES: usize = 4096;
/// As often as a piece has to come at the end to be a cycle.
const CYCLE_TIMES: usize = 4;
/// As long as a cycle has to be in all.
const CYCLE_LENGTH: usize = 80;
/// As long as a cycle has to be to be taken for endless while the answer is still coming.
const STUCK_LENGTH: usize = 1024;
/// As often as a line has to follow itself.
const SAME_LINES: usize = 5;
/// Words of a run.
const RUN: usize = 6;
/// As many runs as it takes to say something.
const ENOUGH_RUNS: usize = 60;
/// Share of different runs from which on nothing is wrong.
const DIVERSE: f64 = 0.6;
/// Share of different runs below which nothing is right.
const STUCK: f64 = 0.2;

impl Check for Repetition {
    fn kind(&self) -> Kind {
        Kind::Repetition
    }

    fn check(&self, answer: &Answer) -> Option<Finding> {
        if answer.text.trim().is_empty() {
            return None;
        }
        Some(look(&answer.text))
    }

    /// A model that has gone round so long finds no way out; strictly it might.
    fn outlook(&self, beginning: &Answer) -> Option<Finding> {
        let cycle = cycle_at_the_end(beginning.text.trim_end())?;
        let stuck = cycle.length >= STUCK_LENGTH && cycle.times > 2 * CYCLE_TIMES;
        let words = format!("says the same piece {} times in a row", cycle.times);
        stuck.then(|| Finding::hard(words))
    }
}

fn look(text: &str) -> Finding {
    let text = text.trim_end();
    if let Some(cycle) = cycle_at_the_end(text) {
        let share = cycle.length as f64 / text.len().min(CYCLE_BYTES) as f64;
        let words = format!("ends with the same piece {} times in a row", cycle.times);
        return if share > 0.5 && cycle.times > 2 * CYCLE_TIMES {
            Finding::hard(words)
        } else {
            Finding::scored(0.3 * (1.0 - share), words)
        };
    }
    let (head, tail) = ends_of(text);
    let same = most_same_lines(head).max(most_same_lines(tail));
    if same >= SAME_LINES {
        return Finding::scored(0.2, format!("has the same line {same} times in a row"));
    }
    let diversity = diversity(head).min(diversity(tail));
    if diversity >= DIVERSE {
        return Finding::good("does not repeat itself");
    }
    let score = (diversity - STUCK) / (DIVERSE - STUCK);
    let percent = (diversity * 100.0).round();
    let words = format!("only {percent} % of its runs of {RUN} words are different");
    if diversity < STUCK {
        Finding::hard(words)
    } else {
        Finding::scored(score, words)
    }
}

fn ends_of(text: &str) -> (&str, &str) {
    if text.len() <= 2 * END_BYTES {
        return (text, "");
    }
    let head = text.floor_char_boundary(END_BYTES);
    let tail = text.ceil_char_boundary(text.len() - END_BYTES);
    (&text[..head], &text[tail..])
}

/// A piece that stands several times in a row.
struct Cycle {
    times: usize,
    length: usize,
}

/// The cycle that a text ends with: its reversed end is searched for its smallest period by the
/// prefix function, which is linear.
fn cycle_at_the_end(text: &str) -> Option<Cycle> {
    let bytes = text.as_bytes();
    let end = &bytes[bytes.len().saturating_sub(CYCLE_BYTES)..];
    let reversed: Vec<u8> = end.iter().rev().copied().collect();
    let borders = borders(&reversed);
    let mut best: Option<Cycle> = None;
    for (index, border) in borders.iter().enumerate() {
        let length = index + 1;
        let period = length - border;
        let is_cycle = length >= CYCLE_LENGTH && length >= CYCLE_TIMES * period;
        if is_cycle && says_something(&reversed[..period]) {
            let times = length / period;
            best = Some(Cycle { times, length });
        }
    }
    best
}

/// Rules of dashes, blanks and dots are layout; a letter again and again is not.
fn says_something(piece: &[u8]) -> bool {
    piece
        .iter()
        .any(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii())
}

/// For each prefix the length of its longest border (a proper prefix that is also its suffix).
fn borders(bytes: &[u8]) -> Vec<usize> {
    let mut borders = vec![0; bytes.len()];
    let mut border = 0;
    for index in 1..bytes.len() {
        while border > 0 && bytes[index] != bytes[border] {
            border = borders[border - 1];
        }
        if bytes[index] == bytes[border] {
            border += 1;
        }
        borders[index] = border;
    }
    borders
}

/// How often a line that says something follows itself at most.
fn most_same_lines(text: &str) -> usize {
    let (mut most, mut same, mut previous) = (0, 0, "");
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        same = if line == previous { same + 1 } else { 1 };
        previous = line;
        // Closing braces and rules of a table stand below each other for good reasons.
        if line.bytes().filter(u8::is_ascii_alphanumeric).count() >= 4 {
            most = most.max(same);
        }
    }
    most
}

/// The share of different runs of words among all; 1 where there are too few to tell.
fn diversity(text: &str) -> f64 {
    let words: Vec<_> = text.split_whitespace().collect();
    let runs = words.len().saturating_sub(RUN - 1);
    if runs < ENOUGH_RUNS {
        return 1.0;
    }
    let different: HashSet<_> = words.windows(RUN).collect();
    different.len() as f64 / runs as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_ends_in_a_cycle_is_stuck() {
        let stuck = format!("The answer is: {}", "I think that I think ".repeat(40));
        assert!(look(&stuck).hard_failure);
        assert!(look(&"a".repeat(300)).hard_failure);
        let late = format!("{}\nand so on{}", prose(), " and so on".repeat(8));
        let late = look(&late);
        assert!(!late.hard_failure && late.score.get() < 0.3, "{late:?}");
    }

    #[test]
    fn the_same_line_again_and_again_is_found_in_the_middle() {
        let text = format!("start\n{}end of it all\n", "the same line\n".repeat(6));
        assert!((look(&text).score.get() - 0.2).abs() < 1e-9);
    }

    #[test]
    fn few_different_runs_are_a_loop_even_when_it_varies() {
        let text: String = (0..40)
            .map(|n| format!("we have to look at the whole of the problem again {n} "))
            .collect();
        assert!(look(&text).score.get() < 0.9);
    }

    #[test]
    fn prose_tables_code_and_short_answers_are_left_alone() {
        let table = "| a | b |\n|---|---|\n".to_owned() + &"| 1 | 2 |\n| 3 | 4 |\n".repeat(2);
        let braces = "if a {\n  if b {\n    c();\n  }\n}\n}\n}\n}\n}\n}";
        let rule = format!("Title\n{}", "-".repeat(200));
        for text in [
            prose(),
            table,
            braces.to_owned(),
            rule,
            "yes yes".to_owned(),
        ] {
            assert_eq!(look(&text).score.get(), 1.0, "{text}");
        }
    }

    fn prose() -> String {
        let words = [
            "river", "stone", "bright", "over", "the", "slow", "morning", "walks", "home",
        ];
        let mut state = 7_usize;
        let mut next = || {
            state = (state * 1_103_515_245 + 12_345) % (1 << 31);
            words[(state >> 8) % words.len()]
        };
        (0..120).map(|_| next()).collect::<Vec<_>>().join(" ")
    }
}
