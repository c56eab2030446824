//! Domain to wire: what a watcher is told.

use std::sync::Arc;
use std::time::SystemTime;

use terrace_domain::{NanoUsd, Score};
use terrace_proto::convert::{wire_duration, wire_timestamp};
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::watch_requests_response::Event;

use super::response;
use crate::route::traces::{Begun, Ended, Planned, Told, Trace, What};
use crate::route::trail::Attempt;

/// One message to a watcher.
pub(super) fn told(told: &Told) -> wire::WatchRequestsResponse {
    let (request_id, at, event) = match told {
        Told::Known(known) => {
            let event = Event::Known(trace(known));
            (known.id.to_string(), SystemTime::now(), event)
        }
        Told::Happened(happened) => {
            let event = what(&happened.what);
            (happened.id.to_string(), happened.at, event)
        }
        Told::Missed(events) => {
            let event = Event::MissedEvents(*events);
            (String::new(), SystemTime::now(), event)
        }
    };
    wire::WatchRequestsResponse {
        request_id,
        at: Some(wire_timestamp(at)),
        event: Some(event),
    }
}

fn what(what: &What) -> Event {
    match what {
        What::Begun(own) => Event::Begun(begun(own)),
        What::Planned(own) => Event::Planned(planned(own)),
        What::AttemptStarted(own) => Event::AttemptStarted(response::started(own)),
        What::AttemptEnded(own) => Event::AttemptEnded(attempt(own)),
        What::Ended(own) => Event::Ended(ended(own)),
    }
}

fn trace(trace: &Trace) -> wire::RequestTrace {
    wire::RequestTrace {
        begun: Some(begun(&trace.begun)),
        planned: trace.planned.as_ref().map(planned),
        running: trace.running.iter().map(response::started).collect(),
        attempts: trace.attempts.iter().map(attempt).collect(),
        ended: trace.ended.as_ref().map(ended),
    }
}

fn begun(begun: &Begun) -> wire::RequestBegun {
    let action = begun.action.as_ref();
    wire::RequestBegun {
        at: Some(wire_timestamp(begun.at)),
        project: begun.project.to_string(),
        key_id: begun.key_id.clone(),
        action: action.map(ToString::to_string).unwrap_or_default(),
    }
}

fn planned(planned: &Planned) -> wire::RequestPlanned {
    wire::RequestPlanned {
        plan: Some(response::plan(planned.plan.as_ref().clone())),
        took: Some(wire_duration(planned.took)),
    }
}

fn attempt(attempt: &Arc<Attempt>) -> wire::Attempt {
    response::attempt(Attempt::clone(attempt))
}

fn ended(ended: &Ended) -> wire::RequestEnded {
    let told = wire::RequestEnded {
        at: Some(wire_timestamp(ended.at)),
        cost_nano_usd: ended.cost.get(),
        baseline_nano_usd: ended.baseline.map(NanoUsd::get),
        latency: Some(wire_duration(ended.latency)),
        settling: ended.settling.map(wire_duration),
        reused: ended.reused,
        ..wire::RequestEnded::default()
    };
    match &ended.outcome {
        Err(failure) => wire::RequestEnded {
            reason: failure.reason.to_string(),
            message: failure.message.clone(),
            ..told
        },
        Ok((answerer, passed)) => {
            let by = answerer.by.as_ref();
            let (tier, backend, model) = by
                .map(|(tier, backend, model)| {
                    (tier.to_string(), backend.to_string(), model.to_string())
                })
                .unwrap_or_default();
            wire::RequestEnded {
                answered: true,
                passed: *passed,
                tier,
                backend,
                model,
                score: answerer.score.map(Score::get),
                ..told
            }
        }
    }
}
