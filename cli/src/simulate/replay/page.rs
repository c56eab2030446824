//! A replay as a page with charts.

use maud::{Markup, html};
use terrace_simulation::replay::Replayed;

use super::super::chart::{Axis, Bar, Series, bars, lines};
use super::super::page::{cards, section, table, whole};
use super::Told;
use super::text::{covered_part, scored, scored_share};
use crate::wording::{money, percents, thousands};

/// The whole page.
pub(super) fn page(told: &Told) -> String {
    let subtitle = format!("{}, made under {}", told.other, told.was);
    let replayed = &told.replayed;
    let content = html! {
        (cards(&figures(replayed)))
        (section("Cost", "The line is where 95 of 100 would lie with other traffic of this kind.", &costs(replayed)))
        (section("Quality", "Of the requests that can be spoken for.", &quality(replayed)))
        @if !told.by_threshold.is_empty() {
            (section("By threshold", "What is not covered is estimated with the same tokens; its quality is left open.", &thresholds(&told.by_threshold)))
        }
    };
    whole("Replay of the ledger", &subtitle, &content)
}

fn figures(replayed: &Replayed) -> Vec<(String, String)> {
    vec![
        (money(replayed.was_cost.get()), "it was".to_owned()),
        (nanos(replayed.cost.value), "it would have been".to_owned()),
        (
            percents(covered_part(replayed)),
            format!(
                "of {} requests can be spoken for",
                thousands(replayed.requests)
            ),
        ),
    ]
}

fn costs(replayed: &Replayed) -> Markup {
    let bar = |name: &str, value: f64, range| Bar {
        name: name.to_owned(),
        value,
        range,
        told: nanos(value),
    };
    let cost = replayed.cost;
    bars(&[
        bar("it was", replayed.was_cost.get() as f64, None),
        bar(
            "it would have been",
            cost.value,
            Some((cost.low, cost.high)),
        ),
        bar(
            "all on the baseline model",
            replayed.baseline.get() as f64,
            None,
        ),
    ])
}

fn quality(replayed: &Replayed) -> Markup {
    let (was, now) = (&replayed.was, &replayed.now);
    let row = |name: &str, was: String, now: String| vec![name.to_owned(), was, now];
    let shares =
        |name, was: Option<_>, now: Option<_>| row(name, scored_share(was), scored_share(now));
    let rows = [
        row("mean score", scored(was.score), scored(now.score)),
        shares("passed", was.passed.interval(), now.passed.interval()),
        shares(
            "went up",
            was.escalated.interval(),
            now.escalated.interval(),
        ),
    ];
    table(&["", ">it was", ">it would have been"], &rows)
}

fn thresholds(by_threshold: &[Replayed]) -> Markup {
    let of = |colour, name: &str, figure: &dyn Fn(&Replayed) -> Option<f64>| Series {
        name: name.to_owned(),
        colour,
        points: by_threshold
            .iter()
            .filter_map(|at| Some((at.threshold.get(), figure(at)?)))
            .collect(),
    };
    let cost = [of(1, "cost", &|at| Some(at.cost.value))];
    let shares = [
        of(0, "passed", &|at| Some(at.now.passed.interval()?.value)),
        of(2, "mean score", &|at| Some(at.now.score?.value)),
        of(7, "can be spoken for", &|at| Some(covered_part(at))),
    ];
    let x = || {
        Axis::straight("threshold", [0.0, 1.0], |threshold| {
            format!("{threshold:.1}")
        })
    };
    let costs = cost
        .iter()
        .flat_map(|line| &line.points)
        .map(|point| point.1);
    let y = Axis::straight("cost", costs.chain([0.0]), nanos);
    let part = Axis::straight("share", [0.0, 1.0], percents);
    html! { (lines(&x(), &y, &cost)) (lines(&x(), &part, &shares)) }
}

fn nanos(amount: f64) -> String {
    money(amount.round() as i64)
}
