//! Every verb explains itself, with something to type.

use crate::{stderr, stdout, terrace};

const VERBS: [&[&str]; 36] = [
    &[],
    &["up"],
    &["serve"],
    &["route"],
    &["explain"],
    &["models"],
    &["cost"],
    &["budget"],
    &["budget", "list"],
    &["budget", "watch"],
    &["budget", "set"],
    &["budget", "pause"],
    &["budget", "resume"],
    &["budget", "top-up"],
    &["budget", "remove"],
    &["ledger"],
    &["ledger", "verify"],
    &["train"],
    &["eval"],
    &["simulate"],
    &["usage"],
    &["usage", "list"],
    &["usage", "export"],
    &["watch"],
    &["project"],
    &["project", "create"],
    &["project", "list"],
    &["key"],
    &["key", "create"],
    &["key", "list"],
    &["key", "rotate"],
    &["key", "revoke"],
    &["config"],
    &["config", "check"],
    &["config", "show"],
    &["completion"],
];

#[test]
fn the_help_of_every_verb_has_an_example_of_that_verb() {
    for verb in VERBS {
        let output = terrace(&[verb, &["--help"]].concat());
        assert!(output.status.success(), "{verb:?}");
        let text = stdout(&output);
        let (_, examples) = text.split_once("Examples:").unwrap();
        let wanted = ["terrace", &verb.join(" ")].join(" ");
        assert!(examples.contains(wanted.trim_end()), "{verb:?}: {text}");
    }
}

#[test]
fn the_help_of_route_lists_its_exit_codes() {
    let text = stdout(&terrace(&["route", "--help"]));
    for line in [
        "3  there is an answer, and it did not pass",
        "7  the server cannot be reached",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn a_verb_or_flag_that_is_not_there_is_wrong_usage() {
    for wrong in [
        &["rout"][..],
        &["route"],
        &["route", "--prompt", "x", "--threshold", "7"],
    ] {
        let output = terrace(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(stdout(&output).is_empty() && !stderr(&output).is_empty());
    }
}
