//! Who may come in: whoever signed in with a key that may manage, or, where no key is needed, anybody
//! on this very machine.
//!
//! Looked at in this order: whether the page that sends the request is ours, whether there is a
//! session, and whether its key still holds. Where nobody signs in, the request has to name this
//! machine as its host: a page of somebody else that had its own name lead here (DNS rebinding) does
//! not. The cookie is for these paths alone, scripts do not see it, and pages of others do not send it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::header::{COOKIE, HOST, ORIGIN, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use moka::sync::Cache;
use ring::digest;
use secrecy::{ExposeSecret as _, SecretString};
use terrace_domain::{Failure, Fault, Reason};
use terrace_proto::ledger::v1::Key;
use tonic::transport::server::TcpConnectInfo;

use super::Dashboard;
use super::books::Books;
use super::page;
use super::session::{Session, Sessions};
use crate::caller::Caller;
use crate::origin::is_loopback;
use crate::refusal::Refusal;

/// The cookie of a session.
const SESSION: &str = "terrace_session";
/// The cookie that says light or dark.
const THEME: &str = "terrace_theme";
/// What a key needs.
const MANAGE: &str = "manage";
/// How long it is kept what the ledger said of a key: so long a revoked one still works.
const KEPT: Duration = Duration::from_secs(1);
const MOST_KEPT: u64 = 1000;

/// Somebody who came in.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) session: Session,
    /// The key that they signed in with; none where nobody has to.
    pub(super) key: Option<Key>,
    /// What their forms send along.
    pub(super) token: String,
    pub(super) theme: Theme,
}

/// Light or dark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Theme {
    /// As the system has it.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    /// The word that the style sheets have for it.
    pub(super) const fn word(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }

    pub(super) fn of(headers: &HeaderMap) -> Self {
        match cookie(headers, THEME) {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => Self::System,
        }
    }
}

impl Visitor {
    /// The id of their key, for the log.
    pub(super) fn key_id(&self) -> &str {
        self.key.as_ref().map_or("", |key| key.key_id.as_str())
    }

    /// In whose name the router is called.
    pub(super) fn caller(&self) -> Result<Caller, Refusal> {
        Caller::with_key(self.session.secret.as_ref())
    }
}

/// Which keys hold, as the ledger said within the last second.
#[derive(Debug)]
pub(super) struct Keys {
    kept: Cache<[u8; 32], Result<Key, Failure>>,
}

impl Keys {
    pub(super) fn new() -> Self {
        let kept = Cache::builder()
            .max_capacity(MOST_KEPT)
            .time_to_live(KEPT)
            .build();
        Self { kept }
    }

    /// The key behind a secret, if it may manage.
    pub(super) async fn admit(&self, secret: &SecretString, books: &Books) -> Result<Key, Refusal> {
        let key = self.find(secret, books).await?;
        if key.scopes.iter().any(|scope| scope == MANAGE) {
            return Ok(key);
        }
        let text = "this key may not manage: sign in with one that has the scope `manage`";
        Err(Failure::new(Reason::PermissionDenied, text).into())
    }

    async fn find(&self, secret: &SecretString, books: &Books) -> Result<Key, Refusal> {
        let hashed = digest::digest(&digest::SHA256, secret.expose_secret().as_bytes());
        let mut at = [0; 32];
        at.copy_from_slice(hashed.as_ref());
        if let Some(known) = self.kept.get(&at) {
            return Ok(known?);
        }
        let found = books.authenticate(secret.expose_secret()).await;
        let found = found.map_err(|refusal| *refusal.failure);
        // A ledger that does not answer has told nothing that could be kept.
        let is_told = found
            .as_ref()
            .map_or_else(|failure| failure.reason.fault() == Fault::Caller, |_| true);
        if is_told {
            self.kept.insert(at, found.clone());
        }
        Ok(found?)
    }
}

/// Lets a request in, with its [`Visitor`] in the extensions, or sends it to the sign-in.
pub(super) async fn enter(
    State(dashboard): State<Arc<Dashboard>>,
    mut request: Request,
    next: Next,
) -> Response {
    let (visitor, is_new) = match admitted(&dashboard, request.headers()).await {
        Ok(admitted) => admitted,
        Err(refusal) => return turned_away(&dashboard, &request, &refusal),
    };
    let cookie = is_new.then(|| dashboard.cookie(&visitor.session, request.headers()));
    request.extensions_mut().insert(visitor);
    let mut response = next.run(request).await;
    if let Some(Ok(cookie)) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Refuses what pages of others send; in front of everything, the sign-in too.
pub(super) async fn own_pages_alone(
    State(dashboard): State<Arc<Dashboard>>,
    request: Request,
    next: Next,
) -> Response {
    let is_elsewhere = !dashboard.needs_sign_in && !is_this_machine(&request);
    let text = match (is_elsewhere, is_foreign(&request)) {
        (false, false) => return next.run(request).await,
        (true, _) => {
            "nobody has to sign in here, so the dashboard answers on this machine alone: open it by \
             http://127.0.0.1, http://localhost or http://[::1]"
        }
        (_, true) => "pages of others may not call the dashboard",
    };
    let refusal = Refusal::from(Failure::new(Reason::PermissionDenied, text));
    page::bare(Theme::of(request.headers()), &refusal)
}

async fn admitted(dashboard: &Dashboard, headers: &HeaderMap) -> Result<(Visitor, bool), Refusal> {
    let known = session(headers, &dashboard.sessions);
    let theme = Theme::of(headers);
    let (session, key, is_new) = match (known, dashboard.needs_sign_in) {
        (Some(session), true) => {
            let Some(secret) = &session.secret else {
                return Err(signed_out());
            };
            let key = dashboard.keys.admit(secret, &dashboard.books).await?;
            (session, Some(key), false)
        }
        (None, true) => return Err(signed_out()),
        (Some(session), false) => (session, None, false),
        (None, false) => (dashboard.sessions.begin(None)?, None, true),
    };
    let visitor = Visitor {
        token: dashboard.sessions.token(&session),
        session,
        key,
        theme,
    };
    Ok((visitor, is_new))
}

/// To the sign-in, and back to where they were going; a script is told so by the status alone.
fn turned_away(dashboard: &Dashboard, request: &Request, refusal: &Refusal) -> Response {
    let is_theirs = refusal.failure.reason.fault() == Fault::Caller
        || refusal.failure.reason == Reason::PermissionDenied;
    let accepts = request.headers().get(http::header::ACCEPT);
    let is_page = accepts.is_some_and(|kinds| kinds.as_bytes().starts_with(b"text/html"));
    if !is_theirs || !dashboard.needs_sign_in {
        return page::bare(Theme::of(request.headers()), refusal);
    }
    if !is_page {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut to = String::from("/dashboard/sign-in");
    if request.method() == Method::GET {
        let next = request
            .uri()
            .path_and_query()
            .map_or("", |path| path.as_str());
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("next", next)
            .finish();
        to = format!("{to}?{query}");
    }
    Redirect::to(&to).into_response()
}

fn signed_out() -> Refusal {
    Failure::new(Reason::Unauthenticated, "nobody is signed in").into()
}

/// The session of a request's cookie.
pub(super) fn session(headers: &HeaderMap, sessions: &Sessions) -> Option<Session> {
    sessions.open(cookie(headers, SESSION)?)
}

impl Dashboard {
    /// The header that gives a session to a browser.
    pub(super) fn cookie(
        &self,
        session: &Session,
        headers: &HeaderMap,
    ) -> Result<HeaderValue, Failure> {
        let sealed = self.sessions.seal(session)?;
        header(&sealed, self.sessions.ttl(), is_over_tls(headers))
    }
}

/// The header that takes a session away from a browser.
pub(super) fn no_cookie(headers: &HeaderMap) -> Result<HeaderValue, Failure> {
    header("", Duration::ZERO, is_over_tls(headers))
}

fn header(value: &str, ttl: Duration, is_over_tls: bool) -> Result<HeaderValue, Failure> {
    let secure = if is_over_tls { "; Secure" } else { "" };
    let ttl = ttl.as_secs();
    let text = format!(
        "{SESSION}={value}; Path=/dashboard; Max-Age={ttl}; HttpOnly; SameSite=Strict{secure}"
    );
    HeaderValue::from_str(&text)
        .map_err(|_| Failure::new(Reason::Internal, "the session is no header"))
}

/// The edge speaks no TLS itself: what stands in front of it says whether it does.
fn is_over_tls(headers: &HeaderMap) -> bool {
    let by = headers.get("x-forwarded-proto");
    by.is_some_and(|by| by.as_bytes().eq_ignore_ascii_case(b"https"))
}

/// The address of whoever called.
pub(super) fn address(request: &Request) -> Option<IpAddr> {
    let connection = request.extensions().get::<TcpConnectInfo>()?;
    connection.remote_addr.as_ref().map(SocketAddr::ip)
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).into_iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let mut named = pairs.filter_map(|pair| pair.trim().split_once('='));
    named.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Whether a request is sent by a page of somebody else; a link that somebody follows is not.
fn is_foreign(request: &Request) -> bool {
    let headers = request.headers();
    let word = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(origin) = headers.get(ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let from = origin.split_once("://").map(|(_, authority)| authority);
        return from.is_none() || from != host(request);
    }
    let is_link = request.method() == Method::GET && word("sec-fetch-mode") == Some("navigate");
    match word("sec-fetch-site") {
        None | Some("same-origin" | "none") => false,
        Some(_) => !is_link,
    }
}

fn is_this_machine(request: &Request) -> bool {
    host(request).is_some_and(is_loopback)
}

/// The host that a request names.
fn host(request: &Request) -> Option<&str> {
    let header = request.headers().get(HOST);
    let authority = || request.uri().authority().map(http::uri::Authority::as_str);
    header.map_or_else(authority, |host| host.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn request(method: &str, headers: &[(&str, &str)]) -> Request {
        let mut request = http::Request::builder().method(method).uri("/dashboard");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn only_our_own_pages_send_requests() {
        let own = ("host", "127.0.0.1:7680");
        for ours in [
            vec![own],
            vec![own, ("origin", "http://127.0.0.1:7680")],
            vec![own, ("sec-fetch-site", "same-origin")],
            vec![own, ("sec-fetch-site", "none")],
            vec![
                own,
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
            ],
        ] {
            assert!(!is_foreign(&request("GET", &ours)), "{ours:?}");
        }
        for foreign in [
            vec![own, ("origin", "https://evil.example")],
            vec![own, ("origin", "null")],
            vec![own, ("origin", "http://127.0.0.1:3000")],
            vec![
                own,
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "no-cors"),
            ],
            vec![own, ("sec-fetch-site", "same-site")],
        ] {
            assert!(is_foreign(&request("GET", &foreign)), "{foreign:?}");
        }
        let posted = [
            own,
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
        ];
        assert!(is_foreign(&request("POST", &posted)));
    }

    #[test]
    fn a_name_that_leads_here_is_not_this_machine() {
        let at = |host: &str| is_this_machine(&request("GET", &[("host", host)]));
        assert!(at("127.0.0.1:7680") && at("localhost") && at("[::1]:7680"));
        assert!(!at("evil.example:7680") && !at("127.0.0.1.evil.example"));
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=b; terrace_theme=dark".parse().unwrap());
        assert_eq!(Theme::of(&headers), Theme::Dark);
        assert_eq!(cookie(&headers, SESSION), None);
    }

    #[test]
    fn a_session_is_for_browsers_alone_and_for_tls_where_there_is_any() {
        let plain = header("x", Duration::from_secs(5), false).unwrap();
        let text = plain.to_str().unwrap();
        assert!(text.contains("HttpOnly; SameSite=Strict") && !text.contains("Secure"));
        assert!(text.contains("Path=/dashboard; Max-Age=5;"));
        let secure = header("x", Duration::from_secs(5), true).unwrap();
        assert!(secure.to_str().unwrap().ends_with("; Secure"));
    }
}
