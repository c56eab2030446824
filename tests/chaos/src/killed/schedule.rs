//! Who is killed when: made from the seed alone, so that a run can be repeated.

use std::time::Duration;

/// The longest that all is well between two kills, in milliseconds.
const LONGEST_CALM_MS: u64 = 1500;
/// The longest that somebody stays down, in milliseconds.
const LONGEST_DOWN_MS: u64 = 400;

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Orchestrator,
    Ledger,
    Database,
}

/// One kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blow {
    pub(super) target: Target,
    /// After everything is back from the one before.
    pub(super) after: Duration,
    /// Until it is started again.
    pub(super) down: Duration,
}

/// So many kills of each, in an order and at moments that the seed says.
pub(super) fn blows(kills: usize, seed: u64) -> Vec<Blow> {
    let mut chance = fastrand::Rng::with_seed(seed);
    let targets = [Target::Orchestrator, Target::Ledger, Target::Database];
    let mut targets = targets.repeat(kills);
    chance.shuffle(&mut targets);
    let mut up_to = |longest| Duration::from_millis(chance.u64(0..=longest));
    let blow = |target| Blow {
        target,
        after: up_to(LONGEST_CALM_MS),
        down: up_to(LONGEST_DOWN_MS),
    };
    targets.into_iter().map(blow).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_killed_as_often_and_the_seed_says_when() {
        let planned = blows(50, 7);
        for target in [Target::Orchestrator, Target::Ledger, Target::Database] {
            let of_it = planned.iter().filter(|blow| blow.target == target);
            assert_eq!(of_it.count(), 50);
        }
        assert_eq!(planned, blows(50, 7));
        assert_ne!(planned, blows(50, 8));
    }
}
