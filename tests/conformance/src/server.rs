//! The servers that a gateway can be put in front of, and where each of them speaks what.

use crate::Kind;

/// A server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// A real model on llama.cpp; for Ollama's API behind a proxy that speaks it.
    Real,
    /// The simulator aimock, with the answers of `fixtures/`.
    Aimock,
    /// The simulator llmock, with its faults.
    Llmock,
}

impl Server {
    /// How the table calls it for a kind.
    #[must_use]
    pub const fn title(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Real, Kind::Ollama) => "llama.cpp by ollama-proxy",
            (Self::Real, _) => "llama.cpp",
            (Self::Aimock, _) => "aimock",
            (Self::Llmock, _) => "llmock",
        }
    }

    /// Where it speaks a kind's API.
    #[must_use]
    pub fn url(self, kind: Kind) -> String {
        let base = |name: &str| variable(name).trim_end_matches('/').to_owned();
        match (self, kind) {
            (Self::Real, Kind::Ollama) => base("TERRACE_TEST_OLLAMA_PROXY_URL"),
            (Self::Real, _) => base("TERRACE_TEST_MODEL_SERVER_URL") + "/v1",
            (Self::Aimock, Kind::Ollama) => base("TERRACE_TEST_AIMOCK_URL"),
            (Self::Aimock, _) => base("TERRACE_TEST_AIMOCK_URL") + "/v1",
            (Self::Llmock, Kind::Anthropic) => base("TERRACE_TEST_LLMOCK_URL") + "/anthropic/v1",
            (Self::Llmock, _) => base("TERRACE_TEST_LLMOCK_URL") + "/v1",
        }
    }

    /// A model that it has.
    #[must_use]
    pub fn model(self, kind: Kind) -> String {
        match (self, kind) {
            (Self::Real, Kind::Ollama) => {
                format!("local/{}", variable("TERRACE_TEST_MODEL_SERVER_MODEL"))
            }
            (Self::Real, _) => variable("TERRACE_TEST_MODEL_SERVER_MODEL"),
            (Self::Aimock | Self::Llmock, Kind::Anthropic) => "claude-sonnet-4-5".to_owned(),
            (Self::Aimock | Self::Llmock, _) => "gpt-4o".to_owned(),
        }
    }
}

/// A variable that the test command sets.
///
/// # Panics
/// When it is not set.
#[must_use]
#[expect(clippy::panic, reason = "a test without its server cannot run")]
#[expect(clippy::disallowed_methods, reason = "what the test command says")]
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make test`"))
}
