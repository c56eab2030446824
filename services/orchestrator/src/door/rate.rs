//! How often keys have called: a bucket each, that fills up again within a minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use terrace_domain::{Failure, Reason};
use tokio::time::Instant;

use super::Key;

const MINUTE: Duration = Duration::from_mins(1);

/// The buckets of keys that have a limit; there are no more than such keys.
#[derive(Debug, Default)]
pub(super) struct Rates(Mutex<HashMap<String, Bucket>>);

/// Stands for the calls that are left by the moment in which it is full again: that one number is
/// all there is to know.
#[derive(Debug)]
struct Bucket {
    full_at: Instant,
}

impl Rates {
    /// Takes one call of the key's limit.
    pub(super) fn take(&self, key: &Key) -> Result<(), Failure> {
        if key.requests_per_minute == 0 {
            return Ok(());
        }
        let now = Instant::now();
        let one = MINUTE / key.requests_per_minute;
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Full ones say nothing: they need not be kept.
        if buckets.len() > 1024 {
            buckets.retain(|_, bucket| bucket.full_at > now);
        }
        let bucket = buckets
            .entry(key.key_id.clone())
            .or_insert(Bucket { full_at: now });
        let full_at = bucket.full_at.max(now) + one;
        if full_at > now + MINUTE {
            let wait = full_at - (now + MINUTE);
            let limit = key.requests_per_minute;
            let message = format!("the key allows {limit} requests a minute: call more slowly");
            return Err(Failure::new(Reason::Overloaded, message).retry_after(wait));
        }
        bucket.full_at = full_at;
        Ok(())
    }
}
