//! Wire to domain: checks a request, names every bad field at once, fills in the config's policy.

use terrace_domain::{
    ActionName, BackendName, Failure, ModelName, NanoUsd, ProjectName, RequestId, Score, TierName,
    Violations,
};
use terrace_proto::common::v1::{GenerationParams, Role};
use terrace_proto::convert::{duration, text_message};
use terrace_proto::router::v1 as wire;

use super::{check, consensus};
use crate::answers::Evicted;
use crate::config::RequestLimits;
use crate::fingerprint::Fingerprint;
use crate::prompt::Prompt;
use crate::request::{CachePolicy, OnExhausted, Policy, Priority, Request};
use crate::route::consensus::Wish;
use crate::route::events::Commit;
use crate::route::lessons::Reported;
use crate::route::traces::Wanted;

/// Reads requests: knows the config's policy, its tiers and its limits.
#[derive(Debug)]
pub struct Reader {
    defaults: Policy,
    consensus: Wish,
    tiers: Vec<TierName>,
    limits: RequestLimits,
    project: ProjectName,
}

/// Reads which model is to be fetched, and where to if that is said.
pub(super) fn pull(
    wire: wire::PullModelRequest,
) -> Result<(ModelName, Option<BackendName>), Failure> {
    let mut noted = Violations::new();
    if wire.model.is_empty() {
        noted.add("model", "is needed");
    }
    let model = name(&wire.model, "model", ModelName::new, &mut noted);
    let backend = name(&wire.backend, "backend", BackendName::new, &mut noted);
    noted.finish()?;
    let model = model.ok_or_else(|| Failure::invalid(Vec::new()))?;
    Ok((model, backend))
}

/// Reads which requests a watcher wants to be told of.
pub(super) fn watch(wire: &wire::WatchRequestsRequest) -> Result<Wanted, Failure> {
    let mut noted = Violations::new();
    let project = name(&wire.project, "project", ProjectName::new, &mut noted);
    let id = (!wire.request_id.is_empty()).then(|| request_id(&wire.request_id, &mut noted));
    let both = wire.ended_too && id.is_some();
    let rule = "is for a watch of all requests: one that has ended is told of anyway";
    noted.require(!both, "ended_too", rule);
    noted.finish()?;
    Ok(Wanted {
        project,
        id,
        ended_too: wire.ended_too,
    })
}

impl Reader {
    /// Creates a reader; `consensus` is as the config describes it, switched on or not, and
    /// `project` pays for every request while there are no keys.
    #[must_use]
    pub fn new(
        (defaults, consensus): (Policy, Wish),
        tiers: Vec<TierName>,
        limits: RequestLimits,
        project: ProjectName,
    ) -> Self {
        Self {
            defaults,
            consensus,
            tiers,
            limits,
            project,
        }
    }

    /// The tiers' names from the lowest to the highest.
    pub(super) fn tiers(&self) -> Vec<String> {
        self.tiers.iter().map(TierName::to_string).collect()
    }

    /// Reads a request.
    pub(super) fn read(&self, wire: wire::RouteRequest) -> Result<Request, Failure> {
        self.read_with(wire, Violations::new())
    }

    /// Reads the request inside a stream's, and when its answer may leave; fields are named as
    /// they stand there.
    pub(super) fn read_stream(
        &self,
        wire: wire::RouteStreamRequest,
    ) -> Result<(Request, Commit), Failure> {
        let mut noted = Violations::new();
        let commit = commit(&wire, &mut noted);
        let request = self.read_inner(wire.request, noted)?;
        Ok((request, commit))
    }

    /// Reads a request of a batch.
    pub(super) fn read_batch(&self, wire: Option<wire::RouteRequest>) -> Result<Request, Failure> {
        self.read_inner(wire, Violations::new())
    }

    /// Reads the request inside an explain's.
    pub(super) fn read_explain(&self, wire: wire::ExplainRequest) -> Result<Request, Failure> {
        self.read_inner(wire.request, Violations::new())
    }

    /// Reads which answers are thrown out, and whose.
    pub(super) fn read_evict(
        &self,
        wire: wire::EvictCacheRequest,
    ) -> Result<(ProjectName, Evicted), Failure> {
        let mut noted = Violations::new();
        let by_id = (!wire.request_id.is_empty())
            .then(|| request_id(&wire.request_id, &mut noted))
            .map(Evicted::Of);
        let by_action = name(&wire.action, "action", ActionName::new, &mut noted);
        let by_action = by_action.map(Evicted::For);
        noted.require(
            by_id.is_none() || by_action.is_none(),
            "action",
            "cannot be set beside request_id",
        );
        let named = !wire.request_id.is_empty() || !wire.action.is_empty();
        noted.require(named, "request_id", "must be set, or action");
        noted.finish()?;
        let meant = by_id.or(by_action);
        let meant = meant.ok_or_else(|| Failure::invalid(Vec::new()))?;
        Ok((self.project.clone(), meant))
    }

    /// Reads what a caller did with an answer.
    pub(super) fn read_report(
        &self,
        wire: &wire::ReportOutcomeRequest,
    ) -> Result<(ProjectName, RequestId, Reported), Failure> {
        use wire::report_outcome_request::Outcome;
        let mut noted = Violations::new();
        let id = request_id(&wire.request_id, &mut noted);
        let named = !wire.request_id.is_empty();
        noted.require(named, "request_id", "must be that of an answer");
        let reported = match wire.outcome() {
            Outcome::Accepted => Some(Reported::Accepted),
            Outcome::Edited => Some(Reported::Edited),
            Outcome::Rejected => Some(Reported::Rejected),
            Outcome::Retried => Some(Reported::Retried),
            Outcome::Unspecified => None,
        };
        let is_set = reported.is_some();
        noted.require(
            is_set,
            "outcome",
            "must be ACCEPTED, EDITED, REJECTED or RETRIED",
        );
        noted.finish()?;
        let reported = reported.ok_or_else(|| Failure::invalid(Vec::new()))?;
        Ok((self.project.clone(), id, reported))
    }

    /// Reads texts to turn into vectors: a request of no output, and the texts.
    pub(super) fn read_embed(
        &self,
        wire: wire::EmbedRequest,
    ) -> Result<(Request, Vec<String>), Failure> {
        let mut noted = Violations::new();
        check::texts(&wire.inputs, &self.limits, &mut noted);
        let policy = wire::RoutePolicy {
            tier: wire.tier,
            model: wire.model,
            quality_check: Some(false),
            ..wire::RoutePolicy::default()
        };
        let mut policy = self.policy(policy, &mut noted);
        // Another model's vectors would not fit: see the use case.
        policy.max_attempts = 1;
        policy.consensus = None;
        noted.finish()?;
        let message = |text: &String| text_message(Role::User, text.clone());
        let params = GenerationParams {
            max_output_tokens: Some(0),
            ..GenerationParams::default()
        };
        let prompt = Prompt::new(wire.inputs.iter().map(message).collect(), params, None);
        let request = Request {
            id: RequestId::generate(),
            body: None,
            project: self.project.clone(),
            key_id: String::new(),
            action: None,
            prompt: prompt.into(),
            policy,
            code_language: None,
            session: None,
            tags: std::collections::BTreeMap::new(),
            priority: Priority::Interactive,
            is_shadow: false,
        };
        Ok((request, wire.inputs))
    }

    fn read_inner(
        &self,
        wire: Option<wire::RouteRequest>,
        mut noted: Violations,
    ) -> Result<Request, Failure> {
        if wire.is_none() {
            noted.add("request", "must be set");
        }
        match wire {
            Some(wire) => self.read_with(wire, noted),
            None => {
                noted.finish()?;
                self.read(wire::RouteRequest::default())
            }
        }
    }

    fn read_with(
        &self,
        mut wire: wire::RouteRequest,
        mut noted: Violations,
    ) -> Result<Request, Failure> {
        let id = request_id(&wire.request_id, &mut noted);
        let is_from_client = !wire.request_id.is_empty();
        let body = is_from_client.then(|| Fingerprint::of(&mut wire));
        check::messages(&wire.messages, &self.limits, &mut noted);
        let params = wire.params.unwrap_or_default();
        check::params(&params, &self.limits, &mut noted);
        let kind = wire
            .response_format
            .as_ref()
            .and_then(|format| format.kind.as_ref());
        if let Some(kind) = kind {
            check::format(kind, &mut noted);
        }
        check::tags(wire.tags.iter(), &self.limits, &mut noted);
        let action = name(&wire.action, "action", ActionName::new, &mut noted);
        let mut policy = self.policy(wire.policy.unwrap_or_default(), &mut noted);
        let language_fits = wire.code_language.len() <= 64;
        noted.require(language_fits, "code_language", "must have at most 64 bytes");
        terrace_proto::check::tools(&wire.tools, "tools", &mut noted);
        if let Some(choice) = &wire.tool_choice {
            terrace_proto::check::tool_choice(choice, &wire.tools, "tool_choice", &mut noted);
        }
        let session = session(wire.session_id, &mut noted);
        noted.finish()?;
        let prompt = Prompt::new(wire.messages, params, wire.response_format)
            .with_tools(wire.tools, wire.tool_choice);
        if session.is_some() && prompt.ends_in_tool_result() {
            // A kept answer may be of a lower tier than the one that the exchange is with.
            policy.cache.read = false;
        }
        Ok(Request {
            id,
            body,
            project: self.project.clone(),
            key_id: String::new(),
            action,
            prompt: prompt.into(),
            policy,
            code_language: (!wire.code_language.is_empty()).then_some(wire.code_language),
            session,
            tags: wire.tags.into_iter().collect(),
            priority: Priority::Interactive,
            is_shadow: false,
        })
    }

    fn policy(&self, wire: wire::RoutePolicy, noted: &mut Violations) -> Policy {
        check::policy(&wire, noted);
        let on_exhausted = match wire.on_exhausted() {
            wire::OnExhausted::Unspecified => self.defaults.on_exhausted,
            wire::OnExhausted::BestEffort => OnExhausted::BestEffort,
            wire::OnExhausted::Strict => OnExhausted::Strict,
        };
        let allowed = wire
            .allowed_tiers
            .iter()
            .enumerate()
            .filter_map(|(index, tier)| {
                self.tier(tier, &format!("policy.allowed_tiers[{index}]"), noted)
            });
        let allowed_tiers = allowed.collect();
        let default = self.defaults.consensus.as_ref();
        Policy {
            hedge: wire.hedge.unwrap_or(self.defaults.hedge),
            consensus: consensus::wish(&wire, (&self.consensus, default), noted),
            allowed_tiers,
            tier: self.tier(&wire.tier, "policy.tier", noted),
            model: name(&wire.model, "policy.model", ModelName::new, noted),
            quality_threshold: wire
                .quality_threshold
                .map_or(self.defaults.quality_threshold, Score::clamped),
            quality_check: wire.quality_check.unwrap_or(self.defaults.quality_check),
            always_judged: wire.quality_check == Some(true),
            max_attempts: wire.max_attempts.unwrap_or(self.defaults.max_attempts),
            max_repairs: wire.max_repairs.unwrap_or(self.defaults.max_repairs),
            latency_target: wire.latency_target.as_ref().and_then(duration),
            max_cost: wire
                .max_cost_nano_usd
                .map(NanoUsd::new)
                .or(self.defaults.max_cost),
            on_exhausted,
            cache: self.cache(wire.cache, noted),
        }
    }

    /// A request can use less of the cache than the config allows, never more.
    fn cache(&self, wire: Option<wire::CachePolicy>, noted: &mut Violations) -> CachePolicy {
        let default = self.defaults.cache;
        let Some(wire) = wire else {
            return default;
        };
        let wanted = wire.ttl.as_ref().map(duration);
        let is_span = wanted != Some(None);
        noted.require(is_span, "policy.cache.ttl", "must not be negative");
        let wanted = wanted.flatten().unwrap_or(default.ttl);
        CachePolicy {
            read: default.read && !wire.no_read,
            write: default.write && !wire.no_write,
            ttl: wanted.min(default.ttl),
            no_replay: wire.no_write,
        }
    }

    fn tier(&self, text: &str, field: &str, noted: &mut Violations) -> Option<TierName> {
        let tier = name(text, field, TierName::new, noted)?;
        if self.tiers.contains(&tier) {
            return Some(tier);
        }
        let known = self.tiers().join(", ");
        noted.add(
            field,
            format!("no tier is called {tier}; there are {known}"),
        );
        None
    }
}

/// Tokens of a prefix when the caller does not say.
const PREFIX_TOKENS: u32 = 64;
/// The most tokens of a prefix.
const MAX_PREFIX_TOKENS: u32 = 4096;

fn commit(wire: &wire::RouteStreamRequest, noted: &mut Violations) -> Commit {
    let tokens = wire.prefix_tokens;
    let mode = wire::CommitMode::try_from(wire.commit_mode);
    let fits = tokens == 0 || mode == Ok(wire::CommitMode::Prefix);
    noted.require(fits, "prefix_tokens", "is for COMMIT_MODE_PREFIX alone");
    let fits = tokens <= MAX_PREFIX_TOKENS;
    noted.require(fits, "prefix_tokens", "must be at most 4096");
    match mode {
        Ok(wire::CommitMode::Unspecified | wire::CommitMode::HoldBack) => Commit::HoldBack,
        Ok(wire::CommitMode::Prefix) => Commit::Prefix {
            tokens: u64::from(if tokens == 0 { PREFIX_TOKENS } else { tokens }),
        },
        Ok(wire::CommitMode::Provisional) => Commit::Provisional,
        Err(_) => {
            noted.add("commit_mode", "is no value of CommitMode");
            Commit::HoldBack
        }
    }
}

/// The longest id of a session, in bytes.
const MAX_SESSION_BYTES: usize = 128;

fn session(text: String, noted: &mut Violations) -> Option<String> {
    let fits = text.len() <= MAX_SESSION_BYTES && !text.chars().any(char::is_control);
    let rule = "must have at most 128 bytes and no control characters";
    noted.require(fits, "session_id", rule);
    (!text.is_empty()).then_some(text)
}

/// The client's own id, or a new one.
fn request_id(text: &str, noted: &mut Violations) -> RequestId {
    if text.is_empty() {
        return RequestId::generate();
    }
    text.parse()
        .unwrap_or_else(|error: terrace_domain::ids::InvalidRequestId| {
            noted.add("request_id", error.to_string());
            RequestId::generate()
        })
}

/// A name, if the text is not empty; a bad one is noted.
fn name<T>(
    text: &str,
    field: &str,
    new: impl FnOnce(String) -> Result<T, terrace_domain::names::InvalidName>,
    noted: &mut Violations,
) -> Option<T> {
    if text.is_empty() {
        return None;
    }
    let checked = new(text.to_owned());
    checked
        .map_err(|error| noted.add(field, error.to_string()))
        .ok()
}

#[cfg(test)]
mod tests;
