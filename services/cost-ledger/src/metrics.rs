//! The numbers of the ledger. Labels are bounded: tiers and budgets come from the config, outcomes
//! and results from closed sets.

use std::sync::LazyLock;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge};
use terrace_domain::NanoUsd;
use terrace_telemetry::{fields, metrics};

use crate::books::Entries;
use crate::budget::Standing;

static RESERVATIONS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    metrics::meter()
        .u64_counter("terrace.ledger.reservations")
        .with_description("Calls of Reserve, by what came of them.")
        .build()
});

static STEPS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    metrics::meter()
        .u64_counter("terrace.ledger.steps")
        .with_description("Steps booked, by tier and outcome.")
        .build()
});

static COST: LazyLock<Counter<u64>> = LazyLock::new(|| {
    metrics::meter()
        .u64_counter("terrace.ledger.cost.nano_usd")
        .with_description("Cost booked, in billionths of a US dollar, by tier and outcome.")
        .build()
});

static ALERTS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    metrics::meter()
        .u64_counter("terrace.ledger.alerts")
        .with_description("Times that a budget passed its alert threshold.")
        .build()
});

static CAP: LazyLock<Gauge<i64>> = LazyLock::new(|| gauge("cap", "Hard cap of a budget."));
static SPENT: LazyLock<Gauge<i64>> =
    LazyLock::new(|| gauge("spent", "Spent of a budget in the period at hand."));
static RESERVED: LazyLock<Gauge<i64>> =
    LazyLock::new(|| gauge("reserved", "Held of a budget by open reservations."));

fn gauge(part: &str, about: &'static str) -> Gauge<i64> {
    metrics::meter()
        .i64_gauge(format!("terrace.ledger.budget.{part}.nano_usd"))
        .with_description(about)
        .build()
}

/// What came of a call of Reserve.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reservation {
    Held,
    Repeated,
    Exhausted,
    Failed,
}

/// Counts a call of Reserve.
pub(crate) fn reservation(result: Reservation) {
    let word = match result {
        Reservation::Held => "held",
        Reservation::Repeated => "repeated",
        Reservation::Exhausted => "exhausted",
        Reservation::Failed => "failed",
    };
    RESERVATIONS.add(1, &[KeyValue::new("result", word)]);
}

/// Counts the steps that a call has booked.
pub(crate) fn booked(entries: &Entries) {
    for event in &entries.events {
        let labels = [
            KeyValue::new(fields::TIER, event.step.target.tier.to_string()),
            KeyValue::new(fields::ATTEMPT_OUTCOME, event.step.outcome.as_str()),
        ];
        STEPS.add(1, &labels);
        COST.add(unsigned(event.step.cost), &labels);
    }
}

/// Logs and counts a budget that has passed its threshold.
pub(crate) fn alert() {
    ALERTS.add(1, &[]);
    tracing::warn!(
        budget.name = crate::budget::INSTALLATION_DAILY,
        "budget has passed its alert threshold"
    );
}

/// Shows where every budget stands.
pub(crate) fn budgets(budgets: &[Standing]) {
    for budget in budgets {
        let labels = [KeyValue::new("budget", budget.name.clone())];
        CAP.record(budget.cap.get(), &labels);
        SPENT.record(budget.spent.get(), &labels);
        RESERVED.record(budget.reserved.get(), &labels);
    }
}

fn unsigned(amount: NanoUsd) -> u64 {
    u64::try_from(amount.get()).unwrap_or(0)
}
