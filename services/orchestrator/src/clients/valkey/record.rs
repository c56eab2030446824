//! An answer as bytes: a protobuf message that has the response as its caller was told it.
//!
//! Fields are added and never given another meaning; what an older or a newer Terrace wrote and
//! this one cannot read is no answer.

use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use terrace_domain::ProjectName;
use terrace_proto::router::v1::RouteResponse;
use tokio::time::Instant;

use super::millis;
use crate::answers::{Kept, Made, Told};
use crate::fingerprint::Fingerprint;
use crate::grpc::response::route_response;

/// The form of a record; another one is not read.
const FORM: u32 = 1;

/// An answer that is kept.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Record {
    /// The form that it is in.
    #[prost(uint32, tag = "1")]
    form: u32,
    /// The answer, as the request that made it was told.
    #[prost(message, optional, tag = "2")]
    response: Option<RouteResponse>,
    /// Position of the attempt that answers.
    #[prost(uint32, tag = "3")]
    answering: u32,
    /// What its caller had sent, if it is kept for that request, sent again.
    #[prost(bytes = "vec", tag = "4")]
    body: Vec<u8>,
    /// What its caller was doing.
    #[prost(string, tag = "5")]
    action: String,
    /// How old it was when it was kept.
    #[prost(uint64, tag = "6")]
    age_ms: u64,
    /// How long it was to be kept.
    #[prost(uint64, tag = "7")]
    ttl_ms: u64,
}

impl Record {
    pub(super) fn of(kept: &Kept) -> Self {
        let response = match &kept.made {
            Made::Here(answered) => route_response(answered.as_ref().clone()),
            Made::Told(told) => told.response.clone(),
        };
        let body = kept.body.as_ref().map(|body| body.as_bytes().to_vec());
        Self {
            form: FORM,
            response: Some(response),
            answering: kept.made.answering(),
            body: body.unwrap_or_default(),
            action: kept.action.clone(),
            age_ms: millis(kept.age_then),
            ttl_ms: millis(kept.ttl),
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.encode_to_vec()
    }

    /// A record from its bytes; `None` when they are none that can be read.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let read = Self::decode(bytes).ok()?;
        (read.form == FORM).then_some(read)
    }

    /// The answer, of which `left` of its time is left.
    pub(super) fn into_kept(self, project: &ProjectName, left: Duration) -> Option<Kept> {
        let response = self.response?;
        let body = match self.body.as_slice() {
            [] => None,
            bytes => Some(Fingerprint::from_bytes(bytes)?),
        };
        let told = Told {
            id: response.request_id.parse().ok()?,
            answering: self.answering,
            response,
        };
        let kept_for = Duration::from_millis(self.ttl_ms).saturating_sub(left);
        Some(Kept {
            made: Made::Told(Arc::new(told)),
            body,
            project: project.clone(),
            action: self.action,
            ttl: left,
            age_then: Duration::from_millis(self.age_ms) + kept_for,
            since: Instant::now(),
        })
    }
}
