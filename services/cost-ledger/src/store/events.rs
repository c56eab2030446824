//! The rows of usage events: what steps really were.

use terrace_domain::{Reason, Score};
use time::OffsetDateTime;
use uuid::Uuid;

use super::rows::{array, microseconds, signed};
use super::statement::Statement;
use crate::books::Event;
use crate::commit::Page;

/// The events of a batch, column by column.
#[derive(Debug, Default)]
struct Columns<'a> {
    ids: Vec<Uuid>,
    steps: Vec<String>,
    tiers: Vec<&'a str>,
    backends: Vec<&'a str>,
    models: Vec<&'a str>,
    outcomes: Vec<&'static str>,
    reasons: Vec<&'static str>,
    input: Vec<i64>,
    output: Vec<i64>,
    cached: Vec<i64>,
    cache_write: Vec<i64>,
    reasoning: Vec<i64>,
    estimated: Vec<bool>,
    costs: Vec<i64>,
    periods: Vec<String>,
    scores: Vec<Option<f64>>,
    started: Vec<Option<OffsetDateTime>>,
    latencies: Vec<i64>,
}

impl<'a> Columns<'a> {
    fn push(&mut self, request_id: Uuid, event: &'a Event) {
        let step = &event.step;
        self.ids.push(request_id);
        self.steps.push(step.step.to_string());
        self.tiers.push(step.target.tier.as_str());
        self.backends.push(step.target.backend.as_str());
        self.models.push(step.target.model.as_str());
        self.outcomes.push(step.outcome.as_str());
        self.reasons.push(step.reason.map_or("", Reason::as_str));
        self.input.push(signed(step.usage.input_tokens));
        self.output.push(signed(step.usage.output_tokens));
        self.cached.push(signed(step.usage.cached_input_tokens));
        self.cache_write.push(signed(step.usage.cache_write_tokens));
        self.reasoning.push(signed(step.usage.reasoning_tokens));
        self.estimated.push(step.usage.estimated);
        self.costs.push(step.cost.get());
        self.periods.push(array(&event.periods));
        self.scores.push(step.score.map(Score::get));
        self.started.push(step.started_at);
        self.latencies.push(microseconds(step.latency));
    }
}

/// Writes events; over a presumed one, it is the correction and keeps what was presumed.
pub(super) fn book<'a>(statement: &mut Statement, pages: impl Iterator<Item = &'a Page>) {
    let mut columns = Columns::default();
    for page in pages {
        let events = page.changes.events.iter();
        for event in events.filter_map(|step| page.books.event(*step)) {
            columns.push(page.identity.request_id.as_uuid(), event);
        }
    }
    if columns.ids.is_empty() {
        return;
    }
    statement
        .part("booked", BOOK)
        .bind(columns.ids)
        .bind(columns.steps)
        .bind(columns.tiers)
        .bind(columns.backends)
        .bind(columns.models)
        .bind(columns.outcomes)
        .bind(columns.reasons)
        .bind(columns.input)
        .bind(columns.output)
        .bind(columns.cached)
        .bind(columns.cache_write)
        .bind(columns.reasoning)
        .bind(columns.estimated)
        .bind(columns.costs)
        .bind(columns.periods)
        .bind(columns.scores)
        .bind(columns.started)
        .bind(columns.latencies);
}

const BOOK: &str = "
    INSERT INTO usage_events
        (request_id, step, tier, backend, model, outcome, reason, input_tokens, output_tokens,
         cached_input_tokens, cache_write_tokens, reasoning_tokens, usage_estimated,
         cost_nano_usd, period_ids, score, started_at, latency_us)
    SELECT request_id, step, tier, backend, model, outcome, reason, input, output, cached,
           cache_write, reasoning, estimated, cost, periods::bigint[], score,
           coalesce(started, now()), latency
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
                $13::boolean[], $14::bigint[], $15::text[], $16::float8[], $17::timestamptz[],
                $18::bigint[])
         AS new (request_id, step, tier, backend, model, outcome, reason, input, output, cached,
                 cache_write, reasoning, estimated, cost, periods, score, started, latency)
    ON CONFLICT (request_id, step) DO UPDATE
    SET tier = excluded.tier, backend = excluded.backend, model = excluded.model,
        outcome = excluded.outcome, reason = excluded.reason,
        input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
        cached_input_tokens = excluded.cached_input_tokens,
        cache_write_tokens = excluded.cache_write_tokens,
        reasoning_tokens = excluded.reasoning_tokens,
        usage_estimated = excluded.usage_estimated, cost_nano_usd = excluded.cost_nano_usd,
        period_ids = excluded.period_ids, period_id = NULL, score = excluded.score,
        started_at = excluded.started_at, latency_us = excluded.latency_us,
        presumed_nano_usd = usage_events.cost_nano_usd, corrected_at = now()
    WHERE usage_events.outcome = 'presumed'";
