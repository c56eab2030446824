//! The numbers of the ledger. Labels are bounded: tiers come from the config, budgets are made by
//! operators alone, outcomes and results are closed sets.

use std::sync::LazyLock;

use terrace_domain::NanoUsd;
use terrace_telemetry::fields;
use terrace_telemetry::metrics::{Counters, Gauges, Histograms};

use crate::books::Entries;
use crate::budget::{Alert, Standing};

/// Bounds for writes that are committed together.
const WRITES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

struct Instruments {
    reservations: Counters<1>,
    steps: Counters<2>,
    cost: Counters<2>,
    alerts: Counters<2>,
    batches: Histograms<0>,
    webhooks: Counters<1>,
    spooled: Gauges<0>,
    cap: Gauges<1>,
    spent: Gauges<1>,
    reserved: Gauges<1>,
    leased: Gauges<1>,
}

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(|| Instruments {
    reservations: Counters::new(
        "terrace.ledger.reservations",
        "Calls of Reserve, by what came of them.",
        ["result"],
    ),
    steps: Counters::new(
        "terrace.ledger.steps",
        "Steps booked, by tier and outcome.",
        [fields::TIER, fields::ATTEMPT_OUTCOME],
    ),
    cost: Counters::new(
        "terrace.ledger.cost.nano_usd",
        "Cost booked, in billionths of a US dollar, by tier and outcome.",
        [fields::TIER, fields::ATTEMPT_OUTCOME],
    ),
    alerts: Counters::new(
        "terrace.ledger.alerts",
        "Alerts of budgets, by budget and kind.",
        ["budget", "kind"],
    ),
    batches: Histograms::new(
        "terrace.ledger.batch.writes",
        "Writes that were committed together.",
        [],
        &WRITES,
    ),
    webhooks: Counters::new(
        "terrace.ledger.webhook.messages",
        "Alerts sent to the webhook, by whether they arrived.",
        ["result"],
    ),
    spooled: Gauges::new(
        "terrace.ledger.spool.bytes",
        "Free settlements that wait on disk for the database.",
        [],
    ),
    cap: of_budget(
        "cap",
        "Hard cap of a budget, with what was added to this period.",
    ),
    spent: of_budget("spent", "Spent of a budget in the period at hand."),
    reserved: of_budget("reserved", "Held of a budget by open reservations."),
    leased: of_budget(
        "leased",
        "What of a budget's reserved is lent to orchestrators: stranded, should they be lost.",
    ),
});

fn of_budget(part: &str, about: &str) -> Gauges<1> {
    let name = format!("terrace.ledger.budget.{part}.nano_usd");
    Gauges::new(&name, about, ["budget"])
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
    INSTRUMENTS.reservations.add(1, [word]);
}

/// Counts the steps that a call has booked.
pub(crate) fn booked(entries: &Entries) {
    for event in &entries.events {
        let step = &event.step;
        let labels = [step.target.tier.as_str(), step.outcome.as_str()];
        INSTRUMENTS.steps.add(1, labels);
        INSTRUMENTS.cost.add(unsigned(step.cost), labels);
    }
}

/// Counts a batch of so many writes.
pub(crate) fn batch(writes: usize) {
    INSTRUMENTS.batches.record(writes as f64, []);
}

/// Logs and counts an alert.
pub(crate) fn alert(alert: &Alert) {
    let budget = &alert.standing;
    let name = budget.name.to_string();
    INSTRUMENTS.alerts.add(1, [&name, alert.kind.as_str()]);
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
    INSTRUMENTS.webhooks.add(1, [word]);
}

/// Shows how many bytes wait in the spool.
pub(crate) fn spooled(bytes: u64) {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    INSTRUMENTS.spooled.set(bytes, []);
}

/// Shows where every budget stands.
pub(crate) fn budgets(budgets: &[Standing]) {
    for budget in budgets {
        let name = budget.name.to_string();
        let of = [name.as_str()];
        INSTRUMENTS.cap.set(budget.allowed().get(), of);
        INSTRUMENTS.spent.set(budget.spent.get(), of);
        INSTRUMENTS.reserved.set(budget.reserved.get(), of);
        INSTRUMENTS.leased.set(budget.leased.get(), of);
    }
}

fn unsigned(amount: NanoUsd) -> u64 {
    u64::try_from(amount.get()).unwrap_or(0)
}
