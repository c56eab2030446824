//! What is measured: the stub itself, Terrace in its forms, and peers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use terrace_testkit::PostgresServer;

use super::backend::{Backend, MODEL};
use super::caller::Target;
use super::http;
use super::peers::Peer;
use super::running::Running;
use super::site::{Setup, Site};

/// The stub asked without anything between: what all others are held against.
pub(crate) const DIRECT: &str = "direct";
const TERRACE_PATIENCE: Duration = Duration::from_secs(60);

/// One of those that take turns.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    Direct,
    Terrace(&'static Form),
    Peer(Box<Peer>),
}

/// A form of Terrace.
#[derive(Debug)]
pub(crate) struct Form {
    name: &'static str,
    setup: Setup,
    over_grpc: bool,
    /// Whether it is measured without being named.
    usual: bool,
}

const PLAIN: Form = Form {
    name: "terrace",
    setup: Setup::PLAIN,
    over_grpc: false,
    usual: true,
};

/// The forms that there are.
static FORMS: [Form; 9] = [
    PLAIN,
    Form {
        name: "terrace-leases",
        setup: Setup {
            leases: true,
            ..Setup::PLAIN
        },
        ..PLAIN
    },
    Form {
        name: "terrace-whole",
        setup: Setup {
            leases: true,
            whole: true,
            ..Setup::PLAIN
        },
        ..PLAIN
    },
    Form {
        name: "terrace-split",
        setup: Setup {
            split: true,
            ..Setup::PLAIN
        },
        ..PLAIN
    },
    Form {
        name: "terrace-split-whole",
        setup: Setup {
            split: true,
            leases: true,
            whole: true,
            ..Setup::PLAIN
        },
        ..PLAIN
    },
    Form {
        name: "terrace-relaxed",
        setup: Setup {
            paid: false,
            whole: true,
            relaxed: true,
            ..Setup::PLAIN
        },
        ..PLAIN
    },
    Form {
        name: "terrace-split-relaxed",
        setup: Setup {
            paid: false,
            split: true,
            whole: true,
            relaxed: true,
            ..Setup::PLAIN
        },
        ..PLAIN
    },
    Form {
        name: "terrace-free",
        setup: Setup {
            paid: false,
            ..Setup::PLAIN
        },
        usual: false,
        ..PLAIN
    },
    Form {
        name: "terrace-grpc",
        over_grpc: true,
        usual: false,
        ..PLAIN
    },
];

impl Subject {
    /// All that there are, in their order: those that are measured unless others are named first.
    pub(crate) fn all(peers: Vec<Peer>) -> Vec<Self> {
        let peers = peers.into_iter().map(|peer| Self::Peer(Box::new(peer)));
        let forms = FORMS.iter().map(Self::Terrace);
        std::iter::once(Self::Direct)
            .chain(forms)
            .chain(peers)
            .collect()
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Direct => DIRECT,
            Self::Terrace(form) => form.name,
            Self::Peer(peer) => &peer.name,
        }
    }

    /// Whether it is measured without being named.
    pub(crate) const fn is_usual(&self) -> bool {
        match self {
            Self::Direct | Self::Peer(_) => true,
            Self::Terrace(form) => form.usual,
        }
    }

    /// Starts it in front of a backend and waits for its first good answer.
    ///
    /// # Errors
    /// It does not start, or does not answer as the backend does.
    pub(crate) async fn start(&self, place: &Place<'_>) -> anyhow::Result<Started> {
        let (target, held, patience) = match self {
            Self::Direct => {
                let address = place.backend.address();
                let target = Target::Http(Arc::new(chat(address, MODEL, &[])?));
                (target, Held::Nothing, None)
            }
            Self::Terrace(form) => {
                let site = Site::start(form.setup, place.backend.address(), place.postgres).await?;
                let target = form.target(&site)?;
                (target, Held::Site(Box::new(site)), Some(TERRACE_PATIENCE))
            }
            Self::Peer(peer) => {
                let (running, target, _folder) =
                    peer.start(place.home, place.backend.address()).await?;
                let held = Held::Peer { running, _folder };
                (Target::Http(Arc::new(target)), held, Some(peer.patience()))
            }
        };
        let mut started = Started {
            target,
            held,
            ready: None,
        };
        if let (Some(running), Some(patience)) = (started.running(), patience) {
            started.ready = Some(running.answers(&started.target, patience).await?);
        }
        Ok(started)
    }
}

impl Form {
    fn target(&self, site: &Site) -> anyhow::Result<Target> {
        if self.over_grpc {
            return Ok(Target::Grpc(site.grpc().to_owned()));
        }
        Ok(Target::Http(Arc::new(terrace_chat(site)?)))
    }
}

/// Chat completions of a Terrace, streams of which leave after a look at their first token.
///
/// # Errors
/// Its address is none.
pub(crate) fn terrace_chat(site: &Site) -> anyhow::Result<http::Target> {
    let wishes = [
        ("x-terrace-commit-mode", "prefix"),
        ("x-terrace-prefix-tokens", "1"),
    ];
    chat(site.http(), "terrace/auto", &wishes)
}

fn chat(address: &str, model: &str, headers: &[(&str, &str)]) -> anyhow::Result<http::Target> {
    let headers = headers.iter();
    let headers: Vec<(String, String)> = headers
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    http::Target::new(address, "/v1/chat/completions", model, &headers)
}

/// What subjects need to start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The stub.
    pub(crate) backend: &'a Backend,
    /// The server on which each Terrace has a database.
    pub(crate) postgres: &'a PostgresServer,
    /// Where peers are installed.
    pub(crate) home: &'a Path,
}

/// A running subject.
#[derive(Debug)]
pub(crate) struct Started {
    /// Where it is asked.
    pub(crate) target: Target,
    /// From its start to its first good answer; none for the stub.
    pub(crate) ready: Option<Duration>,
    held: Held,
}

#[derive(Debug)]
enum Held {
    Nothing,
    Site(Box<Site>),
    Peer { running: Running, _folder: TempDir },
}

impl Started {
    /// Its processes; none for the stub.
    pub(crate) const fn running(&self) -> Option<&Running> {
        match &self.held {
            Held::Nothing => None,
            Held::Site(site) => Some(site.running()),
            Held::Peer { running, .. } => Some(running),
        }
    }

    /// Whether it keeps its books on PostgreSQL.
    pub(crate) const fn has_books(&self) -> bool {
        matches!(self.held, Held::Site(_))
    }

    /// Ends it.
    ///
    /// # Errors
    /// It cannot be asked to end.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        match self.held {
            Held::Nothing => Ok(()),
            Held::Site(site) => site.stop().await,
            Held::Peer { running, .. } => running.stop().await,
        }
    }
}
