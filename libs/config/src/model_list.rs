//! Well-known API models: prices, context windows and capabilities for files that give none.
//!
//! They stand in `data/models.csv`, as their makers publish them, read in the month of [`AS_OF`];
//! what a file says holds before them. A name is matched by the longest family it begins with, so
//! that dated versions have their family's price. A paid model that is not here has to be given a
//! price: a guess would make every budget wrong.

use std::sync::LazyLock;

use terrace_domain::{NanoUsd, Price};

use crate::schema::Capabilities;

/// The month the lists were read.
pub(crate) const AS_OF: &str = "2026-03";

const TABLE: &str = include_str!("../data/models.csv");

static FAMILIES: LazyLock<Vec<Family>> = LazyLock::new(|| rows().filter_map(family).collect());

/// A family of models.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Family {
    name: &'static str,
    pub(crate) price: Price,
    pub(crate) context_window: u32,
    pub(crate) capabilities: Capabilities,
}

/// The rows of the table.
fn rows() -> impl Iterator<Item = &'static str> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    lines.skip(1)
}

fn family(row: &'static str) -> Option<Family> {
    let fields: Vec<&str> = row.split(',').collect();
    let [
        name,
        input,
        output,
        cache_read,
        cache_write,
        context_window,
        capabilities,
    ] = fields[..]
    else {
        return None;
    };
    let usd = |text: &str| text.parse::<NanoUsd>().ok();
    let can = |word: &str| capabilities.split(' ').any(|own| own == word);
    Some(Family {
        name,
        price: Price {
            input: usd(input)?,
            output: usd(output)?,
            cache_read: usd(cache_read)?,
            cache_write: usd(cache_write)?,
            per_request: NanoUsd::ZERO,
        },
        context_window: context_window.parse().ok()?,
        capabilities: Capabilities {
            code: false,
            vision: can("vision"),
            tools: can("tools"),
            json: can("json"),
            logprobs: can("logprobs"),
            embeddings: can("embeddings"),
        },
    })
}

/// The family that `model` belongs to.
pub(crate) fn find(model: &str) -> Option<&'static Family> {
    // Brokers write `anthropic/claude-3.5-sonnet` for what its maker calls `claude-3-5-sonnet`.
    let name = model.rsplit_once('/').map_or(model, |(_, name)| name);
    let mut name = name.to_ascii_lowercase();
    if name.starts_with("claude") {
        name = name.replace('.', "-");
    }
    let members = FAMILIES
        .iter()
        .filter(|family| is_member(&name, family.name));
    members.max_by_key(|family| family.name.len())
}

/// A name is of a family when it is its name or goes on after a hyphen or the like:
/// `gpt-4o-2024-11-20` is a `gpt-4o`, and `gpt-4.5` is no `gpt-4`.
fn is_member(name: &str, family: &str) -> bool {
    let rest = name.strip_prefix(family);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '@', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(model: &str) -> Option<(String, String)> {
        let price = find(model)?.price;
        Some((price.input.to_string(), price.output.to_string()))
    }

    fn dollars(input: &str, output: &str) -> Option<(String, String)> {
        Some((format!("${input}00000"), format!("${output}00000")))
    }

    #[test]
    fn dated_versions_have_the_price_of_the_nearest_family() {
        assert_eq!(listed("claude-sonnet-4-20250514"), dollars("3.0", "15.0"));
        assert_eq!(listed("claude-opus-4-1-20250805"), dollars("15.0", "75.0"));
        assert_eq!(listed("claude-opus-4-5-20251101"), dollars("5.0", "25.0"));
        assert_eq!(
            listed("anthropic/claude-3.5-sonnet"),
            dollars("3.0", "15.0")
        );
        assert_eq!(listed("gpt-4o-2024-11-20"), dollars("2.5", "10.0"));
        assert_eq!(
            listed("gpt-4o-mini"),
            Some(("$0.150000".into(), "$0.600000".into()))
        );
    }

    #[test]
    fn a_name_that_only_looks_like_a_family_has_no_price() {
        for model in [
            "gpt-4.5-preview",
            "gpt-6",
            "claude-opus-9",
            "llama3.2:3b",
            "o10",
        ] {
            assert_eq!(listed(model), None, "{model}");
        }
    }

    #[test]
    fn every_row_is_read_and_no_price_is_zero() {
        assert_eq!(FAMILIES.len(), rows().count());
        assert!(FAMILIES.len() > 30);
        for Family {
            name,
            price,
            context_window,
            ..
        } in FAMILIES.iter()
        {
            assert!(
                NanoUsd::ZERO < price.input && price.input < price.output,
                "{name}"
            );
            assert!(
                NanoUsd::ZERO < price.cache_read && price.cache_read <= price.input,
                "{name}"
            );
            assert!(price.input <= price.cache_write, "{name}");
            assert!((8_000..2_000_000).contains(context_window), "{name}");
        }
    }

    #[test]
    fn the_table_says_when_it_was_read() {
        assert!(TABLE.lines().next().unwrap().contains(AS_OF));
    }

    #[test]
    fn what_a_family_can_do_is_known() {
        let claude = find("claude-sonnet-4-5").unwrap();
        assert!(claude.capabilities.tools && !claude.capabilities.logprobs);
        assert_eq!(claude.context_window, 200_000);
    }
}
