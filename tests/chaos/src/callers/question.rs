//! What clients ask, and how that is written for each door.

use serde_json::{Value, json};
use terrace_domain::RequestId;
use terrace_proto::common::v1::{GenerationParams, Role};
use terrace_proto::convert::text_message;
use terrace_proto::router::v1::{RoutePolicy, RouteRequest};

use super::doors::Door;

/// What an answer may be long: bounds the worst case of a call.
const MAX_OUTPUT_TOKENS: u32 = 64;

/// What is asked, by what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The free model answers.
    Free,
    /// The paid model is asked at once.
    Paid,
    /// The free model refuses, and the paid one answers.
    Climbing,
}

impl Kind {
    const fn text(self) -> &'static str {
        match self {
            Self::Free | Self::Paid => "Name the capital of France.",
            Self::Climbing => "Please refuse to name the capital of France.",
        }
    }

    /// The tier that has to answer; empty where the router chooses.
    const fn tier(self) -> &'static str {
        match self {
            Self::Free | Self::Climbing => "",
            Self::Paid => "api_fallback",
        }
    }
}

/// One question of a client.
#[derive(Debug, Clone)]
pub struct Question {
    /// What it costs.
    pub kind: Kind,
    /// The client's own id of it.
    pub own_id: Option<RequestId>,
    /// The way that it goes.
    pub door: Door,
}

impl Question {
    /// A question made from chance: half are free, three of ten paid; two of five name their id.
    #[must_use]
    pub fn random(chance: &mut fastrand::Rng) -> Self {
        let kind = match chance.u8(0..10) {
            0..5 => Kind::Free,
            5..8 => Kind::Paid,
            _ => Kind::Climbing,
        };
        let own_id = (chance.u8(0..5) < 2).then(RequestId::generate);
        Self {
            kind,
            own_id,
            door: Door::Grpc,
        }
    }

    /// The message that asks it over gRPC.
    #[must_use]
    pub fn message(&self) -> RouteRequest {
        let policy = RoutePolicy {
            tier: self.kind.tier().to_owned(),
            ..RoutePolicy::default()
        };
        let params = GenerationParams {
            max_output_tokens: Some(MAX_OUTPUT_TOKENS),
            ..GenerationParams::default()
        };
        RouteRequest {
            request_id: self.own_id.map(|id| id.to_string()).unwrap_or_default(),
            messages: vec![text_message(Role::User, self.kind.text())],
            params: Some(params),
            policy: Some(policy),
            ..RouteRequest::default()
        }
    }

    /// The body that asks it as code for OpenAI does.
    pub(super) fn completion(&self) -> Value {
        let model = match self.kind.tier() {
            "" => "terrace/auto".to_owned(),
            tier => format!("terrace/{tier}"),
        };
        json!({
            "model": model,
            "messages": [{"role": "user", "content": self.kind.text()}],
            "max_completion_tokens": MAX_OUTPUT_TOKENS,
        })
    }
}

/// A question for the paid model.
#[must_use]
pub const fn paid() -> Question {
    Question {
        kind: Kind::Paid,
        own_id: None,
        door: Door::Grpc,
    }
}
