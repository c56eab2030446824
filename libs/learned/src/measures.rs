//! A few numbers about the form of a text that say something about how hard it is.
//!
//! Each is shifted and scaled by constants, so that it lies around 0 with a spread of about 1 on
//! ordinary questions, and is cut at 3: nothing that a caller can write makes one of them outweigh
//! all others. The names stand in the evidence of a classification.

use crate::text::{Kind, Word};

/// How many measures there are.
pub const MEASURES: usize = 15;

/// The measure that a hand-made prior looks at too: the share of words that are different ones.
pub const DISTINCT_WORDS: usize = 13;

/// Name, centre and spread of each.
const SCALES: [(&str, f32, f32); MEASURES] = [
    ("text_length", 5.6, 0.8),
    ("question_length", 5.0, 0.9),
    ("option_length", 2.2, 1.7),
    ("number_share", 0.03, 0.05),
    ("number_count", 0.9, 1.0),
    ("word_bytes", 4.8, 0.8),
    ("negation", 0.1, 0.3),
    ("blank_to_fill", 0.05, 0.2),
    ("asks_directly", 0.5, 0.5),
    ("notation_count", 0.2, 0.6),
    ("comma_count", 1.2, 0.9),
    ("line_count", 1.6, 0.5),
    ("bracket_count", 0.5, 0.9),
    ("distinct_words", 0.75, 0.15),
    ("quote_count", 0.2, 0.5),
];

/// The name of a measure.
#[must_use]
pub fn name(index: usize) -> &'static str {
    SCALES.get(index).map_or("", |scale| scale.0)
}

/// What is counted on the way through the words.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    letters: usize,
    letter_bytes: usize,
    numbers: usize,
    notation: usize,
    commas: usize,
    brackets: usize,
    quotes: usize,
    blanks: usize,
    negations: usize,
}

/// Words that turn a question around.
const NEGATIONS: [&[u8]; 4] = [b"not", b"except", b"false", b"incorrect"];

impl Tally {
    pub(crate) fn saw(&mut self, word: &Word) {
        match word.kind {
            Kind::Letters => {
                self.letters += 1;
                self.letter_bytes += word.bytes;
                self.negations += usize::from(is_negation(word));
            }
            Kind::Number => self.numbers += 1,
            Kind::Sign(b'=' | b'^' | b'\\' | b'<' | b'>' | b'+' | b'*') => self.notation += 1,
            Kind::Sign(b',') => self.commas += 1,
            Kind::Sign(b'(' | b')' | b'[' | b']' | b'{' | b'}') => self.brackets += 1,
            Kind::Sign(b'"') => self.quotes += 1,
            Kind::Sign(b'_') => self.blanks += 1,
            Kind::Sign(_) => {}
        }
    }
}

fn is_negation(word: &Word) -> bool {
    NEGATIONS
        .iter()
        .any(|negation| negation.len() == word.bytes && crate::hash::of(negation) == word.hash)
}

/// All measures of a text with this tally and this many distinct words.
pub(crate) fn of(text: &str, tally: &Tally, distinct: usize) -> [f32; MEASURES] {
    let form = Form::of(text);
    let words = (tally.letters + tally.numbers).max(1) as f32;
    let some = |count: usize| f32::from(u8::from(count > 0));
    let raw = [
        log(text.len()),
        log(form.question),
        log(form.option),
        tally.numbers as f32 / words,
        log(tally.numbers),
        tally.letter_bytes as f32 / tally.letters.max(1) as f32,
        some(tally.negations),
        some(tally.blanks),
        f32::from(u8::from(form.asks)),
        log(tally.notation),
        log(tally.commas),
        log(form.lines),
        log(tally.brackets),
        distinct as f32 / tally.letters.max(1) as f32,
        log(tally.quotes),
    ];
    let mut scaled = [0.0; MEASURES];
    for ((scaled, raw), (_, centre, spread)) in scaled.iter_mut().zip(raw).zip(SCALES) {
        *scaled = ((raw - centre) / spread).clamp(-3.0, 3.0);
    }
    scaled
}

fn log(count: usize) -> f32 {
    libm::logf(1.0 + count as f32)
}

/// What stands in the lines: a question, then perhaps lettered options.
struct Form {
    /// Bytes before the options.
    question: usize,
    /// Bytes of an option on average.
    option: usize,
    /// Lines.
    lines: usize,
    /// Whether the question ends with a question mark.
    asks: bool,
}

impl Form {
    fn of(text: &str) -> Self {
        let (mut at, mut lines) = (0, 0);
        let (mut options, mut option_bytes) = (0, 0);
        let mut question = text;
        for line in text.split_inclusive('\n') {
            lines += 1;
            if is_option(line) {
                if options == 0 {
                    question = &text[..at];
                }
                options += 1;
                option_bytes += line.trim_end().len() - 2;
            }
            at += line.len();
        }
        Self {
            question: question.len(),
            option: option_bytes / options.max(1),
            lines,
            asks: question.trim_end().ends_with('?'),
        }
    }
}

/// Whether a line is a lettered option, as `A. blue` or `B) red`.
const fn is_option(line: &str) -> bool {
    matches!(line.as_bytes(), [b'A'..=b'J', b'.' | b')', b' ', ..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::Features;

    fn measure(text: &str, wanted: &str) -> f32 {
        let index = (0..MEASURES).find(|index| name(*index) == wanted).unwrap();
        Features::of(text).measures[index]
    }

    #[test]
    fn options_are_no_part_of_the_question() {
        let text = "Which is it?\nA. one\nB. two hundred\n";
        assert!(measure(text, "asks_directly") > 0.0);
        assert!(measure(text, "question_length") < measure(text, "text_length") + 1.0);
        assert!(measure(text, "option_length") > measure("Which is it?", "option_length"));
    }

    #[test]
    fn words_that_turn_a_question_around_are_seen_whatever_their_case() {
        assert!(measure("Which is NOT so?", "negation") > 1.0);
        assert!(measure("Which is nothing?", "negation") < 0.0);
    }

    #[test]
    fn the_measure_that_has_a_name_of_its_own_is_that_one() {
        assert_eq!(name(DISTINCT_WORDS), "distinct_words");
    }

    #[test]
    fn repeating_oneself_lowers_the_share_of_distinct_words() {
        let distinct = |text| measure(text, "distinct_words");
        assert!(distinct("to be or not to be or not") < distinct("one two three four"));
    }
}
