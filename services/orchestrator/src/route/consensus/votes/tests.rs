mod properties;

use super::*;

const MOST: f64 = 0.66;

fn standing(groups: &[u64], outstanding: u64, asked: u64, threshold: f64) -> Standing {
    let count = Count {
        groups,
        outstanding,
        asked,
        may_join: false,
    };
    count.standing(Score::clamped(threshold))
}

#[test]
fn two_of_three_are_two_thirds() {
    assert_eq!(standing(&[2, 1], 0, 3, MOST), Standing::Agreed(0));
    assert_eq!(standing(&[1, 2], 0, 3, 2.0 / 3.0), Standing::Agreed(1));
    assert_eq!(standing(&[2, 1], 0, 3, 0.67), Standing::Disagreed);
    assert_eq!(standing(&[1, 1, 1], 0, 3, MOST), Standing::Disagreed);
}

#[test]
fn whoever_failed_counts_among_those_asked() {
    // One of three failed: both others have to agree, and one alone is not enough.
    assert_eq!(standing(&[2], 0, 3, MOST), Standing::Agreed(0));
    assert_eq!(standing(&[1], 0, 3, MOST), Standing::Disagreed);
    assert_eq!(standing(&[1], 1, 3, MOST), Standing::Open);
    assert_eq!(standing(&[], 0, 3, MOST), Standing::Disagreed);
}

#[test]
fn a_vote_ends_as_soon_as_nobody_can_change_it() {
    assert_eq!(standing(&[2], 1, 3, MOST), Standing::Agreed(0));
    assert_eq!(standing(&[1, 1], 1, 3, MOST), Standing::Open);
    assert_eq!(standing(&[1, 1], 1, 3, 1.0), Standing::Disagreed);
    assert_eq!(standing(&[], 1, 3, MOST), Standing::Disagreed);
    // Half is enough here, and yet the others may come to as much.
    assert_eq!(standing(&[2], 2, 4, 0.5), Standing::Open);
    assert_eq!(standing(&[2, 1], 1, 4, 0.5), Standing::Open);
    assert_eq!(standing(&[3], 1, 4, 0.5), Standing::Agreed(0));
}

#[test]
fn a_tie_is_no_agreement() {
    assert_eq!(standing(&[2, 2], 0, 4, 0.5), Standing::Disagreed);
    assert_eq!(standing(&[2, 2], 1, 5, 0.4), Standing::Open);
    assert_eq!(standing(&[3, 3], 1, 7, 0.5), Standing::Open);
    assert_eq!(standing(&[3, 3], 1, 7, 0.6), Standing::Disagreed);
}

#[test]
fn groups_that_may_join_are_counted_as_if_they_did() {
    let standing = |groups: &[u64], outstanding: u64| {
        let count = Count {
            groups,
            outstanding,
            asked: 5,
            may_join: true,
        };
        count.standing(Score::clamped(0.6))
    };
    assert_eq!(standing(&[1, 1, 1], 1), Standing::Open);
    assert_eq!(standing(&[3], 1), Standing::Agreed(0));
    assert_eq!(standing(&[1, 1], 0), Standing::Disagreed);
}

#[test]
fn all_weigh_the_same_until_every_accuracy_is_known() {
    let accuracy = |accuracy| Some(Score::clamped(accuracy));
    assert_eq!(weights(&[None, None], 2), [EQUAL, EQUAL]);
    assert_eq!(weights(&[accuracy(0.9), None], 2), [EQUAL, EQUAL]);
    let members = [accuracy(0.9), accuracy(0.6), accuracy(0.3), accuracy(1.0)];
    let known = weights(&members, 2);
    assert!(known[0] > 5 * known[1], "{known:?}");
    assert_eq!(known[2], 1, "a member that is mostly wrong cannot veto");
    assert!(known[3] < 10 * EQUAL, "nobody is always right: {known:?}");
    assert!(weights(&[], 2).is_empty());
    let of_four = weights(&members, ALTERNATIVES);
    assert!(
        of_four[2] > 1,
        "of four, three in ten is better than a guess: {of_four:?}"
    );
}

#[test]
fn a_threshold_of_nothing_needs_a_vote_all_the_same() {
    assert_eq!(bar(Score::ZERO, 3), 1);
    assert_eq!(bar(Score::ONE, 3_000), 3_000);
    assert_eq!(standing(&[], 0, 3, 0.0), Standing::Disagreed);
}
