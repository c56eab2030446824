//! A scenario as a page with charts.

use maud::{Markup, html};
use terrace_domain::NanoUsd;

use super::super::chart::{Axis, Bar, Series, bars, histogram, lines};
use super::super::page::{cards, section, table, whole};
use super::super::study::{Study, Sweep};
use super::text::{cost_at, name_of};
use crate::wording::{cents, percents, thousands};

/// The whole page.
pub(super) fn page(study: &Study) -> String {
    let (scenario, draws) = (&study.scenario, study.draws);
    let subtitle = format!(
        "{} iterations a day for {} days, drawn {} times from seed {}",
        thousands(scenario.iterations_per_day),
        draws.days,
        thousands(draws.repeats.into()),
        draws.seed
    );
    let content = html! {
        (cards(&figures(study)))
        (section("Setups", "Bars: what is expected. Lines: where 95 of 100 drawn spans lie.", &setups(study)))
        (spread(study))
        @if !study.answers.is_empty() {
            (section("Claims", "A month of 30 days. The rate is the share of answers that are rejected, the same in every tier but the last.", &claims(study)))
        }
        @if study.measured.is_some() {
            (section("At the rates that the ledger has seen", "With the ends of their 95 % intervals, all at once.", &measured(study)))
        }
        @if let Some(sweep) = &study.sweep {
            (section("Break-even", "What a span costs by iterations a day; another machine is rented when one is full.", &break_even(study, sweep)))
            (section("Rejected answers", "What a span costs by the share of answers that are rejected, the same in every tier but the last.", &by_rate(study, sweep)))
        }
    };
    whole(&format!("Scenario {}", scenario.name), &subtitle, &content)
}

fn figures(study: &Study) -> Vec<(String, String)> {
    let setups = study.scenario.setups.iter().zip(&study.lines);
    let figures = setups.map(|(setup, line)| {
        let saved = saved(study, line.expected.total);
        let about = format!("{}, saves {saved}", setup.name);
        (cents(line.expected.total.get()), about)
    });
    figures.collect()
}

fn saved(study: &Study, cost: NanoUsd) -> String {
    match study.baseline.get() {
        0 => "-".to_owned(),
        baseline => percents(1.0 - cost.get() as f64 / baseline as f64),
    }
}

fn setups(study: &Study) -> Markup {
    let both = || study.scenario.setups.iter().zip(&study.lines);
    let bar = both().map(|(setup, line)| Bar {
        name: setup.name.clone(),
        value: dollars(line.expected.total),
        range: Some((dollars(line.simulated.low), dollars(line.simulated.high))),
        told: cents(line.expected.total.get()),
    });
    let nanos = |amount: f64| cents(amount.round() as i64);
    let row = both().map(|(setup, line)| {
        let (expected, drawn) = (&line.expected, &line.simulated);
        vec![
            setup.name.clone(),
            cents(expected.total.get()),
            saved(study, expected.total),
            cents(expected.gpu.get()),
            percents(expected.last_tier_share()),
            format!("{} to {}", nanos(drawn.mean.low), nanos(drawn.mean.high)),
            format!("{} to {}", cents(drawn.low.get()), cents(drawn.high.get())),
        ]
    });
    let columns = [
        "setup",
        ">expected",
        ">saved",
        ">of it GPU",
        ">in the last tier",
        ">mean of draws, 95 %",
        ">95 of 100 lie in",
    ];
    let (bar, row): (Vec<Bar>, Vec<_>) = (bar.collect(), row.collect());
    html! { (bars(&bar)) (table(&columns, &row)) }
}

/// How the drawn spans of the first setup that varies are spread.
fn spread(study: &Study) -> Markup {
    let mut both = study.scenario.setups.iter().zip(&study.lines);
    let varies = both.find(|(_, line)| line.simulated.low != line.simulated.high);
    let Some((setup, line)) = varies else {
        return html! {};
    };
    let values: Vec<f64> = line
        .simulated
        .spans
        .iter()
        .map(|span| dollars(*span))
        .collect();
    let axis = Axis::straight("US dollars a span", values.iter().copied(), in_dollars);
    let title = format!("Draws of {}", setup.name);
    let note = "How often a span costs how much. The dashed line is the closed form.";
    section(
        &title,
        note,
        &histogram(&axis, &values, dollars(line.expected.total)),
    )
}

fn claims(study: &Study) -> Markup {
    let rows = study.scenario.claims.iter().zip(&study.answers);
    let rows = rows.map(|(claim, answer)| {
        let own = answer.own.total;
        vec![
            claim.name.clone(),
            cents(claim.cost.get()),
            claim.saved.map_or_else(|| "-".to_owned(), percents),
            cents(own.get()),
            answer.rate.map_or_else(|| "-".to_owned(), percents),
            answer
                .last_tier_share
                .map_or_else(|| "-".to_owned(), percents),
        ]
    });
    let columns = [
        "claim",
        ">said",
        ">saved",
        ">scenario gives",
        ">true at a rate of",
        ">and in the last tier",
    ];
    table(&columns, &rows.collect::<Vec<_>>())
}

fn measured(study: &Study) -> Markup {
    let Some(seen) = &study.measured else {
        return html! {};
    };
    let setups = study.scenario.setups.iter().zip(&seen.costs);
    let rows = setups.map(|(setup, [cost, low, high])| {
        let ends = format!("{} to {}", cents(low.get()), cents(high.get()));
        vec![
            setup.name.clone(),
            cents(cost.get()),
            saved(study, *cost),
            ends,
        ]
    });
    let rates = seen.rates.iter().map(|rate| {
        let interval = rate.rejected.interval();
        vec![
            rate.tier.to_string(),
            rate.action
                .as_ref()
                .map_or_else(|| "all".to_owned(), ToString::to_string),
            thousands(rate.rejected.of),
            interval.map_or_else(String::new, |share| percents(share.value)),
            interval.map_or_else(String::new, |share| {
                format!("{} to {}", percents(share.low), percents(share.high))
            }),
        ]
    });
    let (rows, rates): (Vec<_>, Vec<_>) = (rows.collect(), rates.collect());
    html! {
        (table(&["setup", ">expected", ">saved", ">ends of the rates"], &rows))
        (table(&["tier", "action", ">judged", ">rejected", ">95 % interval"], &rates))
    }
}

fn break_even(study: &Study, sweep: &Sweep) -> Markup {
    let compared = study.scenario.setups.iter().enumerate();
    let compared = compared.filter(|(_, setup)| setup.in_break_even);
    let series: Vec<Series> = compared
        .map(|(index, setup)| Series {
            name: setup.name.clone(),
            colour: index,
            points: course(&sweep.by_iterations, index, |at| *at as f64),
        })
        .collect();
    let points = || series.iter().flat_map(|line| &line.points);
    let x = Axis::powers("iterations a day", points().map(|point| point.0), count);
    let y = Axis::powers("US dollars", points().map(|point| point.1), in_dollars);
    let rows = sweep.cheapest.iter().map(|range| {
        vec![
            thousands(range.from),
            thousands(range.to),
            name_of(study, range),
            cents(cost_at(study, range).get()),
        ]
    });
    let columns = [">from", ">to", "cheapest", ">costs at the beginning"];
    html! { (lines(&x, &y, &series)) (table(&columns, &rows.collect::<Vec<_>>())) }
}

fn by_rate(study: &Study, sweep: &Sweep) -> Markup {
    let setups = study.scenario.setups.iter().enumerate();
    let series: Vec<Series> = setups
        .map(|(index, setup)| Series {
            name: setup.name.clone(),
            colour: index,
            points: course(&sweep.by_rate, index, |rate| *rate),
        })
        .collect();
    let costs = series.iter().flat_map(|line| &line.points);
    let x = Axis::straight("rejected answers", [0.0, 1.0], percents);
    let y = Axis::straight(
        "US dollars",
        costs.map(|point| point.1).chain([0.0]),
        in_dollars,
    );
    lines(&x, &y, &series)
}

/// One setup's cost in dollars over what was varied.
fn course<T>(varied: &[(T, Vec<NanoUsd>)], setup: usize, at: fn(&T) -> f64) -> Vec<(f64, f64)> {
    let points = varied.iter();
    let point = |(place, costs): &(T, Vec<NanoUsd>)| Some((at(place), dollars(*costs.get(setup)?)));
    points.filter_map(point).collect()
}

fn dollars(amount: NanoUsd) -> f64 {
    amount.get() as f64 / 1e9
}

fn in_dollars(dollars: f64) -> String {
    match dollars.abs() {
        0.0 => "$0".to_owned(),
        ..1.0 => format!("${dollars:.2}"),
        _ if dollars.fract().abs() < 1e-9 => format!("${}", count(dollars)),
        _ => format!("${dollars:.2}"),
    }
}

fn count(number: f64) -> String {
    thousands(number.round() as u64)
}
