//! How evenly load is spread over replicas, as these count it themselves.
//!
//! Load is what is in flight: a call goes to whoever has less of that, and a stream that lasts for
//! seconds weighs as much as many short calls. Counts of calls would tell of something else.

use std::net::SocketAddr;

use crate::metrics;

/// The answers that a gateway is giving.
const IN_FLIGHT: &str = "terrace_gateway_in_flight";

/// How many answers a replica is giving.
///
/// # Errors
/// It does not say.
pub(super) async fn in_flight(replica: SocketAddr) -> anyhow::Result<u64> {
    let text = metrics::read(replica).await?;
    Ok(u64::try_from(metrics::sum(&text, IN_FLIGHT)).unwrap_or_default())
}

/// Whether these are within a fifth of even; what they are if not.
pub(super) fn even(counts: &[u64]) -> Result<(), String> {
    let all: u64 = counts.iter().sum();
    let replicas = u64::try_from(counts.len()).unwrap_or(u64::MAX).max(1);
    // All multiplied by five times the replicas, to stay with whole numbers.
    let is_even = |count: &u64| {
        let of_five = count * 5 * replicas;
        (4 * all..=6 * all).contains(&of_five)
    };
    match all > 0 && counts.iter().all(is_even) {
        true => Ok(()),
        false => Err(format!("load is spread as {counts:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_a_fifth_is_even() {
        assert!(even(&[100, 100, 100]).is_ok());
        assert!(even(&[80, 120, 100]).is_ok());
        assert!(even(&[79, 121, 100]).is_err());
        assert!(even(&[0, 0]).is_err());
    }
}
