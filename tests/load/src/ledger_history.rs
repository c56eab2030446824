//! A ledger with millions of rows: how long summaries, pages and exports take, and what memory an
//! export needs.
//!
//! The rows are made by the database itself, ninety days of twenty projects; the ledger rolls the
//! hours up as it would have. Name a server of your own in `TERRACE_TEST_DATABASE_URL`, with fsync
//! as it is meant to be, and room for 500 bytes a row.

pub(crate) mod books;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use terrace_proto::ledger::v1 as wire;
use terrace_testkit::TestDatabase;
use tokio::time::Instant;

use crate::ledger::Ledger;
use crate::memory::resident_kib;
use crate::quantiles::Quantiles;

/// What to measure with.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Steps in the books
    #[arg(long, default_value = "10000000")]
    rows: u64,
    /// How often each question is asked
    #[arg(long, default_value = "20")]
    rounds: u32,
    /// The program of the ledger; else the one beside this
    #[arg(long)]
    ledger: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// How long a question took.
#[derive(Debug, Serialize)]
struct Asked {
    question: &'static str,
    times: Quantiles,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    rows: u64,
    hours_rolled_up: u64,
    roll_up_seconds: f64,
    asked: Vec<Asked>,
    exported_rows: u64,
    export_rows_per_second: f64,
    ledger_kib_before: u64,
    ledger_kib_highest: u64,
}

/// Loads the books, waits for the sums, asks and exports.
///
/// # Errors
/// The ledger does not start, or a question fails.
pub(crate) async fn run(args: &Args) -> anyhow::Result<Report> {
    let database = TestDatabase::create();
    let program = args.ledger.clone();
    // Once for the tables, so that the books can be loaded into them.
    drop(Ledger::start(program.as_ref(), database.url(), "").await?);
    books::load(&database, args.rows).await?;
    let ledger = Ledger::start(program.as_ref(), database.url(), "").await?;
    let (hours, seconds) = books::rolled_up(&database).await?;
    let asked = questions(&ledger, args.rounds).await?;
    let before = resident_kib(ledger.id())?;
    let (rows, took, highest) = export(&ledger).await?;
    Ok(Report {
        rows: args.rows,
        hours_rolled_up: hours,
        roll_up_seconds: seconds,
        asked,
        exported_rows: rows,
        export_rows_per_second: rows as f64 / took.as_secs_f64(),
        ledger_kib_before: before,
        ledger_kib_highest: highest,
    })
}

async fn questions(ledger: &Ledger, rounds: u32) -> anyhow::Result<Vec<Asked>> {
    let mut asked = Vec::new();
    for summary in summaries() {
        asked.push(summary.time(ledger, rounds).await?);
    }
    for (question, filter) in PAGES {
        let mut times = Vec::new();
        for _ in 0..rounds {
            let began = Instant::now();
            ledger.page(filter).await?;
            times.push(began.elapsed());
        }
        let times = Quantiles::of(times);
        asked.push(Asked { question, times });
    }
    Ok(asked)
}

/// Pages by what is looked for.
const PAGES: [(&str, &str); 4] = [
    ("page of the newest", ""),
    (
        "page of an action of a project",
        "project=project-3 action=action-7",
    ),
    ("page of a rare tag", "tag.topic=rare"),
    ("page of a model that nobody has", "model=none"),
];

/// A summary to be asked for.
struct Summary {
    question: &'static str,
    days: i64,
    project: &'static str,
    by: &'static [&'static str],
    bucket: Option<i64>,
}

fn summaries() -> [Summary; 6] {
    let of = |question, days, by, bucket| Summary {
        question,
        days,
        project: "project-3",
        by,
        bucket,
    };
    let of_all = Summary {
        project: "",
        ..of(
            "month of everybody by project and day",
            30,
            &["project"],
            Some(86_400),
        )
    };
    [
        of("day of a project", 1, &[], None),
        of(
            "day of a project by tier, action and hour",
            1,
            &["tier", "action"],
            Some(3_600),
        ),
        of(
            "day of a project by tag, from its rows",
            1,
            &["tag.topic"],
            None,
        ),
        of("month of a project", 30, &[], None),
        of(
            "month of a project by tier, model, action and day",
            30,
            &["tier", "model", "action"],
            Some(86_400),
        ),
        of_all,
    ]
}

impl Summary {
    /// Asks for it, each time until another day.
    async fn time(&self, ledger: &Ledger, rounds: u32) -> anyhow::Result<Asked> {
        let moment = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let mut times = Vec::new();
        for round in 0..rounds {
            let until = books::until() - i64::from(round % 20) * 86_400;
            let ask = wire::GetSummaryRequest {
                from: moment(until - self.days * 86_400),
                until: moment(until),
                project: self.project.to_owned(),
                group_by: self.by.iter().map(ToString::to_string).collect(),
                bucket: self
                    .bucket
                    .map(|seconds| prost_types::Duration { seconds, nanos: 0 }),
            };
            let began = Instant::now();
            let sums = ledger.summary(ask).await?;
            times.push(began.elapsed());
            let question = self.question;
            anyhow::ensure!(sums.requests > 0, "{question}: nothing was summed up");
        }
        Ok(Asked {
            question: self.question,
            times: Quantiles::of(times),
        })
    }
}

/// Exports everything: rows, time, and the most memory that the ledger had meanwhile.
async fn export(ledger: &Ledger) -> anyhow::Result<(u64, Duration, u64)> {
    let mut batches = ledger.export().await?;
    let (mut rows, mut highest, began) = (0, 0, Instant::now());
    while let Some(batch) = batches.message().await.context("the export broke off")? {
        rows += batch.events.len() as u64;
        highest = highest.max(resident_kib(ledger.id())?);
    }
    Ok((rows, began.elapsed(), highest))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} rows, {} hours rolled up in {:.0} s",
            self.rows, self.hours_rolled_up, self.roll_up_seconds
        )?;
        for asked in &self.asked {
            writeln!(f, "{:<50} {}", asked.question, asked.times)?;
        }
        writeln!(
            f,
            "export: {} rows, {:.0} rows/s, ledger {} KiB before, {} KiB at most",
            self.exported_rows,
            self.export_rows_per_second,
            self.ledger_kib_before,
            self.ledger_kib_highest
        )
    }
}
