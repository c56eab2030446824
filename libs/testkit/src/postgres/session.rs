//! One connection that is asked again and again, through a `psql` that stays.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use anyhow::{Context as _, bail};

use super::{asking, fields};

/// The line that ends each answer.
const END: &str = "--end-of-answer--";

/// An open connection; closed when dropped. Its calls block.
#[derive(Debug)]
pub struct Session {
    psql: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Session {
    /// Connects to the database at `url`.
    ///
    /// # Errors
    /// `psql` is not installed. That nobody answers shows at the first question.
    pub fn open(url: &str) -> anyhow::Result<Self> {
        let mut psql = asking(url)?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("psql does not run")?;
        let questions = psql.stdin.take().context("no input")?;
        let answers = BufReader::new(psql.stdout.take().context("no output")?);
        Ok(Self {
            psql,
            questions,
            answers,
        })
    }

    /// Runs a statement and returns its rows as text; NULL is empty.
    ///
    /// # Errors
    /// The statement fails or the connection is lost; the session is of no use after that.
    pub fn ask(&mut self, sql: &str) -> anyhow::Result<Vec<Vec<String>>> {
        let written = writeln!(self.questions, "{sql};\n\\echo {END}");
        if written.and_then(|()| self.questions.flush()).is_err() {
            bail!("the connection is closed: {}", self.last_words());
        }
        let mut rows = Vec::new();
        let mut line = String::new();
        loop {
            line.clear();
            if self.answers.read_line(&mut line)? == 0 {
                bail!("{}", self.last_words());
            }
            match line.trim_end_matches('\n') {
                END => return Ok(rows),
                row => rows.push(fields(row)),
            }
        }
    }

    /// What it said at its end.
    fn last_words(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut errors) = self.psql.stderr.take() {
            drop(errors.read_to_string(&mut text));
        }
        text.trim().to_owned()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.psql.kill());
        drop(self.psql.wait());
    }
}
