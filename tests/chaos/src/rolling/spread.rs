//! How evenly calls are spread over replicas, as these count them themselves.

use std::net::SocketAddr;

use crate::metrics;

/// The count of calls that generate, in the metrics of a gateway.
const COUNT: &str = "rpc_server_call_duration_seconds_count{";
const METHOD: &str = "GatewayService/GenerateStream";

/// How many calls a replica says it has answered.
///
/// # Errors
/// It does not say.
pub(super) async fn answered(replica: SocketAddr) -> anyhow::Result<u64> {
    let text = metrics::read(replica).await?;
    Ok(sum(&text))
}

fn sum(text: &str) -> u64 {
    let counts = text
        .lines()
        .filter(|line| line.starts_with(COUNT) && line.contains(METHOD));
    let numbers = counts.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
    numbers.sum()
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
        false => Err(format!("calls are spread as {counts:?}")),
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

    #[test]
    fn only_calls_that_generate_are_counted() {
        let text = "# HELP x\n\
            rpc_server_call_duration_seconds_count{rpc_method=\"terrace.gateway.v1.GatewayService/GenerateStream\",c=\"OK\"} 7\n\
            rpc_server_call_duration_seconds_count{rpc_method=\"terrace.gateway.v1.GatewayService/GenerateStream\",c=\"CANCELLED\"} 2\n\
            rpc_server_call_duration_seconds_count{rpc_method=\"grpc.health.v1.Health/Check\",c=\"OK\"} 90\n";
        assert_eq!(sum(text), 9);
    }
}
