//! The spans of time that the overview can show, and into which pieces each is cut.

use std::time::Duration;

use prost_types::Timestamp;
use terrace_proto::convert::wire_duration;
use time::OffsetDateTime;

use crate::dashboard::format::{day, day_hour, hour, stamp};

const HOUR: u64 = 3600;

/// A span of time that ends now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    Day,
    Week,
    Month,
    Quarter,
}

impl Range {
    pub(super) const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Quarter];

    /// The range of this word; a day for any other.
    pub(super) fn read(word: &str) -> Self {
        let found = Self::ALL.into_iter().find(|range| range.word() == word);
        found.unwrap_or(Self::Day)
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
        }
    }

    pub(super) const fn told(self) -> &'static str {
        match self {
            Self::Day => "24 h",
            Self::Week => "7 days",
            Self::Month => "30 days",
            Self::Quarter => "90 days",
        }
    }

    const fn hours(self) -> u64 {
        match self {
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Month => 30 * 24,
            Self::Quarter => 90 * 24,
        }
    }

    const fn bucket_hours(self) -> u64 {
        match self {
            Self::Day => 1,
            Self::Week => 6,
            Self::Month | Self::Quarter => 24,
        }
    }

    /// Length of a piece.
    pub(super) fn bucket(self) -> prost_types::Duration {
        wire_duration(self.bucket_length())
    }

    pub(super) const fn bucket_length(self) -> Duration {
        Duration::from_secs(self.bucket_hours() * HOUR)
    }

    /// Where it begins: at a full hour, from which on the ledger has sums of whole hours, and so that
    /// the piece at hand is the last.
    pub(super) fn from(self) -> Timestamp {
        let now = OffsetDateTime::now_utc();
        let piece = (self.bucket_hours() * HOUR) as i64;
        let this = now.unix_timestamp().div_euclid(piece) * piece;
        let from = this + piece - (self.hours() * HOUR) as i64;
        stamp(OffsetDateTime::from_unix_timestamp(from).unwrap_or(now))
    }

    /// How a piece is called that begins then.
    pub(super) fn label(self, at: Option<OffsetDateTime>) -> String {
        match self {
            Self::Day => hour(at),
            Self::Week => day_hour(at),
            Self::Month | Self::Quarter => day(at),
        }
    }
}
