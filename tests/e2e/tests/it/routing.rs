//! The main path: classified, planned, attempted, judged, settled, answered, summed up.

use terrace_domain::NanoUsd;
use terrace_e2e::ask::{question, question_for, text, told, within};
use terrace_e2e::scenario::{GOOD, REFUSAL};
use terrace_e2e::{Placement, Sandbox, Scenario, books};
use terrace_proto::ledger::v1 as ledger;
use terrace_proto::router::v1 as router;
use terrace_proto::router::v1::route_stream_response::Event;
use terrace_testkit::provider::Reply;
use tokio_stream::StreamExt;

crate::in_both_placements!(
    an_easy_question_is_answered_by_the_lowest_tier,
    a_refusal_goes_up_until_an_answer_passes_and_every_row_is_kept,
    explain_names_the_plan_that_route_follows_and_calls_nobody,
    a_held_back_stream_ends_with_the_whole_response,
    the_summary_adds_up,
);

async fn an_easy_question_is_answered_by_the_lowest_tier(placement: Placement) {
    let sandbox = Sandbox::start(placement, Scenario::default())
        .await
        .unwrap();
    let asked = sandbox
        .router()
        .route(within(question("What is the capital of France?")))
        .await;
    let response = asked.unwrap().into_inner();
    assert_eq!(text(&response), GOOD);
    assert!(response.passed);
    let expected = ["local_fast small ACCEPTED - $0.000000"];
    assert_eq!(told(&response.attempts), expected);
    assert_eq!(
        books::rows(&sandbox.database, &response.request_id),
        expected
    );
    assert_eq!(
        response.baseline_nano_usd,
        Some(10_000_000),
        "a call of big costs a cent"
    );
    assert!(
        sandbox
            .paid
            .requests()
            .iter()
            .all(|seen| !seen.path.contains("chat"))
    );
}

async fn a_refusal_goes_up_until_an_answer_passes_and_every_row_is_kept(placement: Placement) {
    let scenario = Scenario::default()
        .small(vec![Reply::text(REFUSAL)])
        .middle(vec![Reply::status(503)]);
    let sandbox = Sandbox::start(placement, scenario).await.unwrap();
    let asked = sandbox
        .router()
        .route(within(question("What is the capital of France?")))
        .await;
    let response = asked.unwrap().into_inner();
    let expected = [
        "local_fast small REJECTED - $0.000000",
        "local_quality middle FAILED BACKEND_FAILED $0.000000",
        "api_fallback big ACCEPTED - $0.010000",
    ];
    assert_eq!(told(&response.attempts), expected);
    assert_eq!(
        books::rows(&sandbox.database, &response.request_id),
        expected
    );
    assert_eq!(response.cost_nano_usd, 10_000_000);
    assert_eq!(books::reserved(&sandbox.database), (0, 0));
    let refused = response.attempts[0].verdict.as_ref().unwrap();
    assert!(!refused.passed && refused.checks.iter().any(|check| check.check == "refusal"));
}

async fn explain_names_the_plan_that_route_follows_and_calls_nobody(placement: Placement) {
    let scenario = Scenario::default().small(vec![Reply::text(REFUSAL)]);
    let sandbox = Sandbox::start(placement, scenario).await.unwrap();
    let asked = question("What is the capital of France?");
    let explained = router::ExplainRequest {
        request: Some(asked.clone()),
    };
    let explained = sandbox.router().explain(within(explained)).await.unwrap();
    let plan = explained.into_inner().plan.unwrap();
    let planned: Vec<_> = plan
        .candidates
        .iter()
        .map(|candidate| candidate.model.clone())
        .collect();
    assert_eq!(planned, ["small", "middle", "big"]);
    assert!(
        sandbox
            .local
            .requests()
            .iter()
            .all(|seen| !seen.path.ends_with("/chat"))
    );
    let response = sandbox
        .router()
        .route(within(asked))
        .await
        .unwrap()
        .into_inner();
    let tried: Vec<_> = response
        .attempts
        .iter()
        .map(|attempt| attempt.model.clone())
        .collect();
    assert_eq!(tried, planned[..2]);
}

async fn a_held_back_stream_ends_with_the_whole_response(placement: Placement) {
    let scenario = Scenario::default().small(vec![Reply::text(REFUSAL)]);
    let sandbox = Sandbox::start(placement, scenario).await.unwrap();
    let asked = router::RouteStreamRequest {
        request: Some(question("What is the capital of France?")),
        ..router::RouteStreamRequest::default()
    };
    let mut events = sandbox
        .router()
        .route_stream(within(asked))
        .await
        .unwrap()
        .into_inner();
    let (mut names, mut answer, mut last) = (Vec::new(), String::new(), None);
    while let Some(message) = events.next().await {
        let name = match message.unwrap().event.unwrap() {
            Event::PlanMade(_) => "plan_made",
            Event::AttemptStarted(_) => "attempt_started",
            Event::AttemptRejected(_) => "attempt_rejected",
            Event::Committed(_) => "committed",
            Event::Chunk(chunk) => {
                assert!(!chunk.provisional);
                answer.push_str(&chunk.text);
                "chunk"
            }
            Event::Completed(response) => {
                last = Some(response);
                "completed"
            }
        };
        names.push(name);
    }
    let tried = [
        "plan_made",
        "attempt_started",
        "attempt_rejected",
        "attempt_started",
    ];
    let answered = ["committed", "chunk", "completed"];
    assert_eq!(names, [&tried[..], &answered[..]].concat());
    let response = last.unwrap();
    assert_eq!((answer.as_str(), text(&response).as_str()), (GOOD, GOOD));
    assert!(!answer.contains("sorry"));
}

async fn the_summary_adds_up(placement: Placement) {
    let scenario = Scenario::default().small(vec![Reply::text(REFUSAL), Reply::text(GOOD)]);
    let sandbox = Sandbox::start(placement, scenario).await.unwrap();
    let mut cost = NanoUsd::ZERO;
    let forced = question_for("api_fallback", "What is the capital of Norway?");
    for asked in [
        question("capital of France?"),
        question("capital of Spain?"),
        forced,
    ] {
        let response = sandbox
            .router()
            .route(within(asked))
            .await
            .unwrap()
            .into_inner();
        cost = cost.plus(NanoUsd::new(response.cost_nano_usd));
    }
    let asked = within(ledger::GetSummaryRequest::default());
    // In a split Terrace the ledger has an address of its own; the books are read through it.
    if placement == Placement::Split {
        let settled = sandbox
            .database
            .number("SELECT sum(cost_nano_usd) FROM usage_events");
        assert_eq!(settled, cost.get());
        return;
    }
    let summary = sandbox
        .ledger()
        .get_summary(asked)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(summary.requests, 3);
    let by_outcome: u64 = summary
        .outcomes
        .iter()
        .map(|outcome| outcome.requests)
        .sum();
    assert_eq!(by_outcome, 3);
    let by_tier: i64 = summary.tiers.iter().map(|tier| tier.cost_nano_usd).sum();
    assert_eq!((by_tier, summary.cost_nano_usd), (cost.get(), cost.get()));
    assert_eq!(summary.baseline_nano_usd, 30_000_000);
    let saved = summary.baseline_nano_usd - summary.cost_nano_usd;
    assert_eq!(summary.savings_nano_usd, saved);
    assert_eq!(
        summary.tiers.iter().map(|tier| tier.attempts).sum::<u64>(),
        4
    );
    assert_eq!(
        summary.tiers.iter().map(|tier| tier.answered).sum::<u64>(),
        3
    );
}
