//! Whether `docs/SUPPLY_CHAIN.md` has a reason for each foreign crate that we depend on, and `deny.toml`
//! the licences of `deps.rs`: a list that nobody checks is wrong within a month.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;

use crate::deps::LICENCES;
use crate::finding::Finding;

const LIST: &str = "docs/SUPPLY_CHAIN.md";
/// Where its rows begin.
const SECTION: &str = "## Dependencies";
const MANIFEST: &str = "Cargo.toml";
const DENY: &str = "deny.toml";

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let read = |name: &str| std::fs::read_to_string(root.join(name)).context(name.to_owned());
    let mut found = compare(&read(MANIFEST)?, &read(LIST)?);
    let deny = read(DENY)?;
    let licences = LICENCES
        .iter()
        .filter(|name| !deny.contains(&format!("\"{name}\"")));
    found.extend(licences.map(|name| {
        let message = format!("has no {name}, which xtask/src/deps.rs allows: add it");
        Finding::new(DENY, 1, message)
    }));
    Ok(found)
}

fn compare(manifest: &str, list: &str) -> Vec<Finding> {
    let (used, told) = (dependencies(manifest), rows(list));
    let missing = used.difference(&told).map(|name| {
        let message = format!("has no reason for `{name}` of Cargo.toml: add a row that says why");
        Finding::new(LIST, 1, message)
    });
    let gone = told.difference(&used).map(|name| {
        let is_row = |line: &str| line.starts_with(&format!("| `{name}` |"));
        let line = list.lines().position(is_row).map_or(1, |at| at + 1);
        Finding::new(
            LIST,
            line,
            format!("tells of `{name}`, which is gone: remove the row"),
        )
    });
    missing.chain(gone).collect()
}

/// The foreign crates of the workspace's table.
fn dependencies(manifest: &str) -> BTreeSet<&str> {
    let table = manifest
        .lines()
        .skip_while(|line| *line != "[workspace.dependencies]");
    let entries = table.skip(1).take_while(|line| !line.starts_with('['));
    let names = entries.filter_map(|line| Some(line.split_once(" = ")?.0.trim()));
    names.filter(|name| is_foreign(name)).collect()
}

fn is_foreign(name: &str) -> bool {
    !name.starts_with("terrace-") && !name.starts_with('#')
}

/// The crates that have a row in the list.
fn rows(list: &str) -> BTreeSet<&str> {
    let section = list.lines().skip_while(|line| *line != SECTION).skip(1);
    let section = section.take_while(|line| !line.starts_with("## "));
    let named = section.filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    named.map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[workspace.dependencies]\nterrace-domain = { path = \"x\" }\n\
        # A word = nothing.\nserde = { version = \"1\" }\nurl = \"2\"\n\n[workspace.lints.rust]\na = \"b\"\n";

    #[test]
    fn a_crate_without_a_reason_and_a_reason_without_a_crate_are_found() {
        let right = "| `other` | x |\n## Dependencies\n| `serde` | data |\n| `url` | addresses |\n";
        assert_eq!(compare(MANIFEST, right), []);
        let wrong = "## Dependencies\n| `serde` | data |\n| `chrono` | dates |\n";
        let found = compare(MANIFEST, wrong);
        assert_eq!(found.len(), 2);
        assert!(found[0].message.contains("`url`"), "{found:?}");
        assert_eq!(found[1].line, 3);
    }
}
