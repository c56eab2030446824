//! How a caller wants a request to be routed, beyond what its API knows: by `metadata`, by the
//! body's `terrace` object, by headers. What is nearer to the wire holds.
//!
//! All three have the same names: `x-terrace-max-cost-usd` as a header is `max_cost_usd` in the object
//! and `terrace_max_cost_usd` in `metadata`, whose other entries are tags. A name that nobody knows
//! is refused: a typing error in a limit would spend money.

mod given;

use std::time::Duration;

use http::HeaderMap;
use serde_json::{Map, Value};
use terrace_config::{CommitMode, Target};
use terrace_domain::{NanoUsd, Violations};
use terrace_proto::convert::wire_duration;
use terrace_proto::router::v1 as wire;

use crate::config::Settings;
use crate::refusal::Refusal;
use given::Given;

/// What headers begin with.
const HEADER: &str = "x-terrace-";
/// What entries of `metadata` begin with that are no tags.
const ENTRY: &str = "terrace_";

/// Every name there is.
const NAMES: [&str; 24] = [
    "action",
    "allowed_tiers",
    "cache",
    "cache_ttl",
    "code_language",
    "commit_mode",
    "consensus",
    "consensus_equivalence",
    "consensus_threshold",
    "hedge",
    "latency_target",
    "max_attempts",
    "max_cost_usd",
    "max_repairs",
    "on_exhausted",
    "prefix_tokens",
    "quality_check",
    "quality_threshold",
    "request_id",
    "session_id",
    "tags",
    "tier",
    "timeout",
    "top_k",
];

/// How a request is to be routed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wishes {
    /// Everything that a request of the orchestrator says besides its conversation.
    pub(crate) request: wire::RouteRequest,
    /// When chunks of a stream may leave.
    pub(crate) commit_mode: Option<wire::CommitMode>,
    /// Tokens that are held back with [`wire::CommitMode::Prefix`]; 0: as many as usual.
    pub(crate) prefix_tokens: u32,
    /// How long the answer may take.
    pub(crate) timeout: Option<Duration>,
    /// Sampling among the k likeliest tokens, which OpenAI's API has no field for.
    pub(crate) top_k: Option<u32>,
}

/// The parts of a body that say how to route.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told<'a> {
    /// The `terrace` object.
    pub(crate) terrace: Option<&'a Map<String, Value>>,
    /// The `metadata` of OpenAI and Anthropic.
    pub(crate) metadata: Option<&'a Map<String, Value>>,
}

impl Wishes {
    /// Reads them all; what is wrong is noted.
    pub(crate) fn read(headers: &HeaderMap, told: Told<'_>, noted: &mut Violations) -> Self {
        let mut wishes = Self::default();
        for (key, value) in told.metadata.into_iter().flatten() {
            let field = format!("metadata.{key}");
            match key.strip_prefix(ENTRY) {
                Some(name) => wishes.set(name, Given::Json(value), (&field, noted)),
                None => wishes.tag(key, value, (&field, noted)),
            }
        }
        for (key, value) in told.terrace.into_iter().flatten() {
            wishes.set(key, Given::Json(value), (&format!("terrace.{key}"), noted));
        }
        for (header, value) in headers {
            let Some(name) = header.as_str().strip_prefix(HEADER) else {
                continue;
            };
            match value.to_str() {
                Ok(text) => wishes.set(
                    &name.replace('-', "_"),
                    Given::Text(text),
                    (header.as_str(), noted),
                ),
                Err(_) => noted.add(header.as_str(), "is no text"),
            }
        }
        wishes
    }

    /// The request as one for a stream; it is taken out.
    pub(crate) fn streamed(&mut self, settings: &Settings) -> wire::RouteStreamRequest {
        wire::RouteStreamRequest {
            commit_mode: self.commit_mode(settings).into(),
            prefix_tokens: self.prefix_tokens,
            request: Some(std::mem::take(&mut self.request)),
        }
    }

    /// When chunks of a stream may leave: as the request says, else as the config does.
    fn commit_mode(&self, settings: &Settings) -> wire::CommitMode {
        self.commit_mode.unwrap_or(match settings.commit_mode {
            CommitMode::HoldBack => wire::CommitMode::HoldBack,
            CommitMode::Prefix => wire::CommitMode::Prefix,
        })
    }

    /// Aims the request at what its `model` leads to.
    ///
    /// # Errors
    /// The request names another tier besides.
    pub(crate) fn aim_at(&mut self, target: Target) -> Result<(), Refusal> {
        match target {
            Target::Auto => {}
            Target::Model(model) => self.policy().model = model.to_string(),
            Target::Tier(tier) => {
                let tier = tier.to_string();
                let wished = &mut self.policy().tier;
                if !wished.is_empty() && *wished != tier {
                    let why = format!("is the tier {tier}, and another one is asked for besides");
                    return Err(Refusal::field("model", &why));
                }
                *wished = tier;
            }
        }
        Ok(())
    }

    /// The policy, to be filled in.
    pub(crate) fn policy(&mut self) -> &mut wire::RoutePolicy {
        self.request.policy.get_or_insert_default()
    }

    fn tag(&mut self, key: &str, value: &Value, (field, noted): (&str, &mut Violations)) {
        match Given::Json(value).text() {
            Ok(text) => {
                self.request.tags.insert(key.to_owned(), text);
            }
            Err(why) => noted.add(field, why),
        }
    }

    fn set(&mut self, name: &str, given: Given<'_>, (field, noted): (&str, &mut Violations)) {
        if given.is_null() {
            return;
        }
        let done = match name {
            "project" => Err("cannot be chosen: the key that a call comes with says who \
                              pays"
                .to_owned()),
            name if !NAMES.contains(&name) => Err(unknown(name)),
            "cache" | "cache_ttl" => self.set_cache(name, given),
            "consensus" | "consensus_threshold" | "consensus_equivalence" => {
                self.set_consensus(name, given)
            }
            "commit_mode" | "prefix_tokens" | "timeout" | "top_k" => self.set_way(name, given),
            "action" | "code_language" | "request_id" | "session_id" | "tags" => {
                self.set_request(name, given)
            }
            _ => self.set_policy(name, given),
        };
        if let Err(why) = done {
            noted.add(field, why);
        }
    }

    fn set_request(&mut self, name: &str, given: Given<'_>) -> Result<(), String> {
        let request = &mut self.request;
        match name {
            "action" => request.action = given.text()?,
            "code_language" => request.code_language = given.text()?,
            "request_id" => request.request_id = given.text()?,
            "session_id" => request.session_id = given.text()?,
            _ => request.tags.extend(given.pairs()?),
        }
        Ok(())
    }

    fn set_way(&mut self, name: &str, given: Given<'_>) -> Result<(), String> {
        match name {
            "commit_mode" => self.commit_mode = Some(commit_mode(&given.text()?)?),
            "prefix_tokens" => self.prefix_tokens = given.whole()?,
            "timeout" => self.timeout = Some(given.span()?),
            _ => self.top_k = Some(given.whole()?),
        }
        Ok(())
    }

    fn set_policy(&mut self, name: &str, given: Given<'_>) -> Result<(), String> {
        let policy = self.policy();
        match name {
            "allowed_tiers" => policy.allowed_tiers = given.list()?,
            "tier" => policy.tier = given.text()?,
            "quality_threshold" => policy.quality_threshold = Some(given.number()?),
            "quality_check" => policy.quality_check = Some(given.boolean()?),
            "hedge" => policy.hedge = Some(given.boolean()?),
            "max_attempts" => policy.max_attempts = Some(given.whole()?),
            "max_repairs" => policy.max_repairs = Some(given.whole()?),
            "latency_target" => policy.latency_target = Some(wire_duration(given.span()?)),
            "max_cost_usd" => {
                let amount: Result<NanoUsd, _> = given.text()?.parse();
                let amount = amount.map_err(|_| "is no amount in US dollars, as 0.05");
                policy.max_cost_nano_usd = Some(amount?.get());
            }
            _ => policy.on_exhausted = on_exhausted(&given.text()?)?.into(),
        }
        Ok(())
    }

    fn set_cache(&mut self, name: &str, given: Given<'_>) -> Result<(), String> {
        let cache = self.policy().cache.get_or_insert_default();
        if name == "cache_ttl" {
            cache.ttl = Some(wire_duration(given.span()?));
            return Ok(());
        }
        (cache.no_read, cache.no_write) = match given.text()?.as_str() {
            "on" | "true" => (false, false),
            "off" | "false" => (true, true),
            "no_read" => (true, false),
            "no_write" => (false, true),
            _ => return Err("has to be on, off, no_read or no_write".to_owned()),
        };
        Ok(())
    }

    fn set_consensus(&mut self, name: &str, given: Given<'_>) -> Result<(), String> {
        let consensus = self.policy().consensus.get_or_insert_default();
        match name {
            "consensus_threshold" => consensus.threshold = given.number()?,
            "consensus_equivalence" => consensus.equivalence = given.text()?,
            _ => match given.boolean() {
                Ok(wanted) => consensus.off = !wanted,
                Err(_) => consensus.models = given.list()?,
            },
        }
        Ok(())
    }
}

fn unknown(name: &str) -> String {
    let near = NAMES
        .iter()
        .map(|known| (strsim::jaro_winkler(known, name), known))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    match near {
        Some((_, known)) => format!("is not known, did you mean `{known}`?"),
        None => format!("is not known; there are {}", NAMES.join(", ")),
    }
}

fn commit_mode(text: &str) -> Result<wire::CommitMode, String> {
    match text {
        "hold_back" => Ok(wire::CommitMode::HoldBack),
        "prefix" => Ok(wire::CommitMode::Prefix),
        "provisional" => Err(
            "cannot be provisional over HTTP: no client of this API could take back what it has \
             been sent; use hold_back or prefix, or RouteStream over gRPC"
                .to_owned(),
        ),
        _ => Err("has to be hold_back or prefix".to_owned()),
    }
}

fn on_exhausted(text: &str) -> Result<wire::OnExhausted, String> {
    match text {
        "best_effort" => Ok(wire::OnExhausted::BestEffort),
        "strict" => Ok(wire::OnExhausted::Strict),
        _ => Err("has to be best_effort or strict".to_owned()),
    }
}

#[cfg(test)]
mod tests;
