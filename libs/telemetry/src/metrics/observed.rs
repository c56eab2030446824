//! A gauge that nobody sets: what it shows is asked for when somebody looks.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::IntGaugeVec;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

use super::instruments::{gauges, with_labels};
use super::registered;

/// A gauge whose values change by themselves, as time goes by. Clones are the same.
#[derive(Clone)]
pub struct Observed {
    shown: IntGaugeVec,
    watched: Arc<Mutex<Vec<Watched>>>,
}

struct Watched {
    label: String,
    now: Box<dyn Fn() -> Option<u64> + Send + Sync>,
}

impl Observed {
    /// Makes the one gauge of this name.
    #[must_use]
    pub fn new(name: &str, about: &str, label: &str) -> Self {
        registered(with_labels([label], |labels| {
            let shown = gauges(name, about, labels)?;
            let watched = Arc::default();
            Ok(Self { shown, watched })
        }))
    }

    /// Shows what `now` says, by this value of the label, until it says `None`.
    pub fn watch(&self, label: String, now: impl Fn() -> Option<u64> + Send + Sync + 'static) {
        let now = Box::new(now);
        self.watched().push(Watched { label, now });
    }

    fn watched(&self) -> std::sync::MutexGuard<'_, Vec<Watched>> {
        let watched = self.watched.lock();
        watched.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Observed {
    fn desc(&self) -> Vec<&Desc> {
        self.shown.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut watched = self.watched();
        self.shown.reset();
        watched.retain(|one| match (one.now)() {
            Some(value) => {
                let gauge = self.shown.with_label_values(&[&one.label]);
                gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
                true
            }
            None => false,
        });
        self.shown.collect()
    }
}

impl fmt::Debug for Observed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Observed").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::render;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn what_is_shown_is_asked_for_until_there_is_nothing() {
        let waiting = Observed::new("terrace.test.waiting", "Who waits.", "line");
        let line = Arc::new(AtomicU64::new(3));
        let seen = Arc::downgrade(&line);
        waiting.watch("first".to_owned(), move || {
            Some(seen.upgrade()?.load(Ordering::Relaxed))
        });
        assert!(render().contains("terrace_test_waiting{line=\"first\"} 3\n"));
        line.store(4, Ordering::Relaxed);
        assert!(render().contains("terrace_test_waiting{line=\"first\"} 4\n"));
        drop(line);
        assert!(!render().contains("terrace_test_waiting{"));
    }
}
