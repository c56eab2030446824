//! `tiers`: the ordered levels and the models in each.

use terrace_domain::{BackendName, ModelName, NanoUsd, Price, TierName};

use crate::decode::Section;
use crate::model_list::{self, Family};
use crate::read::{self, boolean, count};
use crate::schema::backends::Declared;
use crate::schema::built_in;

/// The tiers from lowest (tried first) to highest.
#[derive(Debug, Clone, PartialEq)]
pub struct Tiers(Vec<Tier>);

/// One level.
#[derive(Debug, Clone, PartialEq)]
pub struct Tier {
    /// Its name, as `local_fast`.
    pub name: TierName,
    /// Its models in the order of the file, disabled ones among them.
    pub models: Vec<Model>,
}

/// One model of a tier.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The name the backend knows it by.
    pub name: ModelName,
    /// Whether it is used at all. Default: true.
    pub enabled: bool,
    /// The backend that runs it. Default: inferred from the name.
    pub backend: BackendName,
    /// What it costs.
    pub price: Price,
    /// Where that price comes from.
    pub price_source: PriceSource,
    /// Which version of its price this is: what the file calls it, the month of the price list, or
    /// `config`; empty when it costs nothing.
    pub price_version: String,
    /// What an hour of the machines that run it costs. No part of any call's cost: they run whether
    /// or not it is called, and reports set it against the savings. Default: nothing.
    pub gpu_hour: NanoUsd,
    /// The tokens of prompt and answer together it can hold. Default: 8192.
    pub context_window: u32,
    /// The output cap sent to the backend when a request gives none. Default: 1024.
    pub max_output_tokens: u32,
    /// The calls of it in flight at once; `None` for as many as its backend takes.
    pub max_concurrency: Option<usize>,
    /// What it can do beyond text.
    pub capabilities: Capabilities,
    /// Which of these are stated; what its backend tells of it holds for the others.
    pub known: Known,
}

/// What the file or the built-in list of models states of a model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// Its context window.
    pub context_window: bool,
    /// What it can do beyond text.
    pub capabilities: bool,
}

/// What a model can do beyond plain text. All off by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// It is made for code, and preferred for it.
    pub code: bool,
    /// It takes images.
    pub vision: bool,
    /// It calls tools.
    pub tools: bool,
    /// Its backend can hold it to JSON.
    pub json: bool,
    /// Its backend gives token probabilities.
    pub logprobs: bool,
    /// It turns texts into vectors.
    pub embeddings: bool,
}

/// Where a model's price comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceSource {
    /// The file states it.
    Config,
    /// The built-in list price of its family.
    ListPrice {
        /// The day the list was read, as `2026-11-01`.
        as_of: &'static str,
    },
    /// Its backend is not paid per call.
    Free,
}

impl PriceSource {
    const fn version(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::ListPrice { as_of } => as_of,
            Self::Free => "",
        }
    }
}

impl Tiers {
    /// The tiers from lowest to highest.
    pub fn iter(&self) -> std::slice::Iter<'_, Tier> {
        self.0.iter()
    }

    /// How many there are; never none.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always at least one")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The tier called `name`.
    #[must_use]
    pub fn get(&self, name: &TierName) -> Option<&Tier> {
        self.0.iter().find(|tier| &tier.name == name)
    }

    /// How many tiers are below the one called `name`.
    #[must_use]
    pub fn rank(&self, name: &TierName) -> Option<usize> {
        self.0.iter().position(|tier| &tier.name == name)
    }

    /// The tier with so many below it.
    #[must_use]
    pub fn at(&self, rank: usize) -> Option<&Tier> {
        self.0.get(rank)
    }
}

impl<'a> IntoIterator for &'a Tiers {
    type Item = &'a Tier;
    type IntoIter = std::slice::Iter<'a, Tier>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Tiers that are in this order whatever the order of the file.
const KNOWN_ORDER: [&str; 3] = ["local_fast", "local_quality", "api_fallback"];

impl Tiers {
    pub(crate) fn read(section: &mut Section<'_, '_>, backends: &Declared) -> Self {
        let mut seen: Vec<(TierName, Model)> = Vec::new();
        let mut failed = false;
        let tiers = section.named("<tier>", |name, section| {
            let name = TierName::new(name).map_err(|error| section.problem_here(error.to_string()));
            let models = section.items("models", |section| {
                let model = read_model(section, backends);
                failed |= model.is_none();
                let model = model?;
                if let Ok(tier) = &name {
                    check_repeated(section, &seen, tier, &model);
                    seen.push((tier.clone(), model.clone()));
                }
                Some(model)
            });
            let models: Vec<Model> = models.into_iter().flatten().flatten().collect();
            if !models.iter().any(|model| model.enabled) {
                section.warning_here("has no enabled model: requests pass it by");
            }
            name.ok().map(|name| Tier { name, models })
        });
        let tiers = Self(in_order(tiers.into_iter().flatten().collect()));
        if tiers.0.is_empty() {
            section.problem_here("has no tier: give at least one, with at least one model");
        } else if !failed
            && !tiers
                .iter()
                .flat_map(|tier| &tier.models)
                .any(|model| model.enabled)
        {
            section.problem_here("has no enabled model: nothing could answer");
        }
        tiers
    }
}

/// Puts the tiers with a known order into it, in the places they hold together.
fn in_order(mut tiers: Vec<Tier>) -> Vec<Tier> {
    let order = |tier: &Tier| {
        KNOWN_ORDER
            .iter()
            .position(|name| *name == tier.name.as_str())
    };
    let places: Vec<usize> = (0..tiers.len())
        .filter(|i| order(&tiers[*i]).is_some())
        .collect();
    let mut known: Vec<Tier> = places.iter().map(|place| tiers[*place].clone()).collect();
    known.sort_by_key(order);
    for (place, tier) in places.into_iter().zip(known) {
        tiers[place] = tier;
    }
    tiers
}

/// The same model of the same backend is one thing: once in a tier, and alike in all of them.
fn check_repeated(
    section: &mut Section<'_, '_>,
    seen: &[(TierName, Model)],
    tier: &TierName,
    model: &Model,
) {
    let same = |other: &Model| other.name == model.name && other.backend == model.backend;
    for (other_tier, other) in seen.iter().filter(|(_, other)| same(other)) {
        let alike = Model {
            enabled: model.enabled,
            ..other.clone()
        };
        if other_tier == tier {
            section.problem("name", "is in this tier twice");
        } else if &alike != model {
            let message =
                format!("is in tier `{other_tier}` with other settings: give it the same");
            section.problem("name", message);
        }
    }
}

fn read_model(section: &mut Section<'_, '_>, backends: &Declared) -> Option<Model> {
    let name: Option<ModelName> = section.required("name", read::name);
    let enabled = section.or("enabled", true, boolean);
    let given = section.has("backend");
    let named = section.get("backend", |node| backends.name(node));
    let listed = name
        .as_ref()
        .and_then(|name| model_list::find(name.as_str()));
    let (stated, version, gpu_hour) = read_price(section);
    let (context_window, max_output_tokens) = read_tokens(section, listed);
    let known = listed.map(|family| family.capabilities).unwrap_or_default();
    let max_concurrency = section.get("max_concurrency", count(1..=100_000));
    let is_known = Known {
        context_window: listed.is_some() || section.has("context_window"),
        capabilities: listed.is_some() || section.has("capabilities"),
    };
    let capabilities = section.section("capabilities", |section| Capabilities {
        code: section.or("code", false, boolean),
        vision: section.or("vision", known.vision, boolean),
        tools: section.or("tools", known.tools, boolean),
        json: section.or("json", known.json, boolean),
        logprobs: section.or("logprobs", known.logprobs, boolean),
        embeddings: section.or("embeddings", known.embeddings, boolean),
    });
    let name = name?;
    let backend = if given {
        named?
    } else {
        BackendName::new(built_in::backend_of(name.as_str())).ok()?
    };
    let paid = backends.get(&backend).is_some_and(|backend| backend.paid);
    let (price, price_source) = match (stated, paid) {
        (Stated::Price(price), _) => (price, PriceSource::Config),
        (Stated::Nothing, true) => list_price(section, &name, enabled),
        (Stated::Wrong, _) | (Stated::Nothing, false) => (Price::FREE, PriceSource::Free),
    };
    Some(Model {
        name,
        enabled,
        backend,
        price,
        price_version: version.unwrap_or_else(|| price_source.version().to_owned()),
        price_source,
        gpu_hour: gpu_hour.unwrap_or(NanoUsd::ZERO),
        context_window,
        max_output_tokens,
        max_concurrency,
        capabilities,
        known: is_known,
    })
}

/// The price of a model on a paid backend that states none.
fn list_price(
    section: &mut Section<'_, '_>,
    name: &ModelName,
    enabled: bool,
) -> (Price, PriceSource) {
    if let Some(family) = model_list::find(name.as_str()) {
        let as_of = model_list::AS_OF;
        return (family.price, PriceSource::ListPrice { as_of });
    }
    if enabled {
        section.problem(
            "price",
            "is needed: the backend is paid and no price is known for this model; \
             give US dollars per million tokens, as `price: {input: 3.0, output: 15.0}`, \
             or say `paid: false` at the backend",
        );
    }
    (Price::FREE, PriceSource::Free)
}

/// What the file says about a price.
enum Stated {
    Nothing,
    Wrong,
    Price(Price),
}

/// The price, what the file calls its version, and the price of an hour of the machines.
fn read_price(section: &mut Section<'_, '_>) -> (Stated, Option<String>, Option<NanoUsd>) {
    section.section("price", |section| {
        let version = section.get("version", read::word);
        let gpu_hour = section.get("gpu_hour", read::usd);
        (read_call_price(section), version, gpu_hour)
    })
}

/// What a call costs; nothing is stated when the price of an hour stands alone.
fn read_call_price(section: &mut Section<'_, '_>) -> Stated {
    let parts = [
        "input",
        "output",
        "cache_read",
        "cache_write",
        "per_request",
        "version",
    ];
    let given = parts.map(|part| section.has(part)).contains(&true);
    let input = section.get("input", read::usd);
    let output = section.get("output", read::usd);
    let cache_read = section.get("cache_read", read::usd);
    let cache_write = section.get("cache_write", read::usd);
    let per_request = section.get("per_request", read::usd);
    let (Some(input), Some(output)) = (input, output) else {
        if given {
            section.require("input");
            section.require("output");
        }
        return if given {
            Stated::Wrong
        } else {
            Stated::Nothing
        };
    };
    Stated::Price(Price {
        input,
        output,
        cache_read: cache_read.unwrap_or(input),
        cache_write: cache_write.unwrap_or(input),
        per_request: per_request.unwrap_or(NanoUsd::ZERO),
    })
}

fn read_tokens(section: &mut Section<'_, '_>, listed: Option<&Family>) -> (u32, u32) {
    let tokens = || count(1..=100_000_000);
    let known = listed.map_or(8192, |family| family.context_window);
    let context = section.or("context_window", known, tokens());
    let given = section.get("max_output_tokens", tokens());
    if given.is_some_and(|given| given > context) {
        section.problem("max_output_tokens", "is more than `context_window`");
    }
    (context, given.unwrap_or_else(|| context.min(1024)))
}
