//! Who may depend on whom, which crates have one home, and what stays out of the tree.
//!
//! `domain ← {proto, config, learned, resilience} ← {telemetry, runtime, simulation} ← rpc ←
//! services ← {cli, tests}`: arrows never turn back, also not for tests. The table below is the
//! whole rule; a new crate is a finding until it has its place there.

use std::path::Path;

use anyhow::Context;
use cargo_metadata::{Dependency, DependencyKind, Metadata, MetadataCommand, Package};

use crate::finding::{File, Finding};

/// Where a crate of ours stands; a crate may depend on those that stand lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    Domain,
    Vocabulary,
    Ground,
    Rpc,
    Service,
    Top,
    /// Doubles for tests: knows the vocabulary, is a dependency of tests alone.
    Testkit,
    /// Chores: neither depends on anything of ours nor is depended on.
    Chore,
}

/// Every crate of the workspace and its place.
const LAYERS: &[(&str, Layer)] = &[
    ("terrace-domain", Layer::Domain),
    ("terrace-proto", Layer::Vocabulary),
    ("terrace-config", Layer::Vocabulary),
    ("terrace-learned", Layer::Vocabulary),
    ("terrace-resilience", Layer::Vocabulary),
    ("terrace-telemetry", Layer::Ground),
    ("terrace-runtime", Layer::Ground),
    ("terrace-simulation", Layer::Ground),
    ("terrace-rpc", Layer::Rpc),
    ("terrace-classifier", Layer::Service),
    ("terrace-cost-ledger", Layer::Service),
    ("terrace-edge", Layer::Service),
    ("terrace-orchestrator", Layer::Service),
    ("terrace-quality-judge", Layer::Service),
    ("terrace-tier-gateway", Layer::Service),
    ("terrace-chaos", Layer::Top),
    ("terrace-cli", Layer::Top),
    ("terrace-conformance", Layer::Top),
    ("terrace-e2e", Layer::Top),
    ("terrace-load", Layer::Top),
    ("terrace-testkit", Layer::Testkit),
    ("xtask", Layer::Chore),
];

/// Crates that are tests through and through: all they depend on is for tests.
const MADE_OF_TESTS: &[&str] = &[
    "terrace-chaos",
    "terrace-conformance",
    "terrace-e2e",
    "terrace-load",
];

/// Crates that one of ours alone may use, and why. What is made of tests may speak HTTP too.
const HOMES: &[(&str, &str, &str)] = &[
    (
        "sqlx",
        "terrace-cost-ledger",
        "the ledger alone speaks to the database",
    ),
    (
        "reqwest",
        "terrace-tier-gateway",
        "a gateway alone speaks to model servers",
    ),
    (
        HTTP_CLIENT,
        "terrace-cost-ledger",
        "the one HTTP call beside the gateways' is the ledger's alert webhook: a POST to an address \
         of the operator's, by the client that tonic brings along anyway",
    ),
    (
        "hyper-util",
        "terrace-rpc",
        "the adapter between tokio's connections and hyper's, for TLS that changes its certificate",
    ),
    (
        "hyper-rustls",
        "terrace-cost-ledger",
        "TLS for the ledger's alert webhook",
    ),
    (
        "redis",
        "terrace-orchestrator",
        "the orchestrator alone shares answers",
    ),
];

/// The client that tonic brings along: callers in benchmarks speak HTTP as the users of the edge do.
const HTTP_CLIENT: &str = "hyper-util";

/// Crates that stay out of the tree, and why.
const BANNED: &[(&str, &str)] = &[
    ("openssl", "rustls with ring is the one TLS stack"),
    ("native-tls", "rustls with ring is the one TLS stack"),
    (
        "aws-lc-rs",
        "ring is the one crypto provider; two make rustls's default ambiguous",
    ),
    ("chrono", "time is the one calendar"),
];

/// Banned crates that one foreign crate may bring in, for want of another that does its work.
const TOLERATED: &[(&str, &str)] = &[
    // Its rows are converted by the crate itself; nothing of ours sees a date of chrono.
    ("chrono", "parquet"),
];

/// Licences that a dependency may have.
pub(crate) const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .exec()
        .context("cargo metadata")?;
    let mut found = Vec::new();
    for package in metadata.workspace_packages() {
        member(&metadata, package, &mut found)?;
    }
    tree(&metadata, &mut found)?;
    Ok(found)
}

/// Checks what one crate of ours names in its manifest.
fn member(metadata: &Metadata, package: &Package, found: &mut Vec<Finding>) -> anyhow::Result<()> {
    let root = metadata.workspace_root.as_std_path();
    let manifest = read(root, package.manifest_path.as_std_path())?;
    if layer_of(&package.name).is_none() {
        let message = format!(
            "{} has no place: add it to LAYERS in xtask/src/deps.rs",
            package.name
        );
        found.push(Finding::new(&manifest.path, 1, message));
    }
    for dependency in &package.dependencies {
        if let Some(message) = wrong_with(&package.name, dependency) {
            let line = manifest.line_where(|line| names(line, &dependency.name));
            found.push(Finding::new(&manifest.path, line, message));
        }
    }
    Ok(())
}

/// Says what is wrong with `from` depending on `dependency`, if anything is.
fn wrong_with(from: &str, dependency: &Dependency) -> Option<String> {
    let to = dependency.name.as_str();
    let speaks_http = to == HTTP_CLIENT && MADE_OF_TESTS.contains(&from);
    let mut homes = HOMES.iter().filter(|(name, ..)| *name == to).peekable();
    if let Some((_, home, why)) = homes.peek()
        && !speaks_http
    {
        let text = format!("{to} belongs to {home} alone: {why}");
        return homes.all(|(_, home, _)| from != *home).then_some(text);
    }
    let (own, other) = (layer_of(from)?, layer_of(to)?);
    let allowed = match (own, other) {
        (Layer::Chore, _) | (_, Layer::Chore) => false,
        (Layer::Testkit, other) => other <= Layer::Vocabulary,
        (_, Layer::Testkit) => {
            dependency.kind == DependencyKind::Development || MADE_OF_TESTS.contains(&from)
        }
        (own, other) => other < own,
    };
    if allowed {
        return None;
    }
    Some(match (own, other) {
        (Layer::Service, Layer::Service) => format!(
            "{from} must not depend on {to}: services know each other by their protos alone"
        ),
        (_, Layer::Testkit) => format!("{to} is for tests: move it to [dev-dependencies]"),
        _ => format!("{from} must not depend on {to}: dependencies point towards terrace-domain"),
    })
}

/// Checks every crate of the tree, our own and foreign ones.
fn tree(metadata: &Metadata, found: &mut Vec<Finding>) -> anyhow::Result<()> {
    let root = metadata.workspace_root.as_std_path();
    let lock = read(root, &root.join("Cargo.lock"))?;
    for package in &metadata.packages {
        let line = lock.line_where(|line| line == format!("name = \"{}\"", package.name));
        if let Some((name, why)) = BANNED
            .iter()
            .find(|(name, _)| *name == package.name.as_str())
            && !is_tolerated(metadata, package)
        {
            let message = format!(
                "{name} stays out: {why}. `cargo tree --target all -i {name}` tells what brought it in"
            );
            found.push(Finding::new(&lock.path, line, message));
        }
        if let Some(message) = wrong_licence(package) {
            found.push(Finding::new(&lock.path, line, message));
        }
    }
    Ok(())
}

/// Whether nobody but those who may has brought it in.
fn is_tolerated(metadata: &Metadata, package: &Package) -> bool {
    let nodes = metadata.resolve.iter().flat_map(|graph| &graph.nodes);
    let mut parents = nodes
        .filter(|node| node.dependencies.contains(&package.id))
        .peekable();
    let is_brought_in = parents.peek().is_some();
    is_brought_in
        && parents.all(|parent| {
            let pair = (package.name.as_str(), metadata[&parent.id].name.as_str());
            TOLERATED.contains(&pair)
        })
}

fn wrong_licence(package: &Package) -> Option<String> {
    let name = &package.name;
    let Some(licence) = &package.license else {
        return Some(format!(
            "{name} names no licence: leave it out, or see its licence file"
        ));
    };
    let Ok(expression) = spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX) else {
        return Some(format!("{name}: \"{licence}\" is no licence expression"));
    };
    let permissive = expression.evaluate(|wanted| {
        let id = wanted.license.id();
        id.is_some_and(|id| LICENCES.contains(&id.name))
    });
    (!permissive)
        .then(|| format!("{name} is under {licence}, which is not on the list of permissive ones"))
}

fn layer_of(name: &str) -> Option<Layer> {
    let found = LAYERS.iter().find(|(member, _)| *member == name);
    found.map(|(_, layer)| *layer)
}

/// Whether a line of a manifest is the one that names this dependency.
fn names(line: &str, dependency: &str) -> bool {
    let rest = line.trim_start().strip_prefix(dependency);
    rest.is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
}

fn read(root: &Path, path: &Path) -> anyhow::Result<File> {
    Ok(File {
        path: path.strip_prefix(root).unwrap_or(path).to_owned(),
        text: std::fs::read_to_string(path).with_context(|| path.display().to_string())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A workspace of empty crates: name, licence, and the rest of the manifest.
    fn findings_of(crates: &[(&str, &str, &str)]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        let manifest = "[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\n";
        fs::write(root.path().join("Cargo.toml"), manifest).unwrap();
        for (name, licence, rest) in crates {
            let folder = root.path().join(name);
            fs::create_dir_all(folder.join("src")).unwrap();
            fs::write(folder.join("src/lib.rs"), "").unwrap();
            let head = format!(
                "[package]\nname = \"{name}\"\nedition = \"2024\"\nlicense = \"{licence}\"\n"
            );
            fs::write(folder.join("Cargo.toml"), head + rest).unwrap();
        }
        let found = check(root.path()).unwrap();
        found.iter().map(ToString::to_string).collect()
    }

    fn needs(table: &str, name: &str) -> String {
        format!("[{table}]\n{name} = {{ path = \"../{name}\" }}\n")
    }

    #[test]
    fn arrows_towards_the_domain_pass() {
        let found = findings_of(&[
            ("terrace-domain", "Apache-2.0", ""),
            (
                "terrace-proto",
                "Apache-2.0",
                &needs("dependencies", "terrace-domain"),
            ),
            (
                "terrace-testkit",
                "Apache-2.0",
                &needs("dependencies", "terrace-proto"),
            ),
            (
                "terrace-cli",
                "Apache-2.0",
                &needs("dev-dependencies", "terrace-testkit"),
            ),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn an_arrow_away_from_the_domain_fails_with_its_line() {
        let found = findings_of(&[
            (
                "terrace-domain",
                "Apache-2.0",
                &needs("dependencies", "terrace-proto"),
            ),
            ("terrace-proto", "Apache-2.0", ""),
        ]);
        assert_eq!(
            found,
            [
                "terrace-domain/Cargo.toml:6: terrace-domain must not depend on terrace-proto: \
              dependencies point towards terrace-domain"
            ]
        );
    }

    #[test]
    fn a_service_never_depends_on_another_even_for_tests() {
        let found = findings_of(&[
            (
                "terrace-orchestrator",
                "MIT",
                &needs("dev-dependencies", "terrace-quality-judge"),
            ),
            ("terrace-quality-judge", "MIT", ""),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("services know each other by their protos alone"));
    }

    #[test]
    fn doubles_stay_out_of_production() {
        let found = findings_of(&[
            (
                "terrace-cli",
                "MIT",
                &needs("dependencies", "terrace-testkit"),
            ),
            ("terrace-testkit", "MIT", ""),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("terrace-testkit is for tests"));
    }

    #[test]
    fn a_crate_with_one_home_fails_elsewhere() {
        let found = findings_of(&[
            ("terrace-cost-ledger", "MIT", &needs("dependencies", "sqlx")),
            (
                "terrace-orchestrator",
                "MIT",
                &needs("dependencies", "sqlx"),
            ),
            ("sqlx", "MIT", ""),
        ]);
        let expected =
            "terrace-orchestrator/Cargo.toml:6: sqlx belongs to terrace-cost-ledger alone";
        assert!(
            found.iter().any(|line| line.starts_with(expected)),
            "{found:?}"
        );
        assert!(
            !found
                .iter()
                .any(|line| line.starts_with("terrace-cost-ledger/")),
            "{found:?}"
        );
    }

    #[test]
    fn what_is_made_of_tests_may_speak_http() {
        let found = findings_of(&[
            ("terrace-load", "MIT", &needs("dependencies", "hyper-util")),
            ("terrace-edge", "MIT", &needs("dependencies", "hyper-util")),
            ("hyper-util", "MIT", ""),
        ]);
        let alone = "hyper-util belongs to terrace-cost-ledger alone";
        let who: Vec<&String> = found.iter().filter(|line| line.contains(alone)).collect();
        assert!(
            who.len() == 1 && who[0].starts_with("terrace-edge/"),
            "{found:?}"
        );
    }

    #[test]
    fn a_crate_without_a_place_a_banned_one_and_a_licence_are_found() {
        let found = findings_of(&[
            ("openssl", "MIT", ""),
            ("terrace-domain", "GPL-3.0-only", ""),
            ("terrace-config", "GPL-3.0-only OR MIT", ""),
        ]);
        assert!(
            found
                .iter()
                .any(|line| line.contains("openssl has no place")),
            "{found:?}"
        );
        assert!(
            found.iter().any(|line| line.contains("openssl stays out")),
            "{found:?}"
        );
        assert!(
            found
                .iter()
                .any(|line| line.contains("terrace-domain is under GPL-3.0-only"))
        );
        assert!(
            !found.iter().any(|line| line.contains("terrace-config")),
            "{found:?}"
        );
    }

    #[test]
    fn a_banned_crate_is_tolerated_from_the_one_that_may_bring_it_in_and_from_no_other() {
        let stays_out = |crates: &[(&str, &str, &str)]| {
            let found = findings_of(crates);
            found.iter().any(|line| line.contains("chrono stays out"))
        };
        let needs = needs("dependencies", "chrono");
        let brought = [("chrono", "MIT", ""), ("parquet", "MIT", &*needs)];
        assert!(!stays_out(&brought));
        let [chrono, parquet] = brought;
        assert!(stays_out(&[
            chrono,
            parquet,
            ("terrace-domain", "MIT", &*needs)
        ]));
    }
}
