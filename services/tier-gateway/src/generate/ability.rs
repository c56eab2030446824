//! What a call asks for beside what its model and its backend can do.
//!
//! Whatever cannot be had is refused before the call, by name: a backend that ignores it would give
//! an answer to another question. Log-probabilities are the exception: they are a wish, and come
//! from backends that have them.

use terrace_config::Model;

use crate::call::{Call, Format, Part, ToolChoice};
use crate::error::Fault;
use crate::provider::Abilities;

/// Refuses what cannot be done.
pub(crate) fn check(call: &Call, model: &Model, kind: Abilities) -> Result<(), Fault> {
    let can = kind.of_model(model.capabilities);
    let params = &call.params;
    let penalties = params.frequency_penalty.is_some() || params.presence_penalty.is_some();
    let is_hot = params
        .temperature
        .is_some_and(|temperature| temperature > 1.0);
    let strict = matches!(call.format, Some(Format::Schema { strict: true, .. }));
    let forced = matches!(
        call.tool_choice,
        ToolChoice::Required | ToolChoice::Named(_)
    );
    let few_stops = kind.max_stops.is_none_or(|most| params.stop.len() <= most);
    let seed_fits = params.seed <= kind.max_seed;
    let asked = [
        (has_images(call), can.vision, "images"),
        (!call.tools.is_empty(), can.tools, "tools"),
        (forced, kind.tool_choice, "a tool that it has to call"),
        (strict, can.json, "a strict JSON Schema"),
        (!params.stop.is_empty(), few_stops, "so many stop sequences"),
        (params.top_k.is_some(), kind.top_k, "top_k"),
        (params.seed.is_some(), kind.max_seed.is_some(), "a seed"),
        (params.seed.is_some(), seed_fits, "so large a seed"),
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
        tool_choice: true,
        top_k: true,
        max_seed: Some(7),
        max_stops: Some(2),
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
        call.params.seed = Some(7);
        assert_eq!(
            refused(&call, &model("m"), Abilities::default()),
            Some("a seed")
        );
        assert_eq!(refused(&call, &model("m"), ALL), None);
    }

    #[test]
    fn what_is_more_than_a_kind_takes_is_refused_and_not_cut() {
        let mut call = call_of("hi");
        call.params.seed = Some(8);
        assert_eq!(refused(&call, &model("m"), ALL), Some("so large a seed"));
        let mut call = call_of("hi");
        call.params.stop = vec!["a".into(), "b".into()];
        assert_eq!(refused(&call, &model("m"), ALL), None);
        call.params.stop.push("c".into());
        let what = refused(&call, &model("m"), ALL);
        assert_eq!(what, Some("so many stop sequences"));
        assert_eq!(refused(&call, &model("m"), Abilities::default()), None);
    }

    #[test]
    fn a_call_of_a_tool_can_be_forced_where_the_kind_has_a_choice() {
        let mut able = model("m");
        able.capabilities.tools = true;
        let mut call = call_of("hi");
        call.tools = vec![tool("find")];
        let free = Abilities {
            tool_choice: false,
            ..ALL
        };
        assert_eq!(refused(&call, &able, free), None);
        for choice in [ToolChoice::Required, ToolChoice::Named("find".into())] {
            call.tool_choice = choice;
            assert_eq!(
                refused(&call, &able, free),
                Some("a tool that it has to call")
            );
            assert_eq!(refused(&call, &able, ALL), None);
        }
    }

    #[test]
    fn logprobs_are_a_wish() {
        let mut call = call_of("hi");
        call.params.logprobs = Some(0);
        assert_eq!(refused(&call, &model("m"), Abilities::default()), None);
    }
}
