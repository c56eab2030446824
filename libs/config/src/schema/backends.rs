//! `backends`: the servers that run models, and the gateway in front of each.

use std::time::Duration;

use terrace_domain::BackendName;
use url::Url;

use crate::decode::Section;
use crate::problem::{did_you_mean, shown};
use crate::read::{self, boolean, choice, count, duration, size};
use crate::schema::built_in::{self, BuiltIn};
use crate::schema::traffic::{Breaker, Queue, Retry};
use crate::schema::{Part, Service, Tiers};
use crate::secret::{self, Keys};
use crate::tree::Node;
use crate::value::{ByteSize, Secret};

/// The port of the first backend's gateway; the others follow.
const FIRST_GATEWAY_PORT: u16 = 7610;

/// A server that runs models.
#[derive(Debug, Clone)]
pub struct Backend {
    /// Its name in the file.
    pub name: BackendName,
    /// The API it speaks.
    pub kind: BackendKind,
    /// Where its API begins, as `http://127.0.0.1:8080/v1`; http or https, no credentials in it.
    pub url: Url,
    /// Whose dialect of the API it speaks; `openai` kind only.
    pub profile: Profile,
    /// Whether calls are billed. Default: https to a public host is.
    pub paid: bool,
    /// Whether it is a stand-in that plays a script; named as such in all it produces.
    pub scripted: bool,
    /// Further addresses of the same backend: it has the same models at each. Default: none.
    pub replicas: Vec<Url>,
    /// The key sent to it.
    pub api_key: Secret,
    /// Further keys, used in turn when one is refused or over its quota. Default: none.
    pub more_api_keys: Vec<Secret>,
    /// To open a connection. Default: 2 s.
    pub connect_timeout: Duration,
    /// From the request to the first token. Default: 60 s.
    pub first_token_timeout: Duration,
    /// Between two pieces of a stream. Default: 30 s.
    pub idle_timeout: Duration,
    /// For the whole call. Default: 300 s.
    pub total_timeout: Duration,
    /// The calls in flight to it at once. Default: 32.
    pub max_concurrency: usize,
    /// The longest answer read from it. Default: 8 MiB.
    pub max_response_bytes: ByteSize,
    /// Who waits for a place.
    pub queue: Queue,
    /// How often a refused call is made again.
    pub retry: Retry,
    /// When a model that keeps failing is left alone.
    pub breaker: Breaker,
    /// How often it is asked which models it has. Default: 15 s.
    pub refresh_interval: Duration,
    /// Whether its models are loaded when its gateway starts; for no tokens. Default: no.
    pub warm_up: bool,
    /// Whether it is asked for an answer in one piece where nobody is shown the pieces. Default: no.
    pub whole_answers: bool,
    /// Its gateway. Default: listens at `127.0.0.1:7610` plus its place among the backends.
    pub gateway: Service,
}

impl Backend {
    /// A backend with every default: free, without a key, gateway at port 7610.
    #[must_use]
    pub fn new(name: BackendName, kind: BackendKind, url: Url) -> Self {
        Self {
            name,
            kind,
            url,
            profile: Profile::Generic,
            paid: false,
            scripted: false,
            replicas: Vec::new(),
            api_key: Secret::Unset,
            more_api_keys: Vec::new(),
            connect_timeout: Duration::from_secs(2),
            first_token_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(300),
            max_concurrency: 32,
            max_response_bytes: ByteSize::mib(8),
            queue: Queue::default(),
            retry: Retry::default(),
            breaker: Breaker::default(),
            refresh_interval: Duration::from_secs(15),
            warm_up: false,
            whole_answers: false,
            gateway: Service::on_loopback(Part::TierGateway, FIRST_GATEWAY_PORT),
        }
    }
}

/// The API a backend speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendKind {
    /// Chat completions: llama.cpp, vLLM, OpenAI and all that speak alike.
    OpenAi,
    /// Ollama's own API.
    Ollama,
    /// Anthropic's messages.
    Anthropic,
}

impl BackendKind {
    /// The word for it in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Ollama => "ollama",
            Self::Anthropic => "anthropic",
        }
    }
}

/// A dialect of the `openai` kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Only what all servers understand.
    Generic,
    /// A llama.cpp server.
    LlamaCpp,
    /// A vLLM server.
    Vllm,
    /// OpenAI itself.
    OpenAi,
}

impl Profile {
    /// The word for it in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::LlamaCpp => "llama_cpp",
            Self::Vllm => "vllm",
            Self::OpenAi => "openai",
        }
    }
}

const KINDS: &[(&str, BackendKind)] = &[
    ("openai", BackendKind::OpenAi),
    ("ollama", BackendKind::Ollama),
    ("anthropic", BackendKind::Anthropic),
];

const PROFILES: &[(&str, Profile)] = &[
    ("generic", Profile::Generic),
    ("llama_cpp", Profile::LlamaCpp),
    ("vllm", Profile::Vllm),
    ("openai", Profile::OpenAi),
];

const API_KEY: Keys = Keys {
    value: "api_key",
    env: "api_key_env",
    file: "api_key_file",
};

const FURTHER_KEY: Keys = Keys {
    value: "key",
    env: "env",
    file: "file",
};

/// Every backend the file or the built-in list has, used or not.
pub(crate) struct Declared(Vec<Entry>);

struct Entry {
    name: String,
    /// None when its part of the file has a problem.
    backend: Option<Backend>,
    /// Whether the file says where its gateway listens.
    listens: bool,
}

impl Declared {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let mut entries = Vec::new();
        for built_in in built_in::ALL {
            entries.push(section.section(built_in.name, |section| {
                read_backend(built_in.name, Some(built_in), section)
            }));
        }
        entries.extend(section.named("<name>", |name, section| read_backend(name, None, section)));
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Self(entries)
    }

    /// The backend called `name`; none when there is no such or it has a problem.
    pub(crate) fn get(&self, name: &BackendName) -> Option<&Backend> {
        let mut entries = self.0.iter();
        let entry = entries.find(|entry| entry.name == name.as_str());
        entry.and_then(|entry| entry.backend.as_ref())
    }

    /// Reads the name of one of them.
    pub(crate) fn name(&self, node: &Node) -> Result<BackendName, String> {
        let name: BackendName = read::name(node)?;
        if self.0.iter().any(|entry| entry.name == name.as_str()) {
            return Ok(name);
        }
        let names = self.0.iter().map(|entry| entry.name.as_str());
        let (near, name) = (did_you_mean(name.as_str(), names), shown(name.as_str()));
        Err(format!("no backend is called `{name}`{near}"))
    }

    /// Those that enabled models use, each with a place for its gateway.
    pub(crate) fn used_by(self, tiers: &Tiers) -> Vec<Backend> {
        let models = || tiers.iter().flat_map(|tier| &tier.models);
        let used = |name: &BackendName| models().any(|m| m.enabled && &m.backend == name);
        let entries = self.0.into_iter();
        let backends = entries.filter_map(|entry| Some((entry.listens, entry.backend?)));
        let used = backends.filter(|(_, backend)| used(&backend.name));
        let placed = (FIRST_GATEWAY_PORT..)
            .zip(used)
            .map(|(port, (listens, mut backend))| {
                if !listens {
                    backend.gateway.listen.set_port(port);
                }
                backend
            });
        placed.collect()
    }
}

/// Reads one backend; every key is read even when an earlier one has a problem.
fn read_backend(name: &str, base: Option<&BuiltIn>, section: &mut Section<'_, '_>) -> Entry {
    let checked = BackendName::new(name).map_err(|error| section.problem_here(error.to_string()));
    let (kind, url) = read_server(section, base);
    let scripted = section.or("scripted", false, boolean);
    // A key goes only to the host it is meant for: another URL has to name its own.
    let home = base.filter(|base| url.as_ref().is_some_and(|url| base.is_home(url)));
    let api_key = read_key(section, home.filter(|_| !scripted));
    let profile = read_profile(section, kind, url.as_ref());
    let paid = read_paid(section, base, kind, url.as_ref());
    let replicas = section.or("replicas", Vec::new(), |node| {
        read::list(node)?.iter().map(read::backend_url).collect()
    });
    let more_api_keys = section.items("more_api_keys", |section| {
        secret::read(section, FURTHER_KEY, |_| {
            Err("is a secret: use `env` or `file`, and take it out of here".to_owned())
        })
    });
    let queue = section.section("queue", Queue::read);
    let retry = section.section("retry", Retry::read);
    let breaker = section.section("breaker", Breaker::read);
    let interval = duration(Duration::from_secs(1)..=Duration::from_hours(24));
    let refresh_interval = section.or("refresh_interval", Duration::from_secs(15), interval);
    let warm_up = section.or("warm_up", false, boolean);
    let whole_answers = read_whole_answers(section, kind, paid);
    let (listens, gateway) = section.section("gateway", |section| {
        let default = Service::on_loopback(Part::TierGateway, FIRST_GATEWAY_PORT);
        (section.has("listen"), Service::read(section, &default))
    });
    let bounds = Bounds::read(section);
    let backend = checked
        .ok()
        .zip(kind)
        .zip(url)
        .map(|((name, kind), url)| Backend {
            profile,
            paid,
            scripted,
            replicas,
            api_key,
            more_api_keys: more_api_keys.unwrap_or_default(),
            queue,
            retry,
            breaker,
            refresh_interval,
            warm_up,
            whole_answers,
            gateway,
            ..bounds.over(Backend::new(name, kind, url))
        });
    Entry {
        name: name.to_owned(),
        backend,
        listens,
    }
}

/// What is somebody else's and outside is billed, unless the file says otherwise.
fn read_paid(
    section: &mut Section<'_, '_>,
    base: Option<&BuiltIn>,
    kind: Option<BackendKind>,
    url: Option<&Url>,
) -> bool {
    let outside =
        kind.is_some_and(|kind| kind != BackendKind::Ollama) && url.is_some_and(read::is_public);
    let usual = outside || base.is_some_and(|base| base.paid);
    section.or("paid", usual, boolean)
}

fn read_server(
    section: &mut Section<'_, '_>,
    base: Option<&BuiltIn>,
) -> (Option<BackendKind>, Option<Url>) {
    let Some(base) = base else {
        let kind = section.required("kind", choice(KINDS));
        return (kind, section.required("url", read::backend_url));
    };
    let kind = section.or("kind", base.kind, choice(KINDS));
    let url = section.get("url", read::backend_url);
    (Some(kind), url.or_else(|| base.home()))
}

fn read_key(section: &mut Section<'_, '_>, base: Option<&BuiltIn>) -> Secret {
    let given = secret::read(section, API_KEY, |_| {
        Err("is a secret: use `api_key_env` or `api_key_file`, and take it out of here".to_owned())
    });
    match (given, base.and_then(|base| base.key_variable)) {
        (Secret::Unset, Some(variable)) => secret::from_variable(section, variable),
        (given, _) => given,
    }
}

fn read_profile(
    section: &mut Section<'_, '_>,
    kind: Option<BackendKind>,
    url: Option<&Url>,
) -> Profile {
    let given = section.get("profile", choice(PROFILES));
    if given.is_some() && kind.is_some_and(|kind| kind != BackendKind::OpenAi) {
        section.problem("profile", "is for the kind `openai` alone");
    }
    let openai = url.and_then(Url::host_str) == Some("api.openai.com");
    given.unwrap_or(if openai {
        Profile::OpenAi
    } else {
        Profile::Generic
    })
}

/// Of an answer in one piece nobody knows what it had cost when it is broken off: so not where that
/// costs money.
fn read_whole_answers(
    section: &mut Section<'_, '_>,
    kind: Option<BackendKind>,
    paid: bool,
) -> bool {
    let wanted = section.or("whole_answers", false, boolean);
    if wanted && kind.is_some_and(|kind| kind != BackendKind::OpenAi) {
        section.problem("whole_answers", "is for the kind `openai` alone");
    }
    if wanted && paid {
        let why = "is not for a paid backend: what an answer that is broken off has cost would not be known";
        section.problem("whole_answers", why);
    }
    wanted
}

/// The limits on calls, as far as they are given.
struct Bounds {
    connect_timeout: Option<Duration>,
    first_token_timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    total_timeout: Option<Duration>,
    max_concurrency: Option<usize>,
    max_response_bytes: Option<ByteSize>,
}

impl Bounds {
    fn read(section: &mut Section<'_, '_>) -> Self {
        let range = || duration(Duration::from_millis(1)..=Duration::from_hours(1));
        let bytes = size(ByteSize::kib(1)..=ByteSize::mib(1024));
        Self {
            connect_timeout: section.get("connect_timeout", range()),
            first_token_timeout: section.get("first_token_timeout", range()),
            idle_timeout: section.get("idle_timeout", range()),
            total_timeout: section.get("total_timeout", range()),
            max_concurrency: section.get("max_concurrency", count(1..=100_000)),
            max_response_bytes: section.get("max_response_bytes", bytes),
        }
    }

    fn over(self, backend: Backend) -> Backend {
        Backend {
            connect_timeout: self.connect_timeout.unwrap_or(backend.connect_timeout),
            first_token_timeout: self
                .first_token_timeout
                .unwrap_or(backend.first_token_timeout),
            idle_timeout: self.idle_timeout.unwrap_or(backend.idle_timeout),
            total_timeout: self.total_timeout.unwrap_or(backend.total_timeout),
            max_concurrency: self.max_concurrency.unwrap_or(backend.max_concurrency),
            max_response_bytes: self
                .max_response_bytes
                .unwrap_or(backend.max_response_bytes),
            ..backend
        }
    }
}
