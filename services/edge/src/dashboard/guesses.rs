//! How often somebody may sign in with a wrong key: a few times a minute from one address.
//!
//! Keys have 256 random bits and an operator's own at least 16 bytes, so nobody guesses one in time;
//! this keeps them from trying, and the ledger from being asked.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use terrace_domain::{Failure, Reason};

/// Wrong keys from one address in a minute.
const MOST: u32 = 10;
const WITHIN: Duration = Duration::from_secs(60);
/// Addresses that are remembered.
const MOST_KEPT: u64 = 10_000;

/// Wrong keys of the last minute, by address.
#[derive(Debug)]
pub(super) struct Guesses {
    wrong: Cache<Option<IpAddr>, Arc<AtomicU32>>,
}

impl Guesses {
    pub(super) fn new() -> Self {
        let wrong = Cache::builder()
            .max_capacity(MOST_KEPT)
            .time_to_live(WITHIN)
            .build();
        Self { wrong }
    }

    /// Refuses whoever had too many wrong ones.
    pub(super) fn may_try(&self, from: Option<IpAddr>) -> Result<(), Failure> {
        let wrong = self.wrong.get(&network(from));
        match wrong.map_or(0, |wrong| wrong.load(Ordering::Relaxed)) {
            wrong if wrong < MOST => Ok(()),
            _ => {
                let text = "too many wrong keys from this address: wait a minute";
                Err(Failure::new(Reason::Overloaded, text).retry_after(WITHIN))
            }
        }
    }

    /// One more wrong key.
    pub(super) fn note(&self, from: Option<IpAddr>) {
        let wrong = self.wrong.get_with(network(from), Arc::default);
        wrong.fetch_add(1, Ordering::Relaxed);
    }
}

/// Of IPv6 the network: one customer has all addresses of it.
fn network(from: Option<IpAddr>) -> Option<IpAddr> {
    Some(match from? {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_none() => {
            let mask = u128::MAX << 64;
            IpAddr::V6((u128::from(address) & mask).into())
        }
        address => address,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_keys_are_enough_for_one_network_and_nobody_else() {
        let guesses = Guesses::new();
        let address = |text: &str| Some(text.parse().unwrap());
        for _ in 0..MOST {
            assert!(guesses.may_try(address("2001:db8::1")).is_ok());
            guesses.note(address("2001:db8::1"));
        }
        for same in ["2001:db8::1", "2001:db8::ffff"] {
            let failure = guesses.may_try(address(same)).unwrap_err();
            assert_eq!(failure.retry_after, Some(WITHIN));
        }
        for other in ["2001:db8:0:1::1", "192.0.2.1"] {
            assert!(guesses.may_try(address(other)).is_ok());
        }
    }
}
