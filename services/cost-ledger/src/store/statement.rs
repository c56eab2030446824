//! One statement that writes to several tables.
//!
//! A batch changes five tables, and every answer that PostgreSQL is waited for is a turn of two
//! processes. So its writes are parts of one `WITH`: each is written down where its table is, with
//! placeholders of its own. The parts that a batch needs are few combinations, so PostgreSQL soon
//! has all of them prepared.

use std::fmt::Write as _;

use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, AssertSqlSafe, Encode, PgConnection, Postgres, Type};
use terrace_config::Durability;

use crate::error::Error;

/// Parts that are written together. No two of them may touch the same row: they do not see what
/// the others write.
#[derive(Default)]
pub(super) struct Statement {
    text: String,
    /// What it ends by asking; empty for nothing.
    asked: String,
    values: PgArguments,
    wrong: Option<BoxDynError>,
}

impl Statement {
    /// Adds a part. `name` has to be another one for each, and is no name of a table; `sql` counts
    /// its placeholders from `$1`, and their values are bound next.
    pub(super) fn part(&mut self, name: &str, sql: &str) -> &mut Self {
        self.text.push_str(match self.text.is_empty() {
            true => "WITH ",
            false => ", ",
        });
        self.text.push_str(name);
        self.text.push_str(" AS (");
        self.text.push_str(&counted_on(sql, self.values.len()));
        self.text.push(')');
        self
    }

    /// Has the statement end by asking this, which may make it fail as a whole. Its placeholders are
    /// counted and bound as those of a part.
    pub(super) fn ask(&mut self, sql: &str) -> &mut Self {
        self.asked = counted_on(sql, self.values.len());
        self
    }

    /// Binds the next value.
    pub(super) fn bind<'v, T>(&mut self, value: T) -> &mut Self
    where
        T: Encode<'v, Postgres> + Type<Postgres>,
    {
        if let Err(wrong) = self.values.add(value) {
            self.wrong.get_or_insert(wrong);
        }
        self
    }

    /// Runs all parts, and says whether the commit of their transaction is to wait for the disk;
    /// nothing when there is none.
    pub(super) async fn execute(
        self,
        database: &mut PgConnection,
        durability: Durability,
    ) -> Result<(), Error> {
        if self.text.is_empty() {
            return Ok(());
        }
        if let Some(wrong) = self.wrong {
            return Err(sqlx::Error::Encode(wrong).into());
        }
        // Every part of the text is a constant of this crate.
        let text = AssertSqlSafe(self.text + &end(&self.asked, durability));
        sqlx::query_with(text, self.values)
            .execute(database)
            .await?;
        Ok(())
    }
}

/// The end of a statement. The setting holds for its transaction alone.
fn end(asked: &str, durability: Durability) -> String {
    let setting = match durability {
        Durability::Strict => "",
        Durability::Relaxed => "set_config('synchronous_commit', 'off', true)",
    };
    let comma = match asked.is_empty() || setting.is_empty() {
        true => "",
        false => ", ",
    };
    format!(" SELECT {asked}{comma}{setting}")
}

/// The statement with placeholders that begin after the first `before`.
fn counted_on(sql: &str, before: usize) -> String {
    let mut pieces = sql.split('$');
    let mut text = String::with_capacity(sql.len() + 64);
    text.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let rest = piece.trim_start_matches(|letter: char| letter.is_ascii_digit());
        let number = &piece[..piece.len() - rest.len()];
        let number: usize = number.parse().unwrap_or_default();
        // Writing into a string does not fail.
        let _written = write!(text, "${}{rest}", number + before);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_placeholders_of_its_own() {
        let mut statement = Statement::default();
        statement
            .part("one", "DELETE FROM a WHERE b = $1 AND c = $2")
            .bind(1_i64)
            .bind("x");
        statement
            .part("two", "DELETE FROM d WHERE e = $1")
            .bind(true);
        assert_eq!(
            statement.text,
            "WITH one AS (DELETE FROM a WHERE b = $1 AND c = $2), \
             two AS (DELETE FROM d WHERE e = $3)"
        );
        assert_eq!(statement.values.len(), 3);
        statement.ask("f($1)").bind(1_i64);
        assert_eq!(statement.asked, "f($4)");
    }

    #[test]
    fn a_statement_ends_by_what_is_asked_and_how_it_commits() {
        let setting = "set_config('synchronous_commit', 'off', true)";
        assert_eq!(end("", Durability::Strict), " SELECT ");
        assert_eq!(end("f()", Durability::Strict), " SELECT f()");
        assert_eq!(end("", Durability::Relaxed), format!(" SELECT {setting}"));
        let both = end("f()", Durability::Relaxed);
        assert_eq!(both, format!(" SELECT f(), {setting}"));
    }

    #[test]
    fn a_number_of_two_digits_is_one_number() {
        assert_eq!(counted_on("$1 $12, $2", 9), "$10 $21, $11");
        assert_eq!(counted_on("none", 9), "none");
    }
}
