//! A wanted share of calls to the highest tier: met by a quantile of what requests stand to gain.

use terrace_domain::Score;
use terrace_orchestrator::route::plan::decision::Target;
use terrace_proto::classifier::v1::Classification;
use terrace_proto::router::v1 as wire;

use crate::fakes::{Classifier, classified};
use crate::world::{World, question};

/// A question to which the highest tier adds this much.
fn gaining(gain: f64) -> Classification {
    Classification {
        lower_tier_suffices: 0.4,
        expected_gain: gain,
        familiarity: 1.0,
        ..classified(0.1)
    }
}

#[tokio::test(start_paused = true)]
async fn the_wanted_share_of_requests_goes_to_the_highest_tier() {
    let share = Target::ApiShare(Score::clamped(0.25));
    let world = World::with(|stage| stage.settings.route.rules.deciding.target = Some(share)).await;
    let mut called = Vec::new();
    for index in 0..300 {
        // No two gains are alike, and they come in no order.
        let gain = f64::from(index * 37 % 101) / 200.0;
        let answer = Classifier::finding(gaining(gain));
        world.classifier.classify.next([answer]);
        world.route(question()).await.unwrap();
        called.push(world.calls()[2]);
    }
    assert_eq!(called[49], 0, "nothing is cut before enough was seen");
    let settled = called[299] - called[99];
    assert!((40..=60).contains(&settled), "{settled} of 200");
}

#[tokio::test(start_paused = true)]
async fn explain_tells_of_the_cut_and_counts_nothing() {
    let quality = Target::Quality(Score::clamped(0.99));
    let change = |stage: &mut crate::world::Stage| {
        stage.settings.route.rules.deciding.target = Some(quality);
    };
    let world = World::with(change).await;
    let answer = || Classifier::finding(gaining(0.5));
    world.classifier.classify.always(answer());
    for _ in 0..60 {
        let plan = world.explain(question()).await.unwrap();
        assert_eq!(plan.decision.unwrap().cut, None);
    }
    for _ in 0..50 {
        world.route(question()).await.unwrap();
    }
    let plan = world.explain(question()).await.unwrap();
    assert_eq!(plan.candidates[0].model, "big");
    let decision = plan.decision.unwrap();
    assert_eq!(decision.course(), wire::Course::DirectHigh);
    assert_eq!(decision.cut, decision.gain);
    assert!(
        decision.why.contains("a mean quality of 0.99"),
        "{}",
        decision.why
    );
}
