//! What holds for any text whatever.

use std::sync::LazyLock;

use proptest::prelude::*;
use terrace_domain::Score;
use terrace_quality_judge::answer::{Answer, Case, CodeLanguage, Finish};
use terrace_quality_judge::format::{Format, Pattern, Schema};
use terrace_quality_judge::language::Language;
use terrace_quality_judge::{Judge, Verdict};

use crate::world::settings;

/// Built once: compiling its patterns takes a moment in a debug build.
static JUDGE: LazyLock<Judge> = LazyLock::new(|| Judge::new(settings().profiles).unwrap());

fn judge(answer: Answer) -> Verdict {
    JUDGE.judge(&Case {
        answer,
        action: String::new(),
        threshold: Score::clamped(0.5),
    })
}

fn is_sound(verdict: &Verdict) -> bool {
    let within = |score: Score| (0.0..=1.0).contains(&score.get());
    let failed = verdict
        .findings
        .iter()
        .any(|found| found.finding.hard_failure);
    within(verdict.score)
        && verdict
            .findings
            .iter()
            .all(|found| within(found.finding.score))
        && verdict.passed == (!failed && verdict.score.passes(verdict.threshold))
}

fn forms() -> impl Strategy<Value = u8> {
    0_u8..5
}

fn form(which: u8) -> Format {
    match which {
        0 => Format::Free,
        1 => Format::Json,
        2 => Format::Schema(Schema::compile(r#"{"type": "object"}"#).unwrap()),
        3 => Format::Pattern(Pattern::compile("[a-z -]*").unwrap()),
        _ => Format::Choice(vec!["yes".into(), "no".into()]),
    }
}

fn answer(text: &str, which: u8, code_expected: bool) -> Answer {
    Answer {
        format: form(which),
        code_expected,
        finish: Finish::Unknown,
        ..Answer::plain(text)
    }
}

/// Pieces of which answers are made, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("```python\n"),
        Just("```\n"),
        Just("~~~"),
        Just("  ```rs\n"),
        Just("def f(x):\n"),
        Just("    return x\n"),
        Just("I'm sorry, but I can't help with that. "),
        Just("\""),
        Just("{\"a\": "),
        Just("}"),
        Just("fn main() {"),
        Just("\n"),
        Just("é"),
        Just("\u{1f600}"),
        Just("again and again "),
        Just("I cannot "),
        Just("<<<EOF\n"),
        Just("\\"),
        Just("\t"),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_text_gets_a_sound_verdict(text in "(?s).{0,300}", which in forms(), code in any::<bool>()) {
        let verdict = judge(answer(&text, which, code));
        prop_assert!(is_sound(&verdict), "{verdict:?}");
    }

    #[test]
    fn any_mixture_of_pieces_gets_a_sound_verdict_and_always_the_same(
        text in pieces(), which in forms(), code in any::<bool>(),
    ) {
        let verdict = judge(answer(&text, which, code));
        prop_assert!(is_sound(&verdict), "{verdict:?}");
        prop_assert_eq!(verdict, judge(answer(&text, which, code)));
    }

    #[test]
    fn code_in_any_language_gets_a_sound_verdict(text in pieces(), which in 0..Language::ALL.len()) {
        let language = Language::ALL[which];
        let text = format!("```{}\n{text}", language.as_str());
        let verdict = judge(Answer {
            code_language: CodeLanguage::Known(language),
            code_expected: true,
            ..Answer::plain(text)
        });
        prop_assert!(is_sound(&verdict), "{verdict:?}");
    }
}

#[test]
fn a_megabyte_of_anything_is_judged() {
    for unit in [
        "a",
        "\n",
        "```\n",
        "{",
        "[",
        "I'm sorry, ",
        "é",
        "def f():\n",
        "a.b ",
        "\"",
    ] {
        let text = unit.repeat(1024 * 1024 / unit.len());
        for which in 0..5 {
            let verdict = judge(answer(&text, which, true));
            assert!(is_sound(&verdict), "{unit:?}");
        }
    }
}
