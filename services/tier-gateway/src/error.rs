//! What can go wrong with a backend, and the failure that callers get for it.
//!
//! A `Fault` knows what happened on the wire and nothing of names; `Blame` knows whose wire it
//! was. Only the two together make a message, and a backend's own words are never part of it.

use std::time::Duration;

use terrace_config::BackendKind;
use terrace_domain::{BackendName, Failure, ModelName, Reason};

/// Why a gateway cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The config has no such backend.
    #[error("no enabled model uses a backend called {name:?}; {known}")]
    UnknownBackend {
        /// What was asked for.
        name: String,
        /// The backends there are, as a sentence.
        known: String,
    },
    /// The HTTP client refuses its settings.
    #[error("the HTTP client for backend {backend} cannot be built")]
    Client {
        /// The backend.
        backend: BackendName,
        /// What is wrong.
        source: reqwest::Error,
    },
}

/// Which wait came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// For a connection.
    Connect,
    /// For the first piece of the answer.
    FirstToken,
    /// For the next piece.
    NextToken,
    /// For the whole answer, by the backend's own limit.
    Whole,
    /// For the whole answer, by the caller's deadline.
    Deadline,
}

/// One way in which a backend let a call down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("no connection")]
    Unreachable,
    #[error("no certificates on this system")]
    NoCertificates,
    #[error("its name leads to a link-local address")]
    LinkLocal,
    #[error("time-out: {wait:?} after {after:?}")]
    Timeout { wait: Wait, after: Duration },
    #[error("rate limited")]
    RateLimited { retry_after: Option<Duration> },
    #[error("failed with {status:?}")]
    Failed {
        /// `None` for an error inside an answer that had begun well.
        status: Option<u16>,
        retry_after: Option<Duration>,
    },
    /// It has failed too often, and nobody has asked.
    #[error("left alone for {left:?}")]
    Resting { left: Duration },
    #[error("rejected with {status}")]
    Rejected { status: u16 },
    #[error("redirect {status}")]
    Redirect { status: u16 },
    #[error("unauthorized with {status}")]
    Unauthorized { status: u16 },
    #[error("no key in {source_name}")]
    KeyMissing { source_name: String },
    #[error("model not found")]
    ModelNotFound {
        /// What the backend has instead, as far as known.
        present: Vec<String>,
    },
    #[error("context too long")]
    ContextTooLong,
    #[error("cannot do {what}")]
    CapabilityMissing { what: &'static str },
    #[error("malformed at byte {offset}: {what}")]
    Malformed { offset: u64, what: &'static str },
    #[error("more than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("connection closed before the answer")]
    Closed,
    #[error("connection broken inside the answer")]
    Broken,
    #[error("ended without terminator")]
    Truncated,
}

impl Fault {
    /// The one reason, from the closed set.
    pub(crate) const fn reason(&self) -> Reason {
        match self {
            Self::Unreachable | Self::NoCertificates | Self::LinkLocal | Self::Resting { .. } => {
                Reason::BackendUnreachable
            }
            Self::Timeout { .. } => Reason::BackendTimeout,
            Self::RateLimited { .. } => Reason::BackendRateLimited,
            Self::Failed { .. } | Self::Redirect { .. } | Self::TooLarge { .. } | Self::Closed => {
                Reason::BackendFailed
            }
            Self::Rejected { .. } => Reason::BackendRejected,
            Self::Unauthorized { .. } | Self::KeyMissing { .. } => Reason::BackendUnauthorized,
            Self::ModelNotFound { .. } => Reason::ModelNotFound,
            Self::ContextTooLong => Reason::ContextTooLong,
            Self::CapabilityMissing { .. } => Reason::CapabilityMissing,
            Self::Malformed { .. } => Reason::BackendMalformed,
            Self::Broken | Self::Truncated => Reason::Truncated,
        }
    }

    /// Whether the backend may have worked on the prompt, and so may send a bill for it.
    ///
    /// In doubt it has: a bill that is too high can be explained, one that is too low cannot be
    /// found.
    pub(crate) const fn may_have_cost(&self) -> bool {
        match self {
            Self::Timeout { wait, .. } => !matches!(wait, Wait::Connect),
            Self::Failed { status, .. } => status.is_none(),
            Self::Malformed { .. }
            | Self::TooLarge { .. }
            | Self::Closed
            | Self::Broken
            | Self::Truncated => true,
            Self::Unreachable
            | Self::NoCertificates
            | Self::LinkLocal
            | Self::Resting { .. }
            | Self::RateLimited { .. }
            | Self::Rejected { .. }
            | Self::Redirect { .. }
            | Self::Unauthorized { .. }
            | Self::KeyMissing { .. }
            | Self::ModelNotFound { .. }
            | Self::ContextTooLong
            | Self::CapabilityMissing { .. } => false,
        }
    }

    /// Whether it says that the backend works (`true`) or does not; `None` if it says neither.
    pub(crate) const fn tells_of_backend(&self) -> Option<bool> {
        match self {
            Self::Timeout {
                wait: Wait::Deadline,
                ..
            }
            | Self::NoCertificates
            | Self::LinkLocal
            | Self::KeyMissing { .. }
            | Self::CapabilityMissing { .. }
            | Self::Resting { .. }
            | Self::TooLarge { .. } => None,
            Self::Rejected { .. }
            | Self::Redirect { .. }
            | Self::Unauthorized { .. }
            | Self::RateLimited { .. }
            | Self::ModelNotFound { .. }
            | Self::ContextTooLong => Some(true),
            Self::Unreachable
            | Self::Timeout { .. }
            | Self::Failed { .. }
            | Self::Malformed { .. }
            | Self::Closed
            | Self::Broken
            | Self::Truncated => Some(false),
        }
    }

    /// Whether the same call may go well in a moment, or elsewhere.
    pub(crate) const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unreachable
                | Self::RateLimited { .. }
                | Self::Failed {
                    status: Some(_),
                    ..
                }
                | Self::Timeout {
                    wait: Wait::Connect,
                    ..
                }
        )
    }

    /// How long to stay away, if that is known.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Resting { left } => Some(*left),
            Self::RateLimited { retry_after } | Self::Failed { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// Whose fault it was: what turns a [`Fault`] into words.
#[derive(Debug, Clone)]
pub(crate) struct Blame {
    pub(crate) backend: BackendName,
    pub(crate) kind: BackendKind,
    /// Address without credentials: the config refuses those in a URL.
    pub(crate) url: String,
}

impl Blame {
    /// The failure for a fault in a call of `model`.
    pub(crate) fn failure(&self, fault: &Fault, model: &ModelName) -> Failure {
        let mut failure = Failure::new(fault.reason(), self.message(fault, model));
        failure.retry_after = fault.retry_after();
        failure
    }

    /// The failure of an answer that ended without saying how.
    pub(crate) fn cut_off(&self) -> Failure {
        let message = format!("the answer of backend `{}` has no end", self.backend);
        Failure::new(Reason::Truncated, message)
    }

    fn message(&self, fault: &Fault, model: &ModelName) -> String {
        let (name, url) = (&self.backend, &self.url);
        match fault {
            Fault::Unreachable | Fault::NoCertificates | Fault::LinkLocal => {
                self.not_reached(fault)
            }
            Fault::Timeout { wait, after } => self.timeout(*wait, *after),
            Fault::Resting { left } => format!(
                "model `{model}` on backend `{name}` has failed too often in a row and is left \
                 alone for {} ms more: see the backend's log",
                left.as_millis()
            ),
            Fault::RateLimited { .. } => format!(
                "backend `{name}` takes no more calls at the moment: wait, or raise its quota"
            ),
            Fault::Failed { .. } | Fault::Closed | Fault::Redirect { .. } => self.failed(fault),
            Fault::Rejected { status } => format!(
                "backend `{name}` refused the request for model `{model}` as wrong (HTTP \
                 {status}): its reason is in the gateway's debug log"
            ),
            Fault::Unauthorized { status } => format!(
                "backend `{name}` does not accept the configured key (HTTP {status}): check the \
                 key of backends.{name}"
            ),
            Fault::KeyMissing { source_name } => {
                format!("backend `{name}` needs a key and there is none: set {source_name}")
            }
            Fault::ModelNotFound { present } => self.not_found(model, present),
            Fault::ContextTooLong => format!(
                "prompt and wanted output do not fit the context window that backend `{name}` \
                 gives model `{model}`: shorten the prompt or ask for fewer output tokens"
            ),
            Fault::CapabilityMissing { what } => format!(
                "model `{model}` on backend `{name}` cannot be given {what}: leave it out or \
                 choose another model"
            ),
            Fault::Malformed { offset, what } => format!(
                "backend `{name}` sent what its protocol does not allow: {what} at byte {offset} \
                 of its answer; is {url} really a server of kind `{}`?",
                self.kind.as_str()
            ),
            Fault::TooLarge { limit } => format!(
                "backend `{name}` sent more than {limit} bytes: raise \
                 backends.{name}.max_response_bytes or ask for fewer output tokens"
            ),
            Fault::Broken => {
                format!("the connection to backend `{name}` broke in the middle of its answer")
            }
            Fault::Truncated => {
                format!("the answer of backend `{name}` ended before its terminator")
            }
        }
    }

    fn not_reached(&self, fault: &Fault) -> String {
        let (name, url) = (&self.backend, &self.url);
        match fault {
            Fault::NoCertificates => format!(
                "backend `{name}` cannot be called over https: this system has no certificates; \
                 install the package ca-certificates and restart"
            ),
            Fault::LinkLocal => format!(
                "backend `{name}` is not called: the name in {url} leads to a link-local address, \
                 where no model is served; put its own address into backends.{name}.url"
            ),
            _ => format!("cannot connect to backend `{name}` at {url}: is it running?"),
        }
    }

    fn failed(&self, fault: &Fault) -> String {
        let name = &self.backend;
        match fault {
            Fault::Closed => {
                format!("backend `{name}` closed the connection instead of answering: see its log")
            }
            Fault::Redirect { status } => format!(
                "backend `{name}` answered with a redirect (HTTP {status}), which is never \
                 followed: put the final address into backends.{name}.url"
            ),
            Fault::Failed {
                status: Some(status),
                ..
            } => format!("backend `{name}` failed (HTTP {status}): see its log"),
            _ => format!("backend `{name}` reported an error inside its answer: see its log"),
        }
    }

    fn timeout(&self, wait: Wait, after: Duration) -> String {
        let (name, url) = (&self.backend, &self.url);
        match wait {
            Wait::Connect => format!(
                "no connection to backend `{name}` at {url} within {after:?}: is it running and \
                 reachable?"
            ),
            Wait::FirstToken => format!(
                "backend `{name}` did not begin to answer within {after:?}: it may be loading the \
                 model or busy; backends.{name}.first_token_timeout sets the limit"
            ),
            Wait::NextToken => format!(
                "backend `{name}` went silent for {after:?} in the middle of its answer; \
                 backends.{name}.idle_timeout sets the limit"
            ),
            Wait::Whole => format!(
                "backend `{name}` was not done within {after:?}; backends.{name}.total_timeout \
                 sets the limit"
            ),
            Wait::Deadline => format!(
                "backend `{name}` was not done when the caller's deadline came, after {after:?}: \
                 allow more time or ask for fewer output tokens"
            ),
        }
    }

    fn not_found(&self, model: &ModelName, present: &[String]) -> String {
        let name = &self.backend;
        let start = format!("model `{model}` not found on backend `{name}`");
        if self.kind == BackendKind::Ollama {
            return format!("{start}: run `ollama pull {model}`");
        }
        if present.is_empty() {
            return format!("{start}: check the model's name in the config");
        }
        format!("{start}, which has: {}", some_of(present))
    }
}

/// The first names of a list, and how many more there are.
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown = names
        .iter()
        .take(SHOWN)
        .map(|name| name.chars().take(64).collect::<String>())
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blame(kind: BackendKind) -> Blame {
        Blame {
            backend: BackendName::new("ollama").unwrap(),
            kind,
            url: "http://127.0.0.1:11434".into(),
        }
    }

    fn message(kind: BackendKind, fault: &Fault) -> String {
        let model = ModelName::new("qwen2.5:7b").unwrap();
        blame(kind).failure(fault, &model).message
    }

    #[test]
    fn a_dead_backend_is_named_with_its_address() {
        assert_eq!(
            message(BackendKind::Ollama, &Fault::Unreachable),
            "cannot connect to backend `ollama` at http://127.0.0.1:11434: is it running?"
        );
    }

    #[test]
    fn a_missing_model_says_how_to_get_it_or_what_is_there() {
        let present = vec!["a".to_owned(), "b".to_owned()];
        let fault = Fault::ModelNotFound { present };
        assert_eq!(
            message(BackendKind::Ollama, &fault),
            "model `qwen2.5:7b` not found on backend `ollama`: run `ollama pull qwen2.5:7b`"
        );
        assert_eq!(
            message(BackendKind::OpenAi, &fault),
            "model `qwen2.5:7b` not found on backend `ollama`, which has: a, b"
        );
    }

    #[test]
    fn a_long_list_of_models_is_cut() {
        let present = (0..20).map(|n| format!("m{n}")).collect();
        let text = message(BackendKind::OpenAi, &Fault::ModelNotFound { present });
        assert!(text.ends_with("m11 and 8 more"), "{text}");
    }

    #[test]
    fn only_what_never_reached_the_model_is_free() {
        let timeout = |wait| Fault::Timeout {
            wait,
            after: Duration::ZERO,
        };
        assert!(!timeout(Wait::Connect).may_have_cost());
        assert!(timeout(Wait::FirstToken).may_have_cost());
        assert!(Fault::Broken.may_have_cost());
        assert!(!Fault::Unreachable.may_have_cost());
        let failed = |status| Fault::Failed {
            status,
            retry_after: None,
        };
        assert!(!failed(Some(500)).may_have_cost());
        assert!(failed(None).may_have_cost());
    }
}
