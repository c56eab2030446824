//! Projects, which pay, and keys, which calls come with: made, rotated and revoked. A secret is on the
//! one page that answers the form, and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use terrace_proto::convert::wire_duration;
use terrace_proto::ledger::v1 as wire;
use time::OffsetDateTime;

use super::Dashboard;
use super::form::Form;
use super::format::{NONE, at, moment, stamp};
use super::gate::Visitor;
use super::page::{self, Place, page, token};
use crate::refusal::Refusal;

/// `GET /dashboard/keys`.
pub(super) async fn show(
    State(dashboard): State<Arc<Dashboard>>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    let told = tokio::try_join!(dashboard.books.projects(), dashboard.books.keys());
    match told {
        Ok((projects, keys)) => {
            let content = html! {
                div class="title" { h1 { "Keys and projects" } }
                (list(&keys, &visitor))
                div class="columns" { (new_key(&projects, &visitor)) (new_project(&projects, &visitor)) }
            };
            page(Place::Keys, "Keys and projects", &visitor, &content)
        }
        Err(refusal) => page::refused(Place::Keys, &visitor, &refusal),
    }
}

/// What a form came to.
enum Done {
    /// Nothing that has to be shown.
    Changed,
    /// A secret, for the one time.
    Shown(Box<wire::Key>, String),
}

/// `POST /dashboard/keys`.
pub(super) async fn change(
    State(dashboard): State<Arc<Dashboard>>,
    Extension(visitor): Extension<Visitor>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let done = async {
        let form = Form::read(&dashboard, &visitor.session, &parts.headers, body).await?;
        let what = form.text("do");
        tracing::info!(
            terrace.service = "edge",
            what,
            by = visitor.key_id(),
            "keys changed on the dashboard"
        );
        perform(&dashboard, &form).await
    };
    match done.await {
        Ok(Done::Changed) => Redirect::to("/dashboard/keys").into_response(),
        Ok(Done::Shown(key, secret)) => {
            page(Place::Keys, "New secret", &visitor, &shown(&key, &secret))
        }
        Err(refusal) => page::refused(Place::Keys, &visitor, &refusal),
    }
}

async fn perform(dashboard: &Dashboard, form: &Form) -> Result<Done, Refusal> {
    let books = &dashboard.books;
    let key_id = form.text("key_id");
    let shown = |(key, secret)| Done::Shown(Box::new(key), secret);
    Ok(match form.text("do") {
        "create-project" => {
            books.create_project(form.text("name")).await?;
            Done::Changed
        }
        "create" => shown(books.create_key(wanted(form)?).await?),
        "rotate" => {
            let overlap = form.read_as("overlap", "has to be hours", hours)?;
            let wanted = wire::RotateKeyRequest {
                key_id: key_id.to_owned(),
                overlap: overlap.map(wire_duration),
            };
            shown(books.rotate_key(wanted).await?)
        }
        "revoke" => {
            books.revoke_key(key_id).await?;
            Done::Changed
        }
        _ => return Err(Refusal::field("do", "has to be one of the buttons")),
    })
}

fn wanted(form: &Form) -> Result<wire::CreateKeyRequest, Refusal> {
    let days = form.read_as(
        "days",
        "has to be a whole number of days, or empty",
        |text| text.parse::<u16>().ok().filter(|days| *days > 0),
    )?;
    let limit = form.read_as("limit", "has to be a whole number, or empty", |text| {
        text.parse().ok()
    })?;
    let scopes = ["route", "manage"].into_iter();
    let ends = |days: u16| stamp(OffsetDateTime::now_utc() + time::Duration::days(days.into()));
    Ok(wire::CreateKeyRequest {
        project: form.text("project").to_owned(),
        name: form.text("name").to_owned(),
        scopes: scopes
            .filter(|scope| form.is_ticked(scope))
            .map(str::to_owned)
            .collect(),
        expires_at: days.map(ends),
        requests_per_minute: limit.unwrap_or_default(),
    })
}

fn hours(text: &str) -> Option<Duration> {
    let hours: u64 = text.parse().ok()?;
    (hours <= 366 * 24).then(|| Duration::from_secs(hours * 3600))
}

/// The page that has a secret.
fn shown(key: &wire::Key, secret: &str) -> Markup {
    html! {
        div class="title" { h1 { "The secret of " (key.name) } }
        section class="card" {
            p { "This is the one time that it is shown: it is stored nowhere." }
            div class="secret" {
                input readonly value=(secret) aria-label="Secret" data-secret="";
                button type="button" data-copy="" { "Copy" }
            }
            p class="dim" { "Calls bring it along as " code { "authorization: Bearer " (secret) } ". They are paid by the project " strong { (key.project) } "." }
            p { a class="button" href="/dashboard/keys" { "Done" } }
        }
    }
}

fn list(keys: &[wire::Key], visitor: &Visitor) -> Markup {
    let now = OffsetDateTime::now_utc();
    html! {
        section class="card" {
            h2 { "Keys" }
            @if keys.is_empty() { p class="empty" { "There is no key yet." } } @else {
                div class="wide" tabindex="0" role="group" aria-label="Keys" { table {
                    thead { tr {
                        th scope="col" { "name" } th scope="col" { "project" } th scope="col" { "secret" } th scope="col" { "may" } th scope="col" class="right" { "a minute" }
                        th scope="col" { "made" } th scope="col" { "ends" } th scope="col" { span class="hidden" { "change" } }
                    } }
                    tbody { @for key in keys { (row(key, now, visitor)) } }
                } }
            }
        }
    }
}

fn row(key: &wire::Key, now: OffsetDateTime, visitor: &Visitor) -> Markup {
    let has_ended = at(key.expires_at.as_ref()).is_some_and(|ends| ends <= now);
    let is_over = key.revoked_at.is_some() || has_ended;
    html! {
        tr data-key=(key.name) {
            th scope="row" title=(key.key_id) { (key.name) }
            td { (key.project) }
            td class="mono nowrap" { (key.hint) }
            td { @for scope in &key.scopes { span class="badge" { (scope) } " " } }
            td class="right" { @if key.requests_per_minute == 0 { (NONE) } @else { (key.requests_per_minute) } }
            td class="nowrap dim" { (moment(key.created_at.as_ref())) }
            td class="nowrap" {
                @if key.revoked_at.is_some() { span class="badge bad" { "revoked" } }
                @else if has_ended { span class="badge bad" { "ended" } }
                @else { (moment(key.expires_at.as_ref())) }
                @if let Some(until) = &key.old_secret_until { br; span class="dim" { "old secret until " (moment(Some(until))) } }
            }
            td class="actions" { @if !is_over { (actions(key, visitor)) } }
        }
    }
}

/// What can be done to a key; each asks once more.
fn actions(key: &wire::Key, visitor: &Visitor) -> Markup {
    html! {
        details {
            summary { "Change" span class="hidden" { " " (key.name) } }
            form class="stack" method="post" action="/dashboard/keys" {
                (token(visitor))
                input type="hidden" name="key_id" value=(key.key_id);
                label { span { "Old secret holds for" } select name="overlap" {
                    option value="0" { "no longer" } option value="1" selected { "1 hour" } option value="24" { "1 day" } option value="168" { "7 days" }
                } }
                button name="do" value="rotate" { "New secret" }
                button class="danger" name="do" value="revoke" { "Revoke now" }
            }
        }
    }
}

fn new_key(projects: &[wire::Project], visitor: &Visitor) -> Markup {
    html! {
        section class="card" {
            h2 { "New key" }
            @if projects.is_empty() { p class="dim" { "A key belongs to a project: make one first." } } @else {
                form class="stack" method="post" action="/dashboard/keys" {
                    (token(visitor))
                    div class="fields" {
                        label { span { "Name" } input name="name" required maxlength="128" autocomplete="off" spellcheck="false"; }
                        label { span { "Project" } select name="project" { @for project in projects { option { (project.name) } } } }
                        label { span { "Ends after days" } input name="days" inputmode="numeric" placeholder="never" autocomplete="off"; }
                        label { span { "Requests a minute" } input name="limit" inputmode="numeric" placeholder="no limit" autocomplete="off"; }
                    }
                    fieldset class="controls" {
                        legend class="hidden" { "What it may do" }
                        label class="tick" { input type="checkbox" name="route" checked; span { "may send requests" } }
                        label class="tick" { input type="checkbox" name="manage"; span { "may manage, and sign in here" } }
                    }
                    div { button class="main" name="do" value="create" { "Make key" } }
                }
            }
        }
    }
}

fn new_project(projects: &[wire::Project], visitor: &Visitor) -> Markup {
    html! {
        section class="card" {
            h2 { "Projects" }
            @if projects.is_empty() { p class="dim" { "Without a key the project " code { "default" } " pays." } } @else {
                ul class="steps" { @for project in projects { li {
                    strong { (project.name) } " " span class="dim" { "since " (moment(project.created_at.as_ref())) }
                } } }
            }
            form class="controls" method="post" action="/dashboard/keys" {
                (token(visitor))
                label { span class="hidden" { "Name of the project" } input name="name" required maxlength="128" placeholder="name" autocomplete="off" spellcheck="false"; }
                button name="do" value="create-project" { "Make project" }
            }
        }
    }
}
