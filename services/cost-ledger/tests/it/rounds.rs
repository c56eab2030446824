//! Calls of any kind, in rounds that are made at once, until one sequence breaks what is claimed.

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// Calls that are made at once, each about one of three things.
pub(crate) type Round<C> = Vec<(usize, C)>;

/// Plays sequences of rounds of at most `most` calls; one that panics is made as short as it goes
/// and told.
pub(crate) fn play_any<C, F>(
    calls: impl Strategy<Value = C>,
    most: usize,
    play: impl Fn(Vec<Round<C>>) -> F,
) where
    C: Clone + Debug,
    F: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 6,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let round = prop::collection::vec((0..3_usize, calls), 1..=most);
    let rounds = prop::collection::vec(round, 1..8);
    let result = runner.run(&rounds, |rounds| {
        runtime.block_on(play(rounds));
        Ok(())
    });
    result.unwrap();
}
