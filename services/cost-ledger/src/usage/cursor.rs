//! Where a page ended, as a token that the caller hands back, and as the edge that SQL begins at.

use std::fmt;
use std::str::FromStr;

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Order, Span};

/// The last row of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) closed_at: OffsetDateTime,
    pub(crate) request_id: Uuid,
    pub(crate) step: String,
}

/// A text that is no token of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not from the last answer of this call: leave it out to begin anew")]
pub(crate) struct InvalidToken;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.closed_at.unix_timestamp_nanos() / 1000;
        write!(f, "1.{micros}.{}.{}", self.request_id.simple(), self.step)
    }
}

impl FromStr for Cursor {
    type Err = InvalidToken;

    fn from_str(token: &str) -> Result<Self, InvalidToken> {
        let mut parts = token.splitn(4, '.');
        let mut part = || parts.next().ok_or(InvalidToken);
        let (version, micros, id, step) = (part()?, part()?, part()?, part()?);
        let micros: i64 = micros.parse().map_err(|_| InvalidToken)?;
        let nanos = i128::from(micros) * 1000;
        let closed_at = OffsetDateTime::from_unix_timestamp_nanos(nanos);
        if version != "1" || step.is_empty() || step.len() > 64 || step.contains('\0') {
            return Err(InvalidToken);
        }
        Ok(Self {
            closed_at: closed_at.map_err(|_| InvalidToken)?,
            request_id: Uuid::try_parse(id).map_err(|_| InvalidToken)?,
            step: step.to_owned(),
        })
    }
}

/// The row that a page begins behind: a cursor, or one that stands before all rows of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) closed_at: OffsetDateTime,
    pub(crate) request_id: Uuid,
    pub(crate) step: String,
}

impl Edge {
    /// Where a page of `span` begins. A cursor outside of the span begins at its edge.
    pub(crate) fn new(order: Order, span: Span, after: Option<&Cursor>) -> Self {
        let first = Self::of_span(order, span);
        let Some(cursor) = after else {
            return first;
        };
        let is_inside = match order {
            Order::OldestFirst => cursor.closed_at >= first.closed_at,
            Order::NewestFirst => cursor.closed_at <= first.closed_at,
        };
        if !is_inside {
            return first;
        }
        Self {
            closed_at: cursor.closed_at,
            request_id: cursor.request_id,
            step: cursor.step.clone(),
        }
    }

    fn of_span(order: Order, span: Span) -> Self {
        match order {
            Order::OldestFirst => Self {
                closed_at: span.from,
                request_id: Uuid::nil(),
                step: String::new(),
            },
            // The database knows microseconds: this is the last moment before the end.
            Order::NewestFirst => Self {
                closed_at: span.until - Duration::MICROSECOND,
                request_id: Uuid::max(),
                step: "~".to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn cursor() -> Cursor {
        Cursor {
            closed_at: datetime!(2026-11-26 12:00:00.123456 UTC),
            request_id: Uuid::from_u128(7),
            step: "attempt/0".to_owned(),
        }
    }

    #[test]
    fn a_token_leads_back_to_its_row() {
        assert_eq!(cursor().to_string().parse(), Ok(cursor()));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for wrong in [
            "",
            "1",
            "1.2.3.4",
            "2.1.0.a",
            "1.x.0.a",
            "1.1.zz.a",
            "1.99999999999999999999.0.a",
        ] {
            assert_eq!(wrong.parse::<Cursor>(), Err(InvalidToken), "{wrong}");
        }
    }

    #[test]
    fn a_cursor_outside_of_the_span_begins_at_its_edge() {
        let span = Span {
            from: datetime!(2026-11-26 13:00 UTC),
            until: datetime!(2026-11-26 14:00 UTC),
        };
        let edge = Edge::new(Order::OldestFirst, span, Some(&cursor()));
        assert_eq!(edge.closed_at, span.from);
        let edge = Edge::new(Order::NewestFirst, span, Some(&cursor()));
        assert_eq!(edge.closed_at, cursor().closed_at);
    }
}
