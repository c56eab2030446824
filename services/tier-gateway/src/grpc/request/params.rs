//! The parameters of a generation.

use terrace_domain::Violations;
use terrace_proto::common::v1 as common;

use super::Limits;
use crate::call::{Effort, Params};

/// The most alternatives to a token: what the vendors accept.
const MAX_ALTERNATIVES: u32 = 20;

/// Reads the parameters; what is not set is left to the backend.
pub(super) fn params(
    params: common::GenerationParams,
    Limits(limits): Limits,
    wrong: &mut Violations,
) -> Params {
    let at = |name: &str| format!("generation.params.{name}");
    let logprobs = logprobs(&params, wrong);
    let reasoning_effort = effort(params.reasoning_effort.as_deref(), wrong);
    if let Some(cap) = params.max_output_tokens
        && !(1..=limits.max_output_tokens).contains(&cap)
    {
        let most = limits.max_output_tokens;
        wrong.add(at("max_output_tokens"), format!("must be 1 to {most}"));
    }
    let mut range = |name: &str, value: Option<f64>, range: std::ops::RangeInclusive<f64>| {
        if value.is_some_and(|value| !range.contains(&value)) {
            let text = format!("must be {} to {}", range.start(), range.end());
            wrong.add(at(name), text);
        }
    };
    range("temperature", params.temperature, 0.0..=2.0);
    range("top_p", params.top_p, f64::MIN_POSITIVE..=1.0);
    range("frequency_penalty", params.frequency_penalty, -2.0..=2.0);
    range("presence_penalty", params.presence_penalty, -2.0..=2.0);
    wrong.require(
        params.top_k != Some(0),
        &at("top_k"),
        "must be at least 1; leave it unset for no limit",
    );
    check_stop(&params.stop, limits, wrong);
    Params {
        max_output_tokens: params.max_output_tokens,
        temperature: params.temperature,
        top_p: params.top_p,
        top_k: params.top_k,
        stop: params.stop,
        seed: params.seed,
        frequency_penalty: params.frequency_penalty,
        presence_penalty: params.presence_penalty,
        logprobs,
        reasoning_effort,
    }
}

fn check_stop(stop: &[String], limits: terrace_config::Limits, wrong: &mut Violations) {
    let field = "generation.params.stop";
    if stop.len() > limits.max_stop_sequences {
        let most = limits.max_stop_sequences;
        wrong.add(field, format!("has more than {most} texts"));
    }
    let most = limits.max_stop_sequence_bytes.as_usize();
    for (index, text) in stop.iter().enumerate() {
        if text.is_empty() || text.len() > most {
            wrong.add(
                format!("{field}[{index}]"),
                format!("must have 1 to {most} bytes"),
            );
        }
    }
}

fn logprobs(params: &common::GenerationParams, wrong: &mut Violations) -> Option<u32> {
    let field = "generation.params.top_logprobs";
    if params.top_logprobs > MAX_ALTERNATIVES {
        wrong.add(field, format!("must be 0 to {MAX_ALTERNATIVES}"));
    }
    (params.logprobs || params.top_logprobs > 0).then_some(params.top_logprobs)
}

fn effort(word: Option<&str>, wrong: &mut Violations) -> Option<Effort> {
    match word? {
        "low" => Some(Effort::Low),
        "medium" => Some(Effort::Medium),
        "high" => Some(Effort::High),
        _ => {
            wrong.add(
                "generation.params.reasoning_effort",
                "must be low, medium or high",
            );
            None
        }
    }
}
