//! Does its code parse?
//!
//! Blocks in fences go through the grammar of their language: the tag's, else the one that was
//! asked for, else the one they look like. Where code was asked for, an answer without any falls
//! short, so does one in another language, and code without a fence is looked for. Code that
//! does not parse scores by how much of it that is: low where code was asked for, half where it
//! only illustrates. What cannot be parsed here (another language, too much of it) is not judged.

mod lines;
mod parse;
mod shape;
mod unfenced;

use std::time::Duration;

use tokio::time::Instant;

use crate::answer::{Answer, CodeLanguage};
use crate::check::{Check, Finding, Kind};
use crate::fences::{self, Block, Fenced};
use crate::language::Language;
use parse::Parsed;
pub(crate) use shape::code_tree;

/// Code that does not parse.
#[derive(Debug, Clone, Copy)]
pub struct Syntax;

/// How much code of one answer is parsed.
const MAX_CODE_BYTES: usize = 128 * 1024;
/// How long all parsing of one answer may take; ordinary code of that size takes a tenth of it.
const MAX_TIME: Duration = Duration::from_millis(500);
/// Score where code was asked for and none is there.
const NO_CODE: f64 = 0.1;
/// Score where it is there in another language.
const OTHER_LANGUAGE: f64 = 0.3;
/// What code gets that does not parse, by how much of it that is: from the least to the most.
const BROKEN: (f64, f64) = (0.05, 0.3);
/// The same for code that only illustrates.
const BROKEN_ILLUSTRATION: (f64, f64) = (0.4, 0.7);
/// From this share of errors on, text without a fence is talk and no code.
const TALK: f64 = 0.5;

impl Check for Syntax {
    fn kind(&self) -> Kind {
        Kind::Syntax
    }

    fn check(&self, answer: &Answer) -> Option<Finding> {
        // Calls and JSON are for the format check; a choice is no code whatever it looks like.
        if !answer.tool_calls.is_empty() || !answer.format.is_free() {
            return None;
        }
        let fenced = fences::find(&answer.text);
        let pieces = pieces(&fenced, answer.code_language);
        if answer.code_expected {
            wanted(answer, &fenced, &pieces)
        } else {
            worst(&pieces, BROKEN_ILLUSTRATION)
        }
    }

    fn applies(&self, beginning: &Answer) -> bool {
        let has_code = ["```", "~~~"]
            .iter()
            .any(|fence| beginning.text.contains(fence));
        beginning.format.is_free() && (beginning.code_expected || has_code)
    }
}

/// A block whose language is known.
struct Piece<'a> {
    language: Language,
    code: &'a str,
}

impl Piece<'_> {
    fn parsed(&self, end: Instant) -> Parsed {
        parse::parse(self.language, self.code, end)
    }
}

/// The blocks that can be parsed. Blocks without a tag are output as often as code, so they only
/// count where there is no tagged one.
fn pieces<'a>(fenced: &'a Fenced<'_>, asked: CodeLanguage) -> Vec<Piece<'a>> {
    let tagged: Vec<_> = fenced
        .blocks
        .iter()
        .filter_map(|block| Some((Language::of_name(block.tag)?, block)))
        .collect();
    let found = if tagged.is_empty() {
        let untagged = fenced.blocks.iter().filter(|block| block.tag.is_empty());
        untagged
            .filter_map(|block| Some((language_of(block, asked)?, block)))
            .collect()
    } else {
        tagged
    };
    let mut left = MAX_CODE_BYTES;
    let piece = |(language, block): (Language, &'a Block<'_>)| {
        left = left.checked_sub(block.code.len())?;
        Some(Piece {
            language,
            code: block.code.as_ref(),
        })
    };
    found.into_iter().filter_map(piece).collect()
}

/// The language of a block without a tag: what was asked for, unless it clearly is another.
fn language_of(block: &Block<'_>, asked: CodeLanguage) -> Option<Language> {
    match (unfenced::detect(&block.code), asked) {
        (None, CodeLanguage::Known(language)) => Some(language),
        (Some(seen), CodeLanguage::Known(language)) if language.accepts(seen) => Some(language),
        (seen, _) => seen,
    }
}

fn wanted(answer: &Answer, fenced: &Fenced<'_>, pieces: &[Piece<'_>]) -> Option<Finding> {
    if fenced.blocks.is_empty() {
        return without_fence(answer);
    }
    if answer.code_language == CodeLanguage::Unknown {
        return None;
    }
    let CodeLanguage::Known(asked) = answer.code_language else {
        return worst(pieces, BROKEN);
    };
    let right: Vec<_> = pieces
        .iter()
        .filter(|piece| asked.accepts(piece.language))
        .collect();
    let other = pieces.iter().find(|piece| !piece.language.accompanies());
    match (right.is_empty(), other) {
        (false, _) => worst(right, BROKEN),
        (true, Some(other)) => {
            let (asked, other) = (asked.as_str(), other.language.as_str());
            let words = format!("{asked} was asked for and {other} was given");
            Some(Finding::scored(OTHER_LANGUAGE, words))
        }
        // Blocks of a kind that cannot be parsed here: there is code, and nothing to say of it.
        (true, None) => None,
    }
}

/// The finding of the block that parses worst. `None` when none could be parsed.
fn worst<'b, 'a: 'b>(
    pieces: impl IntoIterator<Item = &'b Piece<'a>>,
    broken: (f64, f64),
) -> Option<Finding> {
    let end = Instant::now() + MAX_TIME;
    let findings = pieces
        .into_iter()
        .filter_map(|piece| finding(piece.language, piece.parsed(end), broken));
    findings.min_by(|a, b| a.score.get().total_cmp(&b.score.get()))
}

fn finding(language: Language, parsed: Parsed, broken: (f64, f64)) -> Option<Finding> {
    let language = language.as_str();
    match parsed {
        Parsed::Clean => Some(Finding::good(format!("{language} parses"))),
        Parsed::Broken { share, line } => {
            let (least, most) = broken;
            let score = least + (most - least) * (1.0 - (share * 2.0).min(1.0));
            let words = format!("{language} does not parse: line {line}");
            Some(Finding::scored(score, words))
        }
        Parsed::Unclear => None,
    }
}

fn without_fence(answer: &Answer) -> Option<Finding> {
    let none = || {
        Some(Finding::scored(
            NO_CODE,
            "code was asked for and none was found",
        ))
    };
    let Some(code) = unfenced::core(&answer.text, answer.code_language) else {
        return none();
    };
    let language = match answer.code_language {
        CodeLanguage::Known(language) => language,
        CodeLanguage::Any => unfenced::detect(code)?,
        CodeLanguage::Unknown => return None,
    };
    if code.len() > MAX_CODE_BYTES {
        return None;
    }
    match parse::parse(language, code, Instant::now() + MAX_TIME) {
        Parsed::Broken { share, .. } if share > TALK => none(),
        parsed => finding(language, parsed, BROKEN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str, language: CodeLanguage, code_expected: bool) -> Option<Finding> {
        Syntax.check(&Answer {
            code_language: language,
            code_expected,
            ..Answer::plain(text)
        })
    }

    const PYTHON: CodeLanguage = CodeLanguage::Known(Language::Python);

    #[test]
    fn blocks_are_parsed_in_the_language_of_their_tag() {
        let good = look(
            "Here:\n```rust\nfn f() -> u8 { 1 }\n```",
            CodeLanguage::Any,
            true,
        );
        assert_eq!(good, Some(Finding::good("rust parses")));
        let bad = look("```rust\nfn f( -> { 1 ]\n```", CodeLanguage::Any, true).unwrap();
        assert!(bad.score.get() <= BROKEN.1);
        assert_eq!(bad.words, "rust does not parse: line 1");
    }

    #[test]
    fn a_broken_illustration_is_judged_more_mildly() {
        let code = "x = 1\n".repeat(20);
        let text = format!("So:\n```python\n{code}y = [1, 2\n```\nand then used.");
        let mild = look(&text, CodeLanguage::Any, false).unwrap();
        let strict = look(&text, PYTHON, true).unwrap();
        assert!(strict.score < mild.score);
    }

    #[test]
    fn code_that_was_asked_for_and_is_not_there_falls_short() {
        let text = "You could loop over the list and add the numbers.";
        assert_eq!(look(text, PYTHON, true).unwrap().score.get(), NO_CODE);
        assert_eq!(
            look(text, CodeLanguage::Any, true).unwrap().score.get(),
            NO_CODE
        );
        assert_eq!(look(text, CodeLanguage::Any, false), None);
    }

    #[test]
    fn code_without_a_fence_is_found() {
        let text = "def add(a, b):\n    return a + b\n";
        assert_eq!(
            look(text, PYTHON, true),
            Some(Finding::good("python parses"))
        );
        let talk = format!("Here is the function:\n{text}It adds two numbers.");
        assert_eq!(
            look(&talk, PYTHON, true),
            Some(Finding::good("python parses"))
        );
        let broken = look("def add(a, b:\n    return a +\n", PYTHON, true).unwrap();
        assert!(broken.score.get() <= BROKEN.1);
    }

    #[test]
    fn another_language_than_the_one_asked_for_falls_short() {
        let rust = "```rust\nfn f() {}\n```";
        assert_eq!(
            look(rust, PYTHON, true).unwrap().score.get(),
            OTHER_LANGUAGE
        );
        let both = format!("{rust}\n```python\ndef f(): pass\n```");
        assert_eq!(look(&both, PYTHON, true).unwrap().score.get(), 1.0);
    }

    #[test]
    fn what_cannot_be_parsed_here_is_not_judged() {
        assert_eq!(
            look("```cobol\nDISPLAY 'x'.\n```", CodeLanguage::Unknown, true),
            None
        );
        assert_eq!(look("```text\n<<<\n```", CodeLanguage::Any, false), None);
        let big = format!("```python\n{}\n```", "x = 1\n".repeat(100_000));
        assert_eq!(look(&big, CodeLanguage::Any, false), None);
    }
}
