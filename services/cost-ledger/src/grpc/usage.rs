//! Rows of the books on the wire: which ones are asked for, and what is told of each.

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use terrace_domain::{Failure, NanoUsd};
use terrace_proto::convert::wire_duration;
use terrace_proto::ledger::v1 as wire;
use terrace_rpc::status::to_status;
use tonic::Status;

use super::Rules;
use super::fields::Fields;
use super::write::{moment, request_outcome, step_outcome};
use crate::usage::{Export, Filter, List, Page, Row, Rows};

/// Rows of a page when the caller does not say.
const PAGE: u32 = 100;
/// The most rows of a page.
const LARGEST_PAGE: u32 = 1000;

pub(super) fn list(message: &wire::ListUsageRequest, rules: &Rules) -> Result<List, Failure> {
    let mut fields = Fields::default();
    let filter = Filter::read(&message.filter, "filter", &mut fields.wrong);
    let after = fields.optional_text("page_token", &message.page_token);
    let page_size = match message.page_size {
        0 => PAGE,
        size => size,
    };
    let description = "must be at most 1000; what is behind comes with the next page";
    let is_right = page_size <= LARGEST_PAGE;
    fields.wrong.require(is_right, "page_size", description);
    let ask = after.map(|after| List {
        filter,
        after,
        page_size,
        time_zone: rules.time_zone,
    });
    fields.finish(ask)
}

pub(super) fn export(message: &wire::ExportUsageRequest, rules: &Rules) -> Result<Export, Failure> {
    let mut fields = Fields::default();
    let from = fields.moment("from", message.from.as_ref());
    let until = fields.moment("until", message.until.as_ref());
    let filter = Filter::read(&message.filter, "filter", &mut fields.wrong);
    let ask = || {
        Some(Export {
            from: from?,
            until: until?,
            filter,
            time_zone: rules.time_zone,
        })
    };
    fields.finish(ask())
}

pub(super) fn page(page: Page) -> wire::ListUsageResponse {
    wire::ListUsageResponse {
        next_page_token: page.next.map(|next| next.to_string()).unwrap_or_default(),
        events: page.rows.into_iter().map(event).collect(),
    }
}

/// The batches as they come, to the end or to a failure.
pub(super) fn batches(
    batches: Rows,
) -> BoxStream<'static, Result<wire::ExportUsageResponse, Status>> {
    let next = async |mut batches: Rows| {
        let batch = batches.recv().await?;
        let message = batch
            .map(|rows| wire::ExportUsageResponse {
                events: rows.into_iter().map(event).collect(),
            })
            .map_err(|failure| to_status(&failure));
        Some((message, batches))
    };
    stream::unfold(batches, next).boxed()
}

fn event(row: Row) -> wire::UsageEvent {
    let latency = u64::try_from(row.latency_us).unwrap_or(0);
    let step = wire::StepSettlement {
        lease_id: String::new(),
        lease_debit_nano_usd: 0,
        step: row.step,
        target: Some(wire::StepTarget {
            tier: row.tier,
            backend: row.backend,
            model: row.model,
        }),
        outcome: step_outcome(row.outcome).into(),
        reason: row.reason,
        usage: Some(row.usage.into()),
        cost_nano_usd: row.cost.get(),
        score: row.score,
        started_at: Some(moment(row.started_at)),
        latency: Some(wire_duration(std::time::Duration::from_micros(latency))),
    };
    wire::UsageEvent {
        request_id: row.request_id.to_string(),
        project: row.project,
        key_id: row.key_id,
        action: row.action,
        step: Some(step),
        settled_at: Some(moment(row.settled_at)),
        closed_at: Some(moment(row.closed_at)),
        request_outcome: request_outcome(row.request_outcome).into(),
        answered: row.answered,
        baseline_nano_usd: row.baseline.map(NanoUsd::get),
        tags: row.tags.into_iter().collect(),
    }
}
