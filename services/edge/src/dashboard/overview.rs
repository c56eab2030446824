//! The first page: what was spent and saved, who answered, how good and how fast.
//!
//! All of it is what the ledger sums up: the numbers of `terrace cost`, as pictures. The frame of the
//! page leaves before the ledger has summed up.

mod charts;
mod range;
mod tables;

use std::sync::Arc;

use axum::extract::{Extension, Query, State};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;
use terrace_proto::ledger::v1 as wire;

use super::Dashboard;
use super::books::Books;
use super::format::{count, part, percent, seconds, share, span, usd};
use super::gate::Visitor;
use super::page::{self, Place};
use crate::refusal::Refusal;
use range::Range;

/// What the address may say.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    range: String,
    /// This project alone; empty: all.
    #[serde(default)]
    project: String,
}

/// What the page is made of.
struct Told {
    over_time: wire::GetSummaryResponse,
    models: wire::GetSummaryResponse,
    actions: wire::GetSummaryResponse,
}

/// `GET /dashboard`.
pub(super) async fn show(
    State(dashboard): State<Arc<Dashboard>>,
    Extension(visitor): Extension<Visitor>,
    Query(asked): Query<Asked>,
) -> Response {
    let range = Range::read(&asked.range);
    let books = dashboard.books.clone();
    // Whoever has no keys has no list of projects either.
    let projects = books.projects().await.unwrap_or_default();
    let first = html! {
        div class="title" { h1 { "Overview" } (controls(range, &asked.project, &projects)) }
    };
    let figures = async move {
        match tell(&books, range, &asked.project).await {
            Ok(told) => content(&told, range, &dashboard.settings.tiers),
            Err(refusal) => page::notice(&refusal),
        }
    };
    let of = (Place::Overview, "Overview");
    page::in_pieces(of, &visitor, &first, figures)
}

async fn tell(books: &Books, range: Range, project: &str) -> Result<Told, Refusal> {
    let ask = |group_by: &[&str], bucket: Option<prost_types::Duration>| {
        books.summary(wire::GetSummaryRequest {
            from: Some(range.from()),
            project: project.to_owned(),
            group_by: group_by.iter().map(|word| (*word).to_owned()).collect(),
            bucket,
            ..wire::GetSummaryRequest::default()
        })
    };
    let asked = tokio::try_join!(
        ask(&[], Some(range.bucket())),
        ask(&["model"], None),
        ask(&["action"], None),
    );
    let (over_time, models, actions) = asked?;
    Ok(Told {
        over_time,
        models,
        actions,
    })
}

fn content(told: &Told, range: Range, tiers: &[String]) -> Markup {
    let total = told.over_time.total.unwrap_or_default();
    html! {
        (tiles(&told.over_time, &total))
        div class="charts" { (charts::all(&told.over_time, range)) }
        div class="columns" {
            (tables::tiers(&told.over_time, tiers))
            (tables::savings(&told.over_time, &total))
        }
        (tables::groups("Models", "model", &told.models))
        (tables::groups("Actions", "action", &told.actions))
    }
}

/// Which time, and whose.
fn controls(range: Range, project: &str, projects: &[wire::Project]) -> Markup {
    html! {
        form class="controls" method="get" action="/dashboard" {
            @if !projects.is_empty() {
                label { span class="hidden" { "Project" }
                    select name="project" data-send {
                        option value="" { "all projects" }
                        @for one in projects { option value=(one.name) selected[one.name == project] { (one.name) } }
                    }
                }
            }
            fieldset class="choice" {
                legend class="hidden" { "Time" }
                @for one in Range::ALL { label {
                    input type="radio" name="range" value=(one.word()) checked[one == range] data-send;
                    span { (one.told()) }
                } }
            }
            noscript { button { "Show" } }
        }
    }
}

/// The figures of the whole time.
fn tiles(told: &wire::GetSummaryResponse, total: &wire::Sums) -> Markup {
    let latency = total.latency.unwrap_or_default();
    let baseline = match told.baseline_model.as_str() {
        "" => "no baseline is set".to_owned(),
        model => format!("of {} on {model}", usd(told.baseline_nano_usd)),
    };
    let saved = (told.baseline_nano_usd != 0)
        .then(|| told.savings_nano_usd as f64 / told.baseline_nano_usd as f64);
    let tile = |name: &str, figure: &str, about: &str| {
        html! { div class="tile" { dt { (name) } dd { b { (figure) } span { (about) } } } }
    };
    let answered = format!("{} answered", count(total.answered));
    let p50 = seconds(latency.p50.as_ref());
    let slow = format!(
        "p90 {}, p99 {}",
        span(seconds(latency.p90.as_ref())),
        span(seconds(latency.p99.as_ref()))
    );
    let saved_part = match saved {
        Some(part) => format!("{} {baseline}", percent(part)),
        None => baseline,
    };
    html! {
        dl class="tiles" {
            (tile("Requests", &count(total.requests), &answered))
            (tile("Cost", &usd(told.cost_nano_usd), &format!("{} bought no answer", usd(told.unanswered_cost_nano_usd))))
            (tile("Saved", &usd(told.savings_nano_usd), &saved_part))
            (tile("Passed", &share(total.passed, total.answered), &format!("mean score {}", super::format::score(total.mean_score))))
            (tile("Escalated", &share(total.escalated, total.answered), "answered after a lower tier fell short"))
            (tile("Latency", &span(p50), &slow))
            (tile("Coverage", &share(total.baseline_requests, total.answered), "answers whose baseline is known"))
        }
        @if part(total.baseline_requests, total.answered).is_some_and(|part| part < 1.0) {
            p class="dim" { "Savings count the answers whose baseline is known; the others are left out." }
        }
    }
}
