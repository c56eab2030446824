//! What each check is worth on answers with labels, most of them by a real small model.

use terrace_quality_judge::labelled::{Tally, measure};

/// A check that is less often right may not fail an answer by itself.
const LEAST_PRECISION: f64 = 0.95;

fn tally() -> Tally {
    measure(include_str!("../../testdata/judge-set.jsonl")).unwrap()
}

#[test]
fn no_check_fails_good_answers_by_itself() {
    for line in tally().lines {
        let precision = line.hard_precision().unwrap_or(1.0);
        assert!(precision >= LEAST_PRECISION, "{line:?}");
    }
}

#[test]
fn the_set_is_large_and_half_of_it_real() {
    let tally = tally();
    assert!(tally.answers >= 300, "{}", tally.answers);
    assert!(
        tally.real * 2 >= tally.answers,
        "{} of {}",
        tally.real,
        tally.answers
    );
    assert!(tally.good * 4 >= tally.answers, "{}", tally.good);
}
