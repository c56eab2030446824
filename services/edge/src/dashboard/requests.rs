//! Requests while they are answered, and as they end, the newest first: lists that go on by themselves.
//! What has ended is filtered as `terrace usage list` is.

mod hops;
mod in_flight;
mod line;
mod one;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Query, State};
use axum::response::Response;
use futures::future::BoxFuture;
use maud::{Markup, html};
use serde::Deserialize;
use terrace_proto::ledger::v1 as wire;

use super::Dashboard;
use super::books::Books;
use super::gate::Visitor;
use super::live::{self, Change, Feed};
use super::page::{self, Place, page};
use crate::refusal::Refusal;
pub(super) use in_flight::follow as in_flight;
use line::Line;
pub(super) use one::{follow as follow_one, show as one};

/// Steps that are asked for at once.
const PAGE: u32 = 200;
/// Rows that a list has.
const ROWS: usize = 100;

/// What the address may say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// Which requests.
    filter: String,
    /// Where the page begins.
    page: String,
    /// When the newest request closed that the page has, in nanoseconds.
    after: String,
}

/// `GET /dashboard/requests`.
pub(super) async fn show(
    State(dashboard): State<Arc<Dashboard>>,
    Extension(visitor): Extension<Visitor>,
    Query(asked): Query<Asked>,
) -> Response {
    let first = html! {
        div class="title" { h1 { "Requests" } (search(&asked)) }
        @if asked.filter.is_empty() && asked.page.is_empty() { (in_flight::part()) }
    };
    if asked.filter.is_empty() && asked.page.is_empty() {
        // There is nothing in the question that could be wrong.
        let of = (Place::Requests, "Requests");
        let rest = async move {
            let listed = list(&dashboard.books, "", "").await;
            listed_or_why(&listed, &asked)
        };
        return page::in_pieces(of, &visitor, &first, rest);
    }
    let listed = list(&dashboard.books, &asked.filter, &asked.page).await;
    let content = html! { (first) (listed_or_why(&listed, &asked)) };
    let status = listed.as_ref().err().map(Refusal::status);
    let mut response = page(Place::Requests, "Requests", &visitor, &content);
    *response.status_mut() = status.unwrap_or_default();
    response
}

fn listed_or_why(listed: &Result<wire::ListUsageResponse, Refusal>, asked: &Asked) -> Markup {
    match listed {
        Ok(listed) => rows(listed, asked),
        Err(refusal) => page::notice(refusal),
    }
}

/// `GET /dashboard/requests/live`.
pub(super) async fn follow(
    State(dashboard): State<Arc<Dashboard>>,
    Extension(visitor): Extension<Visitor>,
    Query(asked): Query<Asked>,
) -> Response {
    let newest = Newest {
        after: asked.after.parse().unwrap_or(i128::MAX),
        filter: asked.filter,
        seen: None,
    };
    live::follow(newest, dashboard, visitor)
}

async fn list(books: &Books, filter: &str, page: &str) -> Result<wire::ListUsageResponse, Refusal> {
    let wanted = wire::ListUsageRequest {
        page_size: PAGE,
        page_token: page.to_owned(),
        filter: filter.to_owned(),
    };
    books.usage(wanted).await
}

fn search(asked: &Asked) -> Markup {
    html! {
        form class="controls search" method="get" action="/dashboard/requests" role="search" {
            label { span class="hidden" { "Filter" }
                input type="search" name="filter" value=(asked.filter) data-first="" list="filters" autocomplete="off" spellcheck="false"
                    placeholder="action=edit_file since=24h" aria-describedby="filter-help";
            }
            datalist id="filters" {
                @for term in ["since=1h", "since=24h", "outcome=rejected", "outcome=failed", "tier=api_fallback", "project=default"] { option value=(term) {} }
            }
            button { "Filter" }
            span id="filter-help" class="hidden" { "Terms with blanks between them: project, key, action, tier, backend, model, outcome, tag.NAME, since, until" }
        }
    }
}

fn rows(listed: &wire::ListUsageResponse, asked: &Asked) -> Markup {
    let lines = line::lines(&listed.events);
    let is_first = asked.page.is_empty();
    let newest = lines.iter().map(Line::closed_nanos).max();
    let query = |pairs: &[(&str, &str)]| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs);
        query.finish()
    };
    let after = newest.unwrap_or(0).to_string();
    let live = format!(
        "/dashboard/requests/live?{}",
        query(&[("filter", &asked.filter), ("after", &after)])
    );
    let older = query(&[("filter", &asked.filter), ("page", &listed.next_page_token)]);
    html! {
        section class="card" {
            div class="title" {
                p class="dim" { "Times are in UTC. A request is listed here when it has ended; choose one to see its plan and its attempts." }
                @if is_first { span class="live" data-light="requests" role="status" { "not live" } }
            }
            div class="wide" tabindex="0" role="group" aria-label="Requests" { table {
                thead { tr {
                    th scope="col" { "ended" } th scope="col" { "outcome" } th scope="col" { "action" } th scope="col" class="more" { "project" } th scope="col" { "answered by" }
                    th scope="col" class="right" { "score" } th scope="col" class="right" { "attempts" } th scope="col" class="right" { "took" }
                    th scope="col" class="right" { "cost" } th scope="col" class="right more" { "saved" }
                } }
                tbody id="requests" data-live=[is_first.then_some(&live)] { @for line in &lines { (line.row(false)) } }
            } }
            @if lines.is_empty() { p class="empty" data-empty="" { "No request has ended that this is about." } }
        }
        @if !listed.next_page_token.is_empty() { p { a class="button" href={ "/dashboard/requests?" (older) } { "Older" } } }
        @if !is_first { p { a href={ "/dashboard/requests?" (query(&[("filter", &asked.filter)])) } { "To the newest" } } }
    }
}

/// Tells of requests that a page does not have yet.
struct Newest {
    filter: String,
    /// The newest that the page has.
    after: i128,
    /// Those that were listed last; none before the first time.
    seen: Option<BTreeSet<String>>,
}

impl Feed for Newest {
    const EVERY: Duration = Duration::from_secs(1);

    fn changed<'a>(
        &'a mut self,
        dashboard: &'a Dashboard,
        _visitor: &'a Visitor,
    ) -> BoxFuture<'a, Result<Option<Change>, Refusal>> {
        Box::pin(async {
            let listed = list(&dashboard.books, &self.filter, "").await?;
            Ok(self.unseen(&line::lines(&listed.events)))
        })
    }
}

impl Newest {
    fn unseen(&mut self, lines: &[Line<'_>]) -> Option<Change> {
        let is_new = |line: &&Line<'_>| match &self.seen {
            Some(seen) => !seen.contains(line.id()),
            None => line.closed_nanos() > self.after,
        };
        let new: Vec<&Line<'_>> = lines.iter().filter(is_new).collect();
        let rows = html! { @for line in &new { (line.row(true)) } };
        let is_any = !new.is_empty();
        self.seen = Some(lines.iter().map(|line| line.id().to_owned()).collect());
        is_any.then_some(Change::First(rows, ROWS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, seconds: i64) -> wire::UsageEvent {
        wire::UsageEvent {
            request_id: id.to_owned(),
            closed_at: Some(prost_types::Timestamp { seconds, nanos: 0 }),
            ..wire::UsageEvent::default()
        }
    }

    fn told(newest: &mut Newest, events: &[wire::UsageEvent]) -> String {
        match newest.unseen(&line::lines(events)) {
            Some(Change::First(html, _)) => html.into_string(),
            _ => String::new(),
        }
    }

    #[test]
    fn each_request_is_told_once_and_those_of_the_page_not_at_all() {
        let mut newest = Newest {
            filter: String::new(),
            after: 5_000_000_000,
            seen: None,
        };
        let first = told(&mut newest, &[event("new", 6), event("old", 5)]);
        assert!(
            first.contains("/new?") && !first.contains("/old?"),
            "{first}"
        );
        assert!(told(&mut newest, &[event("new", 6), event("old", 5)]).is_empty());
        // One that closed a moment before another, and was written a moment after it.
        let later = told(
            &mut newest,
            &[event("new", 6), event("late", 6), event("old", 5)],
        );
        assert!(
            later.contains("/late?") && !later.contains("/new?"),
            "{later}"
        );
    }
}
