//! A scenario's results as JSON: money as the integer, and as dollars to be read.

use serde_json::{Map, Value, json};
use terrace_domain::NanoUsd;
use terrace_simulation::{Answer, Expected, Interval, Simulated};

use super::super::study::{Seen, Study, Sweep};
use super::text::{cost_at, name_of};
use crate::wording::usd;

/// The whole study.
pub(super) fn value(study: &Study) -> Value {
    let (scenario, draws) = (&study.scenario, study.draws);
    let setups = scenario.setups.iter().zip(&study.lines);
    let claims = scenario.claims.iter().zip(&study.answers);
    let mut value = json!({
        "scenario": scenario.name,
        "iterations_per_day": scenario.iterations_per_day,
        "days": draws.days,
        "repeats": draws.repeats,
        "seed": draws.seed,
        "setups": setups.map(|(setup, line)| json!({
            "name": setup.name,
            "expected": expected(&line.expected),
            "saved": saved(study.baseline, line.expected.total),
            "simulated": simulated(&line.simulated),
        })).collect::<Vec<_>>(),
        "claims": claims.map(|(claim, answer)| {
            let setup = scenario.setups.get(claim.setup).map(|setup| &setup.name);
            let mut value = json!({
                "name": claim.name,
                "setup": setup,
                "claimed_saved": claim.saved,
            });
            add(&mut value, "claimed", claim.cost);
            answered(&mut value, answer);
            value
        }).collect::<Vec<_>>(),
        "measured": study.measured.as_ref().map(|seen| measured(study, seen)),
        "sweep": study.sweep.as_ref().map(|sweep| varied(study, sweep)),
    });
    add(&mut value, "baseline", study.baseline);
    value
}

fn expected(expected: &Expected) -> Value {
    let tiers = expected.tiers.iter().map(|tier| {
        let mut value = json!({
            "tier": tier.name.as_str(),
            "calls": tier.calls,
            "answers": tier.answers,
        });
        add(&mut value, "cost", tier.cost);
        value
    });
    let mut value = json!({
        "iterations": expected.iterations,
        "last_tier_share": expected.last_tier_share(),
        "tiers": tiers.collect::<Vec<_>>(),
    });
    add(&mut value, "cost", expected.total);
    add(&mut value, "gpu", expected.gpu);
    add(&mut value, "judge", expected.judge);
    value
}

fn simulated(simulated: &Simulated) -> Value {
    let nanos = |amounts: &[NanoUsd]| amounts.iter().map(|cost| cost.get()).collect::<Vec<_>>();
    json!({
        "mean_nano_usd": interval(simulated.mean),
        "low_nano_usd": simulated.low.get(),
        "high_nano_usd": simulated.high.get(),
        "spans_nano_usd": nanos(&simulated.spans),
        "first_span_days_nano_usd": nanos(&simulated.days),
    })
}

fn answered(value: &mut Value, answer: &Answer) {
    add(value, "gives", answer.own.total);
    add(value, "baseline", answer.baseline);
    if let Some(value) = value.as_object_mut() {
        let given = saved(answer.baseline, answer.own.total);
        value.insert("gives_saved".to_owned(), json!(given));
        value.insert("needed_rate".to_owned(), json!(answer.rate));
        value.insert(
            "needed_last_tier_share".to_owned(),
            json!(answer.last_tier_share),
        );
    }
}

fn measured(study: &Study, seen: &Seen) -> Value {
    let rates = seen.rates.iter().map(|rate| {
        json!({
            "tier": rate.tier.as_str(),
            "action": rate.action.as_ref().map(|action| action.as_str()),
            "judged": rate.rejected.of,
            "rejected": rate.rejected.hits,
            "rate": rate.rejected.interval().map(interval),
        })
    });
    let setups = study.scenario.setups.iter().zip(&seen.costs);
    let setups = setups.map(|(setup, [cost, low, high])| {
        let mut value = json!({"name": setup.name, "saved": saved(study.baseline, *cost)});
        add(&mut value, "cost", *cost);
        add(&mut value, "low", *low);
        add(&mut value, "high", *high);
        value
    });
    json!({
        "requests": seen.requests,
        "rates": rates.collect::<Vec<_>>(),
        "setups": setups.collect::<Vec<_>>(),
    })
}

fn varied(study: &Study, sweep: &Sweep) -> Value {
    let names = || study.scenario.setups.iter().map(|setup| setup.name.clone());
    let costs = |costs: &[NanoUsd]| {
        let costs = costs.iter().map(|cost| json!(cost.get()));
        names().zip(costs).collect::<Map<_, _>>()
    };
    let ranges = sweep.cheapest.iter().map(|range| {
        let mut value =
            json!({"from": range.from, "to": range.to, "cheapest": name_of(study, range)});
        add(&mut value, "cost_at_from", cost_at(study, range));
        value
    });
    let by_iterations = sweep.by_iterations.iter();
    let by_rate = sweep.by_rate.iter();
    json!({
        "break_even": ranges.collect::<Vec<_>>(),
        "most_iterations_per_day": sweep.most,
        "by_iterations_per_day": by_iterations
            .map(|(at, each)| json!({"iterations_per_day": at, "cost_nano_usd": costs(each)}))
            .collect::<Vec<_>>(),
        "by_rate": by_rate
            .map(|(rate, each)| json!({"rate": rate, "cost_nano_usd": costs(each)}))
            .collect::<Vec<_>>(),
    })
}

/// The part of the baseline that is left when this is paid; nothing without a baseline.
fn saved(baseline: NanoUsd, cost: NanoUsd) -> Option<f64> {
    let whole = baseline.get();
    (whole != 0).then(|| 1.0 - cost.get() as f64 / whole as f64)
}

/// An interval.
pub(in crate::simulate) fn interval(interval: Interval) -> Value {
    json!({"value": interval.value, "low": interval.low, "high": interval.high})
}

/// An amount twice: exact, and in dollars.
pub(in crate::simulate) fn add(value: &mut Value, name: &str, amount: NanoUsd) {
    if let Some(value) = value.as_object_mut() {
        value.insert(format!("{name}_nano_usd"), json!(amount.get()));
        value.insert(format!("{name}_usd"), json!(usd(amount.get())));
    }
}
