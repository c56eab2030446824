//! The progress of `POST /api/pull`, line by line; `success` is its last word.

use futures::{StreamExt as _, stream};
use reqwest::Response;
use serde::Deserialize;
use serde_json::Value;

use super::super::complaint::Complaint;
use super::super::lines::Line;
use super::super::ndjson::NdJson;
use crate::error::Fault;
use crate::provider::{Progress, Pulling};

/// What the last line says.
const SUCCESS: &str = "success";

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    status: String,
    #[serde(default)]
    completed: u64,
    #[serde(default)]
    total: u64,
    #[serde(default)]
    error: Option<Value>,
}

/// Reads the progress out of a response; it ends after the last word, or with a fault.
pub(super) fn progress(response: Response) -> Pulling {
    let reading = Reading {
        response,
        lines: NdJson::default(),
        over: false,
    };
    stream::unfold(reading, |mut reading| async move {
        if reading.over {
            return None;
        }
        let next = reading.next().await;
        reading.over = match &next {
            Ok(progress) => progress.status == SUCCESS,
            Err(_) => true,
        };
        Some((next, reading))
    })
    .boxed()
}

struct Reading {
    response: Response,
    lines: NdJson,
    over: bool,
}

impl Reading {
    async fn next(&mut self) -> Result<Progress, Fault> {
        loop {
            if let Some(line) = self.lines.next()? {
                return read(line);
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.lines.push(&bytes),
                Ok(None) => {
                    return self.lines.rest()?.map_or(Err(Fault::Truncated), read);
                }
                Err(_) => return Err(Fault::Broken),
            }
        }
    }
}

/// Reads lines of progress from `bytes`.
#[cfg(feature = "fuzzing")]
pub(super) fn read_line(bytes: &[u8]) {
    let mut lines = NdJson::default();
    lines.push(bytes);
    while let Ok(Some(line)) = lines.next() {
        drop(read(line));
    }
}

fn read(line: Line<'_>) -> Result<Progress, Fault> {
    let said: Said = serde_json::from_str(line.text).map_err(|_| Fault::Malformed {
        offset: line.offset,
        what: "a line that is no progress",
    })?;
    if said.error.is_some() {
        return Err(Complaint::read(line.text.as_bytes()).inside_answer());
    }
    Ok(Progress {
        status: said.status,
        completed_bytes: said.completed,
        total_bytes: said.total,
    })
}
