//! The numbers of the ledger. Labels are bounded: tiers come from the config, budgets are made by
//! operators alone, outcomes and results are closed sets.

use std::sync::LazyLock;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram};
use terrace_domain::NanoUsd;
use terrace_telemetry::{fields, metrics};

use crate::books::Entries;
use crate::budget::{Alert, Standing};

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
        .with_description("Alerts of budgets, by budget and kind.")
        .build()
});

static BATCHES: LazyLock<Histogram<u64>> = LazyLock::new(|| {
    metrics::meter()
        .u64_histogram("terrace.ledger.batch.writes")
        .with_description("Writes that were committed together.")
        .with_boundaries(vec![
            1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0,
        ])
        .build()
});

static WEBHOOKS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    metrics::meter()
        .u64_counter("terrace.ledger.webhook.messages")
        .with_description("Alerts sent to the webhook, by whether they arrived.")
        .build()
});

static SPOOLED: LazyLock<Gauge<u64>> = LazyLock::new(|| {
    metrics::meter()
        .u64_gauge("terrace.ledger.spool.bytes")
        .with_description("Free settlements that wait on disk for the database.")
        .build()
});

static CAP: LazyLock<Gauge<i64>> = LazyLock::new(|| {
    gauge(
        "cap",
        "Hard cap of a budget, with what was added to this period.",
    )
});
static SPENT: LazyLock<Gauge<i64>> =
    LazyLock::new(|| gauge("spent", "Spent of a budget in the period at hand."));
static RESERVED: LazyLock<Gauge<i64>> =
    LazyLock::new(|| gauge("reserved", "Held of a budget by open reservations."));

static LEASED: LazyLock<Gauge<i64>> = LazyLock::new(|| {
    gauge(
        "leased",
        "What of a budget's reserved is lent to orchestrators: stranded, should they be lost.",
    )
});

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

/// Counts a batch of so many writes.
pub(crate) fn batch(writes: usize) {
    BATCHES.record(u64::try_from(writes).unwrap_or(u64::MAX), &[]);
}

/// Logs and counts an alert.
pub(crate) fn alert(alert: &Alert) {
    let budget = &alert.standing;
    let labels = [
        KeyValue::new("budget", budget.name.to_string()),
        KeyValue::new("kind", alert.kind.as_str()),
    ];
    ALERTS.add(1, &labels);
    tracing::warn!(
        budget.name = %budget.name, budget.alert = alert.kind.as_str(),
        budget.spent.nano_usd = budget.spent.get(), budget.reserved.nano_usd = budget.reserved.get(),
        budget.allowed.nano_usd = budget.allowed().get(),
        "budget alert"
    );
}

/// Counts a message to the webhook.
pub(crate) fn webhook(arrived: bool) {
    let word = if arrived { "arrived" } else { "failed" };
    WEBHOOKS.add(1, &[KeyValue::new("result", word)]);
}

/// Shows how many bytes wait in the spool.
pub(crate) fn spooled(bytes: u64) {
    SPOOLED.record(bytes, &[]);
}

/// Shows where every budget stands.
pub(crate) fn budgets(budgets: &[Standing]) {
    for budget in budgets {
        let labels = [KeyValue::new("budget", budget.name.to_string())];
        CAP.record(budget.allowed().get(), &labels);
        SPENT.record(budget.spent.get(), &labels);
        RESERVED.record(budget.reserved.get(), &labels);
        LEASED.record(budget.leased.get(), &labels);
    }
}

fn unsigned(amount: NanoUsd) -> u64 {
    u64::try_from(amount.get()).unwrap_or(0)
}
