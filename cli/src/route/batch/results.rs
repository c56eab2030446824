//! The results of a batch: a JSON object a line, with the number of the line that it answers.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write};
use std::path::Path;

use serde_json::{Value, json};
use terrace_domain::{Failure, Reason};
use terrace_proto::router::v1::route_batch_response::Result as Told;
use terrace_proto::router::v1::{BatchFailure, RouteBatchResponse};

use crate::error::Trouble;
use crate::json as shapes;
use crate::wording::usd;

/// Where results go.
pub(super) struct Results {
    out: Box<dyn Write + Send>,
    /// Numbers of the lines that have an answer from before.
    answered: HashSet<usize>,
}

impl Results {
    /// Opens the file, or standard output. A file that is there is gone on with, or left alone.
    ///
    /// # Errors
    /// The file is there and `resume` is not set, or it cannot be written or read.
    pub(super) fn open(out: Option<&Path>, resume: bool) -> Result<Self, Trouble> {
        let Some(path) = out else {
            return Ok(Self {
                out: Box::new(io::stdout()),
                answered: HashSet::new(),
            });
        };
        let answered = if resume {
            answered(path).map_err(|error| cannot(path, &error))?
        } else {
            HashSet::new()
        };
        let file = open(path, resume).and_then(end_line);
        let file = file.map_err(|error| cannot(path, &error))?;
        Ok(Self {
            out: Box::new(file),
            answered,
        })
    }

    /// Whether the line has an answer from before.
    pub(super) fn has(&self, number: usize) -> bool {
        self.answered.contains(&number)
    }

    /// Writes the result of a line at once.
    pub(super) fn write(&mut self, number: usize, response: &RouteBatchResponse) -> io::Result<()> {
        let mut line = json!({"line": number});
        match &response.result {
            Some(Told::Response(response)) => line["response"] = shapes::response(response),
            Some(Told::Failure(failure)) => line["error"] = error(failure),
            None => {}
        }
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }
}

fn error(failure: &BatchFailure) -> Value {
    json!({
        "request_id": failure.request_id,
        "reason": failure.reason,
        "message": failure.message,
        "attempts": failure.attempts.iter().map(shapes::attempt).collect::<Vec<_>>(),
        "cost_nano_usd": failure.cost_nano_usd,
        "cost_usd": usd(failure.cost_nano_usd),
    })
}

fn open(path: &Path, resume: bool) -> io::Result<File> {
    if resume {
        OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(path)
    } else {
        OpenOptions::new().write(true).create_new(true).open(path)
    }
}

/// Ends a line that was cut off, so that the next result has one of its own.
fn end_line(mut file: File) -> io::Result<File> {
    let bytes = file.metadata()?.len();
    if bytes > 0 {
        let mut last = [0];
        file.seek(SeekFrom::Start(bytes - 1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

/// The lines that have an answer. The last line of a file that was cut off is none.
fn answered(path: &Path) -> io::Result<HashSet<usize>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HashSet::new()),
        text => text?,
    };
    let number = |line: &str| {
        let value: Value = serde_json::from_str(line).ok()?;
        value.get("response")?;
        usize::try_from(value.get("line")?.as_u64()?).ok()
    };
    Ok(text.lines().filter_map(number).collect())
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    let name = path.display();
    let message = if error.kind() == ErrorKind::AlreadyExists {
        format!("{name} is there already: go on with --resume, or name another file")
    } else {
        format!("{name} cannot be opened: {error}")
    };
    Failure::new(Reason::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing;

    fn of(result: Told) -> RouteBatchResponse {
        RouteBatchResponse {
            index: 0,
            result: Some(result),
        }
    }

    #[test]
    fn what_was_answered_is_left_out_and_what_failed_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let mut results = Results::open(Some(&path), false).unwrap();
        let failure = BatchFailure {
            reason: "BACKEND_FAILED".into(),
            ..BatchFailure::default()
        };
        results
            .write(1, &of(Told::Response(testing::accepted())))
            .unwrap();
        results.write(2, &of(Told::Failure(failure))).unwrap();
        drop(results);
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"line\": 3, \"resp");
        fs::write(&path, text).unwrap();
        let mut results = Results::open(Some(&path), true).unwrap();
        let answer = of(Told::Response(testing::accepted()));
        results.write(4, &answer).unwrap();
        let results = Results::open(Some(&path), true).unwrap();
        let has: Vec<bool> = (1..5).map(|line| results.has(line)).collect();
        assert_eq!(has, [true, false, false, true]);
    }

    #[test]
    fn a_file_that_is_there_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        fs::write(&path, "precious").unwrap();
        let Err(Trouble::Failed { failure, .. }) = Results::open(Some(&path), false) else {
            panic!("it is opened");
        };
        assert!(failure.message.contains("--resume"), "{failure}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }
}
