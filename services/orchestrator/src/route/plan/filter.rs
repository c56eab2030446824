//! Which models cannot serve a request at all, each with why.

use crate::catalog::Model;
use crate::request::Request;
use crate::route::plan::{output_cap, worst_case};

/// Why `model` cannot serve the request at all, if it cannot.
pub(in crate::route) fn obstacle(
    request: &Request,
    model: &Model,
    tier_is_known: bool,
) -> Option<String> {
    let policy = &request.policy;
    if !tier_is_known {
        return Some(format!(
            "its tier {} is not among the config's tiers",
            model.tier
        ));
    }
    if policy
        .model
        .as_ref()
        .is_some_and(|wanted| wanted != &model.name)
    {
        return Some("the request asks for another model".to_owned());
    }
    if policy
        .tier
        .as_ref()
        .is_some_and(|wanted| wanted != &model.tier)
    {
        return Some("the request asks for another tier".to_owned());
    }
    if !policy.allowed_tiers.is_empty() && !policy.allowed_tiers.contains(&model.tier) {
        return Some("the request does not allow its tier".to_owned());
    }
    if let Some(why) = &model.unavailable_because {
        return Some(why.clone());
    }
    lacks(request, model)
        .or_else(|| no_room(request, model))
        .or_else(|| too_dear(request, model))
}

/// What the request needs and the model cannot do.
fn lacks(request: &Request, model: &Model) -> Option<String> {
    let (prompt, can) = (&request.prompt, model.abilities);
    let why = if prompt.has_images() && !can.vision {
        "it reads no pictures, and the prompt has some"
    } else if prompt.needs_tools() && !can.tools {
        "it calls no tools, and the request has some"
    } else if prompt.needs_strict_schema() && !can.json_schema {
        "it cannot be held to a JSON Schema, which the request demands"
    } else {
        return None;
    };
    Some(why.to_owned())
}

fn no_room(request: &Request, model: &Model) -> Option<String> {
    let (input, output) = (
        request.prompt.estimated_tokens(),
        output_cap(request, model),
    );
    let needed = input.saturating_add(u64::from(output));
    (needed > u64::from(model.context_window)).then(|| {
        format!(
            "about {input} prompt tokens and {output} output tokens do not fit its context window of {}",
            model.context_window
        )
    })
}

fn too_dear(request: &Request, model: &Model) -> Option<String> {
    let max_cost = request.policy.max_cost?;
    let worst_case = worst_case(request, model);
    (worst_case > max_cost).then(|| {
        format!("its worst case of {worst_case} is above the request's max_cost of {max_cost}")
    })
}
