//! A wire message as a call of ours, or everything that is wrong with it.
//!
//! What nothing honours is refused and not ignored; what only some models can do is for the use
//! case to refuse, which knows them.

mod format;
mod message;
mod params;
mod tool;

use std::time::Duration;

use terrace_domain::{Failure, ModelName, Violations};
use terrace_proto::common::v1 as common;
use terrace_proto::gateway::v1::{
    EmbedRequest, GenerateStreamRequest, Generation, PullModelRequest,
};

use crate::call::{Call, Priority};
use crate::embed::Embed;
use crate::provider::Texts;

/// How much of anything is accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits(pub(super) terrace_config::Limits);

/// Reads a call.
pub(super) fn call(generation: Option<Generation>, limits: Limits) -> Result<Call, Failure> {
    let mut wrong = Violations::new();
    wrong.require(generation.is_some(), "generation", "must be set");
    let generation = generation.unwrap_or_default();
    let priority = priority(generation.priority());
    let model = model("generation.model", &generation.model, &mut wrong);
    let (tools, tool_choice) = tool::tools(generation.tools, generation.tool_choice, &mut wrong);
    let turns = message::turns(generation.messages, limits, &mut wrong);
    let params = params::params(generation.params.unwrap_or_default(), limits, &mut wrong);
    let format = format::format(generation.response_format, &mut wrong);
    wrong.finish()?;
    // A call without a model was refused above; this keeps the compiler's word for it.
    let model = model.ok_or_else(|| Failure::invalid(vec![]))?;
    Ok(Call {
        model,
        turns,
        params,
        format,
        tools,
        tool_choice,
        project: generation.project,
        priority,
        gather: None,
        whole: false,
    })
}

/// Reads a call whose answer comes in pieces.
pub(super) fn streamed(request: GenerateStreamRequest, limits: Limits) -> Result<Call, Failure> {
    let mut wrong = Violations::new();
    let gather = request.gather.map(Duration::try_from).transpose();
    wrong.require(gather.is_ok(), "gather", "must not be negative");
    wrong.finish()?;
    Ok(Call {
        gather: gather.ok().flatten(),
        ..call(request.generation, limits)?
    })
}

/// The most texts in one call: what the vendors accept.
const MAX_INPUTS: usize = 2048;

/// Reads texts to turn into vectors.
pub(super) fn embed(request: EmbedRequest, Limits(limits): Limits) -> Result<Embed, Failure> {
    let mut wrong = Violations::new();
    let priority = priority(request.priority());
    let model = model("model", &request.model, &mut wrong);
    let texts = request.inputs;
    wrong.require(!texts.is_empty(), "inputs", "must not be empty");
    if texts.len() > MAX_INPUTS {
        wrong.add("inputs", format!("has more than {MAX_INPUTS} texts"));
    }
    for (index, text) in texts.iter().enumerate() {
        wrong.require(
            !text.is_empty(),
            &format!("inputs[{index}]"),
            "must not be empty",
        );
    }
    let most = limits.max_prompt_bytes.get();
    if texts.iter().map(|text| text.len() as u64).sum::<u64>() > most {
        wrong.add("inputs", format!("has more than {most} bytes of text"));
    }
    wrong.require(
        request.dimensions != Some(0),
        "dimensions",
        "must be at least 1",
    );
    wrong.finish()?;
    let model = model.ok_or_else(|| Failure::invalid(vec![]))?;
    Ok(Embed {
        model,
        texts: Texts {
            texts,
            dimensions: request.dimensions,
        },
        project: request.project,
        priority,
    })
}

/// Reads which model to fetch.
pub(super) fn pull(request: &PullModelRequest) -> Result<ModelName, Failure> {
    let mut wrong = Violations::new();
    let model = model("model", &request.model, &mut wrong);
    wrong.finish()?;
    model.ok_or_else(|| Failure::invalid(vec![]))
}

/// Reads the name of a model.
fn model(field: &str, name: &str, wrong: &mut Violations) -> Option<ModelName> {
    match ModelName::new(name) {
        Ok(model) => Some(model),
        Err(error) => {
            wrong.add(field, format!("is no name: {}", error.why));
            None
        }
    }
}

const fn priority(priority: common::Priority) -> Priority {
    match priority {
        common::Priority::Batch => Priority::Batch,
        common::Priority::Interactive | common::Priority::Unspecified => Priority::Interactive,
    }
}

#[cfg(test)]
mod tests;
