//! What a call asks for beside what its model and its backend can do.
//!
//! Whatever cannot be had is refused before the call, by name: a backend that ignores it would give
//! an answer to another question. Log-probabilities are the exception: they are a wish, and come
//! from backends that have them.

use terrace_config::Model;

use crate::call::{Call, Format, Part};
use crate::error::Fault;
use crate::provider::Abilities;

/// Refuses what cannot be done.
pub(crate) fn check(call: &Call, model: &Model, kind: Abilities) -> Result<(), Fault> {
    let can = model.capabilities;
    let params = &call.params;
    let penalties = params.frequency_penalty.is_some() || params.presence_penalty.is_some();
    let is_hot = params
        .temperature
        .is_some_and(|temperature| temperature > 1.0);
    let strict = matches!(call.format, Some(Format::Schema { strict: true, .. }));
    let asked = [
        (has_images(call), can.vision && kind.vision, "images"),
        (!call.tools.is_empty(), can.tools && kind.tools, "tools"),
        (strict, can.json && kind.json, "a strict JSON Schema"),
        (params.top_k.is_some(), kind.top_k, "top_k"),
        (params.seed.is_some(), kind.seed, "a seed"),
        (penalties, kind.penalties, "penalties"),
        (is_hot, kind.hot, "a temperature above 1"),
        (
            params.reasoning_effort.is_some(),
            kind.reasoning,
            "a reasoning effort",
        ),
    ];
    match asked.iter().find(|(asked, can, _)| *asked && !can) {
        Some((_, _, what)) => Err(Fault::CapabilityMissing { what }),
        None => Ok(()),
    }
}

fn has_images(call: &Call) -> bool {
    let mut parts = call.turns.iter().flat_map(|turn| &turn.parts);
    parts.any(|part| matches!(part, Part::Image(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::for_testing::{call_of, tool};
    use crate::config::for_testing::model;

    const ALL: Abilities = Abilities {
        vision: true,
        tools: true,
        json: true,
        logprobs: true,
        embeddings: true,
        reasoning: true,
        top_k: true,
        seed: true,
        penalties: true,
        hot: true,
    };

    fn refused(call: &Call, model: &Model, kind: Abilities) -> Option<&'static str> {
        match check(call, model, kind) {
            Err(Fault::CapabilityMissing { what }) => Some(what),
            _ => None,
        }
    }

    #[test]
    fn tools_need_a_model_and_a_kind_that_can() {
        let mut call = call_of("hi");
        call.tools = vec![tool("find")];
        let mut able = model("m");
        assert_eq!(refused(&call, &able, ALL), Some("tools"));
        able.capabilities.tools = true;
        assert_eq!(refused(&call, &able, ALL), None);
        assert_eq!(refused(&call, &able, Abilities::default()), Some("tools"));
    }

    #[test]
    fn parameters_that_a_kind_cannot_carry_are_named() {
        let mut call = call_of("hi");
        call.params.seed = Some(1);
        assert_eq!(
            refused(&call, &model("m"), Abilities::default()),
            Some("a seed")
        );
        assert_eq!(refused(&call, &model("m"), ALL), None);
    }

    #[test]
    fn logprobs_are_a_wish() {
        let mut call = call_of("hi");
        call.params.logprobs = Some(0);
        assert_eq!(refused(&call, &model("m"), Abilities::default()), None);
    }
}
