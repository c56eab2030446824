//! Texts made to hurt: bombs, deep nesting, noise. All end soon, with a problem or a config.

use std::fmt::Write as _;

use proptest::prelude::*;

use crate::{parsed, problems};

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let (here, below) = (level, level - 1);
        let aliases = vec![format!("*a{below}"); 10].join(", ");
        writeln!(text, "a{here}: &a{here} [{aliases}]").unwrap();
    }
    let problems = problems(&text);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].ends_with("holds too much, counting every use of an alias"));
}

#[test]
fn a_long_text_used_many_times_is_refused() {
    let long = "x".repeat(500_000);
    let aliases = "- *long\n".repeat(10_000);
    let problems = problems(&format!("long: &long {long}\nall:\n{aliases}"));
    assert!(problems[0].ends_with("holds too much, counting every use of an alias"));
}

#[test]
fn deep_nesting_is_refused() {
    for text in [
        "[".repeat(10_000),
        "{a: ".repeat(10_000),
        "- ".repeat(10_000),
    ] {
        assert_eq!(problems(&text).len(), 1);
    }
    let anchors: String = (0..60).map(|level| format!("&a{level} [")).collect();
    assert_eq!(problems(&anchors).len(), 1);
}

#[test]
fn a_text_over_a_mebibyte_is_refused() {
    let problems = problems(&"#".repeat((1 << 20) + 1));
    assert_eq!(problems, ["llm.yaml: is larger than 1 MiB"]);
}

#[test]
fn an_alias_of_what_holds_it_is_refused() {
    assert_eq!(problems("a: &a [*a]").len(), 1);
}

#[test]
fn forty_thousand_unknown_keys_end_soon() {
    let text: String = (0..40_000).map(|n| format!("k{n}: 1\n")).collect();
    assert_eq!(parsed(&text, &[]).unwrap_err().len(), 40_000);
}

#[test]
fn texts_of_the_largest_size_end() {
    let size = 1 << 20;
    for pattern in [
        "[", "]", "a: ", "\"", "'", "? ", "- - ", "&a ", "a\n", "|\n", "%\n", "{a,", "\\u",
        "a: b: ",
    ] {
        let text = pattern.repeat(size / pattern.len());
        assert!(parsed(&text, &[]).is_err(), "{pattern:?}");
    }
}

/// Words that make texts which get further than noise does.
fn word() -> impl Strategy<Value = String> {
    let words = [
        "tiers", "models", "name", "backend", "backends", "routing", "markers", "price", "judge",
        "profiles", "default", "limits", "url", "null", "0.5", "-1", "5s", "&a", "*a", "? ", "!x",
        ": ", "- ", "\n", "\n  ", "\n    ", "{", "}", "[", "]", ", ", "'", "\"", "#", "|", "---",
    ];
    prop::sample::select(words.to_vec()).prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn noise_never_panics(text in "\\PC*") {
        let _either = parsed(&text, &[]);
    }

    #[test]
    fn words_of_the_schema_in_any_order_never_panic(words in prop::collection::vec(word(), 0..60)) {
        let text = words.concat();
        if let Err(problems) = parsed(&text, &[]) {
            prop_assert!(problems.len() > 0);
        }
    }

    #[test]
    fn any_variable_is_a_config_or_a_problem(name in "[A-Z0-9_]{0,30}", value in "\\PC{0,40}") {
        let name = format!("TERRACE__{name}");
        if let Err(problems) = parsed("", &[(&name, &value)]) {
            prop_assert!(problems.len() > 0);
        }
    }
}
