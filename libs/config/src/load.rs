//! From a file and the environment to a checked config.
//!
//! 1. Find the file: the argument, `TERRACE_CONFIG`, `./terrace.yaml`, or the built-in default.
//! 2. Read it into a tree, within bounds.
//! 3. Put the built-in tiers where the file has none.
//! 4. Lay the `TERRACE__…` variables over it.
//! 5. Decode every section and collect every problem.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::decode::{self, Reading};
use crate::overrides;
use crate::problem::{Place, Problem, Problems};
use crate::schema::Config;
use crate::tree::{Entry, Kind, Node};
use crate::yaml::{self, Origin};

/// The variable that names the file.
const FILE_VARIABLE: &str = "TERRACE_CONFIG";
/// The file in the working directory that is used when it is there.
const USUAL_FILE: &str = "terrace.yaml";
/// The config without any file.
const BUILT_IN: &str = include_str!("built_in.yaml");
const BUILT_IN_NAME: &str = "built-in config";

/// A config, and where it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The config, checked.
    pub config: Config,
    /// What is accepted and probably not meant, by line.
    pub warnings: Vec<Problem>,
    /// The file that was read; none for the built-in default.
    pub source: Option<PathBuf>,
}

/// Loads the config: the file at `path`, else the one `TERRACE_CONFIG` names, else
/// `./terrace.yaml` if it is there, else the built-in default; with `TERRACE__…` variables over
/// it.
///
/// # Errors
/// Every [`Problem`](crate::Problem) of the file and the variables at once.
pub fn load(path: Option<&Path>) -> Result<Loaded, Problems> {
    let env: BTreeMap<String, String> = environment().collect();
    let named = env.get(FILE_VARIABLE).filter(|name| !name.is_empty());
    let usual = Path::new(USUAL_FILE);
    let source = path
        .map(Path::to_path_buf)
        .or_else(|| named.map(PathBuf::from))
        .or_else(|| usual.exists().then(|| usual.to_path_buf()));
    let Some(source) = source else {
        return parse(BUILT_IN, BUILT_IN_NAME, env);
    };
    let name = source.display().to_string();
    let text = read_file(&source)
        .map_err(|message| Problems::one(Place::File(Arc::from(name.as_str())), message))?;
    let loaded = parse(&text, &name, env)?;
    Ok(Loaded {
        source: Some(source),
        ..loaded
    })
}

/// Checks the text of a config with `env` as the environment: the `TERRACE__…` variables lie over
/// the text, and the variables that the text names hold its secrets.
///
/// # Errors
/// Every [`Problem`](crate::Problem) of the text and the variables at once.
pub fn parse(
    text: &str,
    file_name: &str,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, Problems> {
    let mut root = yaml::read(text, &Origin::File(Arc::from(file_name)))?;
    let mut reading = Reading::new(env.into_iter().collect());
    add_built_in_tiers(&mut root)?;
    let misplaced = overrides::apply(&mut root, &reading.env);
    reading.extend(misplaced);
    let config = decode::root(&root, &mut reading, Config::read);
    let warnings = reading.finish()?;
    Ok(Loaded {
        config,
        warnings,
        source: None,
    })
}

/// A text without tiers has the built-in ones, so that variables can change parts of them.
fn add_built_in_tiers(root: &mut Node) -> Result<(), Problems> {
    if root.is_null() {
        root.kind = Kind::Map(Vec::new());
    }
    let Kind::Map(entries) = &mut root.kind else {
        return Ok(());
    };
    if entries
        .iter()
        .any(|entry| entry.key == "tiers" && !entry.value.is_null())
    {
        return Ok(());
    }
    let built_in = yaml::read(BUILT_IN, &Origin::File(Arc::from(BUILT_IN_NAME)))?;
    if let Kind::Map(built_in) = built_in.kind {
        entries.retain(|entry| entry.key != "tiers");
        entries.extend(
            built_in
                .into_iter()
                .filter(|Entry { key, .. }| key == "tiers"),
        );
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot be read: {error}");
    let file = File::open(path).map_err(failed)?;
    let limit = u64::try_from(yaml::MAX_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    // One byte more than is allowed tells a text that is too large from one that just fits.
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("is no UTF-8 text in line {line}")
    })
}

/// All variables; what is no UTF-8 in them cannot be meant for us and is replaced.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().map(|(name, value)| {
        let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
        (text(name), text(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANUAL: &str = include_str!("../../../docs/CONFIG.md");

    /// Every key the decoder knows, as the manual writes it.
    fn keys() -> Vec<String> {
        let text = "{tiers: {t: {models: [{name: m, backend: b, price: {input: 1, output: 2}}]}}, \
                    backends: {b: {kind: openai, url: 'http://b', more_api_keys: [{env: A}]}}, \
                    routing: {action_tier_overrides: {a: t}, markers: [{prefix: x, tier: t}]}, \
                    cost_control: {budgets: {installation/monthly: {cap: 1}}, gpu_cost_per_hour: {b: 1}}, \
                    judge: {profiles: {a: {}}, rules: [{name: r, expression: 'true'}], external: [{name: e, url: 'http://e'}]}, edge: {aliases: {x: m}}}";
        let root = yaml::read(text, &Origin::File(Arc::from("a.yaml"))).unwrap();
        let mut reading = Reading::new(BTreeMap::new());
        decode::root(&root, &mut reading, Config::read);
        // What the built-in entries have, every entry has.
        let built_in = ["anthropic", "openai", "ollama"].map(|name| format!("backends.{name}"));
        let general = |key: &&String| {
            let special = built_in.iter().any(|name| key.starts_with(name.as_str()));
            !special && !key.starts_with("judge.profiles.default")
        };
        let keys = reading.known().iter().filter(general).cloned().collect();
        assert!(reading.finish().is_ok());
        keys
    }

    #[test]
    fn the_manual_has_every_key() {
        let keys = keys();
        assert!(keys.len() > 100, "{}", keys.len());
        let is_leaf = |key: &String| {
            let below = [format!("{key}."), format!("{key}[]")];
            !keys
                .iter()
                .any(|other| below.iter().any(|start| other.starts_with(start)))
        };
        for key in keys.iter().filter(|key| is_leaf(key)) {
            assert!(
                MANUAL.contains(&format!("`{key}`")),
                "docs/CONFIG.md lacks `{key}`"
            );
        }
    }

    #[test]
    fn the_manual_has_no_key_that_is_not_there() {
        let keys = keys();
        let rows = MANUAL.lines().filter_map(|line| line.strip_prefix("| `"));
        let named: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
        assert!(named.len() > 80);
        let is_key = |name: &&str| name.contains('.') && name.starts_with(char::is_lowercase);
        for key in named.into_iter().filter(is_key) {
            assert!(
                keys.iter().any(|known| known == key),
                "nothing reads `{key}`"
            );
        }
    }

    #[test]
    fn the_built_in_config_has_no_problem_and_no_warning() {
        let loaded = parse(BUILT_IN, BUILT_IN_NAME, []).unwrap();
        assert_eq!(loaded.warnings, []);
        assert!(loaded.config.cost_control.daily_budget.is_some());
    }
}
