//! Which replica gets the next call: of two chosen by chance, that with less in flight.
//!
//! Looking at two is nearly as even as looking at all, and does not send every caller of a fleet
//! to the one that was the idlest a moment ago. Only the best standing there is counts: one that
//! does not answer is called when no other is left, because then it may be the only way.

use std::sync::Arc;

use super::replica::Replica;

/// The replica for the next call, if there is one; not one of `tried` while there are others.
pub(super) fn pick(replicas: &[Arc<Replica>], tried: &[Arc<Replica>]) -> Option<Arc<Replica>> {
    let is_new = |replica: &&Arc<Replica>| !tried.iter().any(|one| Arc::ptr_eq(one, replica));
    let new = || replicas.iter().filter(is_new);
    let best = new().map(|replica| replica.standing()).min()?;
    let of_best: Vec<_> = new().filter(|replica| replica.standing() == best).collect();
    let (first, second) = two(of_best.len());
    let (first, second) = (of_best.get(first)?, of_best.get(second)?);
    let less = if second.in_flight() < first.in_flight() {
        second
    } else {
        first
    };
    Some(Arc::clone(less))
}

/// Two different places of so many; the same one twice where there is only one.
fn two(places: usize) -> (usize, usize) {
    if places < 2 {
        return (0, 0);
    }
    let first = fastrand::usize(..places);
    let second = (first + 1 + fastrand::usize(..places - 1)) % places;
    (first, second)
}

#[cfg(test)]
mod tests {
    use super::super::replica::{Counts, Standing};
    use super::*;
    use tonic::transport::Endpoint;

    fn replicas(count: u16) -> Vec<Arc<Replica>> {
        let counts = Counts::new("probe");
        let channel = Endpoint::from_static("http://127.0.0.1:1").connect_lazy();
        (0..count)
            .map(|port| {
                let server = ([127, 0, 0, 1], port).into();
                Arc::new(Replica::new(server, channel.clone(), counts))
            })
            .collect()
    }

    #[tokio::test]
    async fn the_one_with_less_in_flight_is_picked() {
        let two = replicas(2);
        let _busy = two[0].begin();
        for _ in 0..20 {
            assert!(Arc::ptr_eq(&pick(&two, &[]).unwrap(), &two[1]));
        }
    }

    #[tokio::test]
    async fn one_that_does_not_answer_is_picked_when_nobody_else_is_left() {
        let two = replicas(2);
        two[0].stands(Standing::Down);
        for _ in 0..20 {
            assert!(Arc::ptr_eq(&pick(&two, &[]).unwrap(), &two[1]));
        }
        let last = pick(&two, &[Arc::clone(&two[1])]).unwrap();
        assert!(Arc::ptr_eq(&last, &two[0]));
        assert!(pick(&two, &two).is_none());
    }

    #[tokio::test]
    async fn one_that_serves_comes_before_one_that_nobody_knows() {
        let three = replicas(3);
        three[1].stands(Standing::Serving);
        assert!(Arc::ptr_eq(&pick(&three, &[]).unwrap(), &three[1]));
    }

    #[test]
    fn two_different_ones_are_looked_at_and_each_as_often() {
        let mut seen = [0_u32; 5];
        for _ in 0..10_000 {
            let (first, second) = two(5);
            assert_ne!(first, second);
            seen[first] += 1;
            seen[second] += 1;
        }
        assert!(
            seen.iter().all(|times| (3_600..=4_400).contains(times)),
            "{seen:?}"
        );
    }

    #[tokio::test]
    async fn calls_spread_evenly_over_replicas_that_are_alike() {
        let three = replicas(3);
        let mut held = Vec::new();
        for _ in 0..300 {
            held.push(pick(&three, &[]).unwrap().begin());
        }
        assert!(
            three
                .iter()
                .all(|one| (95..=105).contains(&one.in_flight()))
        );
    }
}
