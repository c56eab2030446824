//! Whom the judge asked about an answer: told with the attempt, in the totals, and a step of its own in
//! the ledger that is settled with the request.

use std::time::Duration;

use terrace_domain::Reason;
use terrace_proto::common::v1::{AttemptOutcome, Usage};
use terrace_proto::convert::wire_duration;
use terrace_proto::judge::v1::{JudgeResponse, SecondOpinion};
use tonic::Code;

use crate::fakes::{Answer, verdict};
use crate::world::{World, failed, question, told};

fn asked(check: &str, output_tokens: u64) -> SecondOpinion {
    SecondOpinion {
        check: check.to_owned(),
        tier: "local_quality".to_owned(),
        backend: "middle-backend".to_owned(),
        model: "middle".to_owned(),
        outcome: AttemptOutcome::Accepted.into(),
        usage: Some(Usage {
            input_tokens: 50,
            output_tokens,
            ..Usage::default()
        }),
        latency: Some(wire_duration(Duration::from_millis(70))),
        ..SecondOpinion::default()
    }
}

fn judged(score: f64, second_opinions: Vec<SecondOpinion>) -> Answer<JudgeResponse> {
    Answer::Says(JudgeResponse {
        verdict: Some(verdict(score)),
        second_opinions,
        ..JudgeResponse::default()
    })
}

#[tokio::test(start_paused = true)]
async fn each_is_a_step_of_the_ledger_and_a_part_of_the_totals() {
    let world = World::start().await;
    let both = vec![asked("agreement", 7), asked("critique", 2)];
    world.judge.judge.next([judged(0.1, both.clone())]);
    let response = world.route(question()).await.unwrap();

    let opinions: Vec<_> = response
        .attempts
        .iter()
        .map(|attempt| attempt.second_opinions.clone())
        .collect();
    assert_eq!(opinions[1], []);
    let words = |own: &SecondOpinion| (own.check.clone(), own.model.clone(), own.usage);
    let told: Vec<_> = opinions[0].iter().map(words).collect();
    assert_eq!(told, both.iter().map(words).collect::<Vec<_>>());

    let rows = world.ledger.rows();
    let steps: Vec<_> = rows.iter().map(|row| row.step.as_str()).collect();
    assert_eq!(steps, ["attempt/0", "judge/0", "judge/0/1", "attempt/1"]);
    let critic = &rows[2];
    assert_eq!(critic.target.as_ref().unwrap().model, "middle");
    assert_eq!(
        (critic.outcome(), critic.cost_nano_usd),
        (AttemptOutcome::Accepted, 0)
    );
    assert_eq!(critic.latency, both[1].latency);
    let tokens: u64 = rows
        .iter()
        .map(|row| row.usage.unwrap().output_tokens)
        .sum();
    assert_eq!(tokens, response.usage.unwrap().output_tokens);
}

#[tokio::test(start_paused = true)]
async fn one_that_failed_is_a_failed_step_with_its_reason() {
    let world = World::start().await;
    let failed = SecondOpinion {
        outcome: AttemptOutcome::Failed.into(),
        reason: Reason::BackendTimeout.to_string(),
        ..asked("critique", 0)
    };
    world.judge.judge.next([judged(0.9, vec![failed])]);
    let response = world.route(question()).await.unwrap();
    assert_eq!(told(&response.attempts), ["small ACCEPTED 0"]);
    let row = &world.ledger.rows()[1];
    assert_eq!(row.outcome(), AttemptOutcome::Failed);
    assert_eq!(row.reason, "BACKEND_TIMEOUT");
}

#[tokio::test(start_paused = true)]
async fn they_are_booked_also_when_the_judge_could_not_decide() {
    let world = World::start().await;
    let undecided = JudgeResponse {
        verdict: Some(terrace_proto::judge::v1::Verdict {
            undecided: true,
            ..verdict(0.0)
        }),
        second_opinions: vec![asked("agreement", 7)],
        ..JudgeResponse::default()
    };
    world.judge.judge.next([Answer::Says(undecided)]);
    world.route(question()).await.unwrap();
    let rows = world.ledger.rows();
    assert!(rows.iter().any(|row| row.step == "judge/0"), "{rows:?}");
}

#[tokio::test(start_paused = true)]
async fn one_without_a_name_breaks_the_contract_of_the_judge() {
    let world = World::with(|stage| {
        let fail = terrace_orchestrator::route::OnJudgeUnavailable::Fail;
        stage.settings.route.on_judge_unavailable = fail;
    })
    .await;
    let nameless = SecondOpinion {
        model: String::new(),
        ..asked("agreement", 7)
    };
    world.judge.judge.next([judged(0.9, vec![nameless])]);
    let status = world.route(question()).await.unwrap_err();
    assert_eq!(failed(&status).code, Code::Internal);
}
