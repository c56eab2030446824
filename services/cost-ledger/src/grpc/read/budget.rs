//! The call that sets a budget: a mask says which of its fields are meant.

use terrace_config::TimeZone;
use terrace_domain::{Failure, NanoUsd, Score};
use terrace_proto::ledger::v1 as wire;
use uuid::Uuid;

use super::{Fields, Rules};
use crate::set_budget::SetBudget;

/// The fields that a mask may name.
const MASKED: [&str; 4] = ["cap_nano_usd", "alert_threshold", "paused", "time_zone"];

pub(in crate::grpc) fn set_budget(
    message: &wire::SetBudgetRequest,
    rules: &Rules,
) -> Result<SetBudget, Failure> {
    let mut fields = Fields::default();
    let name = fields.text("name", &message.name);
    let mask = mask(&mut fields, message);
    let means = |field: &str| mask.contains(&field);
    let cap = means("cap_nano_usd")
        .then(|| fields.amount("cap_nano_usd", message.cap_nano_usd, 0))
        .flatten();
    let alert_threshold = means("alert_threshold")
        .then(|| alert_threshold(&mut fields, message, rules))
        .flatten();
    let time_zone = means("time_zone")
        .then(|| time_zone(&mut fields, message, rules))
        .flatten();
    let top_up = top_up(&mut fields, message);
    let changes = !mask.is_empty() || top_up.is_some();
    fields.wrong.require(
        !(message.remove && changes),
        "remove",
        "stands alone: a budget that goes has no cap, no pause and no top-up",
    );
    fields.wrong.require(
        message.remove || changes,
        "update_mask",
        "names nothing, and there is no top-up: there would be nothing to change",
    );
    let set = || {
        Some(SetBudget {
            name: name?,
            cap,
            alert_threshold,
            time_zone,
            paused: means("paused").then_some(message.paused),
            top_up,
            remove: message.remove,
            defaults: (rules.alert_threshold, rules.time_zone),
        })
    };
    fields.finish(set())
}

/// The fields that are meant: all of them without a mask, unless the call is about something else.
fn mask(fields: &mut Fields, message: &wire::SetBudgetRequest) -> Vec<&'static str> {
    let Some(mask) = &message.update_mask else {
        let other = message.remove || message.top_up_nano_usd != 0;
        return if other { Vec::new() } else { MASKED.to_vec() };
    };
    let mut meant = Vec::new();
    for path in &mask.paths {
        match MASKED.iter().find(|field| *field == path) {
            Some(field) => meant.push(*field),
            None => {
                let known = MASKED.join(", ");
                let wrong = format!("has to name some of {known}");
                fields.wrong.add("update_mask", wrong);
            }
        }
    }
    meant
}

/// Nothing is what the config says for all: nobody wants an alert from the first cent on.
fn alert_threshold(
    fields: &mut Fields,
    message: &wire::SetBudgetRequest,
    rules: &Rules,
) -> Option<Score> {
    if message.alert_threshold == 0.0 {
        return Some(rules.alert_threshold);
    }
    fields.score("alert_threshold", Some(message.alert_threshold))?
}

fn time_zone(
    fields: &mut Fields,
    message: &wire::SetBudgetRequest,
    rules: &Rules,
) -> Option<TimeZone> {
    if message.time_zone.is_empty() {
        return Some(rules.time_zone);
    }
    let zone = TimeZone::by_name(&message.time_zone);
    let description = "has to be a time zone, as Europe/Berlin";
    fields
        .wrong
        .require(zone.is_some(), "time_zone", description);
    zone
}

fn top_up(fields: &mut Fields, message: &wire::SetBudgetRequest) -> Option<(Uuid, NanoUsd)> {
    if message.top_up_nano_usd == 0 && message.top_up_id.is_empty() {
        return None;
    }
    let amount = fields.amount("top_up_nano_usd", message.top_up_nano_usd, 1);
    let id = Uuid::try_parse(&message.top_up_id).ok();
    let description = "has to be a UUID of the caller's, new for each top-up: with it a repeated \
                       call adds nothing";
    fields.wrong.require(id.is_some(), "top_up_id", description);
    id.zip(amount)
}
