//! Second opinions: models that the judge asks about answers which its checks leave open.
//!
//! Only models that cost nothing: what the judge asks is not held in the ledger, so that one with a
//! price would pass every budget by.

use std::time::Duration;

use terrace_domain::ModelName;

use crate::decode::Section;
use crate::problem::shown;
use crate::read::{self, count, duration, number};
use crate::schema::{Model, Routing, Tiers};

/// How long a model may be asked.
const MAX_TIMEOUT: Duration = Duration::from_mins(1);
/// How long it is asked when nothing is said.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Most tokens of an answer to the same question.
const ANSWER_TOKENS: u32 = 512;
/// Most tokens of a letter.
const CRITIQUE_TOKENS: u32 = 8;

/// Which scores leave an answer open, both ends among them. Default: from 0.3 to 0.9.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GreyZone {
    /// The lowest of them.
    pub from: f64,
    /// The highest.
    pub to: f64,
}

impl Default for GreyZone {
    fn default() -> Self {
        Self { from: 0.3, to: 0.9 }
    }
}

/// A model that is asked, and what its word is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct SecondOpinion {
    /// Its name; for a critique without one it is the first free model of another family.
    pub model: Option<ModelName>,
    /// How long it is waited for. Default: 5 s.
    pub timeout: Duration,
    /// Most tokens of its answer. Default: 512, and 8 for a critique.
    pub max_output_tokens: u32,
    /// How often it says yes to an answer that is right. Default: 0.6.
    pub when_right: f64,
    /// How often it says yes to one that is wrong. Default: 0.1 for an agreement, 0.4 for a critique.
    pub when_wrong: f64,
}

impl SecondOpinion {
    /// Of a model that answers the same question.
    #[must_use]
    pub const fn agreement() -> Self {
        Self {
            model: None,
            timeout: TIMEOUT,
            max_output_tokens: ANSWER_TOKENS,
            when_right: 0.6,
            when_wrong: 0.1,
        }
    }

    /// Of a model that reads the answer.
    #[must_use]
    pub fn critique() -> Self {
        Self {
            max_output_tokens: CRITIQUE_TOKENS,
            when_wrong: 0.4,
            ..Self::agreement()
        }
    }

    fn read(self, section: &mut Section<'_, '_>, tiers: &Tiers) -> Self {
        let model = section.get("model", read::name);
        if let Some(problem) = model.as_ref().and_then(|name| wrong_with(name, tiers)) {
            section.problem("model", problem);
        }
        let timeout = duration(Duration::from_millis(1)..=MAX_TIMEOUT);
        Self {
            model,
            timeout: section.or("timeout", self.timeout, timeout),
            max_output_tokens: section.or(
                "max_output_tokens",
                self.max_output_tokens,
                count(1..=32_768),
            ),
            when_right: section.or("when_right", self.when_right, number(0.01..=0.99)),
            when_wrong: section.or("when_wrong", self.when_wrong, number(0.01..=0.99)),
        }
    }
}

pub(super) fn grey_zone(section: &mut Section<'_, '_>) -> GreyZone {
    section.section("grey_zone", |section| {
        let default = GreyZone::default();
        let zone = GreyZone {
            from: section.or("from", default.from, number(0.0..=1.0)),
            to: section.or("to", default.to, number(0.0..=1.0)),
        };
        if zone.from > zone.to {
            section.problem_here("ends before it begins: `from` has to be at most `to`");
        }
        zone
    })
}

pub(super) fn agreement(section: &mut Section<'_, '_>, tiers: &Tiers) -> Option<SecondOpinion> {
    let is_given = section.has("agreement");
    let agreement = section.section("agreement", |section| {
        if is_given {
            section.require("model");
        }
        SecondOpinion::agreement().read(section, tiers)
    });
    is_given.then_some(agreement)
}

pub(super) fn critique(
    section: &mut Section<'_, '_>,
    tiers: &Tiers,
    routing: &Routing,
) -> Option<SecondOpinion> {
    let is_given = section.has("critique");
    let critique = section.section("critique", |section| {
        SecondOpinion::critique().read(section, tiers)
    });
    if !routing.enable_self_critique {
        if is_given {
            let message = "has no effect without `routing.enable_self_critique: true`";
            section.warning("critique", message);
        }
        return None;
    }
    if critique.model.is_none() && free(tiers).next().is_none() {
        let message = "no enabled model costs nothing, and the judge asks no other: no model is \
                       asked about an answer, as `routing.enable_self_critique` wants";
        section.warning_here(message);
    }
    Some(critique)
}

/// Why the judge may not ask a model.
fn wrong_with(name: &ModelName, tiers: &Tiers) -> Option<String> {
    let mut models = tiers.iter().flat_map(|tier| &tier.models);
    let shown = shown(name.as_str());
    match models.find(|model| &model.name == name && model.enabled) {
        None => Some(format!("no tier has an enabled model called `{shown}`")),
        Some(model) if !model.price.is_free() => Some(format!(
            "`{shown}` has a price, and what the judge asks is not held in the ledger: name a model \
             that costs nothing"
        )),
        Some(_) => None,
    }
}

/// Enabled models that cost nothing and speak, from the lowest tier to the highest.
fn free(tiers: &Tiers) -> impl Iterator<Item = &Model> {
    let models = tiers.iter().flat_map(|tier| &tier.models);
    models.filter(|model| model.enabled && model.price.is_free() && !model.capabilities.embeddings)
}

#[cfg(test)]
mod tests {
    use crate::load::parse;

    const TIERS: &str = "tiers:\n  low: {models: [{name: llama3, backend: local}, {name: qwen2, backend: local, enabled: false}]}\n  high: {models: [{name: gpt-4o, backend: paid}]}\nbackends:\n  local: {kind: ollama, url: \"http://127.0.0.1:9\"}\n  paid: {kind: openai, url: \"https://api.openai.com/v1\", api_key_env: KEY}\n";

    fn problems(judge: &str) -> String {
        let text = format!("{TIERS}{judge}");
        parse(&text, "t.yaml", []).unwrap_err().to_string()
    }

    #[test]
    fn nobody_is_asked_by_default() {
        let judge = parse(TIERS, "t.yaml", []).unwrap().config.judge;
        assert!(judge.agreement.is_none() && judge.critique.is_none());
    }

    #[test]
    fn a_model_that_costs_is_refused_and_one_that_is_not_there_too() {
        let found = problems("judge: {agreement: {model: gpt-4o}}\n");
        assert!(found.contains("has a price"), "{found}");
        for name in ["qwen2", "nobody"] {
            let found = problems(&format!("judge: {{agreement: {{model: {name}}}}}\n"));
            assert!(found.contains("no tier has an enabled model"), "{found}");
        }
    }

    #[test]
    fn an_agreement_needs_a_model_and_a_grey_zone_an_order() {
        let found = problems("judge: {agreement: {}, grey_zone: {from: 0.8, to: 0.2}}\n");
        assert!(found.contains("judge.agreement.model"), "{found}");
        assert!(found.contains("ends before it begins"), "{found}");
    }

    #[test]
    fn a_critique_is_asked_where_self_critique_is_switched_on() {
        let text = format!("{TIERS}routing: {{enable_self_critique: true}}\n");
        let read = parse(&text, "t.yaml", []).unwrap();
        let critique = read.config.judge.critique.unwrap();
        assert!(critique.model.is_none() && critique.max_output_tokens == 8);
        let text = format!("{TIERS}judge: {{critique: {{model: llama3}}}}\n");
        let read = parse(&text, "t.yaml", []).unwrap();
        assert!(read.config.judge.critique.is_none());
        let warnings = format!("{:?}", read.warnings);
        assert!(warnings.contains("enable_self_critique"), "{warnings}");
    }
}
