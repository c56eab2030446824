//! `RouteStream`: the events in their order, and what never leaves.

use terrace_domain::Reason;
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::route_stream_response::Event;
use terrace_rpc::deadline::{Deadline, request_within};
use tonic::Status;

use crate::fakes::Step;
use crate::world::{ID, LONG, World, failed, question, told};

/// Everything that came in a stream.
#[derive(Debug, Default)]
pub(crate) struct Streamed {
    pub(crate) events: Vec<Event>,
    pub(crate) error: Option<Status>,
}

impl Streamed {
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |event: &Event| match event {
            Event::PlanMade(_) => "plan".to_owned(),
            Event::AttemptStarted(started) => format!("started {}", started.model),
            Event::Chunk(chunk) => format!("chunk of {}", chunk.attempt_index),
            Event::AttemptRejected(rejected) => {
                let attempt = rejected.attempt.clone().unwrap();
                format!("rejected {}", told(&[attempt])[0])
            }
            Event::Committed(committed) => format!("committed {}", committed.attempt_index),
            Event::Completed(_) => "completed".to_owned(),
        };
        self.events.iter().map(name).collect()
    }

    pub(crate) fn text(&self) -> String {
        let text = |event: &Event| match event {
            Event::Chunk(chunk) => Some(chunk.text.clone()),
            _ => None,
        };
        self.events.iter().filter_map(text).collect()
    }

    pub(crate) fn completed(&self) -> wire::RouteResponse {
        match self.events.last() {
            Some(Event::Completed(response)) => response.clone(),
            other => unreachable!("the last event is {other:?}"),
        }
    }
}

pub(crate) fn streamed(request: wire::RouteRequest) -> wire::RouteStreamRequest {
    wire::RouteStreamRequest {
        request: Some(request),
        ..wire::RouteStreamRequest::default()
    }
}

pub(crate) async fn read(
    world: &World,
    request: wire::RouteStreamRequest,
) -> Result<Streamed, Status> {
    let request = request_within(request, Deadline::within(LONG));
    let mut events = world
        .client
        .clone()
        .route_stream(request)
        .await?
        .into_inner();
    let mut streamed = Streamed::default();
    loop {
        match events.message().await {
            Ok(Some(message)) => streamed.events.push(message.event.unwrap()),
            Ok(None) => return Ok(streamed),
            Err(error) => {
                streamed.error = Some(error);
                return Ok(streamed);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_comes_after_its_commit_and_the_whole_response_last() {
    let world = World::start().await;
    let streamed = read(&world, streamed(question())).await.unwrap();
    let expected = [
        "plan",
        "started small",
        "committed 0",
        "chunk of 0",
        "completed",
    ];
    assert_eq!(streamed.names(), expected);
    assert_eq!(streamed.text(), "fine");
    assert!(streamed.error.is_none());
    let mut response = streamed.completed();
    assert_eq!(world.ledger.settle.last().request_id, response.request_id);
    // The same as the unary call gives, but for the id and the wall clock.
    let mut whole = world.route(question()).await.unwrap();
    for response in [&mut response, &mut whole] {
        response.request_id.clear();
        response.attempts[0].started_at = None;
    }
    assert_eq!(response, whole);
}

#[tokio::test(start_paused = true)]
async fn the_plan_in_the_stream_is_the_plan_of_explain() {
    let world = World::start().await;
    let request = wire::RouteRequest {
        request_id: ID.to_owned(),
        ..question()
    };
    let streamed = read(&world, streamed(request.clone())).await.unwrap();
    let Some(Event::PlanMade(made)) = streamed.events.first() else {
        unreachable!("the first event is the plan");
    };
    assert_eq!(made.request_id, ID);
    assert_eq!(made.plan, Some(world.explain(request).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_rejected_or_broken_answer_leaves() {
    let world = World::start().await;
    world.small.next(Step::whole("a poor answer"));
    world.judge.scores(&[0.1]);
    world
        .middle
        .next([Step::text("a broken answer"), Step::usage(3, 1)]);
    let streamed = read(&world, streamed(question())).await.unwrap();
    let expected = [
        "plan",
        "started small",
        "rejected small REJECTED 0",
        "started middle",
        "rejected middle FAILED TRUNCATED 0",
        "started big",
        "committed 2",
        "chunk of 2",
        "completed",
    ];
    assert_eq!(streamed.names(), expected);
    assert_eq!(streamed.text(), "fine");
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_comes_in_chunks_that_join_to_it() {
    let long = "räuber und gendarm. ".repeat(500);
    let world = World::start().await;
    world.small.next(Step::whole(&long));
    let streamed = read(&world, streamed(question())).await.unwrap();
    assert!(streamed.events.len() > 10);
    assert_eq!(streamed.text(), long);
    assert_eq!(crate::answers::text(&streamed.completed()), long);
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_an_answer_ends_with_the_trail_and_no_commit() {
    let world = World::start().await;
    for gateway in [&world.small, &world.middle, &world.big] {
        gateway.next([Step::fails(Reason::BackendUnreachable)]);
    }
    let streamed = read(&world, streamed(question())).await.unwrap();
    assert_eq!(streamed.names().len(), 7, "{streamed:?}");
    let failed = failed(&streamed.error.unwrap());
    assert_eq!(failed.code, tonic::Code::Unavailable);
    assert_eq!(failed.reason(), Reason::BackendUnreachable);
    let expected =
        ["small", "middle", "big"].map(|model| format!("{model} FAILED BACKEND_UNREACHABLE 0"));
    assert_eq!(failed.told(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_asks_for_what_cannot_be_is_refused_before_it_begins() {
    let world = World::start().await;
    let fields = |error: Status| -> Vec<String> {
        let failed = failed(&error);
        assert_eq!(failed.code, tonic::Code::InvalidArgument);
        let fields = failed.failure.fields.into_iter();
        fields.map(|wrong| wrong.field).collect()
    };
    let request = wire::RouteStreamRequest {
        commit_mode: 7,
        prefix_tokens: 8,
        request: Some(wire::RouteRequest::default()),
    };
    let error = read(&world, request).await.unwrap_err();
    assert_eq!(fields(error), ["prefix_tokens", "commit_mode", "messages"]);
    let empty = wire::RouteStreamRequest::default();
    let error = read(&world, empty).await.unwrap_err();
    assert_eq!(fields(error)[0], "request");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stands_still_keeps_the_request_but_not_the_money() {
    let world = World::start().await;
    let request = request_within(streamed(question()), Deadline::within(LONG));
    let stream = world.client.clone().route_stream(request).await.unwrap();
    // Nothing is read, and still the request runs to its end and is settled.
    world.ledger.settle.called(1).await;
    assert_eq!(world.ledger.closes().len(), 1);
    drop(stream);
    world.quiet().await;
    assert_eq!(world.ledger.closes().len(), 1);
}
