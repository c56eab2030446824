//! The rows of the real ledger as requests that can be replayed.
//!
//! They come as an export does: oldest first, the rows of a request beside each other, in constant
//! memory.

use terrace_domain::{ActionName, ModelName, NanoUsd, Score, Step, TierName, Usage};
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::ledger::v1::{ExportUsageRequest, UsageEvent};
use terrace_simulation::replay::{Ended, Request, Row};

use crate::client::{Client, within};
use crate::error::Trouble;
use crate::usage::{PATIENCE, filter};

/// Gives every closed request that the filter means to `take`.
pub(super) async fn each_request(
    server: &str,
    terms: &[String],
    mut take: impl FnMut(&Request),
) -> Result<(), Trouble> {
    let ask = ExportUsageRequest {
        filter: filter::of(terms),
        ..ExportUsageRequest::default()
    };
    let mut ledger = Client::new(server)?.ledger();
    let batches = ledger.export_usage(within(ask, PATIENCE)).await?;
    let mut batches = batches.into_inner();
    let mut open: Option<(String, Request)> = None;
    while let Some(batch) = batches.message().await? {
        for event in batch.events {
            let is_same = |(id, _): &(String, Request)| *id == event.request_id;
            if !open.as_ref().is_some_and(is_same) {
                if let Some((_, whole)) = open.take() {
                    give(whole, &mut take);
                }
                open = Some((event.request_id.clone(), begun(&event)));
            }
            if let Some((_, request)) = &mut open {
                request.baseline = request
                    .baseline
                    .or_else(|| event.baseline_nano_usd.map(NanoUsd::new));
                request.rows.extend(row(event));
            }
        }
    }
    if let Some((_, whole)) = open {
        give(whole, &mut take);
    }
    Ok(())
}

/// A shadow call was nobody's request: another config would not have been asked for it.
fn give(request: Request, take: &mut impl FnMut(&Request)) {
    let is_shadow = request.rows.iter().any(|row| row.step == Step::Shadow);
    if !is_shadow {
        take(&in_order(request));
    }
}

fn begun(event: &UsageEvent) -> Request {
    Request {
        action: ActionName::new(event.action.clone()).ok(),
        baseline: None,
        rows: Vec::new(),
    }
}

/// Attempts by their number: in the export `attempt/10` stands before `attempt/2`.
fn in_order(mut request: Request) -> Request {
    request.rows.sort_by_key(|row| row.step);
    request
}

/// A row; none for a step of a kind that this command does not know yet.
fn row(event: UsageEvent) -> Option<Row> {
    let settled = event.step?;
    let ended = match settled.outcome() {
        AttemptOutcome::Accepted => Ended::Accepted,
        AttemptOutcome::Rejected => Ended::Rejected,
        AttemptOutcome::Unspecified
        | AttemptOutcome::Failed
        | AttemptOutcome::Cancelled
        | AttemptOutcome::Skipped
        | AttemptOutcome::Presumed => Ended::Otherwise,
    };
    let step: Step = settled.step.parse().ok()?;
    let target = settled.target.unwrap_or_default();
    let usage: Option<Usage> = settled.usage.map(Into::into);
    Some(Row {
        step,
        tier: TierName::new(target.tier).ok()?,
        model: ModelName::new(target.model).ok()?,
        ended,
        usage: usage.unwrap_or_default(),
        cost: NanoUsd::new(settled.cost_nano_usd),
        score: settled.score.map(Score::clamped),
        is_answer: event.answered,
    })
}
