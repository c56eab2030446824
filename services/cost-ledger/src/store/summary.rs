//! The facts of a span of time, counted and added up by the database.
//!
//! A request and all its steps belong to the moment it closed in: so cost and baseline of a span
//! are of the same requests, and every list adds up to the totals.

pub(in crate::store) mod raw;
mod rolled;
mod rows;

use sqlx::PgConnection;
use terrace_domain::{Failure, Violations};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{clock, history};
use crate::error::Error;
use crate::summary::{Busy, Facts, Piece, Question, pieces};

/// All that a question needs.
pub(crate) async fn facts(
    database: &mut PgConnection,
    question: &Question<'_>,
) -> Result<Facts, Error> {
    clock::plan_for_values(database).await?;
    let kept = history::kept(database).await?;
    let rolled = match question.tag() {
        // Tags are not rolled up: there would be as many sums as rows.
        Some(_) => Vec::new(),
        None => history::rolled_hours(database, question.buckets.whole()).await?,
    };
    let mut facts = Facts::default();
    for piece in pieces(question.buckets, &rolled) {
        match piece {
            Piece::Rolled(from, until) => {
                rolled::add(database, question, (from, until), &mut facts).await?;
            }
            Piece::Rows(from, until) => {
                kept.check((from, until), question)?;
                raw::add(database, question, (from, until), &mut facts).await?;
            }
        }
    }
    Ok(facts)
}

impl history::Kept {
    /// Refuses to count rows that may be missing.
    fn check(
        self,
        (from, until): (OffsetDateTime, OffsetDateTime),
        question: &Question<'_>,
    ) -> Result<(), Failure> {
        let (Some(first), Some(horizon)) = (self.first, self.horizon) else {
            return Ok(());
        };
        if from >= horizon || until <= first {
            return Ok(());
        }
        let mut wrong = Violations::new();
        let at = horizon.format(&Rfc3339).unwrap_or_default();
        if question.tag().is_some() {
            wrong.add(
                "group_by",
                format!("tags are kept with the rows, which begin at {at}"),
            );
        } else {
            wrong.add(
                "from",
                format!(
                    "rows before {at} are deleted, and their sums are those of whole hours: begin, \
                     end and cut there at whole hours of UTC"
                ),
            );
        }
        wrong.finish()
    }
}

/// How long everybody's calls ran on each backend, whatever the question is about.
pub(crate) async fn busy(
    database: &mut PgConnection,
    question: &Question<'_>,
) -> Result<Busy, Error> {
    let of_all = Question {
        buckets: question.buckets,
        project: None,
        by: &[],
        by_backend: true,
    };
    let mut busy = Busy::new();
    for fact in facts(database, &of_all).await?.steps {
        let key = (fact.keys.bucket, fact.keys.backend);
        *busy.entry(key).or_default() += fact.busy_us;
    }
    Ok(busy)
}

/// When the first request closed that the books know.
pub(crate) async fn first(database: &mut PgConnection) -> Result<Option<OffsetDateTime>, Error> {
    let first = sqlx::query_scalar(
        "SELECT least((SELECT min(hour) FROM rolled_hours),
                      (SELECT closed_at FROM requests
                       WHERE closed_at IS NOT NULL ORDER BY closed_at LIMIT 1))",
    );
    Ok(first.fetch_one(database).await?)
}
