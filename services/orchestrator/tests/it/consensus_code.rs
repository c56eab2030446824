//! A consensus on code: what is the same says the judge's parse tree.

use terrace_proto::classifier::v1::{Classification, TaskKind};
use terrace_proto::judge::v1::JudgeResponse;
use terrace_proto::router::v1 as wire;

use crate::consensus::{after, asking, with};
use crate::fakes::{Answer, Classifier, Step, classified, verdict};
use crate::world::World;

/// A verdict that passes, with what tells the answer's code from other code.
fn with_tree(tree: &str) -> Answer<JudgeResponse> {
    Answer::Says(JudgeResponse {
        verdict: Some(verdict(0.9)),
        code_tree: tree.to_owned(),
        ..JudgeResponse::default()
    })
}

fn by_code(models: &[&str]) -> wire::RouteRequest {
    with(wire::ConsensusPolicy {
        models: models.iter().map(ToString::to_string).collect(),
        equivalence: "code".to_owned(),
        ..wire::ConsensusPolicy::default()
    })
}

#[tokio::test(start_paused = true)]
async fn answers_whose_code_has_one_parse_tree_agree_however_they_are_written() {
    let world = World::start().await;
    world.judge.judge.always(with_tree("python:1234"));
    world.small.next(Step::whole("x=1"));
    world.middle.next(Step::whole("x = 1  # one"));
    let response = world.route(by_code(&["small", "middle"])).await.unwrap();
    let consensus = response.consensus.as_ref().unwrap();
    assert!(consensus.agreed);
    assert_eq!(consensus.equivalence, "code");
    assert!(world.judge.judge.last().with_code_tree);
    assert_eq!(world.calls(), [1, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn other_trees_are_other_answers_and_without_any_the_text_counts() {
    let world = World::start().await;
    let trees = ["python:1234", "python:5678"].map(with_tree);
    world.judge.judge.next(trees);
    world.small.next(after(1, "the same"));
    world.middle.next(after(2, "the same"));
    let response = world.route(by_code(&["small", "middle"])).await.unwrap();
    assert!(!response.consensus.unwrap().agreed);

    world.judge.judge.next(["", ""].map(with_tree));
    world.small.next(after(1, "the same"));
    world.middle.next(after(2, "The same."));
    let response = world.route(by_code(&["small", "middle"])).await.unwrap();
    assert!(response.consensus.unwrap().agreed);
}

#[tokio::test(start_paused = true)]
async fn where_code_is_asked_for_code_is_compared_and_else_nobody_asks_for_a_tree() {
    let world = World::start().await;
    world.route(asking(&["small", "middle"])).await.unwrap();
    assert!(!world.judge.judge.last().with_code_tree);
    let code = Classification {
        task_kind: TaskKind::Code.into(),
        ..classified(0.1)
    };
    let code = Classifier::finding(code);
    world.classifier.classify.always(code);
    let plan = world.explain(asking(&["small", "middle"])).await.unwrap();
    assert_eq!(plan.consensus.unwrap().equivalence, "code");
}
