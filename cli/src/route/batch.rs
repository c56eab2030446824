//! `terrace route --batch`: a file of requests, a file of results.
//!
//! The whole file is checked before anything is sent. Results are written as they come, each with
//! the number of its line, so that what was answered stays answered when the command is broken off:
//! `--resume` goes on from there.

mod lines;
mod results;

use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use terrace_proto::router::v1::route_batch_response::Result as Told;
use terrace_proto::router::v1::{RouteBatchRequest, RouteBatchResponse};
use tokio::time::Instant;

use crate::args::RouteArgs;
use crate::client::{Client, within};
use crate::error::Trouble;
use crate::exit::Exit;
use crate::output::Output;
use crate::wording::{money, span};
use lines::Line;
use results::Results;

/// The longest batch; each request has a deadline of its own.
const PATIENCE: Duration = Duration::from_hours(7 * 24);

/// Sends the lines of a file and writes what comes back.
pub(super) async fn run(
    client: &Client,
    output: Output,
    file: &Path,
    args: &RouteArgs,
) -> Result<Exit, Trouble> {
    let mut lines = lines::read(file, &args.request)?;
    let out = args.out.as_deref();
    let mut results = Results::open(out, args.resume)?;
    lines.retain(|line| !results.has(line.number));
    let mut batch = Batch::new(output, lines.len());
    let requests: Vec<_> = lines.iter().map(message).collect();
    let mut router = client.router();
    let requests = within(futures::stream::iter(requests), PATIENCE);
    let mut told = router.route_batch(requests).await?.into_inner();
    while let Some(response) = told.message().await.inspect_err(|_| batch.broken(out))? {
        let index = usize::try_from(response.index).unwrap_or(usize::MAX);
        let number = lines.get(index).map_or(0, |line| line.number);
        batch.count(&response);
        results.write(number, &response)?;
    }
    Ok(batch.end())
}

fn message(line: &Line) -> RouteBatchRequest {
    RouteBatchRequest {
        request: Some(line.request.clone()),
    }
}

/// What has come of a batch so far.
struct Batch {
    output: Output,
    bar: ProgressBar,
    began: Instant,
    lines: usize,
    passed: usize,
    not_passed: usize,
    failed: usize,
    nano_usd: i64,
}

impl Batch {
    fn new(output: Output, lines: usize) -> Self {
        let bar = if output.is_watched() {
            ProgressBar::new(lines as u64)
        } else {
            ProgressBar::hidden()
        };
        let style = "{wide_bar} {pos}/{len} {msg} {elapsed} eta {eta}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self {
            output,
            bar,
            began: Instant::now(),
            lines,
            passed: 0,
            not_passed: 0,
            failed: 0,
            nano_usd: 0,
        }
    }

    fn count(&mut self, response: &RouteBatchResponse) {
        let cost = match &response.result {
            Some(Told::Response(response)) => {
                if response.passed {
                    self.passed += 1;
                } else {
                    self.not_passed += 1;
                }
                response.cost_nano_usd
            }
            Some(Told::Failure(failure)) => {
                self.failed += 1;
                failure.cost_nano_usd
            }
            None => 0,
        };
        self.nano_usd = self.nano_usd.saturating_add(cost);
        self.bar.set_message(money(self.nano_usd));
        self.bar.inc(1);
    }

    fn told(&self) -> usize {
        self.passed + self.not_passed + self.failed
    }

    /// Says how to go on after the stream broke.
    fn broken(&self, out: Option<&Path>) {
        self.bar.finish_and_clear();
        let (told, all) = (self.told(), self.lines);
        let how = if out.is_some() {
            "; go on with --resume"
        } else {
            ""
        };
        self.output
            .complain(&format!("{told} of {all} lines have a result{how}"));
    }

    fn end(self) -> Exit {
        self.bar.finish_and_clear();
        let (passed, not_passed, failed) = (self.passed, self.not_passed, self.failed);
        let (cost, time) = (money(self.nano_usd), span(self.began.elapsed()));
        self.output.complain(&format!(
            "{passed} passed, {not_passed} did not pass, {failed} failed; {cost} in {time}"
        ));
        match (failed, not_passed) {
            (0, 0) => Exit::Fine,
            (0, _) => Exit::NotPassed,
            _ => Exit::NoAnswer,
        }
    }
}
