//! The pages for people: what was spent and saved, requests as they come, budgets, backends, keys and
//! a playground. `docs/DASHBOARD.md` tells how to use them.
//!
//! The way of a request: the headers of safety ([`page`]) → whether a page of ours sends it, and who is
//! signed in ([`gate`], [`session`]) → a page, which asks the ledger ([`books`]) or the orchestrator and
//! writes what it was told into a template. Nothing is kept here: who has signed in stands in a sealed
//! cookie, everything else in the ledger.

mod assets;
mod attempts;
mod backends;
mod books;
mod budgets;
mod chart;
mod form;
mod format;
mod gate;
mod guesses;
mod keys;
mod live;
mod overview;
mod page;
mod plan;
mod playground;
mod requests;
mod session;
mod sign_in;
mod watched;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use http::{HeaderMap, Uri, header};
use terrace_domain::{Failure, Reason};
use terrace_rpc::{Deadline, Link};
use terrace_runtime::Shutdown;

use crate::caller;
use crate::config::Settings;
use crate::orchestrator::{Call, Orchestrator};
use crate::refusal::Refusal;
use crate::routes;
use books::Books;
use gate::{Keys, Theme, Visitor};
use guesses::Guesses;
use session::Sessions;
pub use session::UnusableSecret;

/// What every page has at hand.
#[derive(Debug)]
pub(crate) struct Dashboard {
    settings: Settings,
    /// Whether whoever comes has to sign in.
    needs_sign_in: bool,
    sessions: Sessions,
    keys: Keys,
    guesses: Guesses,
    orchestrator: Orchestrator,
    books: Books,
    /// Thrown when the edge is about to stop.
    shutdown: Shutdown,
}

impl Dashboard {
    /// The dashboard over a link to the ledger; none where the config has it switched off.
    ///
    /// # Errors
    /// The secret of sessions is named and cannot be used.
    pub(crate) fn new(
        settings: &Settings,
        (orchestrator, ledger): (Orchestrator, Link),
        shutdown: Shutdown,
    ) -> Result<Option<Self>, UnusableSecret> {
        let wanted = &settings.dashboard;
        if !wanted.enabled {
            return Ok(None);
        }
        let is_open = !settings.needs_keys && settings.listen.ip().is_loopback();
        Ok(Some(Self {
            needs_sign_in: wanted.sign_in || !is_open,
            sessions: Sessions::new(&wanted.session_secret, wanted.session_ttl)?,
            keys: Keys::new(),
            guesses: Guesses::new(),
            orchestrator,
            books: Books::new(ledger, settings.max_message_bytes),
            settings: settings.clone(),
            shutdown,
        }))
    }

    /// The same for a stream that goes on for as long as somebody looks.
    fn watch(&self, visitor: &Visitor) -> Result<Call, Refusal> {
        Ok(Call {
            caller: visitor.caller()?,
            deadline: Deadline::within(books::WATCH),
        })
    }

    /// A call of the orchestrator in somebody's name.
    fn call(&self, visitor: &Visitor) -> Result<Call, Refusal> {
        Ok(Call {
            caller: visitor.caller()?,
            deadline: caller::deadline(None, &self.settings),
        })
    }
}

/// The routes of the dashboard, for a table with any state.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(dashboard: Dashboard) -> Router<S> {
    let dashboard = Arc::new(dashboard);
    let inside = Router::new()
        .route("/dashboard", get(overview::show))
        .route("/dashboard/requests", get(requests::show))
        .route("/dashboard/requests/live", get(requests::follow))
        .route("/dashboard/requests/in-flight", get(requests::in_flight))
        .route("/dashboard/requests/{id}", get(requests::one))
        .route("/dashboard/requests/{id}/live", get(requests::follow_one))
        .route("/dashboard/budgets", get(budgets::show).post(budgets::set))
        .route("/dashboard/budgets/live", get(budgets::follow))
        .route("/dashboard/backends", get(backends::show))
        .route("/dashboard/backends/live", get(backends::follow))
        .route("/dashboard/keys", get(keys::show).post(keys::change))
        .route("/dashboard/playground", get(playground::show))
        .route("/dashboard/playground/plan", post(playground::explain))
        .route("/dashboard/playground/run", post(playground::run))
        .route("/dashboard/sign-out", post(sign_in::out))
        .route("/dashboard/{*rest}", get(nothing_here).post(nothing_here))
        .layer(from_fn_with_state(Arc::clone(&dashboard), gate::enter));
    let outside = Router::new()
        .route(
            "/dashboard/",
            get(async || Redirect::permanent("/dashboard")),
        )
        .route("/dashboard/assets/{version}/{name}", get(assets::one))
        .route("/dashboard/sign-in", get(sign_in::ask).post(sign_in::check));
    inside
        .merge(outside)
        .layer(from_fn_with_state(
            Arc::clone(&dashboard),
            gate::own_pages_alone,
        ))
        .route("/", get(front))
        .layer(map_response(page::headers))
        .with_state(dashboard)
}

/// A browser that comes without a path is shown the dashboard, a program what it always gets.
async fn front(headers: HeaderMap, uri: Uri) -> Response {
    let accepts = headers.get(header::ACCEPT);
    match accepts.is_some_and(|kinds| kinds.as_bytes().starts_with(b"text/html")) {
        true => Redirect::to("/dashboard").into_response(),
        false => routes::not_found(uri).await,
    }
}

async fn nothing_here(State(_): State<Arc<Dashboard>>, headers: HeaderMap) -> Response {
    let failure = Failure::new(Reason::NotFound, "there is no such page");
    page::bare(Theme::of(&headers), &Refusal::from(failure))
}
