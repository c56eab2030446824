//! `WatchRequests`: what is being answered, told while it happens, and what is kept of it.

use std::time::Duration;

use prost::Message as _;
use terrace_domain::Reason;
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::watch_requests_response::Event;
use terrace_rpc::deadline::{Deadline, request_within};
use tonic::{Status, Streaming};

use crate::fakes::{Judge, Step, verdict};
use crate::world::{ID, LONG, World, failed, question, told};

/// Somebody who watches.
struct Watch(Streaming<wire::WatchRequestsResponse>);

impl Watch {
    async fn begin(world: &World, wanted: wire::WatchRequestsRequest) -> Result<Self, Status> {
        let wanted = request_within(wanted, Deadline::within(LONG));
        let watch = world.client.clone().watch_requests(wanted).await?;
        Ok(Self(watch.into_inner()))
    }

    async fn of_all(world: &World) -> Self {
        let all = wire::WatchRequestsRequest::default();
        Self::begin(world, all).await.unwrap()
    }

    async fn next(&mut self) -> Option<wire::WatchRequestsResponse> {
        self.0.message().await.unwrap()
    }

    /// What is told up to the end of a request, in a line each.
    async fn until_ended(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let event = self.next().await.unwrap().event.unwrap();
            lines.push(line(&event));
            if matches!(event, Event::Ended(_)) {
                return lines;
            }
        }
    }
}

fn line(event: &Event) -> String {
    match event {
        Event::Known(trace) => format!("known {} attempts", trace.attempts.len()),
        Event::Begun(begun) => format!("begun {}", begun.project),
        Event::Planned(planned) => {
            let plan = planned.plan.clone().unwrap();
            let models = plan.candidates.into_iter().map(|candidate| candidate.model);
            format!("planned {}", models.collect::<Vec<_>>().join(" "))
        }
        Event::AttemptStarted(started) => format!("started {}", started.model),
        Event::AttemptEnded(attempt) => format!("ended {}", told(std::slice::from_ref(attempt))[0]),
        Event::Ended(ended) if ended.answered => {
            format!("answered by {} passed={}", ended.model, ended.passed)
        }
        Event::Ended(ended) => format!("failed {}", ended.reason),
        Event::MissedEvents(events) => format!("missed {events}"),
    }
}

fn of_one(id: &str) -> wire::WatchRequestsRequest {
    wire::WatchRequestsRequest {
        request_id: id.to_owned(),
        ..wire::WatchRequestsRequest::default()
    }
}

fn with_id() -> wire::RouteRequest {
    wire::RouteRequest {
        request_id: ID.to_owned(),
        action: "edit_file".to_owned(),
        ..question()
    }
}

#[tokio::test(start_paused = true)]
async fn a_watcher_sees_plan_attempts_and_end_while_they_happen() {
    let world = World::start().await;
    world.judge.judge.next([Judge::saying(verdict(0.2))]);
    let mut watch = Watch::of_all(&world).await;
    world.route(question()).await.unwrap();
    let expected = [
        "begun default",
        "planned small middle big",
        "started small",
        "ended small REJECTED 0",
        "started middle",
        "ended middle ACCEPTED 0",
        "answered by middle passed=true",
    ];
    assert_eq!(watch.until_ended().await, expected);
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_and_answered_is_in_nothing_that_is_told() {
    let world = World::start().await;
    world
        .small
        .next([Step::text("a very private answer"), Step::finished(3, 4)]);
    let mut watch = Watch::of_all(&world).await;
    let asked = wire::RouteRequest {
        messages: vec![terrace_proto::convert::text_message(
            terrace_proto::common::v1::Role::User,
            "a very private question",
        )],
        ..question()
    };
    world.route(asked).await.unwrap();
    let all = wire::WatchRequestsRequest {
        ended_too: true,
        ..wire::WatchRequestsRequest::default()
    };
    let mut kept = Watch::begin(&world, all).await.unwrap();
    let mut messages = vec![kept.next().await.unwrap()];
    loop {
        let message = watch.next().await.unwrap();
        let is_end = matches!(message.event, Some(Event::Ended(_)));
        messages.push(message);
        if is_end {
            break;
        }
    }
    for message in messages {
        let bytes = message.encode_to_vec();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("private"), "{message:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_request_is_told_of_until_its_end_and_as_it_was_after_that() {
    let world = World::start().await;
    let second = Duration::from_secs(1);
    let waits = [
        Step::Waits(second),
        Step::text("fine"),
        Step::finished(1, 1),
    ];
    world.small.next(waits);
    let asking = world.route(with_id());
    let watching = async {
        world.small.called(1).await;
        let mut watch = Watch::begin(&world, of_one(ID)).await.unwrap();
        let known = watch.next().await.unwrap();
        let Some(Event::Known(trace)) = known.event else {
            panic!("{known:?}");
        };
        assert_eq!(trace.begun.unwrap().action, "edit_file");
        assert_eq!(trace.running[0].model, "small");
        assert!(trace.ended.is_none() && trace.planned.is_some());
        watch.until_ended().await;
        assert!(watch.next().await.is_none(), "it goes on after the end");
    };
    let (answered, ()) = tokio::join!(asking, watching);
    answered.unwrap();

    let mut watch = Watch::begin(&world, of_one(ID)).await.unwrap();
    let Some(Event::Known(trace)) = watch.next().await.unwrap().event else {
        panic!("nothing is known");
    };
    let (attempt, ended) = (&trace.attempts[0], trace.ended.unwrap());
    let hops = attempt.hops.unwrap();
    let seconds = |span: Option<prost_types::Duration>| span.map(|span| span.seconds);
    assert_eq!(seconds(hops.reserving), Some(0));
    assert_eq!(
        (seconds(hops.first_piece), seconds(hops.generating)),
        (Some(1), Some(1))
    );
    assert_eq!(seconds(hops.judging), Some(0));
    assert_eq!(seconds(ended.latency), Some(1));
    assert!(ended.settling.is_some() && trace.running.is_empty());
    assert!(!attempt.verdict.as_ref().unwrap().checks.is_empty());
    assert!(watch.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_known_and_one_of_another_project_are_not_found() {
    let world = World::start().await;
    world.route(with_id()).await.unwrap();
    let elsewhere = wire::WatchRequestsRequest {
        project: "other".to_owned(),
        ..of_one(ID)
    };
    let never = of_one("0192f0c1-2345-7abc-8def-000000000000");
    for wanted in [elsewhere, never] {
        let refused = Watch::begin(&world, wanted).await.err().unwrap();
        assert_eq!(failed(&refused).reason(), Reason::NotFound);
    }
    let wrong = Watch::begin(&world, of_one("none")).await.err().unwrap();
    assert_eq!(failed(&wrong).reason(), Reason::InvalidRequest);
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_the_cache_is_told_of_too() {
    let world = World::with_a_cache().await;
    world.route(question()).await.unwrap();
    let mut watch = Watch::of_all(&world).await;
    world.route(question()).await.unwrap();
    let expected = ["begun default", "answered by small passed=true"];
    assert_eq!(watch.until_ended().await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_ends_its_request_for_those_who_watch() {
    let world = World::start().await;
    world.small.next([Step::Hangs]);
    let mut watch = Watch::of_all(&world).await;
    world.leave_at(question(), world.small.called(1)).await;
    let lines = watch.until_ended().await;
    assert_eq!(lines.last().unwrap(), "failed CANCELLED");
}
