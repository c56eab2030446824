//! The lines of a batch: a JSON object each, with the flags for what it does not say.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use serde::Deserialize;
use terrace_domain::{Failure, Reason, Score};
use terrace_proto::router::v1::RouteRequest;

use crate::args::RequestArgs;
use crate::request;

/// How many bad lines are named at once.
const MOST_PROBLEMS: usize = 10;

/// One request of a batch.
#[derive(Debug)]
pub(super) struct Line {
    /// Its number in the file, from 1.
    pub(super) number: usize,
    pub(super) request: RouteRequest,
}

/// What a line may say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    prompt: String,
    system: Option<String>,
    action: Option<String>,
    tier: Option<String>,
    model: Option<String>,
    threshold: Option<f64>,
    quality_check: Option<bool>,
    max_attempts: Option<u32>,
    max_repairs: Option<u32>,
    /// In US dollars.
    max_cost: Option<serde_json::Number>,
    max_output_tokens: Option<u32>,
    temperature: Option<f64>,
    strict: Option<bool>,
    language: Option<String>,
    session: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    request_id: Option<String>,
}

/// Reads a file, `-` for standard input; blank lines are passed over.
///
/// # Errors
/// The file cannot be read, or has lines that are no requests: each is named.
pub(super) fn read(file: &Path, args: &RequestArgs) -> Result<Vec<Line>, Failure> {
    let name = file.display();
    let text = text_of(file).map_err(|error| invalid(format!("{name} cannot be read: {error}")))?;
    let system = args.system.as_deref();
    let system = system
        .map(|system| request::text("--system", system))
        .transpose()?;
    let mut lines = Vec::new();
    let mut problems = Vec::new();
    for (text, number) in text.lines().zip(1..) {
        if text.trim().is_empty() {
            continue;
        }
        match line(text, args, system.as_ref()) {
            Ok(request) => lines.push(Line { number, request }),
            Err(why) => problems.push(format!("{name}:{number}: {why}")),
        }
    }
    if problems.is_empty() && lines.is_empty() {
        return Err(invalid(format!("{name} has no requests")));
    }
    if problems.is_empty() {
        return Ok(lines);
    }
    let more = problems.len().saturating_sub(MOST_PROBLEMS);
    problems.truncate(MOST_PROBLEMS);
    if more > 0 {
        problems.push(format!("and {more} more"));
    }
    Err(invalid(problems.join("\n")))
}

fn text_of(file: &Path) -> io::Result<String> {
    if file != Path::new("-") {
        return fs::read_to_string(file);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

fn line(text: &str, args: &RequestArgs, system: Option<&String>) -> Result<RouteRequest, String> {
    let given: Given = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let system = given.system.clone().or_else(|| system.cloned());
    let prompt = given.prompt.clone();
    let args = given.over(args.clone())?;
    request::asking(&args, system, prompt).map_err(|failure| failure.message)
}

impl Given {
    /// The flags with what this line says instead.
    fn over(self, flags: RequestArgs) -> Result<RequestArgs, String> {
        let threshold = self.threshold.map(Score::new).transpose();
        let max_cost = self.max_cost.map(|usd| usd.to_string().parse()).transpose();
        let request_id = self.request_id.map(|id| id.parse()).transpose();
        let mut tags = flags.tags;
        tags.extend(self.tags);
        Ok(RequestArgs {
            action: self.action.or(flags.action),
            tier: self.tier.or(flags.tier),
            model: self.model.or(flags.model),
            threshold: threshold
                .map_err(|error| format!("threshold: {error}"))?
                .or(flags.threshold),
            quality_check: self.quality_check.unwrap_or(flags.quality_check),
            no_quality_check: self
                .quality_check
                .map_or(flags.no_quality_check, |check| !check),
            max_attempts: self.max_attempts.or(flags.max_attempts),
            max_repairs: self.max_repairs.or(flags.max_repairs),
            max_cost: max_cost
                .map_err(|error| format!("max_cost: {error}"))?
                .or(flags.max_cost),
            max_output_tokens: self.max_output_tokens.or(flags.max_output_tokens),
            temperature: self.temperature.or(flags.temperature),
            strict: self.strict.unwrap_or(flags.strict),
            language: self.language.or(flags.language),
            session: self.session.or(flags.session),
            request_id: request_id.map_err(|error| format!("request_id: {error}"))?,
            tags,
            ..flags
        })
    }
}

fn invalid(message: String) -> Failure {
    Failure::new(Reason::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser as _;
    use terrace_proto::convert::text_of_parts;

    fn flags(flags: &[&str]) -> RequestArgs {
        let all = [&["terrace", "route", "--batch", "x"], flags].concat();
        match Cli::parse_from(all).command {
            Command::Route(args) => args.request,
            other => panic!("{other:?}"),
        }
    }

    fn lines(text: &str, args: &[&str]) -> Result<Vec<Line>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("batch.jsonl");
        fs::write(&path, text).unwrap();
        let read = read(&path, &flags(args));
        let folder = format!("{}/", folder.path().display());
        read.map_err(|failure| failure.message.replace(&folder, ""))
    }

    #[test]
    fn a_line_says_what_it_wants_and_the_flags_the_rest() {
        let text = "{\"prompt\": \"@one\"}\n\n{\"prompt\": \"two\", \"action\": \"own\", \
                    \"max_cost\": 0.05, \"quality_check\": false, \"tags\": {\"a\": \"b\"}}\n";
        let args = ["--action", "all", "--system", "short", "--tag", "c=d"];
        let lines = lines(text, &args).unwrap();
        let [one, two] = lines.as_slice() else {
            panic!("{lines:?}");
        };
        assert_eq!((one.number, two.number), (1, 3));
        assert_eq!((&*one.request.action, &*two.request.action), ("all", "own"));
        let messages = &one.request.messages;
        let texts: Vec<String> = messages.iter().map(text_of_parts).collect();
        assert_eq!(texts, ["short", "@one"], "a line is no place for files");
        let policy = two.request.policy.as_ref().unwrap();
        assert_eq!(policy.max_cost_nano_usd, Some(50_000_000));
        assert_eq!(policy.quality_check, Some(false));
        assert_eq!(two.request.tags.len(), 2);
    }

    #[test]
    fn every_bad_line_is_named_before_anything_is_sent() {
        let text = "{\"prompt\": \"fine\"}\nnonsense\n{\"promt\": \"x\"}\n\
                    {\"prompt\": \"x\", \"threshold\": 7}\n";
        let problems = lines(text, &[]).unwrap_err();
        let problems: Vec<&str> = problems.lines().collect();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(
            problems[0].starts_with("batch.jsonl:2: expected"),
            "{problems:?}"
        );
        assert!(
            problems[1].contains("unknown field `promt`"),
            "{problems:?}"
        );
        assert!(
            problems[2].starts_with("batch.jsonl:4: threshold"),
            "{problems:?}"
        );
    }

    #[test]
    fn a_file_without_requests_says_so() {
        assert_eq!(
            lines("\n \n", &[]).unwrap_err(),
            "batch.jsonl has no requests"
        );
    }
}
