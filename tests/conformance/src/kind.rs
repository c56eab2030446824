//! The kinds of backend, with their profiles: the columns of the table.

use terrace_config::{BackendKind, Profile};

/// A kind, and a profile where it has some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `openai`, profile `llama_cpp`.
    LlamaCpp,
    /// `openai`, profile `vllm`.
    Vllm,
    /// `openai`, profile `openai`.
    OpenAi,
    /// `openai`, profile `generic`.
    Generic,
    /// `ollama`.
    Ollama,
    /// `anthropic`.
    Anthropic,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::LlamaCpp,
        Self::Vllm,
        Self::OpenAi,
        Self::Generic,
        Self::Ollama,
        Self::Anthropic,
    ];

    /// How the table calls it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::LlamaCpp => "openai, llama_cpp",
            Self::Vllm => "openai, vllm",
            Self::OpenAi => "openai, openai",
            Self::Generic => "openai, generic",
            Self::Ollama => "ollama",
            Self::Anthropic => "anthropic",
        }
    }

    /// The kind in the config.
    #[must_use]
    pub const fn backend(self) -> BackendKind {
        match self {
            Self::LlamaCpp | Self::Vllm | Self::OpenAi | Self::Generic => BackendKind::OpenAi,
            Self::Ollama => BackendKind::Ollama,
            Self::Anthropic => BackendKind::Anthropic,
        }
    }

    /// The profile in the config.
    #[must_use]
    pub const fn profile(self) -> Profile {
        match self {
            Self::LlamaCpp => Profile::LlamaCpp,
            Self::Vllm => Profile::Vllm,
            Self::OpenAi => Profile::OpenAi,
            Self::Generic | Self::Ollama | Self::Anthropic => Profile::Generic,
        }
    }
}
