//! The models of all backends as a table.

use terrace_proto::common::v1::{Capabilities, Model};
use terrace_proto::router::v1::ListModelsResponse;

use crate::style::heading;
use crate::table::{Grid, Tone};
use crate::wording::{clean, model, one_line, price};

/// Every model, tier by tier.
pub(crate) fn models(list: &ListModelsResponse, width: Option<u16>) -> String {
    let columns = [
        "tier",
        "model",
        "backend",
        ">in/M",
        ">out/M",
        ">context",
        "can",
        "available",
    ];
    let mut grid = Grid::new(&columns, width);
    for model in by_tier(list) {
        row(&mut grid, model);
    }
    if list.models.is_empty() {
        return "no gateway has listed any model: are the gateways running?\n".to_owned();
    }
    grid.render()
}

/// How busy the backends are; nothing where no gateway has told.
pub(crate) fn queues(list: &ListModelsResponse, width: Option<u16>) -> String {
    if list.queues.is_empty() {
        return String::new();
    }
    let columns = ["backend", ">in flight", ">places", ">waiting"];
    let mut grid = Grid::new(&columns, width);
    for queue in &list.queues {
        let waiting = if queue.waiting > 0 {
            Tone::Poor
        } else {
            Tone::Plain
        };
        grid.row([
            (Tone::Plain, clean(&queue.backend).as_str()),
            (Tone::Plain, &queue.in_flight.to_string()),
            (Tone::Plain, &queue.places.to_string()),
            (waiting, &queue.waiting.to_string()),
        ]);
    }
    format!("{}\n{}", heading("Queues"), grid.render())
}

/// The models in the order of their tiers; those of a tier that is not listed come last.
fn by_tier(list: &ListModelsResponse) -> Vec<&Model> {
    let rank = |model: &&Model| list.tiers.iter().position(|tier| *tier == model.tier);
    let mut models: Vec<&Model> = list.models.iter().collect();
    models.sort_by_key(|model| rank(model).unwrap_or(list.tiers.len()));
    models
}

fn row(grid: &mut Grid, listed: &Model) {
    let (input, output) = prices(listed);
    let (tone, available) = match listed.available {
        true => (Tone::Good, "yes".to_owned()),
        false => (
            Tone::Bad,
            format!("no: {}", one_line(&listed.unavailable_because)),
        ),
    };
    let capabilities = listed.capabilities.unwrap_or_default();
    grid.row([
        (Tone::Plain, clean(&listed.tier).as_str()),
        (Tone::Strong, &model(&listed.name, listed.scripted)),
        (Tone::Plain, &clean(&listed.backend)),
        (Tone::Plain, &input),
        (Tone::Plain, &output),
        (Tone::Plain, &listed.context_window.to_string()),
        (Tone::Plain, &able(capabilities).join(",")),
        (tone, &available),
    ]);
}

fn prices(model: &Model) -> (String, String) {
    let listed = model.price.clone().unwrap_or_default();
    let free = listed.input_nano_usd == 0
        && listed.output_nano_usd == 0
        && listed.per_request_nano_usd == 0;
    if free {
        return ("free".to_owned(), "free".to_owned());
    }
    (price(listed.input_nano_usd), price(listed.output_nano_usd))
}

/// What a model can do, in words.
pub(crate) fn able(can: Capabilities) -> Vec<&'static str> {
    [
        (can.code, "code"),
        (can.vision, "vision"),
        (can.tools, "tools"),
        (can.json, "json"),
        (can.json_schema, "json_schema"),
        (can.logprobs, "logprobs"),
    ]
    .into_iter()
    .filter_map(|(can, word)| can.then_some(word))
    .collect()
}
