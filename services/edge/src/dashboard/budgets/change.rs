//! Budgets that are set, paused, topped up or removed: one form makes them, one changes them.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use prost_types::FieldMask;
use terrace_domain::{NanoUsd, RequestId};
use terrace_proto::ledger::v1 as wire;

use crate::dashboard::Dashboard;
use crate::dashboard::form::Form;
use crate::dashboard::gate::Visitor;
use crate::dashboard::page::{self, Place, token};
use crate::refusal::Refusal;

/// The field that has the id of a top-up: the same form sent twice tops up once.
const TOP_UP_ID: &str = "top_up_id";
const AMOUNT: &str = "has to be an amount in US dollars, as 2.50";

/// `POST /dashboard/budgets`.
pub(in crate::dashboard) async fn set(
    State(dashboard): State<Arc<Dashboard>>,
    Extension(visitor): Extension<Visitor>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let changed = async {
        let form = Form::read(&dashboard, &visitor.session, &parts.headers, body).await?;
        let wanted = wanted(&form)?;
        tracing::info!(terrace.service = "edge", budget = %wanted.name, by = visitor.key_id(), "budget changed on the dashboard");
        dashboard.books.set_budget(wanted).await
    };
    match changed.await {
        Ok(()) => Redirect::to("/dashboard/budgets").into_response(),
        Err(refusal) => page::refused(Place::Budgets, &visitor, &refusal),
    }
}

fn wanted(form: &Form) -> Result<wire::SetBudgetRequest, Refusal> {
    let of = wire::SetBudgetRequest {
        name: form.text("name").to_owned(),
        ..wire::SetBudgetRequest::default()
    };
    let only = |path: &str| {
        Some(FieldMask {
            paths: vec![path.to_owned()],
        })
    };
    Ok(match form.text("do") {
        "set" => return new(form),
        "pause" | "resume" => wire::SetBudgetRequest {
            paused: form.text("do") == "pause",
            update_mask: only("paused"),
            ..of
        },
        "remove" => wire::SetBudgetRequest { remove: true, ..of },
        "top-up" => {
            let amount = form.read_as("amount", AMOUNT, usd)?;
            wire::SetBudgetRequest {
                top_up_nano_usd: amount.ok_or_else(|| Refusal::field("amount", AMOUNT))?,
                top_up_id: form.text(TOP_UP_ID).to_owned(),
                ..of
            }
        }
        _ => return Err(Refusal::field("do", "has to be one of the buttons")),
    })
}

/// A budget that is made, or gets another cap.
fn new(form: &Form) -> Result<wire::SetBudgetRequest, Refusal> {
    let span = form.text("span");
    let name = match (form.text("whose"), form.text("of")) {
        ("project", of) => format!("project/{of}/{span}"),
        ("key", of) => format!("key/{of}/{span}"),
        _ => format!("installation/{span}"),
    };
    let cap = form.read_as("cap", AMOUNT, usd)?;
    let percent = form.read_as("alert", "has to be a number from 1 to 100", |text| {
        let percent: f64 = text.parse().ok()?;
        (1.0..=100.0).contains(&percent).then_some(percent / 100.0)
    })?;
    let mut paths = vec!["cap_nano_usd".to_owned()];
    paths.extend(percent.map(|_| "alert_threshold".to_owned()));
    Ok(wire::SetBudgetRequest {
        name,
        cap_nano_usd: cap.ok_or_else(|| Refusal::field("cap", AMOUNT))?,
        alert_threshold: percent.unwrap_or_default(),
        update_mask: Some(FieldMask { paths }),
        ..wire::SetBudgetRequest::default()
    })
}

fn usd(text: &str) -> Option<i64> {
    let amount: NanoUsd = text.trim_start_matches('$').parse().ok()?;
    (amount.get() >= 0).then(|| amount.get())
}

/// Both forms.
pub(super) fn forms(budgets: &[wire::Budget], visitor: &Visitor) -> Markup {
    html! {
        div class="columns" {
            (set_form(visitor))
            @if !budgets.is_empty() { (change_form(budgets, visitor)) }
        }
    }
}

fn set_form(visitor: &Visitor) -> Markup {
    html! {
        section class="card" {
            h2 { "Set a budget" }
            form class="stack" method="post" action="/dashboard/budgets" {
                (token(visitor))
                div class="fields" {
                    label { span { "Whose" } select name="whose" {
                        option value="installation" { "everything" } option value="project" { "a project" } option value="key" { "a key" }
                    } }
                    label { span { "Project, or id of the key" } input name="of" autocomplete="off" spellcheck="false"; }
                    label { span { "For" } select name="span" { option value="daily" { "a day" } option value="monthly" { "a month" } } }
                    label { span { "Cap in US dollars" } input name="cap" inputmode="decimal" required placeholder="5.00" autocomplete="off"; }
                    label { span { "Alert at, in percent" } input name="alert" inputmode="decimal" placeholder="as the config says" autocomplete="off"; }
                }
                p class="dim" { "A budget that is there gets this cap. Those of the config are changed there." }
                div { button class="main" name="do" value="set" { "Set budget" } }
            }
        }
    }
}

fn change_form(budgets: &[wire::Budget], visitor: &Visitor) -> Markup {
    html! {
        section class="card" {
            h2 { "Change a budget" }
            form class="stack" method="post" action="/dashboard/budgets" {
                (token(visitor))
                input type="hidden" name=(TOP_UP_ID) value=(RequestId::generate().to_string());
                div class="fields" {
                    label { span { "Budget" } select name="name" { @for budget in budgets { option { (budget.name) } } } }
                    label { span { "Top up by, in US dollars" } input name="amount" inputmode="decimal" placeholder="1.00" autocomplete="off"; }
                }
                p class="dim" { "A top-up is for the period at hand alone. A budget that is paused refuses everything that costs." }
                div class="controls" {
                    button name="do" value="top-up" { "Top up" }
                    button name="do" value="pause" { "Pause" }
                    button name="do" value="resume" { "Resume" }
                    button class="danger" name="do" value="remove" { "Remove" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_and_never_below_nothing() {
        assert_eq!(usd("2.50"), Some(2_500_000_000));
        assert_eq!(usd("$0.000000001"), Some(1));
        for wrong in ["-1", "a", "1e3", "1.0000000001"] {
            assert_eq!(usd(wrong), None, "{wrong}");
        }
    }
}
