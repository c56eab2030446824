//! Black box: texts and variables in, a checked config or every problem out.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod accounts;
mod backends;
mod budgets;
mod edge;
mod hostile;
mod original;
mod overrides;
mod problems;
mod secrets;

use terrace_config::{Config, Loaded, Problems, parse};

/// Parses `text` as `llm.yaml` with these variables.
pub(crate) fn parsed(text: &str, env: &[(&str, &str)]) -> Result<Loaded, Problems> {
    let env = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    parse(text, "llm.yaml", env)
}

/// The config of a text without problems.
pub(crate) fn config(text: &str) -> Config {
    parsed(text, &[]).unwrap().config
}

/// The problems of a text, a line each.
pub(crate) fn problems(text: &str) -> Vec<String> {
    let problems = parsed(text, &[]).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}
