use proptest::prelude::*;

use super::*;
use crate::train::label_of;

fn lesson(text: &str, label: &str, gain: f64) -> Lesson {
    Lesson {
        features: Features::of(text),
        prior: 0.0,
        action: None,
        label: label_of(label),
        gain: Some(gain),
        models: Vec::new(),
        count: 1.0,
    }
}

fn gain(online: &Online, text: &str, label: &str) -> f64 {
    let own = Some((online, label_of(label)));
    let weights = Weights::untrained();
    weights
        .estimate_with(&Features::of(text), 0.0, None, own)
        .gain
}

fn taught(lessons: impl IntoIterator<Item = Lesson>) -> Online {
    let (weights, mut online) = (Weights::untrained(), Online::default());
    for lesson in lessons {
        online.learn(&weights, &lesson);
    }
    online
}

/// Questions about tides gain at one label, and questions about cats do not.
fn own_traffic(count: usize) -> Online {
    taught((0..count).flat_map(|index| {
        [
            lesson(&format!("why do ocean tides rise {index}"), "a", 1.0),
            lesson(&format!("do house cats sleep much {index}"), "a", 0.0),
        ]
    }))
}

#[test]
fn nothing_learned_changes_nothing() {
    let before = Weights::untrained().estimate(&Features::of("why is it so"), 0.3, None);
    let own = Some((&Online::default(), 7));
    let with = Weights::untrained().estimate_with(&Features::of("why is it so"), 0.3, None, own);
    assert_eq!(before, with);
}

#[test]
fn words_that_gained_in_ones_own_traffic_are_expected_to_gain() {
    let online = own_traffic(200);
    let (tides, cats) = (
        gain(&online, "why do ocean tides rise", "a"),
        gain(&online, "do house cats sleep much", "a"),
    );
    assert!(tides > cats + 0.3, "{tides} {cats}");
}

#[test]
fn few_lessons_move_little_and_many_move_much() {
    let text = "why do ocean tides rise";
    let moved = |count| gain(&own_traffic(count), text, "b") - gain(&Online::default(), text, "b");
    assert!(moved(2) < 0.2 && moved(2) > 0.0, "{}", moved(2));
    assert!(moved(200) > 2.0 * moved(2));
}

#[test]
fn a_label_is_learned_for_itself_alone() {
    let text = |index: usize| format!("question number {index} of many words");
    let online = taught((0..60).map(|index| lesson(&text(index), "hard", 1.0)));
    let shift = |label: &str| online.means.of_label(label_of(label));
    assert!(shift("hard") > 0.1, "{}", shift("hard"));
    assert!(shift("other").abs() < 1e-9);
}

#[test]
fn a_language_becomes_known_by_use() {
    let text = "warum steigt das wasser am abend";
    let familiarity = |online: &Online| {
        let own = Some((online, 1));
        let weights = Weights::untrained();
        weights
            .estimate_with(&Features::of(text), 0.0, None, own)
            .familiarity
    };
    assert!(familiarity(&Online::default()) < 0.01);
    let online = taught([lesson(text, "a", 0.0), lesson(text, "a", 0.0)]);
    assert!(familiarity(&online) > 0.99);
}

#[test]
fn accuracies_are_shrunk_to_those_of_the_model_elsewhere() {
    let mut means = Means::default();
    let (good, poor, label) = (label_of("good"), label_of("poor"), label_of("a"));
    let of = |means: &Means, label, model| means.accuracy(label, model).value;
    assert!((of(&means, label, good) - 0.7).abs() < 1e-9);
    for _ in 0..100 {
        means.note_model(label, good, 1.0, 1.0);
        means.note_model(label, poor, 0.0, 1.0);
    }
    assert!(of(&means, label, good) > 0.9 && of(&means, label, poor) < 0.1);
    let elsewhere = means.accuracy(label_of("b"), poor);
    assert!(
        elsewhere.value < 0.2 && elsewhere.count < 1e-9,
        "{elsewhere:?}"
    );
}

#[test]
fn predictions_worse_than_chance_trip_the_watch_until_they_are_better() {
    let mut watch = Watch::default();
    for index in 0..200 {
        watch.note(f64::from(index % 10), index % 10 < 5);
    }
    assert!(watch.is_tripped() && watch.auroc().unwrap() < 0.1);
    for index in 0..400 {
        watch.note(f64::from(index % 10), index % 10 >= 5);
    }
    assert!(!watch.is_tripped());
    let mut few = Watch::default();
    for _ in 0..50 {
        few.note(1.0, false);
    }
    assert!(!few.is_tripped() && few.auroc().is_none());
}

#[test]
fn a_file_gives_back_what_was_learned_and_damage_is_named() {
    let weights = Weights::untrained();
    let mut online = own_traffic(60);
    online.means.note_model(3, 4, 1.0, 1.0);
    let bytes = online.to_bytes(&weights);
    let read = Online::from_bytes(&bytes, &weights).unwrap();
    assert_eq!(read.to_bytes(&weights), bytes);
    assert_eq!(read.lessons, 120);
    let mut damaged = bytes.clone();
    damaged[40] ^= 1;
    let invalid = |bytes: &[u8]| Online::from_bytes(bytes, &weights).unwrap_err();
    assert_eq!(invalid(&damaged), file::InvalidOnline::Checksum);
    assert_eq!(invalid(b"TRCW"), file::InvalidOnline::Magic);
    assert_eq!(invalid(&bytes[..20]), file::InvalidOnline::Shape);
    let mut other = Weights::untrained();
    other.examples = 9;
    let refused = Online::from_bytes(&bytes, &other);
    assert_eq!(refused.unwrap_err(), file::InvalidOnline::OtherWeights);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_learned_stays_a_number_and_within_reason(
        gains in prop::collection::vec(-1.0_f64..=1.0, 1..150), count in 0.0_f64..=2.0,
    ) {
        let online = taught(gains.iter().map(|gain| Lesson { count, ..lesson("why do tides rise", "a", *gain) }));
        let found = gain(&online, "why do tides rise", "a");
        prop_assert!(found.is_finite() && found.abs() < 2.0, "{}", found);
    }

    #[test]
    fn bytes_of_any_kind_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _refused = Online::from_bytes(&bytes, &Weights::untrained());
    }
}
