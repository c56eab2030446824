//! Signing in with a key that may manage, and signing out.
//!
//! The form belongs to a session of its own that nobody is signed in to, so that no page of others can
//! send it; whoever signs in gets a new one. Where somebody goes then is a page of the dashboard,
//! whatever the address says.

use std::sync::Arc;

use axum::extract::{Extension, Query, Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use maud::html;
use secrecy::SecretString;
use serde::Deserialize;
use terrace_domain::{Fault, Reason};

use super::Dashboard;
use super::form::{Form, TOKEN};
use super::gate::{self, Theme, Visitor};
use super::page;
use super::session::Session;
use crate::refusal::Refusal;

/// Where somebody goes who has not said where.
const HOME: &str = "/dashboard";

/// What the address of the form may say.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    /// Where to go afterwards.
    #[serde(default)]
    next: String,
}

/// `GET /dashboard/sign-in`.
pub(super) async fn ask(
    State(dashboard): State<Arc<Dashboard>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    if !dashboard.needs_sign_in {
        return Redirect::to(HOME).into_response();
    }
    let theme = Theme::of(&headers);
    let begun = dashboard.sessions.begin(None);
    let shown = begun.map_err(Refusal::from).and_then(|session| {
        let cookie = dashboard.cookie(&session, &headers)?;
        let form = form(&dashboard, &session, (&asked.next, theme), None);
        Ok(([(SET_COOKIE, cookie)], form).into_response())
    });
    shown.unwrap_or_else(|refusal| page::bare(theme, &refusal))
}

/// `POST /dashboard/sign-in`.
pub(super) async fn check(State(dashboard): State<Arc<Dashboard>>, request: Request) -> Response {
    let from = gate::address(&request);
    let (parts, body) = request.into_parts();
    let headers = parts.headers;
    let theme = Theme::of(&headers);
    let Some(session) = gate::session(&headers, &dashboard.sessions) else {
        // A form that was open for too long, or a browser that takes no cookies.
        return Redirect::to("/dashboard/sign-in").into_response();
    };
    let form = match Form::read(&dashboard, &session, &headers, body).await {
        Ok(form) => form,
        Err(refusal) => return page::bare(theme, &refusal),
    };
    let next = form.text("next");
    let secret = SecretString::from(form.text("key"));
    let tried = async {
        dashboard.guesses.may_try(from)?;
        dashboard.keys.admit(&secret, &dashboard.books).await
    };
    match tried.await {
        Ok(key) => {
            tracing::info!(terrace.service = "edge", key_id = %key.key_id, "signed in to the dashboard");
            let came_in = come_in(&dashboard, &session, secret, (next, &headers));
            came_in.unwrap_or_else(|refusal| page::bare(theme, &refusal))
        }
        Err(refusal) => {
            if refusal.failure.reason.fault() == Fault::Caller && !is_too_often(&refusal) {
                dashboard.guesses.note(from);
            }
            self::form(&dashboard, &session, (next, theme), Some(&refusal))
        }
    }
}

/// `POST /dashboard/sign-out`.
pub(super) async fn out(
    State(dashboard): State<Arc<Dashboard>>,
    Extension(visitor): Extension<Visitor>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let session = &visitor.session;
    let left = async {
        Form::read(&dashboard, session, &parts.headers, body).await?;
        dashboard.sessions.end(session);
        let cookie = gate::no_cookie(&parts.headers)?;
        let away = Redirect::to("/dashboard/sign-in");
        Ok(([(SET_COOKIE, cookie)], away).into_response())
    };
    let left: Result<Response, Refusal> = left.await;
    left.unwrap_or_else(|refusal| page::bare(visitor.theme, &refusal))
}

/// A new session, and the way to where they were going.
fn come_in(
    dashboard: &Dashboard,
    before: &Session,
    secret: SecretString,
    (next, headers): (&str, &HeaderMap),
) -> Result<Response, Refusal> {
    dashboard.sessions.end(before);
    let session = dashboard.sessions.begin(Some(secret))?;
    let cookie = dashboard.cookie(&session, headers)?;
    Ok(([(SET_COOKIE, cookie)], Redirect::to(inside(next))).into_response())
}

fn is_too_often(refusal: &Refusal) -> bool {
    refusal.failure.reason == Reason::Overloaded
}

/// The address, if it is one of the dashboard.
fn inside(next: &str) -> &str {
    let rest = next.strip_prefix(HOME);
    let is_ours = rest.is_some_and(|rest| {
        let is_whole = rest.is_empty() || rest.starts_with(['/', '?']);
        is_whole
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    });
    if is_ours { next } else { HOME }
}

fn form(
    dashboard: &Dashboard,
    session: &Session,
    (next, theme): (&str, Theme),
    refusal: Option<&Refusal>,
) -> Response {
    let told = refusal.map(|refusal| match refusal.failure.reason {
        Reason::Unauthenticated => "No key that holds is this one.".to_owned(),
        _ => refusal.message(str::to_owned),
    });
    let content = html! {
        h1 { "Sign in" }
        @if let Some(told) = &told { p class="notice bad" role="alert" { (told) } }
        form class="stack" method="post" action="/dashboard/sign-in" {
            input type="hidden" name=(TOKEN) value=(dashboard.sessions.token(session));
            input type="hidden" name="next" value=(inside(next));
            label { span { "Key" }
                input type="password" name="key" autocomplete="current-password" required autofocus maxlength="1024" spellcheck="false";
            }
            button class="main" { "Sign in" }
        }
        p class="dim" {
            "A key that has the scope " code { "manage" } ", or the operator's own. "
            code { "terrace key create NAME --project PROJECT --scope manage" } " makes one."
        }
    };
    let status = refusal.map_or(StatusCode::OK, Refusal::status);
    page::outside(status, "Sign in", theme, &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_to_another_host() {
        for ours in [
            "/dashboard",
            "/dashboard/keys",
            "/dashboard?range=7d",
            "/dashboard/requests/x?project=a%20b",
        ] {
            assert_eq!(inside(ours), ours);
        }
        for others in [
            "",
            "//evil.example",
            "https://evil.example",
            "/dashboardx",
            "/dashboard.evil.example",
            "/dashboard/\\evil",
            "/dashboard/\r\nset-cookie:a",
            "/v1/models",
        ] {
            assert_eq!(inside(others), HOME, "{others}");
        }
    }
}
