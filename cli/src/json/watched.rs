//! What happens to a request as JSON.

use serde_json::{Value, json};
use terrace_proto::router::v1::watch_requests_response::Event;
use terrace_proto::router::v1::{
    AttemptStarted, RequestBegun, RequestEnded, RequestPlanned, RequestTrace, WatchRequestsResponse,
};

use super::{attempt, millis, plan, time_of};
use crate::wording::{usd, wire_span};

/// One event.
pub(crate) fn watched(told: &WatchRequestsResponse) -> Value {
    let (name, value) = match &told.event {
        Some(Event::Known(known)) => ("known", trace(known)),
        Some(Event::Begun(own)) => ("begun", begun(own)),
        Some(Event::Planned(own)) => ("planned", planned(own)),
        Some(Event::AttemptStarted(own)) => ("attempt_started", started(own)),
        Some(Event::AttemptEnded(own)) => ("attempt_ended", attempt(own)),
        Some(Event::Ended(own)) => ("ended", ended(own)),
        Some(Event::MissedEvents(events)) => ("missed_events", json!(events)),
        None => ("nothing", Value::Null),
    };
    json!({
        "request_id": told.request_id,
        "at": told.at.as_ref().and_then(time_of),
        name: value,
    })
}

fn trace(trace: &RequestTrace) -> Value {
    json!({
        "begun": trace.begun.as_ref().map(begun),
        "planned": trace.planned.as_ref().map(planned),
        "running": trace.running.iter().map(started).collect::<Vec<_>>(),
        "attempts": trace.attempts.iter().map(attempt).collect::<Vec<_>>(),
        "ended": trace.ended.as_ref().map(ended),
    })
}

fn begun(begun: &RequestBegun) -> Value {
    json!({
        "at": begun.at.as_ref().and_then(time_of),
        "project": begun.project,
        "key_id": begun.key_id,
        "action": begun.action,
    })
}

fn planned(planned: &RequestPlanned) -> Value {
    json!({
        "plan": planned.plan.as_ref().map(plan),
        "took_ms": millis(wire_span(planned.took.as_ref())),
    })
}

fn started(started: &AttemptStarted) -> Value {
    json!({
        "index": started.index,
        "tier": started.tier,
        "backend": started.backend,
        "model": started.model,
        "repair_of": started.repair_of,
        "started_at": started.started_at.as_ref().and_then(time_of),
    })
}

fn ended(ended: &RequestEnded) -> Value {
    json!({
        "at": ended.at.as_ref().and_then(time_of),
        "answered": ended.answered,
        "passed": ended.passed,
        "reason": ended.reason,
        "message": ended.message,
        "tier": ended.tier,
        "backend": ended.backend,
        "model": ended.model,
        "score": ended.score,
        "cost_nano_usd": ended.cost_nano_usd,
        "cost_usd": usd(ended.cost_nano_usd),
        "baseline_nano_usd": ended.baseline_nano_usd,
        "latency_ms": millis(wire_span(ended.latency.as_ref())),
        "settling_ms": ended.settling.as_ref().map(|span| millis(wire_span(Some(span)))),
        "reused": ended.reused,
    })
}
