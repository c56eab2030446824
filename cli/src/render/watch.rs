//! What happens to a request, a line each.

use prost_types::Timestamp;
use terrace_proto::convert::timestamp;
use terrace_proto::router::v1::watch_requests_response::Event;
use terrace_proto::router::v1::{
    Attempt, AttemptStarted, RequestBegun, RequestEnded, RequestPlanned, RequestTrace,
    WatchRequestsResponse,
};
use time::OffsetDateTime;

use crate::style::{BAD, DIM, GOOD, POOR, paint};
use crate::wording::{clean, model, money, one_line, outcome, span, wire_span};

/// One event, with the lines of a request that was known before.
pub(crate) fn watched(told: &WatchRequestsResponse) -> String {
    let told_of = match &told.event {
        Some(Event::Known(trace)) => known(trace),
        Some(Event::Begun(own)) => vec![begun(own)],
        Some(Event::Planned(own)) => vec![planned(own)],
        Some(Event::AttemptStarted(own)) => vec![started(own)],
        Some(Event::AttemptEnded(own)) => vec![attempt(own)],
        Some(Event::Ended(own)) => vec![ended(own)],
        Some(Event::MissedEvents(events)) => vec![paint(
            POOR,
            format!("missed {events} events; what is in flight follows"),
        )],
        None => Vec::new(),
    };
    let head = paint(
        DIM,
        format!("{}  {}", clock(told.at.as_ref()), clean(&told.request_id)),
    );
    let lines = told_of.into_iter().map(|line| format!("{head}  {line}\n"));
    lines.collect()
}

fn known(trace: &RequestTrace) -> Vec<String> {
    let mut lines: Vec<String> = trace.begun.iter().map(begun).collect();
    lines.extend(trace.planned.iter().map(planned));
    lines.extend(trace.attempts.iter().map(attempt));
    lines.extend(trace.running.iter().map(started));
    lines.extend(trace.ended.iter().map(ended));
    lines
}

/// The time of day in UTC, to the millisecond.
fn clock(at: Option<&Timestamp>) -> String {
    let at = at.and_then(timestamp).map(OffsetDateTime::from);
    at.map_or_else(String::new, |at| {
        let (hour, minute, second) = (at.hour(), at.minute(), at.second());
        format!("{hour:02}:{minute:02}:{second:02}.{:03}", at.millisecond())
    })
}

fn begun(begun: &RequestBegun) -> String {
    let action = match begun.action.as_str() {
        "" => String::new(),
        action => format!(", {}", one_line(action)),
    };
    format!("begun      {}{action}", one_line(&begun.project))
}

fn planned(planned: &RequestPlanned) -> String {
    let candidates = planned.plan.iter().flat_map(|plan| &plan.candidates);
    let models: Vec<String> = candidates.map(|one| clean(&one.model)).collect();
    let models = if models.is_empty() {
        "nobody can be tried".to_owned()
    } else {
        models.join(", ")
    };
    format!(
        "planned    {models} in {}",
        span(wire_span(planned.took.as_ref()))
    )
}

fn started(started: &AttemptStarted) -> String {
    let (tier, model) = (clean(&started.tier), clean(&started.model));
    format!("attempt {}  {model} of {tier} …", started.index)
}

fn attempt(attempt: &Attempt) -> String {
    let style = match outcome(attempt.outcome()) {
        "accepted" => GOOD,
        "rejected" => POOR,
        "failed" | "presumed" => BAD,
        _ => DIM,
    };
    let hops = attempt.hops.unwrap_or_default();
    let hop = |name: &str, hop: Option<prost_types::Duration>| {
        hop.map(|hop| format!("{name} {}", span(wire_span(Some(&hop)))))
    };
    let hops = [
        hop("hold", hops.reserving),
        hop("first piece", hops.first_piece),
        hop("answer", hops.generating),
        hop("verdict", hops.judging),
    ];
    let hops: Vec<String> = hops.into_iter().flatten().collect();
    let detail = match one_line(&attempt.detail) {
        detail if detail.is_empty() => detail,
        detail => format!("; {detail}"),
    };
    format!(
        "attempt {}  {} {} in {} ({}), {}{detail}",
        attempt.index,
        model(&attempt.model, attempt.scripted),
        paint(style, outcome(attempt.outcome())),
        span(wire_span(attempt.latency.as_ref())),
        hops.join(", "),
        money(attempt.cost_nano_usd),
    )
}

fn ended(ended: &RequestEnded) -> String {
    let took = span(wire_span(ended.latency.as_ref()));
    if !ended.answered {
        let reason = paint(BAD, clean(&ended.reason));
        return format!(
            "ended      {reason} in {took}: {}",
            one_line(&ended.message)
        );
    }
    let how = match (ended.passed, ended.reused) {
        (true, true) => paint(GOOD, "passed, another request's answer"),
        (true, false) => paint(GOOD, "passed"),
        (false, _) => paint(POOR, "did not pass"),
    };
    let cost = money(ended.cost_nano_usd);
    format!(
        "ended      {how}, {} in {took}, {cost}",
        clean(&ended.model)
    )
}
