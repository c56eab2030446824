//! What rented machines cost: as many as the iterations need, busy or not.

use terrace_config::scenario::{Gpu, Rent, Setup};
use terrace_domain::NanoUsd;

/// A month is 30 days, as it is in tables of prices.
const DAYS_OF_A_MONTH: i64 = 30;

/// The machines that so many iterations a day need, at least one.
pub(crate) const fn machines(gpu: Gpu, iterations_per_day: u64) -> u64 {
    match gpu.iterations_per_day {
        Some(each) if iterations_per_day > each => iterations_per_day.div_ceil(each),
        _ => 1,
    }
}

/// What a setup's machines cost in so many days.
pub(crate) fn rent(setup: &Setup, iterations_per_day: u64, days: u32) -> NanoUsd {
    let Some(gpu) = setup.gpu else {
        return NanoUsd::ZERO;
    };
    let days = i64::from(days);
    let each = match gpu.rent {
        Rent::PerHour(price) => price.get().saturating_mul(24 * days),
        Rent::PerMonth(price) => price.get().saturating_mul(days) / DAYS_OF_A_MONTH,
    };
    let machines = i64::try_from(machines(gpu, iterations_per_day)).unwrap_or(i64::MAX);
    NanoUsd::new(each.saturating_mul(machines))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(rent: Rent, each: Option<u64>) -> Setup {
        Setup {
            name: "gpu".to_owned(),
            tiers: vec![0],
            gpu: Some(Gpu {
                rent,
                iterations_per_day: each,
            }),
            escalation: None,
            in_break_even: true,
        }
    }

    fn usd(text: &str) -> NanoUsd {
        text.parse().unwrap()
    }

    #[test]
    fn a_month_is_thirty_days_and_720_hours() {
        let month = setup(Rent::PerMonth(usd("49.5")), None);
        assert_eq!(rent(&month, 1, 30), usd("49.5"));
        assert_eq!(rent(&month, 1, 15), usd("24.75"));
        let hour = setup(Rent::PerHour(usd("0.06875")), None);
        assert_eq!(rent(&hour, 1, 30), usd("49.5"));
    }

    #[test]
    fn another_machine_is_rented_when_one_is_full() {
        let month = setup(Rent::PerMonth(usd("10")), Some(100));
        for (iterations, cost) in [(1, "10"), (100, "10"), (101, "20"), (1000, "100")] {
            assert_eq!(rent(&month, iterations, 30), usd(cost), "{iterations}");
        }
    }
}
