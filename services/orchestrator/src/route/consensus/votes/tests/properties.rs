//! Whatever is said in whatever order: the end is the same, and stopping early does not change it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::*;
use crate::route::consensus::group::Said;
use crate::route::consensus::meaning::Meaning;

/// What a member does: fails, or says one of a few things.
type Voice = Option<u8>;

#[derive(Debug, Clone)]
struct Poll {
    voices: Vec<Voice>,
    weights: Vec<u64>,
    order: Vec<usize>,
    threshold: Score,
}

fn poll() -> impl Strategy<Value = Poll> {
    let voices = prop::collection::vec(prop::option::weighted(0.8, 0u8..4), 1..8);
    let threshold = prop_oneof![0.0..1.0, Just(0.5), Just(2.0 / 3.0), Just(1.0)];
    (
        voices,
        threshold,
        prop::collection::vec(1u64..2_000, 8),
        any::<bool>(),
    )
        .prop_flat_map(|(voices, threshold, weights, equal)| {
            let members: Vec<usize> = (0..voices.len()).collect();
            let weights = if equal { vec![EQUAL; 8] } else { weights };
            (
                Just((voices, threshold, weights)),
                Just(members).prop_shuffle(),
            )
        })
        .prop_map(|((voices, threshold, weights), order)| Poll {
            weights: weights.into_iter().take(voices.len()).collect(),
            voices,
            order,
            threshold: Score::clamped(threshold),
        })
}

/// A way to turn what is said into what it means.
type Means = fn(u8) -> Meaning;

fn word(said: u8) -> Meaning {
    Meaning::Said(said.to_string())
}

/// Neighbours agree, and those in between make one group of both sides.
fn direction(said: u8) -> Meaning {
    let angle = f32::from(said) * 0.4;
    Meaning::Direction(vec![angle.cos(), angle.sin()])
}

impl Poll {
    fn asked(&self) -> u64 {
        self.weights.iter().sum()
    }

    /// How the vote stands when these members are through: the winners, if it is over.
    fn after(&self, through: &[usize], means: Means) -> Option<Option<Vec<usize>>> {
        let mut said = Said::default();
        for member in through {
            if let Some(voice) = self.voices[*member] {
                said.add(*member, means(voice));
            }
        }
        let groups = said.groups();
        let votes = |group: &Vec<usize>| group.iter().map(|member| self.weights[*member]).sum();
        let votes: Vec<u64> = groups.iter().map(votes).collect();
        let heard: u64 = through.iter().map(|member| self.weights[*member]).sum();
        let count = Count {
            groups: &votes,
            outstanding: self.asked() - heard,
            asked: self.asked(),
            may_join: matches!(means(0), Meaning::Direction(_)),
        };
        match count.standing(self.threshold) {
            Standing::Open => None,
            Standing::Agreed(group) => Some(Some(groups[group].clone())),
            Standing::Disagreed => Some(None),
        }
    }

    /// The first end that is told when members come in this order, and after how many.
    fn told(&self, order: &[usize], means: Means) -> (Option<Vec<usize>>, usize) {
        let ends = (0..=order.len()).find_map(|heard| {
            let end = self.after(&order[..heard], means)?;
            Some((end, heard))
        });
        ends.expect("a vote that all have cast is over")
    }
}

/// By brute force: what the fully counted vote comes to.
fn by_definition(poll: &Poll) -> Option<u8> {
    let mut votes: BTreeMap<u8, u64> = BTreeMap::new();
    for (voice, weight) in poll.voices.iter().zip(&poll.weights) {
        if let Some(voice) = voice {
            *votes.entry(*voice).or_default() += weight;
        }
    }
    let (voice, most) = votes.iter().max_by_key(|(_, votes)| **votes)?;
    let reaches = *most as f64 + 1e-6 >= poll.threshold.get() * poll.asked() as f64;
    let alone = votes.values().filter(|votes| *votes == most).count() == 1;
    (reaches && alone).then_some(*voice)
}

fn voice_of(poll: &Poll, winners: Option<&Vec<usize>>) -> Option<u8> {
    winners.and_then(|winners| poll.voices[winners[0]])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_end_is_that_of_the_full_count_in_whatever_order_votes_come(poll in poll()) {
        let (end, _) = poll.told(&poll.order, word);
        prop_assert_eq!(voice_of(&poll, end.as_ref()), by_definition(&poll));
    }

    #[test]
    fn once_told_the_end_stays_whatever_the_others_say(poll in poll()) {
        for means in [word as Means, direction] {
            let (told, heard) = poll.told(&poll.order, means);
            for more in heard..=poll.order.len() {
                let later = poll.after(&poll.order[..more], means);
                let Some(later) = later else {
                    prop_assert!(false, "it was over after {} and open after {}", heard, more);
                    continue;
                };
                // Groups may grow; who has won is among the winners for good.
                let same = match (&told, &later) {
                    (Some(told), Some(later)) => told.iter().all(|member| later.contains(member)),
                    (told, later) => told == later,
                };
                prop_assert!(same, "{:?} became {:?}", told, later);
            }
        }
    }

    #[test]
    fn a_vote_is_told_open_only_while_somebody_can_change_it(poll in poll()) {
        let (_, heard) = poll.told(&poll.order, word);
        for open in 0..heard {
            // The rest may all fail, or all say the same: any of it, one they have, one of their own.
            let rest = &poll.order[open..];
            let ends = (0..=4u8).map(Some).chain([None]).map(|voice| {
                let mut other = poll.clone();
                for member in rest {
                    other.voices[*member] = voice;
                }
                by_definition(&other)
            });
            let mut ends: Vec<_> = ends.collect();
            ends.dedup();
            prop_assert!(ends.len() > 1, "all end alike after {}", open);
        }
    }
}
