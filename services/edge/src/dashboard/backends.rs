//! Backends and their models: whether they can be called, and how they did within the last hour.
//!
//! The orchestrator says what the gateways last told it of their models and of their queues, the ledger
//! what became of calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::response::Response;
use futures::future::BoxFuture;
use maud::{Markup, html};
use terrace_proto::common::v1::{BackendQueue, Model};
use terrace_proto::ledger::v1 as wire;
use terrace_proto::router::v1::ListModelsResponse;
use time::OffsetDateTime;

use super::Dashboard;
use super::format::{count, exact, seconds, share, span, stamp};
use super::gate::Visitor;
use super::live::{self, Change, Feed};
use super::page::{self, Place, page};
use crate::refusal::Refusal;

/// `GET /dashboard/backends`.
pub(super) async fn show(
    State(dashboard): State<Arc<Dashboard>>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    match look(&dashboard, &visitor).await {
        Ok(part) => {
            let content = html! {
                div class="title" { h1 { "Backends" } span class="live" data-light="backends" role="status" { "not live" } }
                div id="backends" data-live="/dashboard/backends/live" { (part) }
                p class="dim" {
                    "Queues are as each gateway told the orchestrator within the last seconds; several gateways before one backend have one each. Their metrics have more: "
                    code { "terrace_gateway_waiting" } ", " code { "terrace_gateway_in_flight" } ", " code { "terrace_gateway_breaker_state" } "."
                }
            };
            page(Place::Backends, "Backends", &visitor, &content)
        }
        Err(refusal) => page::refused(Place::Backends, &visitor, &refusal),
    }
}

/// `GET /dashboard/backends/live`.
pub(super) async fn follow(
    State(dashboard): State<Arc<Dashboard>>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    live::follow(Watched::default(), dashboard, visitor)
}

/// What was shown last.
#[derive(Default)]
struct Watched {
    shown: String,
}

impl Feed for Watched {
    const EVERY: Duration = Duration::from_secs(3);

    fn changed<'a>(
        &'a mut self,
        dashboard: &'a Dashboard,
        visitor: &'a Visitor,
    ) -> BoxFuture<'a, Result<Option<Change>, Refusal>> {
        Box::pin(async {
            let part = look(dashboard, visitor).await?;
            let is_new = part.0 != self.shown;
            part.0.clone_into(&mut self.shown);
            Ok(is_new.then_some(Change::Replace(part)))
        })
    }
}

async fn look(dashboard: &Dashboard, visitor: &Visitor) -> Result<Markup, Refusal> {
    let call = dashboard.call(visitor)?;
    let hour = wire::GetSummaryRequest {
        from: Some(stamp(OffsetDateTime::now_utc() - time::Duration::HOUR)),
        group_by: vec!["backend".to_owned()],
        ..wire::GetSummaryRequest::default()
    };
    let (told, calls) = tokio::try_join!(
        dashboard.orchestrator.list_models(&call),
        dashboard.books.summary(hour),
    )?;
    let mut backends: BTreeMap<&str, Vec<&Model>> = BTreeMap::new();
    for model in &told.models {
        backends.entry(&model.backend).or_default().push(model);
    }
    Ok(html! {
        @if backends.is_empty() { p class="notice warn" { "The orchestrator knows of no model." } }
        @for (name, models) in &backends { (backend(name, models, (queue(&told, name), sums(&calls, name)))) }
    })
}

/// How busy one backend is, if its gateway has told.
fn queue<'a>(told: &'a ListModelsResponse, backend: &str) -> Option<&'a BackendQueue> {
    told.queues.iter().find(|queue| queue.backend == backend)
}

/// What became of calls of one backend.
fn sums(told: &wire::GetSummaryResponse, backend: &str) -> wire::Sums {
    let of_it = |group: &&wire::SummaryGroup| group.values.iter().any(|value| value == backend);
    let group = told.groups.iter().find(of_it);
    group.and_then(|group| group.sums).unwrap_or_default()
}

fn backend(
    name: &str,
    models: &[&Model],
    (queue, hour): (Option<&BackendQueue>, wire::Sums),
) -> Markup {
    let up = models.iter().filter(|model| model.available).count();
    let (class, told) = match up {
        0 => ("badge bad", "cannot be called"),
        up if up < models.len() => ("badge warn", "in part"),
        _ => ("badge good", "can be called"),
    };
    let latency = hour.latency.unwrap_or_default();
    html! {
        section class="card" {
            h2 { (name) " " span class=(class) { (told) } @if models.iter().any(|model| model.scripted) { " " span class="badge" { "scripted stand-in" } } }
            dl class="facts" {
                @if let Some(queue) = queue {
                    div { dt { "in flight" } dd { (count(queue.in_flight.into())) " of " (count(queue.places.into())) } }
                    div { dt { "waiting" } dd { (count(queue.waiting.into())) } }
                } @else { div { dt { "queue" } dd { "not known" } } }
                div { dt { "calls within an hour" } dd { (count(hour.attempts)) } }
                div { dt { "accepted" } dd { (share(hour.accepted, hour.attempts)) } }
                div { dt { "answers" } dd { (count(hour.answered)) } }
                div { dt { "p50" } dd { (span(seconds(latency.p50.as_ref()))) } }
                div { dt { "p99" } dd { (span(seconds(latency.p99.as_ref()))) } }
                div { dt { "cost" } dd { (exact(hour.cost_nano_usd)) } }
            }
            div class="wide" tabindex="0" role="group" aria-label={ "Models of " (name) } { table {
                thead { tr {
                    th scope="col" { "model" } th scope="col" { "tier" } th scope="col" { "state" } th scope="col" class="right" { "in / M" } th scope="col" class="right" { "out / M" }
                    th scope="col" class="right" { "context" } th scope="col" { "can" }
                } }
                tbody { @for model in models { (row(model)) } }
            } }
        }
    }
}

fn row(model: &Model) -> Markup {
    let price = model.price.clone().unwrap_or_default();
    let is_free =
        price.input_nano_usd == 0 && price.output_nano_usd == 0 && price.per_request_nano_usd == 0;
    let amount = |nanos: i64| {
        if is_free {
            "free".to_owned()
        } else {
            exact(nanos)
        }
    };
    html! {
        tr {
            th scope="row" { (model.name) }
            td { (model.tier) }
            td { @if model.available { span class="badge good" { "available" } } @else { span class="badge bad" { "not available" } br; span class="dim" { (model.unavailable_because) } } }
            td class="right" { (amount(price.input_nano_usd)) }
            td class="right" { (amount(price.output_nano_usd)) }
            td class="right" { (count(model.context_window.into())) }
            td class="dim" { (can(model)) }
        }
    }
}

fn can(model: &Model) -> String {
    let can = model.capabilities.unwrap_or_default();
    let words = [
        ("code", can.code),
        ("vision", can.vision),
        ("tools", can.tools),
        ("json", can.json),
        ("json schema", can.json_schema),
        ("logprobs", can.logprobs),
        ("embeddings", can.embeddings),
    ];
    let known = words.into_iter().filter(|(_, can)| *can);
    let known: Vec<&str> = known.map(|(word, _)| word).collect();
    if known.is_empty() {
        "text".to_owned()
    } else {
        known.join(", ")
    }
}
