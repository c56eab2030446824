//! Budgets and where they stand, alerts as they come, and what can be changed.

mod change;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::response::Response;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use maud::{Markup, html};
use terrace_proto::ledger::v1 as wire;
use time::OffsetDateTime;
use tokio::time::timeout;
use tonic::Streaming;

use super::Dashboard;
use super::books::Books;
use super::format::{exact, moment, percent, stamp};
use super::gate::Visitor;
use super::live::{self, Change, Feed};
use super::page::{self, Place, page};
use crate::account::word;
use crate::refusal::Refusal;
pub(super) use change::set;

/// How far back alerts are shown.
const SINCE: time::Duration = time::Duration::days(7);
/// Alerts that are shown.
const MOST: usize = 20;
/// How long a page waits for past alerts.
const PATIENCE: Duration = Duration::from_millis(60);

/// `GET /dashboard/budgets`.
pub(super) async fn show(
    State(dashboard): State<Arc<Dashboard>>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    let mut watched = Watched::default();
    match watched.look(&dashboard.books, PATIENCE).await {
        Ok(budgets) => {
            let content = html! {
                div class="title" { h1 { "Budgets" } span class="live" data-light="budgets" role="status" { "not live" } }
                div id="budgets" data-live="/dashboard/budgets/live" { (part(&budgets, &watched.alerts)) }
                (change::forms(&budgets, &visitor))
            };
            page(Place::Budgets, "Budgets", &visitor, &content)
        }
        Err(refusal) => page::refused(Place::Budgets, &visitor, &refusal),
    }
}

/// `GET /dashboard/budgets/live`.
pub(super) async fn follow(
    State(dashboard): State<Arc<Dashboard>>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    live::follow(Watched::default(), dashboard, visitor)
}

/// What has been seen of budgets and alerts.
#[derive(Default)]
struct Watched {
    stream: Option<Streaming<wire::WatchAlertsResponse>>,
    /// The newest first.
    alerts: Vec<wire::WatchAlertsResponse>,
    shown: String,
}

impl Watched {
    /// Where the budgets stand, after a look at what alerts there are.
    async fn look(
        &mut self,
        books: &Books,
        patience: Duration,
    ) -> Result<Vec<wire::Budget>, Refusal> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                self.alerts.clear();
                books
                    .alerts(stamp(OffsetDateTime::now_utc() - SINCE))
                    .await?
            }
        };
        while let Ok(Ok(Some(alert))) = timeout(patience, stream.message()).await {
            self.alerts.insert(0, alert);
            self.alerts.truncate(MOST);
        }
        // A stream that has ended says so at once; it is asked for anew the next time.
        if stream.message().now_or_never().is_none() {
            self.stream = Some(stream);
        }
        books.budgets().await
    }
}

impl Feed for Watched {
    const EVERY: Duration = Duration::from_secs(2);

    fn changed<'a>(
        &'a mut self,
        dashboard: &'a Dashboard,
        _visitor: &'a Visitor,
    ) -> BoxFuture<'a, Result<Option<Change>, Refusal>> {
        Box::pin(async {
            let budgets = self.look(&dashboard.books, PATIENCE).await?;
            let part = part(&budgets, &self.alerts);
            let is_new = part.0 != self.shown;
            part.0.clone_into(&mut self.shown);
            Ok(is_new.then_some(Change::Replace(part)))
        })
    }
}

/// What is kept up to date.
fn part(budgets: &[wire::Budget], alerts: &[wire::WatchAlertsResponse]) -> Markup {
    html! {
        section class="card" {
            h2 { "Where they stand" }
            @if budgets.is_empty() {
                p class="empty" { "There is no budget: nothing limits what is spent. Set one below, or " code { "cost_control.daily_budget" } " in the config." }
            } @else {
                div class="wide" tabindex="0" role="group" aria-label="Budgets" { table {
                    thead { tr {
                        th scope="col" { "budget" } th scope="col" { "used" } th scope="col" class="right" { "spent" } th scope="col" class="right" { "held" }
                        th scope="col" class="right" { "cap" } th scope="col" { "opens again" } th scope="col" { "set by" }
                    } }
                    tbody { @for budget in budgets { (row(budget)) } }
                } }
            }
        }
        section class="card" {
            h2 { "Alerts of seven days" }
            @if alerts.is_empty() { p class="empty" { "None." } } @else {
                ul class="steps" { @for alert in alerts { (told(alert)) } }
            }
        }
    }
}

fn row(budget: &wire::Budget) -> Markup {
    let cap = budget
        .cap_nano_usd
        .saturating_add(budget.topped_up_nano_usd);
    let used = budget
        .spent_nano_usd
        .saturating_add(budget.reserved_nano_usd);
    let part = |nanos: i64| {
        if cap > 0 {
            nanos as f64 / cap as f64
        } else {
            1.0
        }
    };
    html! {
        tr {
            th scope="row" { (budget.name) @if budget.paused { " " span class="badge bad" { "paused" } } @else { (state(part(used), budget.alert_threshold)) } }
            td class="hop" { span { (percent(part(used))) } (bar(part(budget.spent_nano_usd), part(budget.reserved_nano_usd))) }
            td class="right" { (exact(budget.spent_nano_usd)) }
            td class="right" { (exact(budget.reserved_nano_usd)) @if budget.leased_nano_usd != 0 { br; span class="dim" { (exact(budget.leased_nano_usd)) " lent" } } }
            td class="right" { (exact(budget.cap_nano_usd)) @if budget.topped_up_nano_usd != 0 { br; span class="dim" { "+ " (exact(budget.topped_up_nano_usd)) } } }
            td class="nowrap" { (moment(budget.period_end.as_ref())) " UTC" br; span class="dim" { "days of " (budget.time_zone) } }
            td { (origin(budget.origin())) }
        }
    }
}

fn state(used: f64, threshold: f64) -> Markup {
    html! {
        @if used >= 1.0 { " " span class="badge bad" { "used up" } }
        @else if threshold > 0.0 && used >= threshold { " " span class="badge warn" { "nearly" } }
    }
}

fn bar(spent: f64, held: f64) -> Markup {
    let spent = (spent * 100.0).clamp(0.0, 100.0);
    let held = (held * 100.0).clamp(0.0, 100.0 - spent);
    html! {
        svg class="hop" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
            rect class="rest" width="100" height="10" {}
            rect class=(if spent >= 100.0 { "bad" } else { "good" }) width=(format!("{spent:.2}")) height="10" {}
            rect class="dull" x=(format!("{spent:.2}")) width=(format!("{held:.2}")) height="10" {}
        }
    }
}

const fn origin(origin: wire::BudgetOrigin) -> &'static str {
    match origin {
        wire::BudgetOrigin::Config => "the config",
        wire::BudgetOrigin::Call => "a call",
        wire::BudgetOrigin::Unspecified => "–",
    }
}

fn told(alert: &wire::WatchAlertsResponse) -> Markup {
    let budget = alert.budget.clone().unwrap_or_default();
    let (class, why) = match alert.kind() {
        wire::AlertKind::Threshold => ("badge warn", "has reached its alert threshold"),
        wire::AlertKind::Refused => ("badge bad", "has begun to refuse"),
        wire::AlertKind::Unspecified => ("badge", "has an alert"),
    };
    html! {
        li {
            span class=(class) { (word(alert.kind().as_str_name(), "ALERT_KIND_")) } " "
            strong { (budget.name) } " " (why) ": " (exact(budget.spent_nano_usd)) " spent, " (exact(budget.reserved_nano_usd)) " held of " (exact(budget.cap_nano_usd))
            " " span class="dim nowrap" { (moment(alert.at.as_ref())) " UTC" }
        }
    }
}
