//! Rows as the database has them, and the types they become.

use std::time::Duration;

use sqlx::FromRow;
use terrace_config::TimeZone;
use terrace_domain::{BackendName, ModelName, NanoUsd, Score, TierName, Usage};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::books::{Close, Event, Hold, PeriodId, Settlement, Target};
use crate::error::Error;

/// A row of `holds`.
#[derive(Debug, FromRow)]
pub(super) struct HoldRow {
    pub(super) request_id: Uuid,
    step: String,
    amount_nano_usd: i64,
    period_ids: Vec<i64>,
    tier: String,
    backend: String,
    model: String,
    state: String,
    taken_at: OffsetDateTime,
}

/// A row of `usage_events`.
#[derive(Debug, FromRow)]
pub(super) struct EventRow {
    pub(super) request_id: Uuid,
    step: String,
    tier: String,
    backend: String,
    model: String,
    outcome: String,
    reason: String,
    input_tokens: i64,
    output_tokens: i64,
    cached_input_tokens: i64,
    cache_write_tokens: i64,
    reasoning_tokens: i64,
    usage_estimated: bool,
    cost_nano_usd: i64,
    period_ids: Vec<i64>,
    score: Option<f64>,
    started_at: OffsetDateTime,
    latency_us: i64,
}

/// The end of a request, as its row has it; `outcome` is absent while it is open.
#[derive(Debug, FromRow)]
pub(super) struct CloseRow {
    outcome: Option<String>,
    tier: Option<String>,
    backend: Option<String>,
    model: Option<String>,
    baseline_nano_usd: Option<i64>,
    score: Option<f64>,
    latency_us: Option<i64>,
    tags: Option<sqlx::types::Json<std::collections::BTreeMap<String, String>>>,
}

impl TryFrom<HoldRow> for Hold {
    type Error = Error;

    fn try_from(row: HoldRow) -> Result<Self, Error> {
        Ok(Self {
            step: parsed(&row.step)?,
            amount: NanoUsd::new(row.amount_nano_usd),
            periods: row.period_ids.into_iter().map(PeriodId).collect(),
            target: target(&row.tier, &row.backend, &row.model)?,
            state: parsed(&row.state)?,
            taken_at: row.taken_at,
        })
    }
}

impl TryFrom<EventRow> for Event {
    type Error = Error;

    fn try_from(row: EventRow) -> Result<Self, Error> {
        let reason = Some(row.reason.as_str()).filter(|reason| !reason.is_empty());
        let usage = Usage {
            input_tokens: unsigned(row.input_tokens),
            output_tokens: unsigned(row.output_tokens),
            cached_input_tokens: unsigned(row.cached_input_tokens),
            cache_write_tokens: unsigned(row.cache_write_tokens),
            reasoning_tokens: unsigned(row.reasoning_tokens),
            estimated: row.usage_estimated,
        };
        let step = Settlement {
            step: parsed(&row.step)?,
            target: target(&row.tier, &row.backend, &row.model)?,
            outcome: parsed(&row.outcome)?,
            reason: reason.map(parsed).transpose()?,
            usage,
            cost: NanoUsd::new(row.cost_nano_usd),
            score: row.score.map(Score::clamped),
            started_at: Some(row.started_at),
            latency: duration(row.latency_us),
        };
        Ok(Self {
            step,
            periods: row.period_ids.into_iter().map(PeriodId).collect(),
        })
    }
}

impl CloseRow {
    /// The close, if the request has one.
    pub(super) fn into_close(self) -> Result<Option<Close>, Error> {
        let Some(outcome) = self.outcome else {
            return Ok(None);
        };
        let answer = match (self.tier, self.backend, self.model) {
            (Some(tier), Some(backend), Some(model)) => Some(target(&tier, &backend, &model)?),
            _ => None,
        };
        Ok(Some(Close {
            outcome: parsed(&outcome)?,
            answer,
            baseline: self.baseline_nano_usd.map(NanoUsd::new),
            score: self.score.map(Score::clamped),
            latency: duration(self.latency_us.unwrap_or(0)),
            tags: self.tags.map(|tags| tags.0).unwrap_or_default(),
        }))
    }
}

fn target(tier: &str, backend: &str, model: &str) -> Result<Target, Error> {
    Ok(Target {
        tier: TierName::new(tier).map_err(Error::decode)?,
        backend: BackendName::new(backend).map_err(Error::decode)?,
        model: ModelName::new(model).map_err(Error::decode)?,
    })
}

/// A text of the database as one of our types.
pub(super) fn parsed<T>(text: &str) -> Result<T, Error>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(Error::decode)
}

/// As [`parsed`]; nothing and an empty text are no value.
pub(super) fn optional<T>(text: Option<&str>) -> Result<Option<T>, Error>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.filter(|text| !text.is_empty()).map(parsed).transpose()
}

/// The time zone of this name.
pub(super) fn zone(name: &str) -> Result<TimeZone, Error> {
    TimeZone::by_name(name).ok_or_else(|| Error::decode(UnknownZone(name.to_owned())))
}

#[derive(Debug, thiserror::Error)]
#[error("the time zone {0:?} of a budget is not known")]
struct UnknownZone(String);

/// Periods as the text of an array: arrays of arrays have to be of one length, and these are not.
pub(super) fn array(periods: &[PeriodId]) -> String {
    let ids: Vec<String> = periods.iter().map(|period| period.0.to_string()).collect();
    format!("{{{}}}", ids.join(","))
}

/// A count of the database. A check keeps it from being negative.
pub(super) fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// A count for the database, cut to what it can hold.
pub(super) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn duration(microseconds: i64) -> Duration {
    Duration::from_micros(unsigned(microseconds))
}

/// A span of time for the database, in microseconds.
pub(super) fn microseconds(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
