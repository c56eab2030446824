//! Forms that pages send: of the right type, not too large, with the token of their session.

use std::collections::BTreeMap;

use axum::body::Body;
use http::{HeaderMap, StatusCode, header};
use terrace_domain::{Failure, Reason};

use super::Dashboard;
use super::session::Session;
use crate::body;
use crate::refusal::Refusal;

/// The largest form; a prompt of the playground is the largest field.
const MOST_BYTES: usize = 1 << 20;
/// The field that holds the token of the session.
pub(super) const TOKEN: &str = "token";

/// The fields of a form that our own page has sent.
#[derive(Debug)]
pub(super) struct Form {
    fields: BTreeMap<String, String>,
}

impl Form {
    /// Reads a form of this session.
    ///
    /// # Errors
    /// It is none, it is too large or too slow, or it does not have the session's token.
    pub(super) async fn read(
        dashboard: &Dashboard,
        session: &Session,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Self, Refusal> {
        if !is_form(headers) {
            return Err(Refusal::http(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body has to be a form",
            ));
        }
        let bytes = body::read(body, MOST_BYTES, dashboard.settings.body_timeout).await?;
        let fields: BTreeMap<_, _> = url::form_urlencoded::parse(&bytes).into_owned().collect();
        let form = Self { fields };
        if !dashboard.sessions.is_token(session, form.text(TOKEN)) {
            let text =
                "this form is not of your session: open the page again and send it once more";
            return Err(Failure::new(Reason::PermissionDenied, text).into());
        }
        Ok(form)
    }

    /// A field without the blanks around it; empty when there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |value| value.trim())
    }

    /// Whether a box is ticked.
    pub(super) fn is_ticked(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// A field with something in it.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// A field with something in it, which `read` understands.
    ///
    /// # Errors
    /// It does not; the message says `wanted`.
    pub(super) fn read_as<T>(
        &self,
        name: &str,
        wanted: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let Some(text) = self.given(name) else {
            return Ok(None);
        };
        match read(text) {
            Some(value) => Ok(Some(value)),
            None => Err(Refusal::field(name, wanted)),
        }
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
