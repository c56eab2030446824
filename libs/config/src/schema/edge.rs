//! `edge`: the HTTP way in, for code that speaks to OpenAI or Anthropic.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use terrace_domain::{ModelName, TierName};
use url::Url;

use super::dashboard::Dashboard;
use super::tiers::Tiers;
use crate::decode::Section;
use crate::problem::{did_you_mean, shown};
use crate::read::{self, boolean, choice, count, duration, size};
use crate::tree::Node;
use crate::value::ByteSize;

/// What the names of Terrace's own targets begin with, as `terrace/auto`.
const OWN: &str = "terrace/";
/// The target that leaves the choice to the router.
const AUTO: &str = "auto";

/// The HTTP way in.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Whether `terrace up` starts it. Default: yes.
    pub enabled: bool,
    /// Where it listens. Default: `127.0.0.1:7680`.
    pub listen: SocketAddr,
    /// Where it shows its metrics. Absent: at `/metrics` of `listen`, if that is on loopback.
    pub metrics_listen: Option<SocketAddr>,
    /// The certificate it shows over HTTPS. Absent: it speaks plain HTTP.
    pub cert_file: Option<PathBuf>,
    /// The key of that certificate.
    pub key_file: Option<PathBuf>,
    /// Whether it may listen in plain HTTP on an address that is not on loopback, as behind an
    /// ingress that has TLS. Default: no.
    pub allow_plaintext: bool,
    /// The largest body of a request. Default: 24 MiB, which has room for pictures that fill a
    /// message of `limits.max_message_bytes` when they are written in base64.
    pub max_body_bytes: ByteSize,
    /// How long a body may take to arrive. Default: 30 s.
    pub body_timeout: Duration,
    /// How long a stream may have nothing to say before its headers leave all the same: until then
    /// an error still has a status of its own. Default: 15 s.
    pub status_patience: Duration,
    /// How often a silent stream is kept open by a comment. Default: 15 s.
    pub keep_alive: Duration,
    /// Connections at once; further ones are closed. Default: 10000.
    pub max_connections: usize,
    /// When chunks of a stream may leave. Default: `hold_back`.
    pub commit_mode: CommitMode,
    /// Which web pages of other hosts may call.
    pub cors: Cors,
    /// Further names of models, as `gpt-4o: terrace/auto`.
    pub aliases: BTreeMap<String, Target>,
    /// The pages for people.
    pub dashboard: Dashboard,
}

/// When chunks of a stream may leave over HTTP, where nothing can be taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CommitMode {
    /// After the verdict: a stream gets the same answer as a call without one.
    #[default]
    HoldBack,
    /// When nothing is against the first tokens; then no other model answers.
    Prefix,
}

/// Which web pages of other hosts may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// Their origins, as `https://chat.example.com`. Default: none.
    pub origins: Vec<String>,
    /// Whether every page may; `*` among the origins.
    pub any_origin: bool,
    /// How long a browser may remember that it may. Default: 10 min.
    pub max_age: Duration,
}

/// What a name in a request's `model` leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The router chooses: `terrace/auto`.
    Auto,
    /// A tier, and no other: `terrace/local_fast`.
    Tier(TierName),
    /// A model, and no other.
    Model(ModelName),
}

impl Target {
    /// Reads `terrace/auto`, `terrace/TIER` or the name of a model; of any, whether it exists or
    /// not.
    ///
    /// # Errors
    /// The text cannot be a name; says why.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix(OWN) {
            Some(AUTO) => Ok(Self::Auto),
            Some(tier) => TierName::new(tier)
                .map(Self::Tier)
                .map_err(|error| error.to_string()),
            None => ModelName::new(text)
                .map(Self::Model)
                .map_err(|error| error.to_string()),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => write!(f, "{OWN}{AUTO}"),
            Self::Tier(tier) => write!(f, "{OWN}{tier}"),
            Self::Model(model) => model.fmt(f),
        }
    }
}

impl Default for Edge {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7680),
            metrics_listen: None,
            cert_file: None,
            key_file: None,
            allow_plaintext: false,
            max_body_bytes: ByteSize::mib(24),
            body_timeout: Duration::from_secs(30),
            status_patience: Duration::from_secs(15),
            keep_alive: Duration::from_secs(15),
            max_connections: 10_000,
            commit_mode: CommitMode::default(),
            cors: Cors::default(),
            aliases: BTreeMap::new(),
            dashboard: Dashboard::default(),
        }
    }
}

impl Default for Cors {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            any_origin: false,
            max_age: Duration::from_mins(10),
        }
    }
}

const COMMIT_MODE: &[(&str, CommitMode)] = &[
    ("hold_back", CommitMode::HoldBack),
    ("prefix", CommitMode::Prefix),
];

impl Edge {
    pub(crate) fn read(section: &mut Section<'_, '_>, tiers: &Tiers) -> Self {
        let default = Self::default();
        let (cert_file, key_file) = certificate(section);
        let seconds = || duration(Duration::from_millis(100)..=Duration::from_hours(1));
        Self {
            enabled: section.or("enabled", default.enabled, boolean),
            listen: section.or("listen", default.listen, read::listen),
            metrics_listen: section.get("metrics_listen", read::listen),
            cert_file,
            key_file,
            allow_plaintext: section.or("allow_plaintext", default.allow_plaintext, boolean),
            max_body_bytes: section.or(
                "max_body_bytes",
                default.max_body_bytes,
                size(ByteSize::kib(1)..=ByteSize::mib(1024)),
            ),
            body_timeout: section.or("body_timeout", default.body_timeout, seconds()),
            status_patience: section.or(
                "status_patience",
                default.status_patience,
                duration(Duration::ZERO..=Duration::from_hours(1)),
            ),
            keep_alive: section.or("keep_alive", default.keep_alive, seconds()),
            max_connections: section.or(
                "max_connections",
                default.max_connections,
                count(1..=1_000_000),
            ),
            commit_mode: section.or("commit_mode", default.commit_mode, choice(COMMIT_MODE)),
            cors: section.section("cors", Cors::read),
            aliases: section.section("aliases", |section| {
                let aliases = section.pairs("<name>", |name, target| {
                    Ok((alias(name)?, self::target(target, tiers)?))
                });
                aliases.into_iter().collect()
            }),
            dashboard: section.section("dashboard", Dashboard::read),
        }
    }
}

impl Cors {
    fn read(section: &mut Section<'_, '_>) -> Self {
        let default = Self::default();
        let mut origins = section.or("origins", Vec::new(), |node| {
            read::list(node)?.iter().map(origin).collect()
        });
        let any_origin = origins.iter().any(|origin| origin == "*");
        origins.retain(|origin| origin != "*");
        Self {
            origins,
            any_origin,
            max_age: section.or(
                "max_age",
                default.max_age,
                duration(Duration::ZERO..=Duration::from_hours(24)),
            ),
        }
    }
}

/// The files of a certificate and of its key: both or none.
fn certificate(section: &mut Section<'_, '_>) -> (Option<PathBuf>, Option<PathBuf>) {
    let keys = ["cert_file", "key_file"];
    let [cert, key] = keys.map(|key| section.get(key, read::word).map(PathBuf::from));
    for (name, other) in [(keys[0], keys[1]), (keys[1], keys[0])] {
        if section.has(other) && !section.has(name) {
            section.problem(
                name,
                "is missing: `cert_file` and `key_file` belong together",
            );
        }
    }
    (cert, key)
}

/// An origin as browsers write it: scheme, host and port, and nothing behind them.
fn origin(node: &Node) -> Result<String, String> {
    let text = read::text(node)?;
    if text == "*" {
        return Ok(text);
    }
    let url = Url::parse(&text)
        .map_err(|_| "has to be an origin as `https://chat.example.com`, or `*`".to_owned())?;
    let origin = url.origin().ascii_serialization();
    if !matches!(url.scheme(), "http" | "https") || origin != text {
        return Err(format!(
            "has to be scheme, host and port alone, as `https://chat.example.com`, and is `{}`",
            shown(&text)
        ));
    }
    Ok(origin)
}

/// A further name of a model: none that Terrace gives itself.
fn alias(name: &str) -> Result<String, String> {
    ModelName::new(name).map_err(|error| error.to_string())?;
    if name.starts_with(OWN) {
        return Err(format!("names that begin with `{OWN}` are Terrace's own"));
    }
    Ok(name.to_owned())
}

/// A target that exists.
fn target(node: &Node, tiers: &Tiers) -> Result<Target, String> {
    let target = Target::parse(&read::text(node)?)?;
    let (word, wanted, names): (_, _, Vec<&str>) = match &target {
        Target::Auto => return Ok(target),
        Target::Tier(tier) => {
            let names = tiers.iter().map(|tier| tier.name.as_str());
            ("tier", tier.as_str(), names.collect())
        }
        Target::Model(model) => {
            let models = tiers.iter().flat_map(|tier| &tier.models);
            let names = models.map(|model| model.name.as_str());
            ("model", model.as_str(), names.collect())
        }
    };
    if names.is_empty() || names.contains(&wanted) {
        return Ok(target);
    }
    let near = did_you_mean(wanted, names.into_iter());
    Err(format!("no {word} is called `{}`{near}", shown(wanted)))
}
