//! A prompt, and beside it the plan, the attempts and the answer as they come.
//!
//! The router's own stream, told as events of markup and of text. Chunks leave at once unless another
//! mode is chosen: here somebody watches, and what a rejected attempt has said is taken back. Whoever
//! leaves the page, or stops, ends the request; it is paid for as any other.

mod answer;
mod told;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use http::header;
use maud::{Markup, html};
use terrace_proto::common::v1::{GenerationParams, Role};
use terrace_proto::convert::text_message;
use terrace_proto::router::v1 as wire;
use terrace_rpc::direct::Messages;

use super::Dashboard;
use super::form::Form;
use super::gate::Visitor;
use super::live::{event, events};
use super::page::{self, Place, page, token};
use super::plan;
use crate::refusal::Refusal;
use told::Telling;

/// The action that requests have which name none.
const ACTION: &str = "playground";

/// `GET /dashboard/playground`.
pub(super) async fn show(
    State(dashboard): State<Arc<Dashboard>>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    let tiers = match dashboard.call(&visitor) {
        Ok(call) => dashboard.orchestrator.list_models(&call).await,
        Err(refusal) => Err(refusal),
    };
    match tiers {
        Ok(listed) => {
            let content = content(&listed, &visitor);
            page(Place::Playground, "Playground", &visitor, &content)
        }
        Err(refusal) => page::refused(Place::Playground, &visitor, &refusal),
    }
}

/// `POST /dashboard/playground/plan`: the plan as markup.
pub(super) async fn explain(
    State(dashboard): State<Arc<Dashboard>>,
    Extension(visitor): Extension<Visitor>,
    request: Request,
) -> Response {
    let explained = async {
        let form = read(&dashboard, &visitor, request).await?;
        let wanted = wanted(&form)?;
        dashboard
            .orchestrator
            .explain(wanted, &dashboard.call(&visitor)?)
            .await
    };
    let shown = match explained.await {
        Ok(told) => plan::show(&told.plan.unwrap_or_default()),
        Err(refusal) => page::notice(&refusal),
    };
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (kind, shown.into_string()).into_response()
}

/// `POST /dashboard/playground/run`: events until the answer is complete.
pub(super) async fn run(
    State(dashboard): State<Arc<Dashboard>>,
    Extension(visitor): Extension<Visitor>,
    request: Request,
) -> Response {
    match start(&dashboard, &visitor, request).await {
        Ok(stream) => events(told(stream)),
        Err(refusal) => {
            let html = page::notice(&refusal).into_string();
            let data = serde_json::json!({ "html": html });
            events(Body::from(event("failed", &data)))
        }
    }
}

async fn start(
    dashboard: &Dashboard,
    visitor: &Visitor,
    request: Request,
) -> Result<Messages<wire::RouteStreamResponse>, Refusal> {
    let form = read(dashboard, visitor, request).await?;
    let wanted = wire::RouteStreamRequest {
        request: Some(wanted(&form)?.request.unwrap_or_default()),
        commit_mode: match form.text("mode") {
            "hold_back" => wire::CommitMode::HoldBack,
            "prefix" => wire::CommitMode::Prefix,
            _ => wire::CommitMode::Provisional,
        }
        .into(),
        prefix_tokens: 0,
    };
    let call = dashboard.call(visitor)?;
    dashboard.orchestrator.route_stream(wanted, &call).await
}

async fn read(dashboard: &Dashboard, visitor: &Visitor, request: Request) -> Result<Form, Refusal> {
    let (parts, body) = request.into_parts();
    Form::read(dashboard, &visitor.session, &parts.headers, body).await
}

/// The request of a form.
fn wanted(form: &Form) -> Result<wire::ExplainRequest, Refusal> {
    let threshold = form.read_as("threshold", "has to be a number from 0 to 1", |text| {
        text.parse::<f64>()
            .ok()
            .filter(|score| (0.0..=1.0).contains(score))
    })?;
    let most = form.read_as("tokens", "has to be a whole number above 0", |text| {
        text.parse::<u32>().ok().filter(|tokens| *tokens > 0)
    })?;
    let prompt = text_message(Role::User, form.text("prompt"));
    let system = form
        .given("system")
        .map(|text| text_message(Role::System, text));
    Ok(wire::ExplainRequest {
        request: Some(wire::RouteRequest {
            action: form.given("action").unwrap_or(ACTION).to_owned(),
            messages: system.into_iter().chain([prompt]).collect(),
            params: Some(GenerationParams {
                max_output_tokens: most,
                ..GenerationParams::default()
            }),
            policy: Some(wire::RoutePolicy {
                tier: form.text("tier").to_owned(),
                model: form.text("model").to_owned(),
                quality_threshold: threshold,
                ..wire::RoutePolicy::default()
            }),
            ..wire::RouteRequest::default()
        }),
    })
}

/// The router's events as those of the page.
fn told(stream: Messages<wire::RouteStreamResponse>) -> Body {
    let telling = Telling {
        events: Some(stream),
        started: BTreeMap::new(),
    };
    let pieces = stream::unfold(telling, async |mut telling| {
        let piece = telling.next().await?;
        Some((piece, telling))
    });
    Body::from_stream(pieces.map(Ok::<Bytes, Infallible>))
}

fn content(listed: &wire::ListModelsResponse, visitor: &Visitor) -> Markup {
    html! {
        div class="title" { h1 { "Playground" } span class="live" id="play-state" role="status" { "ready" } }
        noscript { p class="notice warn" { "The playground needs JavaScript; " code { "terrace route" } " does the same on the command line." } }
        div class="play" {
            form class="card stack" id="play" method="post" action="/dashboard/playground/run" {
                (token(visitor))
                label { span { "Prompt" } textarea name="prompt" rows="7" required data-first="" { } }
                details { summary { "System prompt" } label { span class="hidden" { "System prompt" } textarea name="system" rows="3" { } } }
                div class="fields" { (wishes(listed)) }
                div class="controls" {
                    button class="main" type="submit" { "Send" }
                    button type="button" data-plan="" { "Plan alone" }
                    button type="button" data-stop="" disabled { "Stop" }
                }
                p class="dim" { "Ctrl Enter sends. Requests are paid for as all others." }
            }
            div {
                section class="card" aria-live="polite" { h2 { "Plan" } div id="plan" { p class="empty" { "Which models would be tried, in which order, and why." } } }
                section class="card" { h2 { "Attempts" } ol class="steps" id="attempts" { li class="empty" { "None yet." } } }
                section class="card" { h2 { "Answer" } div class="answer" id="answer" aria-live="polite" aria-busy="false" {} div id="outcome" {} }
            }
        }
    }
}

fn wishes(listed: &wire::ListModelsResponse) -> Markup {
    html! {
        label { span { "Action" } input name="action" placeholder=(ACTION) autocomplete="off" spellcheck="false"; }
        label { span { "Tier" } select name="tier" { option value="" { "the router chooses" } @for tier in &listed.tiers { option { (tier) } } } }
        label { span { "Model" } select name="model" {
            option value="" { "the router chooses" }
            @for (index, model) in listed.models.iter().enumerate() {
                @if !listed.models.iter().take(index).any(|other| other.name == model.name) { option { (model.name) } }
            }
        } }
        label { span { "Wanted score" } input name="threshold" inputmode="decimal" placeholder="as the config says" autocomplete="off"; }
        label { span { "Most output tokens" } input name="tokens" inputmode="numeric" placeholder="as the model has it" autocomplete="off"; }
        label { span { "Chunks leave" } select name="mode" {
            option value="provisional" { "at once, may be taken back" }
            option value="prefix" { "when the first tokens look good" }
            option value="hold_back" { "after the verdict" }
        } }
    }
}
