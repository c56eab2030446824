//! Writes what a call changes in the books of a request that it has locked.

use sqlx::PgConnection;
use terrace_domain::{NanoUsd, RequestId, Step};

use super::budgets;
use super::rows::{microseconds, signed};
use crate::books::{Close, Entries, Event};
use crate::error::Error;
use crate::outcome::HoldState;

/// Writes everything; the rows of budgets, which all requests share, last and in their order.
/// Tells whether spending has passed an alert threshold.
pub(crate) async fn write(
    database: &mut PgConnection,
    request_id: RequestId,
    entries: &Entries,
) -> Result<bool, Error> {
    for event in &entries.events {
        book(database, request_id, event).await?;
    }
    for state in [HoldState::Settled, HoldState::Released] {
        end_holds(database, request_id, entries, state).await?;
    }
    if let Some(end) = &entries.close {
        close(database, request_id, end).await?;
    }
    let mut alerted = false;
    for (period, movement) in &entries.periods {
        alerted |= budgets::apply(database, *period, *movement).await?;
    }
    Ok(alerted)
}

/// Writes one event; over a presumed one, it is the correction and keeps what was presumed.
async fn book(
    database: &mut PgConnection,
    request_id: RequestId,
    event: &Event,
) -> Result<(), Error> {
    let step = &event.step;
    sqlx::query(
        "INSERT INTO usage_events
             (request_id, step, tier, backend, model, outcome, reason, input_tokens, output_tokens,
              cached_input_tokens, cache_write_tokens, reasoning_tokens, usage_estimated,
              cost_nano_usd, period_id, score, started_at, latency_us)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
                 coalesce($17, now()), $18)
         ON CONFLICT (request_id, step) DO UPDATE
         SET tier = $3, backend = $4, model = $5, outcome = $6, reason = $7, input_tokens = $8,
             output_tokens = $9, cached_input_tokens = $10, cache_write_tokens = $11,
             reasoning_tokens = $12, usage_estimated = $13, cost_nano_usd = $14, period_id = $15,
             score = $16, started_at = coalesce($17, usage_events.started_at), latency_us = $18,
             presumed_nano_usd = usage_events.cost_nano_usd, corrected_at = now()
         WHERE usage_events.outcome = 'presumed'",
    )
    .bind(request_id.as_uuid())
    .bind(step.step.to_string())
    .bind(step.target.tier.as_str())
    .bind(step.target.backend.as_str())
    .bind(step.target.model.as_str())
    .bind(step.outcome.as_str())
    .bind(step.reason.map_or("", terrace_domain::Reason::as_str))
    .bind(signed(step.usage.input_tokens))
    .bind(signed(step.usage.output_tokens))
    .bind(signed(step.usage.cached_input_tokens))
    .bind(signed(step.usage.cache_write_tokens))
    .bind(signed(step.usage.reasoning_tokens))
    .bind(step.usage.estimated)
    .bind(step.cost.get())
    .bind(event.period.map(|period| period.0))
    .bind(step.score.map(terrace_domain::Score::get))
    .bind(step.started_at)
    .bind(microseconds(step.latency))
    .execute(database)
    .await?;
    Ok(())
}

async fn end_holds(
    database: &mut PgConnection,
    request_id: RequestId,
    entries: &Entries,
    state: HoldState,
) -> Result<(), Error> {
    let of_state = entries.ended.iter().filter(|(_, ended)| *ended == state);
    let steps: Vec<String> = of_state.map(|(step, _)| Step::to_string(step)).collect();
    if steps.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE holds SET state = $3, ended_at = now()
         WHERE request_id = $1 AND step = ANY($2) AND state = 'open'",
    )
    .bind(request_id.as_uuid())
    .bind(&steps)
    .bind(state.as_str())
    .execute(database)
    .await?;
    Ok(())
}

/// Writes the end. A presumed end that gives way keeps its moment, so that the request stays in
/// the span of time that it was reported in.
async fn close(
    database: &mut PgConnection,
    request_id: RequestId,
    end: &Close,
) -> Result<(), Error> {
    let answer = end.answer.as_ref();
    sqlx::query(
        "UPDATE requests
         SET closed_at = coalesce(closed_at, now()), outcome = $2, tier = $3, backend = $4,
             model = $5, baseline_nano_usd = $6, score = $7, latency_us = $8, tags = $9
         WHERE request_id = $1",
    )
    .bind(request_id.as_uuid())
    .bind(end.outcome.as_str())
    .bind(answer.map(|answer| answer.tier.as_str()))
    .bind(answer.map(|answer| answer.backend.as_str()))
    .bind(answer.map(|answer| answer.model.as_str()))
    .bind(end.baseline.map(NanoUsd::get))
    .bind(end.score.map(terrace_domain::Score::get))
    .bind(microseconds(end.latency))
    .bind(sqlx::types::Json(&end.tags))
    .execute(database)
    .await?;
    Ok(())
}
