//! What a call brings along besides its body: the key, and how long it may take.
//!
//! The key is not checked here: it goes on to the orchestrator's door, which knows whose it is. A
//! call without any, where one is needed, ends before its body is read.

use std::time::Duration;

use http::{HeaderMap, header};
use secrecy::{ExposeSecret as _, SecretString};
use terrace_domain::{Failure, Reason};
use terrace_rpc::Deadline;
use terrace_rpc::deadline::request_within;
use tonic::metadata::errors::InvalidMetadataValue;
use tonic::metadata::{Ascii, MetadataValue};

use crate::config::Settings;
use crate::refusal::Refusal;

/// Where Anthropic's clients put the key.
const X_API_KEY: &str = "x-api-key";

/// Whose call it is, in the words of the door.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    authorization: Option<MetadataValue<Ascii>>,
}

impl Caller {
    /// Takes the key of a call.
    ///
    /// # Errors
    /// There is none and one is needed, or it cannot be one.
    pub(crate) fn of(headers: &HeaderMap, settings: &Settings) -> Result<Self, Refusal> {
        let bearer = headers.get(header::AUTHORIZATION).cloned();
        let authorization = match (bearer, headers.get(X_API_KEY)) {
            (Some(bearer), _) => Some(bearer.as_bytes().to_vec()),
            (None, Some(key)) => Some([b"Bearer ", key.as_bytes()].concat()),
            (None, None) => None,
        };
        let Some(authorization) = authorization else {
            return match settings.needs_keys {
                true => Err(no_key("no key came with the call")),
                false => Ok(Self {
                    authorization: None,
                }),
            };
        };
        let authorization = MetadataValue::try_from(authorization.as_slice())
            .map_err(|_| no_key("the key of the call is no text"))?;
        Ok(Self {
            authorization: Some(authorization),
        })
    }

    /// A call with this key, or in nobody's name.
    ///
    /// # Errors
    /// It cannot be a key.
    pub(crate) fn with_key(secret: Option<&SecretString>) -> Result<Self, Refusal> {
        let authorization = secret.map(|secret| {
            let mut value = MetadataValue::try_from(format!("Bearer {}", secret.expose_secret()))?;
            value.set_sensitive(true);
            Ok::<_, InvalidMetadataValue>(value)
        });
        let authorization = authorization.transpose();
        Ok(Self {
            authorization: authorization.map_err(|_| no_key("the key is no text"))?,
        })
    }

    /// A message to the orchestrator in this call's name.
    pub(crate) fn ask<T>(&self, message: T, deadline: Deadline) -> tonic::Request<T> {
        let mut request = request_within(message, deadline);
        if let Some(authorization) = &self.authorization {
            let metadata = request.metadata_mut();
            metadata.insert("authorization", authorization.clone());
        }
        request
    }
}

/// Until when the answer of a call is wanted that came now.
pub(crate) fn deadline(wanted: Option<Duration>, settings: &Settings) -> Deadline {
    let time = wanted.unwrap_or(settings.default_deadline);
    Deadline::within(time.min(settings.max_deadline))
}

fn no_key(why: &str) -> Refusal {
    let message = format!(
        "{why}: send a valid one as `authorization: Bearer KEY` or `x-api-key: KEY`; `terrace key \
         create` makes one"
    );
    Failure::new(Reason::Unauthenticated, message).into()
}
