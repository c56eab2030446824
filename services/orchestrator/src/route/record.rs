//! What was seen of each model lately: how long its answers take, how many of them were good enough,
//! how many calls failed, how many are in flight.
//!
//! The orchestrator keeps it for itself, from its own calls, in a bounded ring a model. What is
//! older than ten minutes is forgotten, so that a model which was left alone for being slow or
//! poor gets another chance. A plan sees plain numbers ([`Record`]).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use terrace_domain::{BackendName, ModelName, Score};
use tokio::time::Instant;

use crate::route::pace::Pace;

/// Calls of a model that are remembered.
const REMEMBERED: usize = 64;
/// After this a call is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(10);
/// So many of the last calls say whether a model fails.
const LAST: usize = 8;

/// A model on its backend.
type Key = (BackendName, ModelName);

/// What was seen of a model, in plain numbers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Record {
    /// How long its answers take; `None` when too few were seen.
    pub pace: Option<Pace>,
    /// How many of its last answers were judged.
    pub judged: u32,
    /// How many of them reached the wanted score.
    pub good: u32,
    /// Whether it failed in most of its last calls.
    pub failing: bool,
    /// Calls of it in flight, as far as this orchestrator makes them.
    pub in_flight: u32,
}

impl Record {
    /// The share of its answers that can be expected to reach the wanted score: three of four, and
    /// the more of its own record the more of it there is.
    #[must_use]
    pub fn expected_to_pass(&self) -> Score {
        Score::clamped((f64::from(self.good) + 3.0) / (f64::from(self.judged) + 4.0))
    }
}

/// One call of a model that came to its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// How it ended.
    pub end: CallEnd,
    /// What the judge gave it; nothing for a hard failure.
    pub score: Option<Score>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallEnd {
    /// With a whole answer.
    Whole {
        /// From the call to the first piece.
        first: Duration,
        /// From the call to the end.
        took: Duration,
        /// Tokens that came.
        tokens: u64,
    },
    /// We cut it because its time was up.
    CutAfter(Duration),
    /// We ended it because no more text could help.
    Hopeless,
    /// The backend or its gateway failed.
    Failed,
}

/// The records of all models.
#[derive(Debug, Clone, Default)]
pub struct Records(Arc<Mutex<HashMap<Key, Track>>>);

/// One model.
#[derive(Debug, Default)]
struct Track {
    calls: VecDeque<(Instant, Seen)>,
    pace: Option<Pace>,
    in_flight: u32,
}

/// A call in flight; it is over when this is dropped.
#[derive(Debug)]
pub struct InFlight {
    records: Records,
    key: Key,
}

impl Records {
    /// Notes that a call begins.
    #[must_use]
    pub fn begin(&self, backend: &BackendName, model: &ModelName) -> InFlight {
        let key = (backend.clone(), model.clone());
        self.with(&key, |track| track.in_flight += 1);
        InFlight {
            records: self.clone(),
            key,
        }
    }

    /// Notes how a call ended.
    pub fn note(&self, backend: &BackendName, model: &ModelName, seen: Seen) {
        let key = (backend.clone(), model.clone());
        self.with(&key, |track| track.note(seen));
    }

    /// What is known of a model, for answers that have to reach `wanted`.
    #[must_use]
    pub fn look(&self, backend: &BackendName, model: &ModelName, wanted: Score) -> Record {
        let key = (backend.clone(), model.clone());
        self.with(&key, |track| track.record(wanted))
    }

    fn with<T>(&self, key: &Key, work: impl FnOnce(&mut Track) -> T) -> T {
        // Numbers that a panic left half changed are still numbers.
        let mut tracks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(tracks.entry(key.clone()).or_default())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.records.with(&self.key, |track| {
            track.in_flight = track.in_flight.saturating_sub(1);
        });
    }
}

impl Track {
    fn note(&mut self, seen: Seen) {
        if let CallEnd::CutAfter(span) = seen.end
            && self.pace.is_some_and(|pace| pace.whole > span)
        {
            // It was given less time than it is known to need: that says nothing new.
            return;
        }
        self.forget();
        if self.calls.len() == REMEMBERED {
            self.calls.pop_front();
        }
        self.calls.push_back((Instant::now(), seen));
        self.pace = Pace::of(self.calls.iter().map(|(_, seen)| seen.end));
    }

    fn forget(&mut self) {
        let is_old = |(at, _): &(Instant, Seen)| at.elapsed() > FORGOTTEN_AFTER;
        let before = self.calls.len();
        while self.calls.front().is_some_and(is_old) {
            self.calls.pop_front();
        }
        if self.calls.len() != before {
            self.pace = Pace::of(self.calls.iter().map(|(_, seen)| seen.end));
        }
    }

    fn record(&mut self, wanted: Score) -> Record {
        self.forget();
        let scores = || self.calls.iter().filter_map(|(_, seen)| seen.score);
        let last = || self.calls.iter().rev().take(LAST);
        let failed = last().filter(|(_, seen)| seen.end == CallEnd::Failed);
        Record {
            pace: self.pace,
            judged: count(scores()),
            good: count(scores().filter(|score| score.passes(wanted))),
            failing: failed.count() * 2 > LAST,
            in_flight: self.in_flight,
        }
    }
}

fn count<T>(all: impl Iterator<Item = T>) -> u32 {
    u32::try_from(all.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> (BackendName, ModelName) {
        let backend = BackendName::new("here").unwrap();
        (backend, ModelName::new("small").unwrap())
    }

    fn whole(seconds: u64, score: Option<f64>) -> Seen {
        Seen {
            end: CallEnd::Whole {
                first: Duration::from_secs(1),
                took: Duration::from_secs(seconds),
                tokens: 100,
            },
            score: score.map(Score::clamped),
        }
    }

    fn noted(all: impl IntoIterator<Item = Seen>) -> Records {
        let (backend, model) = names();
        let records = Records::default();
        for seen in all {
            records.note(&backend, &model, seen);
        }
        records
    }

    fn look(records: &Records, wanted: f64) -> Record {
        let (backend, model) = names();
        records.look(&backend, &model, Score::clamped(wanted))
    }

    #[tokio::test(start_paused = true)]
    async fn a_model_that_nobody_called_has_a_blank_record() {
        let record = look(&Records::default(), 0.7);
        assert_eq!(record, Record::default());
        assert_eq!(record.expected_to_pass(), Score::clamped(0.75));
    }

    #[tokio::test(start_paused = true)]
    async fn the_share_of_good_answers_is_that_of_the_wanted_score() {
        let scores = [0.2, 0.6, 0.8, 0.9].map(|score| whole(2, Some(score)));
        let records = noted(scores.into_iter().chain([whole(2, None)]));
        let (strict, lenient) = (look(&records, 0.7), look(&records, 0.5));
        assert_eq!((strict.judged, strict.good, lenient.good), (4, 2, 3));
        assert!(lenient.expected_to_pass() > strict.expected_to_pass());
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_calls_say_whether_it_fails() {
        let failed = Seen {
            end: CallEnd::Failed,
            score: None,
        };
        let mut all = vec![whole(1, None); 20];
        all.extend([failed; 4]);
        assert!(!look(&noted(all.clone()), 0.7).failing);
        all.push(failed);
        assert!(look(&noted(all.clone()), 0.7).failing);
        all.extend([whole(1, None); 4]);
        assert!(!look(&noted(all), 0.7).failing, "and that it is well again");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_old_is_forgotten_and_what_is_much_is_bounded() {
        let records = noted(vec![whole(9, Some(0.1)); 100]);
        assert_eq!(look(&records, 0.7).judged, 64);
        tokio::time::advance(Duration::from_secs(601)).await;
        assert_eq!(look(&records, 0.7), Record::default());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_in_flight_until_it_is_dropped() {
        let (backend, model) = names();
        let records = Records::default();
        let first = records.begin(&backend, &model);
        let _second = records.begin(&backend, &model);
        assert_eq!(look(&records, 0.7).in_flight, 2);
        drop(first);
        assert_eq!(look(&records, 0.7).in_flight, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_makes_a_model_slower_and_never_faster() {
        let cut = |seconds| Seen {
            end: CallEnd::CutAfter(Duration::from_secs(seconds)),
            score: None,
        };
        let records = noted(vec![whole(10, None); 5]);
        let before = look(&records, 0.7).pace;
        let (backend, model) = names();
        for _ in 0..20 {
            records.note(&backend, &model, cut(2));
        }
        assert_eq!(look(&records, 0.7).pace, before);
        for _ in 0..20 {
            records.note(&backend, &model, cut(30));
        }
        let slower = look(&records, 0.7).pace.unwrap();
        assert_eq!(slower.whole, Duration::from_secs(30));
    }
}
