//! From flags to the request on the wire.

use std::fs;
use std::io::{self, Read as _};

use terrace_domain::{Failure, NanoUsd, Reason, RequestId, Score};
use terrace_proto::common::v1 as common;
use terrace_proto::common::v1::response_format::Kind;
use terrace_proto::convert::{text_message, wire_duration};
use terrace_proto::router::v1::{ConsensusPolicy, OnExhausted, RoutePolicy, RouteRequest};

use crate::args::{ConsensusArgs, Format, RequestArgs};

/// Builds the request that the flags describe; reads the files they name.
///
/// # Errors
/// A file or standard input cannot be read as UTF-8 text.
pub(crate) fn build(args: &RequestArgs) -> Result<RouteRequest, Failure> {
    let system = args.system.as_deref();
    let system = system.map(|system| text("--system", system)).transpose()?;
    let prompt = match args.prompt.as_deref() {
        Some("-") => standard_input()?,
        Some(prompt) => text("--prompt", prompt)?,
        None => {
            return Err(unreadable(
                "--prompt is needed: what is to be answered?".to_owned(),
            ));
        }
    };
    asking(args, system, prompt)
}

/// Builds the request of these texts and, for the rest, of the flags.
///
/// # Errors
/// A file that they name cannot be read.
pub(crate) fn asking(
    args: &RequestArgs,
    system: Option<String>,
    prompt: String,
) -> Result<RouteRequest, Failure> {
    let system = system.map(|system| text_message(common::Role::System, system));
    let prompt = text_message(common::Role::User, prompt);
    let messages = system.into_iter().chain([prompt]).collect();
    Ok(RouteRequest {
        request_id: args
            .request_id
            .map(|id| RequestId::to_string(&id))
            .unwrap_or_default(),
        action: args.action.clone().unwrap_or_default(),
        messages,
        params: Some(common::GenerationParams {
            max_output_tokens: args.max_output_tokens,
            temperature: args.temperature,
            ..Default::default()
        }),
        response_format: args.format.as_ref().map(response_format).transpose()?,
        policy: Some(policy(args)),
        code_language: args.language.clone().unwrap_or_default(),
        session_id: args.session.clone().unwrap_or_default(),
        tags: args.tags.iter().cloned().collect(),
        ..Default::default()
    })
}

fn policy(args: &RequestArgs) -> RoutePolicy {
    let switch = |on: bool, off: bool| match (on, off) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    };
    let on_exhausted = if args.strict {
        OnExhausted::Strict
    } else {
        OnExhausted::Unspecified
    };
    RoutePolicy {
        allowed_tiers: args.allowed_tiers.clone(),
        tier: args.tier.clone().unwrap_or_default(),
        model: args.model.clone().unwrap_or_default(),
        quality_threshold: args.threshold.map(Score::get),
        quality_check: switch(args.quality_check, args.no_quality_check),
        hedge: switch(args.hedge, args.no_hedge),
        max_attempts: args.max_attempts,
        max_repairs: args.max_repairs,
        latency_target: args.latency_target.map(wire_duration),
        max_cost_nano_usd: args.max_cost.map(NanoUsd::get),
        on_exhausted: on_exhausted.into(),
        consensus: consensus(&args.consensus),
        ..Default::default()
    }
}

fn consensus(args: &ConsensusArgs) -> Option<ConsensusPolicy> {
    let said = args.consensus.is_some() || args.no_consensus;
    if !said && args.consensus_threshold.is_none() && args.consensus_by.is_none() {
        return None;
    }
    Some(ConsensusPolicy {
        models: args.consensus.clone().unwrap_or_default(),
        threshold: args.consensus_threshold.map_or(0.0, Score::get),
        equivalence: args.consensus_by.clone().unwrap_or_default(),
        off: args.no_consensus,
    })
}

fn response_format(format: &Format) -> Result<common::ResponseFormat, Failure> {
    let kind = match format {
        Format::Json => Kind::Json(common::JsonFormat {}),
        Format::JsonSchema(schema) => Kind::JsonSchema(common::JsonSchemaFormat {
            name: "answer".to_owned(),
            schema_json: text("--format json-schema", schema)?,
            strict: false,
        }),
        Format::Choice(options) => Kind::Choice(common::ChoiceFormat {
            options: options.clone(),
        }),
        Format::Regex(pattern) => Kind::Regex(pattern.clone()),
    };
    Ok(common::ResponseFormat { kind: Some(kind) })
}

/// The text itself, or that of the file behind `@`; `@@` begins a text with one `@`.
pub(crate) fn text(flag: &str, value: &str) -> Result<String, Failure> {
    match value.strip_prefix('@') {
        None => Ok(value.to_owned()),
        Some(rest) if rest.starts_with('@') => Ok(rest.to_owned()),
        Some(path) => fs::read_to_string(path).map_err(|error| {
            unreadable(format!(
                "{flag}: the file {path} cannot be read: {error}; a text that begins with @ is \
                 given with @@"
            ))
        }),
    }
}

fn standard_input() -> Result<String, Failure> {
    let mut text = String::new();
    io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| unreadable(format!("--prompt -: cannot read standard input: {error}")))?;
    Ok(text)
}

fn unreadable(message: String) -> Failure {
    Failure::new(Reason::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser as _;
    use terrace_proto::convert::text_of_parts;

    fn built(flags: &[&str]) -> Result<RouteRequest, Failure> {
        let all = [&["terrace", "explain"], flags].concat();
        match Cli::parse_from(all).command {
            Command::Explain(args) => build(&args.request),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_no_flag_says_is_left_to_the_config() {
        let request = built(&["--prompt", "hello"]).unwrap();
        assert_eq!(request.policy, Some(RoutePolicy::default()));
        assert_eq!(request.messages.len(), 1);
        assert!(request.request_id.is_empty() && request.response_format.is_none());
    }

    #[test]
    fn flags_become_fields() {
        let flags = [
            "--prompt",
            "hello",
            "--system",
            "short",
            "--no-quality-check",
            "--strict",
            "--max-cost",
            "0.25",
            "--tag",
            "a=b",
            "--format",
            "choice=x,y",
            "--threshold",
            "0.5",
            "--max-repairs",
            "2",
            "--latency-target",
            "1500ms",
            "--session",
            "chat-7",
        ];
        let request = built(&flags).unwrap();
        let policy = request.policy.unwrap();
        assert_eq!(policy.quality_check, Some(false));
        assert_eq!(policy.quality_threshold, Some(0.5));
        assert_eq!(policy.max_repairs, Some(2));
        let wished = policy.latency_target.as_ref();
        assert_eq!(wished.map(|wished| wished.nanos), Some(500_000_000));
        assert_eq!(request.session_id, "chat-7");
        assert_eq!(policy.max_cost_nano_usd, Some(250_000_000));
        assert_eq!(policy.on_exhausted(), OnExhausted::Strict);
        assert_eq!(request.messages[0].role(), common::Role::System);
        assert_eq!(request.tags["a"], "b");
        assert!(matches!(
            request.response_format.unwrap().kind,
            Some(Kind::Choice(_))
        ));
    }

    #[test]
    fn a_consensus_is_of_the_models_named_or_of_those_of_the_config() {
        let consensus = |flags: &[&str]| {
            let request = built(&[&["--prompt", "hello"], flags].concat()).unwrap();
            request.policy.unwrap().consensus
        };
        let named = consensus(&["--consensus", "a,b", "--consensus-by", "number"]).unwrap();
        assert_eq!((named.models.len(), &*named.equivalence), (2, "number"));
        let of_config = Some(ConsensusPolicy::default());
        assert_eq!(consensus(&["--consensus"]), of_config);
        let implied = consensus(&["--consensus-threshold", "1"]).unwrap();
        assert_eq!((implied.threshold, implied.off), (1.0, false));
        assert!(consensus(&["--no-consensus"]).unwrap().off);
        assert!(consensus(&["--consensus", "--no-consensus"]).unwrap().off);
        assert_eq!(consensus(&[]), None);
    }

    #[test]
    fn a_file_stands_behind_an_at_and_a_missing_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("task.txt");
        fs::write(&path, "from a file").unwrap();
        let request = built(&["--prompt", &format!("@{}", path.display())]).unwrap();
        assert_eq!(text_of_parts(&request.messages[0]), "from a file");
        let request = built(&["--prompt", "@@home"]).unwrap();
        assert_eq!(text_of_parts(&request.messages[0]), "@home");
        let failure = built(&["--prompt", "@/no/such/file"]).unwrap_err();
        assert!(failure.message.contains("/no/such/file"), "{failure}");
    }
}
