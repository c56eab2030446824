//! Reads the fields of a message one by one and remembers every wrong one.
//!
//! Each reader gives the value, or nothing and a note; at the end there is either a whole message
//! or one failure that names all that is wrong with it. The name of a field is written out only when
//! it is needed: most messages have nothing wrong.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use terrace_domain::{Failure, NanoUsd, Reason, Score, Violations};
use terrace_proto::convert;
use terrace_proto::ledger::v1::StepTarget;
use time::OffsetDateTime;

use crate::books::Target;

/// The most that one step can cost: a million dollars. No model is that dear, and sums of amounts
/// below it stay far from what a 64-bit number of nano-USD can hold.
const MOST: i64 = 1_000_000_000_000_000;

/// The end of the times that all parts of the ledger can handle: the year 9999.
const LAST_SECOND: i64 = 253_370_764_800;

/// The wrong fields of a message so far.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) wrong: Violations,
}

impl Fields {
    /// The message, or all that is wrong with it.
    pub(super) fn finish<T>(self, message: Option<T>) -> Result<T, Failure> {
        self.wrong.finish()?;
        message.ok_or_else(|| Failure::new(Reason::InvalidRequest, "the request cannot be read"))
    }

    /// A text that has to be one of our types.
    pub(super) fn text<T>(&mut self, field: impl Display, text: &str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong.add(field.to_string(), error.to_string());
                None
            }
        }
    }

    /// As [`Self::text`]; an empty text is no value and not wrong.
    pub(super) fn optional_text<T>(&mut self, field: impl Display, text: &str) -> Option<Option<T>>
    where
        T: FromStr<Err: Display>,
    {
        if text.is_empty() {
            return Some(None);
        }
        self.text(field, text).map(Some)
    }

    /// An amount of money from `least` up to what a step can cost.
    pub(super) fn amount(
        &mut self,
        field: impl Display,
        nanos: i64,
        least: i64,
    ) -> Option<NanoUsd> {
        if (least..=MOST).contains(&nanos) {
            return Some(NanoUsd::new(nanos));
        }
        let description = format!("must be from {least} to {MOST} nano-USD, not {nanos}");
        self.wrong.add(field.to_string(), description);
        None
    }

    /// A count that the database can hold.
    pub(super) fn count(&mut self, field: impl Display, count: u64) {
        let fits = i64::try_from(count).is_ok();
        if !fits {
            let description = "is more than any call can use";
            self.wrong.add(field.to_string(), description);
        }
    }

    /// A score from 0 to 1, if there is one.
    pub(super) fn score(
        &mut self,
        field: impl Display,
        score: Option<f64>,
    ) -> Option<Option<Score>> {
        match score.map(Score::new).transpose() {
            Ok(score) => Some(score),
            Err(error) => {
                self.wrong.add(field.to_string(), error.to_string());
                None
            }
        }
    }

    /// A span of time; unset is none at all.
    pub(super) fn span(
        &mut self,
        field: impl Display,
        span: Option<&prost_types::Duration>,
    ) -> Option<Duration> {
        let Some(span) = span else {
            return Some(Duration::ZERO);
        };
        let read = convert::duration(span);
        if read.is_none() {
            let description = "must be a duration that is not negative";
            self.wrong.add(field.to_string(), description);
        }
        read
    }

    /// A point of time, if there is one.
    pub(super) fn moment(
        &mut self,
        field: impl Display,
        at: Option<&prost_types::Timestamp>,
    ) -> Option<Option<OffsetDateTime>> {
        let Some(at) = at else {
            return Some(None);
        };
        let read = moment(at);
        if read.is_none() {
            let description = "must be a time from 1970 to 9998";
            self.wrong.add(field.to_string(), description);
        }
        read.map(Some)
    }

    /// What a step calls; every part of it is needed.
    pub(super) fn target(
        &mut self,
        field: impl Display,
        target: Option<&StepTarget>,
    ) -> Option<Target> {
        let Some(target) = target else {
            let description = "must say what is called: tier, backend and model";
            self.wrong.add(field.to_string(), description);
            return None;
        };
        let tier = self.text(format_args!("{field}.tier"), &target.tier);
        let backend = self.text(format_args!("{field}.backend"), &target.backend);
        let model = self.text(format_args!("{field}.model"), &target.model);
        Some(Target {
            tier: tier?,
            backend: backend?,
            model: model?,
        })
    }
}

fn moment(at: &prost_types::Timestamp) -> Option<OffsetDateTime> {
    if !(0..LAST_SECOND).contains(&at.seconds) || !(0..1_000_000_000).contains(&at.nanos) {
        return None;
    }
    let nanos = i128::from(at.seconds) * 1_000_000_000 + i128::from(at.nanos);
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()
}
