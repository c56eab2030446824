//! Rows as the database has them, and the types they become.

use std::time::Duration;

use sqlx::FromRow;
use terrace_config::TimeZone;
use terrace_domain::{BackendName, ModelName, NanoUsd, Score, TierName, Usage};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::books::{Books, Close, Event, Hold, PeriodId, Settlement, Target};
use crate::error::Error;
use crate::outcome::{HoldState, StepOutcome};

/// A row of `holds`, which has a state, or of `usage_events`, which has an outcome.
#[derive(Debug, FromRow)]
pub(super) struct BookedRow {
    pub(super) request_id: Uuid,
    step: String,
    tier: String,
    backend: String,
    model: String,
    began_at: OffsetDateTime,
    period_ids: Vec<i64>,
    /// What is held, or what it cost.
    amount_nano_usd: i64,
    state: Option<String>,
    outcome: Option<String>,
    reason: String,
    input_tokens: i64,
    output_tokens: i64,
    cached_input_tokens: i64,
    cache_write_tokens: i64,
    reasoning_tokens: i64,
    usage_estimated: bool,
    score: Option<f64>,
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

impl BookedRow {
    /// Enters it into the books of its request.
    pub(super) fn enter(self, books: &mut Books) -> Result<(), Error> {
        match (self.state.as_deref(), self.outcome.as_deref()) {
            (Some(state), _) => books.holds.push(self.hold(parsed(state)?)?),
            (None, Some(outcome)) => books.events.push(self.event(parsed(outcome)?)?),
            (None, None) => (),
        }
        Ok(())
    }

    fn hold(&self, state: HoldState) -> Result<Hold, Error> {
        Ok(Hold {
            step: parsed(&self.step)?,
            amount: NanoUsd::new(self.amount_nano_usd),
            periods: self.periods(),
            target: target(&self.tier, &self.backend, &self.model)?,
            state,
            taken_at: self.began_at,
        })
    }

    fn event(&self, outcome: StepOutcome) -> Result<Event, Error> {
        let step = Settlement {
            step: parsed(&self.step)?,
            target: target(&self.tier, &self.backend, &self.model)?,
            outcome,
            reason: optional(Some(&self.reason))?,
            usage: self.usage(),
            cost: NanoUsd::new(self.amount_nano_usd),
            score: self.score.map(Score::clamped),
            started_at: Some(self.began_at),
            latency: duration(self.latency_us),
            debit: None,
        };
        let periods = self.periods();
        Ok(Event { step, periods })
    }

    fn usage(&self) -> Usage {
        Usage {
            input_tokens: unsigned(self.input_tokens),
            output_tokens: unsigned(self.output_tokens),
            cached_input_tokens: unsigned(self.cached_input_tokens),
            cache_write_tokens: unsigned(self.cache_write_tokens),
            reasoning_tokens: unsigned(self.reasoning_tokens),
            estimated: self.usage_estimated,
        }
    }

    fn periods(&self) -> Vec<PeriodId> {
        self.period_ids.iter().copied().map(PeriodId).collect()
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

pub(super) fn target(tier: &str, backend: &str, model: &str) -> Result<Target, Error> {
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

/// How many there are, as the database counts.
pub(super) fn count<T>(of: &[T]) -> i64 {
    signed(of.len() as u64)
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
