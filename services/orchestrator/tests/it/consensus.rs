//! Several models at once: what enough of them agree on is the answer, and the books know them all.

use std::time::Duration;

use terrace_domain::Reason;
use terrace_orchestrator::route::OnJudgeUnavailable;
use terrace_proto::common::v1::{AttemptOutcome, Embedding};
use terrace_proto::convert::text_of_parts;
use terrace_proto::gateway::v1::EmbedResponse;
use terrace_proto::ledger::v1::RequestOutcome;
use terrace_proto::router::v1 as wire;
use tokio_util::sync::CancellationToken;

use crate::answers::text;
use crate::fakes::{Answer, Gateway, Judge, Step, fails, verdict};
use crate::streams::{read, streamed};
use crate::world::{World, failed, models, question_with, told};

/// A question for these models at once.
pub(crate) fn asking(models: &[&str]) -> wire::RouteRequest {
    with(wire::ConsensusPolicy {
        models: models.iter().map(ToString::to_string).collect(),
        ..wire::ConsensusPolicy::default()
    })
}

pub(crate) fn with(consensus: wire::ConsensusPolicy) -> wire::RouteRequest {
    question_with(wire::RoutePolicy {
        consensus: Some(consensus),
        ..wire::RoutePolicy::default()
    })
}

const ALL: [&str; 3] = ["small", "middle", "big"];

/// Says something after so many seconds.
pub(crate) fn after(seconds: u64, text: &str) -> Vec<Step> {
    let mut steps = vec![Step::Waits(Duration::from_secs(seconds))];
    steps.extend(Step::whole(text));
    steps
}

/// The groups of a consensus, a line each: the attempts, whether they answer, and what they said.
fn groups(response: &wire::RouteResponse) -> Vec<String> {
    let consensus = response.consensus.as_ref().unwrap();
    let group = |group: &wire::ConsensusGroup| {
        let vote = |vote: &wire::ConsensusVote| {
            let said = text_of_parts(vote.output.as_ref().unwrap());
            format!("{}: {said}", vote.attempt_index)
        };
        let votes: Vec<_> = group.votes.iter().map(vote).collect();
        let answers = if group.answers { "answers" } else { "dissents" };
        format!("{:.2} {answers} {}", group.share, votes.join(", "))
    };
    consensus.groups.iter().map(group).collect()
}

/// Asserts that each attempt has its row, in order, and that every hold has one.
fn assert_in_the_books(world: &World, response: &wire::RouteResponse) {
    let rows = world.ledger.rows();
    let row = |row: &terrace_proto::ledger::v1::StepSettlement| {
        (row.step.clone(), row.outcome(), row.cost_nano_usd)
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    let attempts = response.attempts.iter();
    let attempts: Vec<_> = attempts
        .map(|attempt| {
            let step = format!("attempt/{}", attempt.index);
            (step, attempt.outcome(), attempt.cost_nano_usd)
        })
        .collect();
    assert_eq!(rows, attempts);
    let cost: i64 = attempts.iter().map(|(_, _, cost)| cost).sum();
    assert_eq!(cost, response.cost_nano_usd);
    for held in world.ledger.reserve.seen() {
        let step = &held.message.step;
        assert!(rows.iter().any(|(row, ..)| row == step), "{step} is held");
    }
}

#[tokio::test(start_paused = true)]
async fn when_two_of_three_agree_the_third_is_hung_up_on_and_billed() {
    let world = World::start().await;
    world.small.next(after(1, "Paris"));
    world.middle.next(after(2, "**paris.**"));
    world.big.next([Step::text("Well, "), Step::Hangs]);
    let response = world.route(asking(&ALL)).await.unwrap();
    let expected = [
        "small ACCEPTED 0",
        "middle ACCEPTED 0",
        "big CANCELLED 42000",
    ];
    assert_eq!(told(&response.attempts), expected);
    assert_eq!(groups(&response), ["0.67 answers 0: Paris, 1: **paris.**"]);
    let consensus = response.consensus.as_ref().unwrap();
    assert!(consensus.agreed && consensus.decided_early && response.passed);
    assert_eq!(
        (consensus.asked, consensus.equivalence.as_str()),
        (3, "text")
    );
    assert_eq!(text(&response), "Paris");
    let detail = &response.attempts[2].detail;
    assert_eq!(detail, "called off: the others had agreed");
    assert_eq!(response.latency.unwrap().seconds, 2, "nobody waits for it");
    world.big.hung_up_on(1).await;
    assert_in_the_books(&world, &response);
    assert_eq!(world.ledger.closes()[0].outcome(), RequestOutcome::Passed);
}

#[tokio::test(start_paused = true)]
async fn who_dissents_stays_in_the_response() {
    let world = World::start().await;
    world.small.next(after(1, "Lyon"));
    world.middle.next(after(2, "Paris"));
    world.big.next(after(3, "Paris!"));
    world.judge.scores(&[0.9, 0.8, 0.95]);
    let response = world.route(asking(&ALL)).await.unwrap();
    let expected = [
        "small REJECTED 0",
        "middle ACCEPTED 0",
        "big ACCEPTED 105000",
    ];
    assert_eq!(told(&response.attempts), expected);
    let expected = ["0.67 answers 1: Paris, 2: Paris!", "0.33 dissents 0: Lyon"];
    assert_eq!(groups(&response), expected);
    let consensus = response.consensus.as_ref().unwrap();
    assert!(consensus.agreed && !consensus.decided_early);
    assert_eq!(
        text(&response),
        "Paris!",
        "the best-scored of those who agree"
    );
    let detail = &response.attempts[0].detail;
    assert_eq!(detail, "outvoted: 67 % of the votes say otherwise");
    assert_in_the_books(&world, &response);
}

#[tokio::test(start_paused = true)]
async fn without_agreement_the_next_tier_decides_and_the_members_count_as_one_attempt() {
    let world = World::start().await;
    world.small.next(Step::whole("Lyon"));
    world.middle.next(Step::whole("Paris"));
    let mut request = asking(&["small", "middle"]);
    request.policy.as_mut().unwrap().max_attempts = Some(2);
    let response = world.route(request.clone()).await.unwrap();
    let expected = [
        "small REJECTED 0",
        "middle REJECTED 0",
        "big ACCEPTED 105000",
    ];
    assert_eq!(told(&response.attempts), expected);
    assert!(!response.consensus.as_ref().unwrap().agreed);
    assert_eq!(response.decision.as_ref().unwrap().model, "big");
    let detail = &response.attempts[1].detail;
    assert_eq!(
        detail,
        "no agreement: 50 % of the votes say this, 66 % are needed"
    );
    assert_in_the_books(&world, &response);

    // No attempt is left for the next tier: the best there is, marked.
    world.small.next(Step::whole("Lyon"));
    world.middle.next(Step::whole("Paris"));
    world.judge.scores(&[0.9, 0.8]);
    request.policy.as_mut().unwrap().max_attempts = Some(1);
    let response = world.route(request).await.unwrap();
    assert!(!response.passed);
    assert_eq!(text(&response), "Lyon");
    assert_eq!(world.calls(), [2, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn members_that_fail_count_among_those_asked() {
    let world = World::start().await;
    world.small.next([Step::fails(Reason::BackendFailed)]);
    let response = world.route(asking(&ALL)).await.unwrap();
    let expected = [
        "small FAILED BACKEND_FAILED 0",
        "middle ACCEPTED 0",
        "big ACCEPTED 105000",
    ];
    assert_eq!(told(&response.attempts), expected);
    assert_eq!(groups(&response), ["0.67 answers 1: fine, 2: fine"]);

    // Two fail: the one that is left cannot agree with anybody, and is not waited for.
    let fails = || {
        let second = Step::Waits(Duration::from_secs(1));
        [second, Step::fails(Reason::BackendFailed)]
    };
    world.small.next(fails());
    world.middle.next(fails());
    world.big.next([Step::text("fine"), Step::Hangs]);
    let failed = failed(&world.route(asking(&ALL)).await.unwrap_err());
    assert_eq!(failed.reason(), Reason::AllAttemptsFailed);
    let trail = failed.trail.unwrap();
    assert_eq!(told(&trail.attempts)[2], "big CANCELLED 27000");
    let detail = &trail.attempts[2].detail;
    assert_eq!(detail, "called off: no agreement was possible any more");
    world.big.hung_up_on(1).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_fails_hard_has_no_vote_and_one_that_scores_low_has() {
    let world = World::start().await;
    world.small.next(after(1, "Paris"));
    world.middle.next(after(2, "Paris"));
    world.big.next(after(3, "Paris"));
    let mut refusal = verdict(0.0);
    refusal.checks[0].hard_failure = true;
    let verdicts = [refusal, verdict(0.3), verdict(0.4)].map(Judge::saying);
    world.judge.judge.next(verdicts);
    let response = world.route(asking(&ALL)).await.unwrap();
    let expected = [
        "small REJECTED 0",
        "middle ACCEPTED 0",
        "big ACCEPTED 105000",
    ];
    assert_eq!(told(&response.attempts), expected);
    assert_eq!(groups(&response), ["0.67 answers 1: Paris, 2: Paris"]);
    assert!(response.passed, "they agree on it, whatever its score");
    assert_in_the_books(&world, &response);
}

#[tokio::test(start_paused = true)]
async fn answers_without_what_is_compared_have_no_vote() {
    let world = World::start().await;
    world.small.next(after(1, "I do not know"));
    world.middle.next(after(2, "6 * 7 = 42"));
    world.big.next(after(3, "It is 42.0"));
    let response = world.route(with(wire::ConsensusPolicy {
        models: ALL.map(str::to_owned).to_vec(),
        equivalence: "number".to_owned(),
        ..wire::ConsensusPolicy::default()
    }));
    let response = response.await.unwrap();
    let expected = ["0.67 answers 1: 6 * 7 = 42, 2: It is 42.0"];
    assert_eq!(groups(&response), expected);
    assert_eq!(
        response.attempts[0].detail,
        "no vote: there is no number in it"
    );
}

#[tokio::test(start_paused = true)]
async fn the_money_of_all_is_held_before_any_is_called() {
    let world = World::with(|stage| {
        let [small, ..] = models();
        let priced = models()[2].price.clone();
        let dear = terrace_proto::common::v1::Model {
            price: priced,
            ..small
        };
        stage.small.models.always(Gateway::listing([dear]));
    })
    .await;
    let held = CancellationToken::new();
    let waits = [Answer::Waits(held.clone()), Answer::Waits(held.clone())];
    world.ledger.reserve.next(waits);
    let watched = async {
        world.ledger.reserve.called(2).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(world.calls(), [0, 0, 0]);
        held.cancel();
    };
    let (response, ()) = tokio::join!(world.route(asking(&ALL)), watched);
    let response = response.unwrap();
    assert!(response.consensus.as_ref().unwrap().agreed);
    assert_in_the_books(&world, &response);
}

#[tokio::test(start_paused = true)]
async fn a_member_without_money_is_skipped_and_the_others_go_on_while_they_can_agree() {
    let world = World::start().await;
    world.ledger.reserve.next([fails(Reason::BudgetExhausted)]);
    let response = world.route(asking(&ALL)).await.unwrap();
    let expected = [
        "small ACCEPTED 0",
        "middle ACCEPTED 0",
        "big SKIPPED BUDGET_EXHAUSTED 0",
    ];
    assert_eq!(told(&response.attempts), expected);
    assert_in_the_books(&world, &response);

    world.ledger.reserve.next([fails(Reason::BudgetExhausted)]);
    let all_of_them = wire::ConsensusPolicy {
        models: ALL.map(str::to_owned).to_vec(),
        threshold: 1.0,
        ..wire::ConsensusPolicy::default()
    };
    let failed = failed(&world.route(with(all_of_them)).await.unwrap_err());
    assert_eq!(failed.reason(), Reason::BudgetExhausted);
    let expected = ALL.map(|model| format!("{model} SKIPPED BUDGET_EXHAUSTED 0"));
    assert_eq!(failed.told(), expected);
    assert_eq!(world.calls(), [1, 1, 0], "nobody is called in vain");
}

#[tokio::test(start_paused = true)]
async fn members_that_would_cost_too_much_together_are_not_asked() {
    let world = World::start().await;
    let mut request = asking(&ALL);
    request.policy.as_mut().unwrap().max_cost_nano_usd = Some(1_000);
    let response = world.route(request).await.unwrap();
    assert_eq!(response.consensus.unwrap().asked, 2);
    assert_eq!(world.calls(), [1, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_stops_all_members_and_is_billed_for_each() {
    let world = World::start().await;
    for gateway in [&world.small, &world.middle, &world.big] {
        gateway.next([Step::text("one "), Step::Hangs]);
    }
    let started = async {
        world.big.called(1).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    world.leave_at(asking(&ALL), started).await;
    for gateway in [&world.small, &world.middle, &world.big] {
        gateway.hung_up_on(1).await;
    }
    world.quiet().await;
    let rows = world.ledger.rows();
    let outcomes: Vec<_> = rows.iter().map(|row| row.outcome()).collect();
    assert_eq!(outcomes, [AttemptOutcome::Cancelled; 3]);
    assert_eq!(rows[2].cost_nano_usd, 4 * 3_000 + 15_000);
    let closes = world.ledger.closes();
    assert_eq!(closes[0].outcome(), RequestOutcome::Cancelled);
    assert_eq!(world.calls(), [1, 1, 1], "nothing else was tried");
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_a_consensus_leaves_when_it_is_decided_in_every_mode() {
    for mode in [wire::CommitMode::HoldBack, wire::CommitMode::Provisional] {
        let world = World::start().await;
        world.small.next(after(1, "Paris"));
        world.middle.next(after(2, "Lyon"));
        world.big.next(after(3, "Paris"));
        let request = wire::RouteStreamRequest {
            commit_mode: mode.into(),
            ..streamed(asking(&ALL))
        };
        let streamed = read(&world, request).await.unwrap();
        let expected = [
            "plan",
            "started small",
            "started middle",
            "started big",
            "rejected middle REJECTED 0",
            "committed 0",
            "chunk of 0",
            "completed",
        ];
        assert_eq!(streamed.names(), expected);
        assert_eq!(streamed.text(), "Paris");
    }
}

#[tokio::test(start_paused = true)]
async fn explain_shows_who_would_be_asked_and_calls_nobody() {
    let world = World::start().await;
    let plan = world
        .explain(asking(&["small", "big", "gone"]))
        .await
        .unwrap();
    let round = plan.consensus.unwrap();
    let members: Vec<_> = round.members.iter().map(|own| own.model.as_str()).collect();
    assert_eq!(members, ["small", "big"]);
    assert_eq!(
        round.worst_case_nano_usd,
        round.members[1].worst_case_nano_usd
    );
    assert_eq!(round.why, "2 of 2 have to agree");
    assert_eq!(round.absent[0].model, "gone");
    assert_eq!(plan.candidates.len(), 1, "middle, as a last resort");
    assert_eq!(world.calls(), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_consensus_of_the_config_is_held_unless_the_request_says_otherwise() {
    let world = World::with(|stage| {
        stage.settings.consensus.models = ALL.map(|name| name.parse().unwrap()).to_vec();
        stage.settings.policy.consensus = Some(stage.settings.consensus.clone());
    })
    .await;
    let plain = question_with(wire::RoutePolicy::default());
    let response = world.route(plain).await.unwrap();
    assert_eq!(response.consensus.unwrap().asked, 3);
    let off = wire::ConsensusPolicy {
        off: true,
        ..wire::ConsensusPolicy::default()
    };
    let response = world.route(with(off)).await.unwrap();
    assert!(response.consensus.is_none());
    let one_model = wire::RoutePolicy {
        model: "middle".to_owned(),
        ..wire::RoutePolicy::default()
    };
    let response = world.route(question_with(one_model)).await.unwrap();
    assert!(response.consensus.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_to_fail_without_a_judge_breaks_the_round_off() {
    let world = World::with(|stage| {
        stage.settings.route.on_judge_unavailable = OnJudgeUnavailable::Fail;
    })
    .await;
    world.small.next(after(1, "Paris"));
    world.middle.next([Step::text("P"), Step::Hangs]);
    world.big.next([Step::text("P"), Step::Hangs]);
    world.judge.judge.next([fails(Reason::ServiceUnavailable)]);
    let failed = failed(&world.route(asking(&ALL)).await.unwrap_err());
    assert_eq!(failed.reason(), Reason::ServiceUnavailable);
    world.middle.hung_up_on(1).await;
    world.big.hung_up_on(1).await;
}

fn by_vectors() -> wire::RouteRequest {
    with(wire::ConsensusPolicy {
        models: ALL.map(str::to_owned).to_vec(),
        equivalence: "embedding".to_owned(),
        ..wire::ConsensusPolicy::default()
    })
}

#[tokio::test(start_paused = true)]
async fn comparing_by_vectors_is_refused_at_the_door_without_an_embedding_model() {
    let world = World::start().await;
    let failed = failed(&world.route(by_vectors()).await.unwrap_err());
    assert_eq!(failed.reason(), Reason::InvalidRequest);
    let field = &failed.failure.fields[0];
    assert_eq!(field.field, "policy.consensus.equivalence");
    assert!(field.description.contains("embedding model"), "{field:?}");
    assert_eq!(world.classifier.classify.calls(), 0);
    assert_eq!(world.ledger.reserve.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn answers_whose_vectors_are_close_agree() {
    let world = World::with(|stage| {
        let [small, ..] = models();
        let mut vectors = small.clone();
        vectors.name = "vectors".to_owned();
        vectors.capabilities.as_mut().unwrap().embeddings = true;
        stage
            .small
            .models
            .always(Gateway::listing([small, vectors]));
    })
    .await;
    world.small.next(after(1, "It is Paris."));
    world.middle.next(after(2, "Lyon, surely."));
    world.big.next(after(3, "Paris it is!"));
    let vector = |values: [f32; 2]| {
        Answer::Says(EmbedResponse {
            embeddings: vec![Embedding {
                values: values.to_vec(),
            }],
            ..EmbedResponse::default()
        })
    };
    let vectors = [vector([1.0, 0.0]), vector([0.0, 1.0]), vector([1.0, 0.1])];
    world.small.embeds.next(vectors);
    let response = world.route(by_vectors()).await.unwrap();
    let expected = [
        "0.67 answers 0: It is Paris., 2: Paris it is!",
        "0.33 dissents 1: Lyon, surely.",
    ];
    assert_eq!(groups(&response), expected);
    assert_eq!(world.small.embeds.last().model, "vectors");
}
