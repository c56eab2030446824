//! Summaries: the parts add up, and savings keep their sign.

use terrace_domain::{ModelName, Reason, RequestId};
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::ledger::v1::{self as wire, RequestOutcome};

use crate::sandbox::{Sandbox, answer, closing, ended, hold, settling, spent};

/// Settles and closes a request; returns its id.
async fn finish(
    ledger: &Sandbox,
    steps: Vec<wire::StepSettlement>,
    (outcome, tier): (RequestOutcome, &str),
    baseline: Option<i64>,
) -> RequestId {
    let id = RequestId::generate();
    let mut ask = closing(settling(id, steps), outcome, tier);
    ask.close.as_mut().unwrap().baseline_nano_usd = baseline;
    ledger.settle(ask).await.unwrap();
    id
}

/// One request of every kind.
pub(crate) async fn every_kind(ledger: &Sandbox) {
    use AttemptOutcome::{Accepted, Cancelled, Failed, Rejected, Skipped};
    use RequestOutcome::{BestEffort, Passed};
    let local = ended("attempt/0", "local_fast", Accepted, 0);
    finish(ledger, vec![local], (Passed, "local_fast"), Some(900)).await;
    let climbed = vec![
        ended("attempt/0", "local_fast", Rejected, 4),
        ended("judge/0", "local_quality", Accepted, 3),
        ended("attempt/1", "local_quality", Skipped, 0),
        ended("attempt/2", "api_fallback", Accepted, 500),
    ];
    finish(ledger, climbed, (Passed, "api_fallback"), Some(500)).await;
    let best = vec![
        ended("attempt/0", "local_fast", Rejected, 5),
        ended("attempt/1", "api_fallback", Rejected, 600),
    ];
    finish(ledger, best, (BestEffort, "api_fallback"), None).await;
    let failed = vec![ended("attempt/0", "api_fallback", Failed, 70)];
    finish(ledger, failed, (RequestOutcome::Failed, ""), None).await;
    let cancelled = vec![ended("attempt/0", "api_fallback", Cancelled, 8)];
    finish(ledger, cancelled, (RequestOutcome::Cancelled, ""), None).await;

    let orphan = RequestId::generate();
    let ask = hold(orphan, "attempt/0", 1_000);
    ledger.reserve(ask).await.unwrap();
    ledger.expire(orphan);
    assert_eq!(ledger.app.reap().await, Ok(1));
    // Still open, so in no span yet.
    let open = settling(RequestId::generate(), [spent("attempt/0", 9_999)]);
    ledger.settle(open).await.unwrap();
}

#[tokio::test]
async fn the_parts_of_a_summary_add_up_and_rejected_work_is_paid_for() {
    let ledger = Sandbox::start(|settings| {
        settings.baseline_model = Some(ModelName::new("claude-sonnet-4").unwrap());
    })
    .await;
    every_kind(&ledger).await;
    let sums = ledger.summary().await;

    assert_eq!(sums.requests, 6);
    let ended: u64 = sums.outcomes.iter().map(|outcome| outcome.requests).sum();
    assert_eq!(ended, sums.requests);
    assert_eq!(sums.cost_nano_usd, 4 + 3 + 500 + 5 + 600 + 70 + 8 + 1_000);
    let of_tiers: i64 = sums.tiers.iter().map(|tier| tier.cost_nano_usd).sum();
    assert_eq!(of_tiers, sums.cost_nano_usd);
    assert_eq!(sums.presumed_cost_nano_usd, 1_000);
    assert_eq!(sums.unanswered_cost_nano_usd, 4 + 5 + 70 + 8);

    let tier = |name: &str| {
        let mut found = sums.tiers.iter().filter(|tier| tier.tier == name);
        let tier = found.next().unwrap();
        (tier.attempts, tier.accepted, tier.answered)
    };
    assert_eq!(tier("local_fast"), (3, 1, 1));
    assert_eq!(tier("local_quality"), (0, 0, 0));
    assert_eq!(tier("api_fallback"), (5, 1, 2));

    assert_eq!((sums.baseline_nano_usd, sums.baseline_requests), (1_400, 2));
    assert_eq!(sums.savings_nano_usd, 1_400 - 2_190);
    assert_eq!(sums.baseline_model, "claude-sonnet-4");
    // The skipped step used nothing but is a row; the orphan's use is not known.
    let usage = sums.tiers[0].usage.unwrap();
    assert!(usage.estimated && sums.tiers[0].tier == "api_fallback");
}

#[tokio::test]
async fn spans_that_follow_each_other_sum_up_to_the_whole() {
    let ledger = Sandbox::free().await;
    every_kind(&ledger).await;
    // Spread over two hours, one request each twenty minutes.
    ledger.execute(
        "UPDATE requests SET closed_at = now() - place * interval '20 minutes'
         FROM (SELECT request_id AS id, row_number() OVER (ORDER BY closed_at) AS place
               FROM requests WHERE closed_at IS NOT NULL) AS places
         WHERE request_id = id",
    );
    let now = ledger.summary().await.until.unwrap();
    let before = |minutes: i64| {
        Some(prost_types::Timestamp {
            seconds: now.seconds - minutes * 60,
            nanos: now.nanos,
        })
    };
    let within = async |from, until| {
        let ask = wire::GetSummaryRequest {
            from: before(from),
            until: before(until),
            ..wire::GetSummaryRequest::default()
        };
        answer(ledger.ledger.clone().get_summary(ask).await).unwrap()
    };
    let (whole, early, late) = (
        within(180, 0).await,
        within(180, 70).await,
        within(70, 0).await,
    );
    assert_eq!((early.requests, late.requests), (3, 3));
    assert_eq!(whole.requests, 6);
    let cost = early.cost_nano_usd + late.cost_nano_usd;
    assert_eq!(cost, whole.cost_nano_usd);
    let savings = early.savings_nano_usd + late.savings_nano_usd;
    assert_eq!(savings, whole.savings_nano_usd);
    assert_eq!(whole.from, before(180));
}

#[tokio::test]
async fn a_shadow_call_is_nobodys_request_and_counts_as_its_own_part_of_the_cost() {
    use AttemptOutcome::{Accepted, Rejected};
    let ledger = Sandbox::with_budget(1_000).await;
    let answered = ended("attempt/0", "api_fallback", Accepted, 100);
    let passed = RequestOutcome::Passed;
    finish(&ledger, vec![answered], (passed, "api_fallback"), Some(150)).await;
    let shadow = vec![
        ended("shadow", "local_fast", Accepted, 7),
        ended("judge/0", "local_quality", Accepted, 2),
    ];
    let compared = finish(&ledger, shadow, (passed, "local_fast"), None).await;
    let fell_short = vec![ended("shadow", "local_fast", Rejected, 5)];
    let best = (RequestOutcome::BestEffort, "local_fast");
    finish(&ledger, fell_short, best, None).await;

    let sums = ledger.summary().await;
    let total = sums.total.unwrap();
    assert_eq!((total.requests, total.answered, total.passed), (1, 1, 1));
    assert_eq!((total.attempts, total.accepted, total.escalated), (1, 1, 0));
    assert_eq!((total.shadows, total.cost_nano_usd), (2, 114));
    let parts = total.savings_parts.unwrap();
    assert_eq!((parts.tokens_nano_usd, parts.shadow_nano_usd), (50, -14));
    assert_eq!((parts.judge_nano_usd, parts.rejected_nano_usd), (0, 0));
    assert_eq!(sums.savings_nano_usd, 150 - 114);
    assert_eq!(sums.unanswered_cost_nano_usd, 0);
    let outcomes: u64 = sums.outcomes.iter().map(|ended| ended.requests).sum();
    assert_eq!(outcomes, 1);
    assert_eq!(ledger.request(compared).await.steps[0].step, "shadow");
    ledger.check_books();
}

#[tokio::test]
async fn an_empty_ledger_sums_up_to_nothing() {
    let ledger = Sandbox::free().await;
    let sums = ledger.summary().await;
    assert_eq!((sums.requests, sums.cost_nano_usd), (0, 0));
    assert!(sums.outcomes.is_empty() && sums.tiers.is_empty());
    assert_eq!(sums.baseline_model, "");
    assert!(sums.from.unwrap().seconds < sums.until.unwrap().seconds);
}

#[tokio::test]
async fn a_wrong_question_is_refused_with_every_reason() {
    let ledger = Sandbox::free().await;
    let ask = wire::GetSummaryRequest {
        from: Some(prost_types::Timestamp {
            seconds: -5,
            nanos: 0,
        }),
        project: " x".to_owned(),
        group_by: ["model", "colour", "model", "tag.a", "tag.b", "tag."]
            .map(str::to_owned)
            .to_vec(),
        bucket: Some(prost_types::Duration {
            seconds: 59,
            nanos: 0,
        }),
        ..wire::GetSummaryRequest::default()
    };
    let refused = answer(ledger.ledger.clone().get_summary(ask).await).unwrap_err();
    assert_eq!(refused.reason, Reason::InvalidRequest);
    let fields: Vec<&str> = refused.fields.iter().map(|f| f.field.as_str()).collect();
    let expected = [
        "from",
        "project",
        "group_by[1]",
        "group_by[2]",
        "group_by[4]",
        "group_by[5]",
        "bucket",
    ];
    assert_eq!(fields, expected);
}
