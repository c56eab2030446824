//! The frame of every page: what stands above and beside its content, and how a failure is shown.
//!
//! Whatever comes from outside goes through the templates, which escape it. The header in front of
//! every answer allows the styles and scripts of this edge and nothing else, no inline ones either.

use std::convert::Infallible;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use http::{HeaderName, HeaderValue, StatusCode, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::assets::{self, Asset};
use super::form::TOKEN;
use super::gate::{Theme, Visitor};
use crate::refusal::Refusal;

/// What pages may load and do.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Headers of every answer below `/dashboard`. A referrer for our own pages alone: without any,
/// browsers would not say that a form is ours.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=()",
    ),
];

/// A page that is linked from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Overview,
    Requests,
    Budgets,
    Backends,
    Keys,
    Playground,
}

impl Place {
    const ALL: [Self; 6] = [
        Self::Overview,
        Self::Requests,
        Self::Budgets,
        Self::Backends,
        Self::Keys,
        Self::Playground,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Requests => "Requests",
            Self::Budgets => "Budgets",
            Self::Backends => "Backends",
            Self::Keys => "Keys",
            Self::Playground => "Playground",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/dashboard",
            Self::Requests => "/dashboard/requests",
            Self::Budgets => "/dashboard/budgets",
            Self::Backends => "/dashboard/backends",
            Self::Keys => "/dashboard/keys",
            Self::Playground => "/dashboard/playground",
        }
    }

    /// The key that leads there, after `g`.
    const fn shortcut(self) -> &'static str {
        match self {
            Self::Overview => "o",
            Self::Requests => "r",
            Self::Budgets => "b",
            Self::Backends => "m",
            Self::Keys => "k",
            Self::Playground => "p",
        }
    }
}

/// A whole page for somebody who came in.
pub(super) fn page(here: Place, title: &str, visitor: &Visitor, content: &Markup) -> Response {
    let text = framed(here, title, visitor, content);
    answered(StatusCode::OK, Body::from(text))
}

/// A page whose frame and beginning leave at once, and whose `rest` when it is there: what takes a
/// while to sum up keeps nobody before an empty window.
pub(super) fn in_pieces(
    (here, title): (Place, &str),
    visitor: &Visitor,
    first: &Markup,
    rest: impl Future<Output = Markup> + Send + 'static,
) -> Response {
    // No name from outside looks like this: templates escape the angle.
    const REST: &str = "<!--rest-->";
    let text = framed(here, title, visitor, &html! { (first) (PreEscaped(REST)) });
    let (before, after) = text.split_once(REST).unwrap_or((&text, ""));
    let (before, after) = (before.to_owned(), after.to_owned());
    let rest = async { rest.await.into_string() };
    let pieces = stream::iter([before])
        .chain(stream::once(rest))
        .chain(stream::iter([after]));
    let pieces = pieces.map(|piece| Ok::<_, Infallible>(Bytes::from(piece)));
    answered(StatusCode::OK, Body::from_stream(pieces))
}

/// The text of a page, with what stands above its content.
fn framed(here: Place, title: &str, visitor: &Visitor, content: &Markup) -> String {
    let body = html! {
        a class="skip" href="#content" { "Skip to the content" }
        header class="top" {
            a class="brand" href="/dashboard" { (steps()) "Terrace" }
            nav aria-label="Pages" { ul {
                @for place in Place::ALL { li {
                    a href=(place.path()) data-go=(place.shortcut()) aria-current=[(place == here).then_some("page")] { (place.name()) }
                } }
            } }
            div class="who" {
                button type="button" class="quiet" data-theme-switch aria-label="Light or dark" title="Light or dark (t)" { "◐" }
                button type="button" class="quiet" data-help aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" { "?" }
                (whose(visitor))
            }
        }
        main id="content" tabindex="-1" { (content) }
        (help())
    };
    document(title, visitor.theme, &body)
}

/// Who is signed in, and the way out.
fn whose(visitor: &Visitor) -> Markup {
    html! {
        @if let Some(key) = &visitor.key {
            span class="dim name" title={ "signed in with the key " (key.name) " of " (key.project) } { (key.name) }
            form method="post" action="/dashboard/sign-out" {
                (token(visitor))
                button class="quiet" { "Sign out" }
            }
        }
    }
}

/// The field that every form sends along.
pub(super) fn token(visitor: &Visitor) -> Markup {
    html! { input type="hidden" name=(TOKEN) value=(visitor.token); }
}

/// What keys do; scripts open it.
fn help() -> Markup {
    let others = [
        ("/", "to the filter, or to the prompt"),
        ("t", "light or dark"),
        ("?", "this list"),
        ("Esc", "closes it"),
    ];
    html! {
        dialog id="help" aria-labelledby="help-title" {
            h2 id="help-title" { "Keyboard shortcuts" }
            dl class="keys" {
                @for place in Place::ALL {
                    dt { kbd { "g" } " " kbd { (place.shortcut()) } }
                    dd { (place.name()) }
                }
                @for (key, what) in others { dt { kbd { (key) } } dd { (what) } }
            }
            form method="dialog" { button { "Close" } }
        }
    }
}

/// The mark beside the name.
fn steps() -> Markup {
    html! {
        svg class="mark" viewBox="0 0 16 16" aria-hidden="true" {
            path d="M1 15V11h5V7h5V3h4v12z" {}
        }
    }
}

/// A page for somebody who has not come in.
pub(super) fn outside(status: StatusCode, title: &str, theme: Theme, content: &Markup) -> Response {
    let body = html! {
        main id="content" class="outside" {
            p class="brand" { (steps()) "Terrace" }
            (content)
        }
    };
    answered(status, Body::from(document(title, theme, &body)))
}

/// A refusal to somebody who has not come in.
pub(super) fn bare(theme: Theme, refusal: &Refusal) -> Response {
    let content = html! {
        h1 { "This cannot be shown" }
        (notice(refusal))
        p { a href="/dashboard" { "Try again" } }
    };
    outside(refusal.status(), "Cannot be shown", theme, &content)
}

/// A refusal to somebody who came in.
pub(super) fn refused(here: Place, visitor: &Visitor, refusal: &Refusal) -> Response {
    let content = html! {
        h1 { (here.name()) }
        (notice(refusal))
        p { a href=(here.path()) { "Back to " (here.name()) } }
    };
    let mut response = page(here, here.name(), visitor, &content);
    *response.status_mut() = refusal.status();
    response
}

/// What went wrong, in the words of the failure.
pub(super) fn notice(refusal: &Refusal) -> Markup {
    html! {
        p class="notice bad" role="alert" {
            strong { (refusal.failure.reason.as_str()) } " "
            (refusal.message(str::to_owned))
        }
    }
}

fn answered(status: StatusCode, body: Body) -> Response {
    let kind = (header::CONTENT_TYPE, "text/html; charset=utf-8");
    (status, [kind], body).into_response()
}

fn document(title: &str, theme: Theme, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" data-theme=[theme.word()] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Terrace" }
                link rel="icon" href=(assets::path(Asset::Icon)) type="image/svg+xml";
                @for sheet in Asset::SHEETS { link rel="stylesheet" href=(assets::path(sheet)); }
                @for script in Asset::SCRIPTS { script src=(assets::path(script)) defer {} }
            }
            body { (body) }
        }
    };
    page.into_string()
}

/// Puts the headers of safety on an answer, and keeps it out of every cache unless it says otherwise.
pub(super) async fn headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let not_kept = || HeaderValue::from_static("no-store");
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert_with(not_kept);
    response
}
