//! An answer that is judged while it is still coming.

use terrace_domain::Reason;
use terrace_proto::common::v1::{JsonFormat, response_format::Kind};
use terrace_proto::judge::v1::judge_stream_request::Event;
use terrace_proto::judge::v1::{JudgeRequest, JudgeStreamRequest, Verdict};
use terrace_rpc::status::to_failure;
use tonic::Status;

use crate::world::{client, format, request};

fn opening(request: JudgeRequest) -> JudgeStreamRequest {
    JudgeStreamRequest {
        event: Some(Event::Opening(request)),
    }
}

fn delta(text: &str) -> JudgeStreamRequest {
    JudgeStreamRequest {
        event: Some(Event::Delta(text.to_owned())),
    }
}

async fn watch(messages: Vec<JudgeStreamRequest>) -> Result<Vec<Verdict>, Status> {
    let answer = client().judge_stream(tokio_stream::iter(messages)).await?;
    let mut responses = answer.into_inner();
    let mut verdicts = Vec::new();
    while let Some(response) = responses.message().await? {
        verdicts.extend(response.verdict);
    }
    Ok(verdicts)
}

#[tokio::test]
async fn a_refusal_is_known_by_its_first_sentence() {
    let strict = JudgeRequest {
        threshold: 0.9,
        ..request("")
    };
    let pieces = [
        "I'm sorry, but I can't",
        " help with that.",
        " It is not something that I do, as you very well know.",
    ];
    let pieces = pieces.map(delta);
    let messages = std::iter::once(opening(strict)).chain(pieces).collect();
    let verdicts = watch(messages).await.unwrap();
    let passed: Vec<bool> = verdicts.iter().map(|verdict| verdict.passed).collect();
    assert_eq!(passed, [true, false]);
    let refusal = verdicts[1]
        .checks
        .iter()
        .find(|check| check.check == "refusal");
    assert!(refusal.unwrap().finding.contains("declines"));
}

#[tokio::test]
async fn prose_where_json_was_asked_for_is_known_at_once() {
    let json = |text: &str| {
        let asked = JudgeRequest {
            response_format: format(Kind::Json(JsonFormat {})),
            ..request("")
        };
        watch(vec![opening(asked), delta(text)])
    };
    assert!(!json("Sure, here").await.unwrap()[0].passed);
    assert!(json("{\"a\": [1, ").await.unwrap()[0].passed);
    assert!(json("```json\n{").await.unwrap()[0].passed);
}

#[tokio::test]
async fn a_model_that_goes_round_in_circles_is_known_before_it_ends() {
    let round = "and then it goes on and ";
    let messages = std::iter::once(opening(request("")));
    let messages = messages.chain((0..200).map(|_| delta(round))).collect();
    let verdicts = watch(messages).await.unwrap();
    assert!(verdicts[0].passed);
    assert!(!verdicts.last().unwrap().passed);
    assert!(verdicts.len() < 20, "looked at {} times", verdicts.len());
}

#[tokio::test]
async fn an_answer_that_says_nothing_gets_no_verdict() {
    assert_eq!(watch(vec![opening(request(""))]).await.unwrap(), []);
}

#[tokio::test]
async fn what_does_not_begin_with_its_opening_is_refused() {
    for messages in [
        vec![],
        vec![delta("text")],
        vec![JudgeStreamRequest::default()],
    ] {
        let status = watch(messages).await.unwrap_err();
        assert_eq!(to_failure(&status).reason, Reason::InvalidRequest);
    }
    let twice = vec![opening(request("")), opening(request(""))];
    assert!(watch(twice).await.is_err());
}
