//! What holds for any text whatever.

use proptest::prelude::*;
use terrace_classifier::config::Settings;
use terrace_classifier::request::{Request, Speaker, Turn};
use terrace_classifier::residual;
use terrace_classifier::{Classification, Classifier};
use terrace_domain::ActionName;

use crate::world::settings;

fn classifier() -> Classifier {
    let Settings {
        overrides, markers, ..
    } = settings();
    Classifier::new(overrides, markers, residual::built_in())
}

fn request(system: &str, text: &str, action: &str) -> Request {
    Request {
        turns: vec![
            Turn::new(Speaker::System, system),
            Turn::new(Speaker::User, text),
        ],
        action: ActionName::new(action).ok(),
        ..Request::default()
    }
}

fn is_sound(found: &Classification) -> bool {
    let within = |value: f64| (0.0..=1.0).contains(&value);
    within(found.difficulty.get())
        && within(found.confidence.get())
        && found.evidence.iter().all(|one| within(one.weight.abs()))
}

proptest! {
    #[test]
    fn any_text_is_classified_soundly_and_always_alike(
        system in ".{0,200}", text in "(?s).{0,400}", action in "[a-zA-Z_./ -]{0,20}",
    ) {
        let classifier = classifier();
        let request = request(&system, &text, &action);
        let found = classifier.classify(&request);
        prop_assert!(is_sound(&found), "{found:?}");
        prop_assert_eq!(found, classifier.classify(&request));
    }

    #[test]
    fn any_mixture_of_cues_and_marks_is_classified_soundly(
        words in proptest::collection::vec(
            prop_oneof![
                Just("prove"), Just("classify"), Just("```rust\n"), Just("\n- "), Just("main.rs"),
                Just("."), Just("#'-_+"), Just("step by step"), Just("9"), Just("ß"), Just("\\frac"),
            ], 0..200),
    ) {
        prop_assert!(is_sound(&classifier().classify(&request("", &words.join(" "), ""))));
    }
}

#[test]
fn a_megabyte_is_read_no_further_than_its_ends() {
    let classifier = classifier();
    for unit in ["prove ", "a", "\n", "é", "```\n", "_-'", "1.2.3."] {
        let text = unit.repeat(1024 * 1024 / unit.len());
        let found = classifier.classify(&request(&text, &text, ""));
        assert!(is_sound(&found), "{unit:?}");
    }
    // The same ends around another middle of the same length: nothing but the ends was read.
    let (head, tail) = ("prove it ".repeat(4000), " classify".repeat(4000));
    let between = |middle: &str| {
        let text = format!("{head}{}{tail}", middle.repeat(100_000));
        classifier.classify(&request("", &text, ""))
    };
    assert_eq!(between("fn ab "), between("design"));
}
