use std::fs;
use std::path::Path;

use terrace_learned::Features;

use super::*;

fn settings(folder: &Path) -> LearningSettings {
    LearningSettings {
        folder: Some(folder.to_owned()),
        snapshot_every: 10,
        keep: 3,
    }
}

fn open(folder: &Path) -> Learning {
    Learning::open(Weights::untrained(), &settings(folder)).unwrap()
}

fn teach(learning: &Learning, count: usize) {
    for _ in 0..count {
        learning.learn(&Lesson {
            features: Features::of("why do ocean tides rise"),
            prior: 0.0,
            action: None,
            label: 1,
            gain: Some(1.0),
            models: Vec::new(),
            count: 1.0,
        });
    }
}

fn numbers(learning: &Learning) -> Vec<u64> {
    let snapshots = learning.standing().snapshots;
    snapshots.iter().map(|own| own.number).collect()
}

#[test]
fn what_was_written_down_is_there_after_a_restart_and_the_rest_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let learning = open(folder.path());
    teach(&learning, 25);
    drop(learning);
    assert_eq!(open(folder.path()).standing().lessons, 20);
}

#[test]
fn so_many_snapshots_are_kept_and_each_can_be_gone_back_to() {
    let folder = tempfile::tempdir().unwrap();
    let learning = open(folder.path());
    teach(&learning, 50);
    assert_eq!(numbers(&learning), [5, 4, 3]);
    assert_eq!(learning.roll_back(Some(4)), Ok(40));
    assert_eq!(numbers(&learning), [4, 3]);
    assert_eq!(learning.standing().lessons, 40);
    let gone = learning.roll_back(Some(5)).unwrap_err();
    assert_eq!(gone.reason, Reason::NotFound);
    teach(&learning, 10);
    assert_eq!(
        numbers(&learning),
        [6, 4, 3],
        "a number is never given twice"
    );
    assert_eq!(learning.roll_back(None), Ok(0));
    drop(learning);
    assert_eq!(open(folder.path()).standing().lessons, 0);
}

#[test]
fn a_damaged_snapshot_is_passed_over_for_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let learning = open(folder.path());
    teach(&learning, 20);
    drop(learning);
    let newest = folder.path().join("0000000002.trco");
    let mut bytes = fs::read(&newest).unwrap();
    bytes[30] ^= 1;
    fs::write(&newest, bytes).unwrap();
    let learning = open(folder.path());
    assert_eq!(learning.standing().lessons, 10);
    assert_eq!(numbers(&learning), [1]);
}

#[test]
fn a_second_classifier_is_kept_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _first = open(folder.path());
    let second = Learning::open(Weights::untrained(), &settings(folder.path()));
    assert!(
        second
            .unwrap_err()
            .to_string()
            .contains("another classifier")
    );
}

#[test]
fn labels_are_of_a_project_and_an_action() {
    let project = |name: &str| ProjectName::new(name).ok();
    let action = |name: &str| ActionName::new(name).ok();
    let one = label(project("a").as_ref(), action("b").as_ref());
    assert_ne!(one, label(project("ab").as_ref(), None));
    assert_ne!(one, label(None, action("b").as_ref()));
    assert_eq!(one, label(project("a").as_ref(), action("b").as_ref()));
}
