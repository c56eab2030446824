//! Identifiers of requests and of the steps inside one.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// Identifies one request of a client; a `UUIDv7` unless the client brought its own UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(Uuid);

impl RequestId {
    /// Makes a new, time-ordered id.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// Wraps a UUID.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The UUID itself.
    #[must_use]
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is no request id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is no UUID, as 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct InvalidRequestId;

impl FromStr for RequestId {
    type Err = InvalidRequestId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text)
            .ok()
            .filter(|uuid| !uuid.is_nil())
            .map(Self)
            .ok_or(InvalidRequestId)
    }
}

/// One step of a request that can cost something; unique within the request.
///
/// The ledger's writes are idempotent by (request, step).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The attempt with this index, counted from 0.
    Attempt(u32),
    /// A model that the judge asked about an answer.
    Judge {
        /// The attempt whose answer it is.
        attempt: u32,
        /// Which of the second opinions on it, counted from 0.
        opinion: u32,
    },
    /// A call that answers nobody and is made to learn from, in a request of its own.
    Shadow,
    /// Another request's answer, given instead of calling anybody: costs nothing.
    Reuse,
    /// What is presumed to be spent of a lease that was lost, whose id stands for the request's.
    Lease,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attempt(index) => write!(f, "attempt/{index}"),
            Self::Judge {
                attempt,
                opinion: 0,
            } => write!(f, "judge/{attempt}"),
            Self::Judge { attempt, opinion } => write!(f, "judge/{attempt}/{opinion}"),
            Self::Shadow => f.write_str("shadow"),
            Self::Reuse => f.write_str("reuse"),
            Self::Lease => f.write_str("lease"),
        }
    }
}

/// A text that is no step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is no step, as attempt/0, judge/0, judge/0/1, shadow, reuse or lease")]
pub struct InvalidStep;

impl FromStr for Step {
    type Err = InvalidStep;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "shadow" => return Ok(Self::Shadow),
            "reuse" => return Ok(Self::Reuse),
            "lease" => return Ok(Self::Lease),
            _ => {}
        }
        let (kind, index) = text.split_once('/').ok_or(InvalidStep)?;
        match kind {
            "attempt" => Ok(Self::Attempt(number(index)?)),
            "judge" => judge(index),
            _ => Err(InvalidStep),
        }
    }
}

/// The first opinion has no number of its own, so that every step is written in one way.
fn judge(text: &str) -> Result<Step, InvalidStep> {
    let (attempt, opinion) = match text.split_once('/') {
        Some((attempt, opinion)) => (attempt, number(opinion)?),
        None => (text, 0),
    };
    let is_named = opinion > 0 || !text.contains('/');
    let attempt = number(attempt)?;
    is_named
        .then_some(Step::Judge { attempt, opinion })
        .ok_or(InvalidStep)
}

fn number(text: &str) -> Result<u32, InvalidStep> {
    text.parse().map_err(|_| InvalidStep)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_ids_are_time_ordered() {
        let (first, second) = (RequestId::generate(), RequestId::generate());
        assert!(first < second);
    }

    #[test]
    fn ids_and_steps_round_trip_as_text() {
        let id = RequestId::generate();
        assert_eq!(id.to_string().parse(), Ok(id));
        let judge = |attempt, opinion| Step::Judge { attempt, opinion };
        let steps = [Step::Attempt(0), judge(7, 0), judge(7, 2)];
        for step in steps
            .into_iter()
            .chain([Step::Shadow, Step::Reuse, Step::Lease])
        {
            assert_eq!(step.to_string().parse(), Ok(step));
        }
    }

    #[test]
    fn texts_that_are_no_ids_are_refused() {
        for text in ["", "abc", "00000000-0000-0000-0000-000000000000"] {
            assert!(text.parse::<RequestId>().is_err());
        }
        for text in [
            "",
            "attempt",
            "attempt/-1",
            "attempt/x",
            "reuse/0",
            "shadow/0",
            "lease/0",
            "judge/0/0",
            "judge/0/",
            "judge/0/1/2",
            "tea/1",
        ] {
            assert!(text.parse::<Step>().is_err());
        }
    }
}
