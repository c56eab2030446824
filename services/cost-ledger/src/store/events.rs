//! The rows of usage events: what steps really were.

use std::collections::BTreeSet;

use terrace_domain::{Reason, Score, Step};
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
    fn of(
        pages: impl Iterator<Item = &'a Page>,
        chosen: impl Fn(&'a Page) -> &'a BTreeSet<Step>,
    ) -> Self {
        let mut columns = Self::default();
        for page in pages {
            let events = chosen(page).iter();
            for event in events.filter_map(|step| page.books.event(*step)) {
                columns.push(page.identity.request_id.as_uuid(), event);
            }
        }
        columns
    }

    fn write(self, statement: &mut Statement, name: &str, sql: &str) {
        if self.ids.is_empty() {
            return;
        }
        statement
            .part(name, sql)
            .bind(self.ids)
            .bind(self.steps)
            .bind(self.tiers)
            .bind(self.backends)
            .bind(self.models)
            .bind(self.outcomes)
            .bind(self.reasons)
            .bind(self.input)
            .bind(self.output)
            .bind(self.cached)
            .bind(self.cache_write)
            .bind(self.reasoning)
            .bind(self.estimated)
            .bind(self.costs)
            .bind(self.periods)
            .bind(self.scores)
            .bind(self.started)
            .bind(self.latencies);
    }

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

/// Writes events.
pub(super) fn book<'a>(statement: &mut Statement, pages: impl Iterator<Item = &'a Page>) {
    let columns = Columns::of(pages, |page| &page.changes.new_events);
    columns.write(statement, "booked", BOOK);
}

/// Writes real events over presumed and skipped ones, and keeps what was booked before.
pub(super) fn correct<'a>(statement: &mut Statement, pages: impl Iterator<Item = &'a Page>) {
    let columns = Columns::of(pages, |page| &page.changes.corrected_events);
    columns.write(statement, "corrected", CORRECT);
}

/// What both have: the events as rows.
macro_rules! with_events {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
                $13::boolean[], $14::bigint[], $15::text[], $16::float8[], $17::timestamptz[],
                $18::bigint[])
         AS new (request_id, step, tier, backend, model, outcome, reason, input, output, cached,
                 cache_write, reasoning, estimated, cost, periods, score, started, latency)",
            $after
        )
    };
}

const BOOK: &str = with_events!(
    "
    INSERT INTO usage_events
        (request_id, step, tier, backend, model, outcome, reason, input_tokens, output_tokens,
         cached_input_tokens, cache_write_tokens, reasoning_tokens, usage_estimated,
         cost_nano_usd, period_ids, score, started_at, latency_us)
    SELECT request_id, step, tier, backend, model, outcome, reason, input, output, cached,
           cache_write, reasoning, estimated, cost, periods::bigint[], score,
           coalesce(started, now()), latency",
    ""
);

const CORRECT: &str = with_events!(
    "
    UPDATE usage_events event
    SET tier = new.tier, backend = new.backend, model = new.model, outcome = new.outcome,
        reason = new.reason, input_tokens = input, output_tokens = output,
        cached_input_tokens = cached, cache_write_tokens = cache_write,
        reasoning_tokens = reasoning, usage_estimated = estimated, cost_nano_usd = cost,
        period_ids = periods::bigint[], period_id = NULL, score = new.score,
        started_at = coalesce(started, now()), latency_us = latency,
        presumed_nano_usd = event.cost_nano_usd, corrected_at = now()",
    "
    WHERE event.request_id = new.request_id AND event.step = new.step
      AND event.outcome IN ('presumed', 'skipped')"
);
