//! A replay as JSON.

use serde_json::{Value, json};
use terrace_simulation::Share;
use terrace_simulation::replay::{Figures, Replayed};

use super::super::scenario::{add, interval};
use super::Told;

/// Everything that came of it.
pub(super) fn value(told: &Told) -> Value {
    let mut value = replayed(&told.replayed);
    if let Some(value) = value.as_object_mut() {
        let thresholds: Vec<Value> = told.by_threshold.iter().map(replayed).collect();
        value.insert("config".to_owned(), json!(told.other));
        value.insert("was_config".to_owned(), json!(told.was));
        value.insert("by_threshold".to_owned(), json!(thresholds));
    }
    value
}

fn replayed(replayed: &Replayed) -> Value {
    let mut value = json!({
        "threshold": replayed.threshold.get(),
        "requests": replayed.requests,
        "covered_requests": replayed.covered,
        "coverage": super::text::covered_part(replayed),
        "unexplained_rows": replayed.unexplained_rows,
        "cost_estimate_nano_usd": interval(replayed.cost),
        "covered_difference_nano_usd": interval(replayed.difference),
        "was": figures(&replayed.was),
        "now": figures(&replayed.now),
    });
    add(&mut value, "was_cost", replayed.was_cost);
    add(&mut value, "covered_was_cost", replayed.was_cost_covered);
    add(&mut value, "covered_cost", replayed.cost_covered);
    add(&mut value, "baseline", replayed.baseline);
    value
}

fn figures(figures: &Figures) -> Value {
    let tiers = figures.tiers.iter().map(|(name, (attempts, cost))| {
        let mut value = json!({"tier": name.as_str(), "attempts": attempts});
        add(&mut value, "cost", *cost);
        value
    });
    json!({
        "mean_score": figures.score.map(interval),
        "passed": share(figures.passed),
        "escalated": share(figures.escalated),
        "tiers": tiers.collect::<Vec<_>>(),
    })
}

fn share(share: Share) -> Value {
    json!({"of": share.of, "count": share.hits, "share": share.interval().map(interval)})
}
