//! A scenario as tables.

use terrace_config::scenario::Setup;
use terrace_domain::NanoUsd;
use terrace_simulation::Cheapest;

use super::super::study::{Seen, Study, Sweep};
use crate::render::spark;
use crate::style::{DIM, heading, paint};
use crate::table::{Grid, Tone};
use crate::wording::{cents, clean, percents, thousands};

/// The whole study; `sweep` says whether what was varied is told too.
pub(super) fn told(study: &Study, sweep: bool, width: Option<u16>) -> String {
    let mut text = head(study);
    text += &setups(study, width);
    text += &tiers(study, width);
    text += &days(study);
    if !study.answers.is_empty() {
        text += &claims(study, width);
    }
    if let Some(seen) = &study.measured {
        text += &measured(study, seen, width);
    }
    if let Some(varied) = study.sweep.as_ref().filter(|_| sweep) {
        text += &break_even(study, varied, width);
        text += &by_rate(study, varied, width);
    }
    text
}

fn head(study: &Study) -> String {
    let (scenario, draws) = (&study.scenario, study.draws);
    let name = clean(&scenario.name);
    let (each, days) = (thousands(scenario.iterations_per_day), draws.days);
    let all = study
        .lines
        .first()
        .map_or(0, |line| line.expected.iterations);
    let baseline = scenario.tiers.get(scenario.baseline);
    let baseline = baseline.map_or(String::new(), |tier| clean(tier.name.as_str()));
    format!(
        "{}\n{each} iterations a day for {days} days: {}. Drawn {} times from seed {}.\nBaseline: {} for all of it in {baseline}\n",
        heading(&format!("Scenario {name}")),
        thousands(all),
        thousands(draws.repeats.into()),
        draws.seed,
        cents(study.baseline.get()),
    )
}

fn setups(study: &Study, width: Option<u16>) -> String {
    let columns = [
        "setup",
        ">expected",
        ">saved",
        ">GPU",
        ">in the last tier",
        ">drawn, mean",
        ">its 95 % interval",
        ">95 of 100 lie in",
    ];
    let mut grid = Grid::new(&columns, width);
    for (setup, line) in study.scenario.setups.iter().zip(&study.lines) {
        let (expected, drawn) = (&line.expected, &line.simulated);
        let nanos = |amount: f64| cents(amount.round() as i64);
        let cells = [
            clean(&setup.name),
            cents(expected.total.get()),
            saved(study, expected.total),
            cents(expected.gpu.get()),
            percents(expected.last_tier_share()),
            nanos(drawn.mean.value),
            format!("{} to {}", nanos(drawn.mean.low), nanos(drawn.mean.high)),
            format!("{} to {}", cents(drawn.low.get()), cents(drawn.high.get())),
        ];
        grid.row(cells.iter().map(|text| (Tone::Plain, text.as_str())));
    }
    format!("{}\n{}", heading("Setups"), grid.render())
}

/// The part of the baseline that is left when this is paid.
fn saved(study: &Study, cost: NanoUsd) -> String {
    match study.baseline.get() {
        0 => "-".to_owned(),
        baseline => percents(1.0 - cost.get() as f64 / baseline as f64),
    }
}

fn tiers(study: &Study, width: Option<u16>) -> String {
    let columns = ["setup", "tier", ">calls", ">answers", ">cost"];
    let mut grid = Grid::new(&columns, width);
    for (setup, line) in study.scenario.setups.iter().zip(&study.lines) {
        for tier in &line.expected.tiers {
            let cells = [
                clean(&setup.name),
                clean(tier.name.as_str()),
                format!("{:.1}", tier.calls),
                format!("{:.1}", tier.answers),
                cents(tier.cost.get()),
            ];
            grid.row(cells.iter().map(|text| (Tone::Plain, text.as_str())));
        }
        if line.expected.judge > NanoUsd::ZERO {
            let judge = cents(line.expected.judge.get());
            let name = clean(&setup.name);
            grid.row([&name, "judge", "", "", &judge].map(|text| (Tone::Dim, text)));
        }
    }
    format!("{}\n{}", heading("Tiers, expected"), grid.render())
}

/// The first drawn span of each setup whose days differ.
fn days(study: &Study) -> String {
    let mut text = String::new();
    let mut told = Vec::new();
    for (setup, line) in study.scenario.setups.iter().zip(&study.lines) {
        // Setups with the same tiers see the same days.
        if told.contains(&&line.simulated.days) {
            continue;
        }
        told.push(&line.simulated.days);
        let days: Vec<i64> = line.simulated.days.iter().map(|day| day.get()).collect();
        let (least, most) = (days.iter().min(), days.iter().max());
        if let (Some(least), Some(most)) = (least, most)
            && least != most
            && days.len() <= 120
        {
            let (name, bars) = (clean(&setup.name), spark(&days));
            let (least, most) = (cents(*least), cents(*most));
            text += &format!("{bars}  {name}, {least} to {most} a day\n");
        }
    }
    match text.is_empty() {
        true => text,
        false => format!("{}\n{text}", heading("Days of the first draw, without GPU")),
    }
}

fn claims(study: &Study, width: Option<u16>) -> String {
    let columns = [
        "claim",
        ">said",
        ">scenario gives",
        ">true at a rate of",
        ">and in the last tier",
    ];
    let mut grid = Grid::new(&columns, width);
    for (claim, answer) in study.scenario.claims.iter().zip(&study.answers) {
        let part = |cost: NanoUsd, said: Option<f64>| {
            let baseline = answer.baseline.get().max(1) as f64;
            let part = said.unwrap_or_else(|| 1.0 - cost.get() as f64 / baseline);
            format!("{} ({})", cents(cost.get()), percents(part))
        };
        let cells = [
            clean(&claim.name),
            match claim.saved {
                Some(_) => part(claim.cost, claim.saved),
                None => cents(claim.cost.get()),
            },
            part(answer.own.total, None),
            answer.rate.map_or_else(|| "-".to_owned(), percents),
            answer
                .last_tier_share
                .map_or_else(|| "-".to_owned(), percents),
        ];
        grid.row(cells.iter().map(|text| (Tone::Plain, text.as_str())));
    }
    let note = "Rate: the share of answers that are rejected, the same in every tier but the last.";
    format!(
        "{}\n{}{}\n",
        heading("Claims, a month of 30 days"),
        grid.render(),
        paint(DIM, note)
    )
}

fn measured(study: &Study, seen: &Seen, width: Option<u16>) -> String {
    let mut text = format!("{}\n", heading("Measured"));
    text += &format!("Requests in the ledger: {}\n", thousands(seen.requests));
    if seen.rates.is_empty() {
        return text + "No tier has 30 judged answers yet: that says nothing about its rate.\n";
    }
    let mut grid = Grid::new(
        &["tier", "action", ">judged", ">rejected", ">95 % interval"],
        width,
    );
    for rate in &seen.rates {
        let action = rate.action.as_ref().map_or("all", |action| action.as_str());
        let interval = rate.rejected.interval();
        let cells = [
            clean(rate.tier.as_str()),
            clean(action),
            thousands(rate.rejected.of),
            interval.map_or_else(String::new, |share| percents(share.value)),
            interval.map_or_else(String::new, |share| {
                format!("{} to {}", percents(share.low), percents(share.high))
            }),
        ];
        grid.row(cells.iter().map(|text| (Tone::Plain, text.as_str())));
    }
    text += &grid.render();
    let mut grid = Grid::new(
        &[
            "setup at these rates",
            ">expected",
            ">saved",
            ">ends of the rates",
        ],
        width,
    );
    for (setup, [cost, low, high]) in study.scenario.setups.iter().zip(&seen.costs) {
        let cells = [
            clean(&setup.name),
            cents(cost.get()),
            saved(study, *cost),
            format!("{} to {}", cents(low.get()), cents(high.get())),
        ];
        grid.row(cells.iter().map(|text| (Tone::Plain, text.as_str())));
    }
    text + &grid.render()
}

fn break_even(study: &Study, sweep: &Sweep, width: Option<u16>) -> String {
    let columns = [">from", ">to", "cheapest", ">costs at the beginning"];
    let mut grid = Grid::new(&columns, width);
    for range in &sweep.cheapest {
        let cells = [
            thousands(range.from),
            thousands(range.to),
            name_of(study, range),
            cents(cost_at(study, range).get()),
        ];
        grid.row(cells.iter().map(|text| (Tone::Plain, text.as_str())));
    }
    let title = heading("Break-even by iterations a day");
    format!("{title}\n{}", grid.render())
}

/// What the cheapest setup costs where it begins to be that.
pub(super) fn cost_at(study: &Study, range: &Cheapest) -> NanoUsd {
    let at = terrace_config::scenario::Scenario {
        iterations_per_day: range.from,
        ..study.scenario.clone()
    };
    let days = study.draws.days;
    let own = terrace_simulation::Rates::Own;
    let cost = |setup: &Setup| terrace_simulation::expected(&at, setup, days, own).total;
    at.setups.get(range.setup).map(cost).unwrap_or_default()
}

/// Who is cheapest in a range.
pub(super) fn name_of(study: &Study, range: &Cheapest) -> String {
    let setup = study.scenario.setups.get(range.setup);
    setup.map_or_else(String::new, |setup| clean(&setup.name))
}

fn by_rate(study: &Study, sweep: &Sweep, width: Option<u16>) -> String {
    let names: Vec<String> = study
        .scenario
        .setups
        .iter()
        .map(|setup| format!(">{}", clean(&setup.name)))
        .collect();
    let columns: Vec<&str> = std::iter::once(">rejected")
        .chain(names.iter().map(String::as_str))
        .collect();
    let mut grid = Grid::new(&columns, width);
    for (rate, costs) in &sweep.by_rate {
        let mut cells = vec![percents(*rate)];
        cells.extend(costs.iter().map(|cost| cents(cost.get())));
        grid.row(cells.iter().map(|text| (Tone::Plain, text.as_str())));
    }
    let title =
        heading("Cost by the rate of rejected answers, the same in every tier but the last");
    format!("{title}\n{}", grid.render())
}
