//! `terrace usage`: lists steps, or writes all of a span into a file.

mod columns;
mod file;
pub(crate) mod filter;
mod line;
mod write;

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use terrace_proto::ledger::v1::{ExportUsageRequest, ListUsageRequest, UsageEvent};
use terrace_runtime::Shutdown;

use crate::args::{ExportArgs, ListArgs, UsageArgs, UsageCommand};
use crate::client::{Client, soon, within};
use crate::error::{Trouble, finish};
use crate::exit::Exit;
use crate::output::Output;
use crate::render;
pub(crate) use file::Target;
pub(crate) use line::Line;
use write::Writer;

/// The longest export: as long as any call may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3600);
/// The most steps that one answer has.
const PAGE: u32 = 1000;

/// Does what was asked.
pub(crate) async fn run(server: &str, output: &Output, args: &UsageArgs) -> Exit {
    match &args.command {
        UsageCommand::List(args) => {
            let done = Box::pin(list(server, *output, args)).await;
            finish(*output, args.json, done)
        }
        UsageCommand::Export(args) => {
            let done = Box::pin(export(server, *output, args)).await;
            finish(*output, args.json, done)
        }
    }
}

async fn list(server: &str, output: Output, args: &ListArgs) -> Result<Exit, Trouble> {
    let mut ledger = Client::new(server)?.ledger();
    let filter = filter::of(&args.filter);
    let mut events: Vec<UsageEvent> = Vec::new();
    let mut page_token = String::new();
    let mut left = args.limit;
    while left > 0 {
        let ask = ListUsageRequest {
            page_size: left.min(PAGE),
            page_token,
            filter: filter.clone(),
        };
        let page = ledger.list_usage(soon(ask)).await?.into_inner();
        left = left.saturating_sub(u32::try_from(page.events.len()).unwrap_or(left));
        events.extend(page.events);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let lines: Vec<Line> = events.into_iter().map(Line::from).collect();
    if args.json {
        let value = json!({"events": lines, "more": !page_token.is_empty()});
        output.print_json(&value)?;
    } else {
        let more = !page_token.is_empty();
        output.print(&render::usage(&lines, more, output.width()))?;
    }
    Ok(Exit::Fine)
}

async fn export(server: &str, output: Output, args: &ExportArgs) -> Result<Exit, Trouble> {
    let mut target = Target::open(&args.file, args.force)?;
    let written = tokio::select! {
        written = write(server, output, args, &mut target) => written?,
        // What is not whole does not stay behind.
        () = interrupted() => return Ok(Exit::Other),
    };
    target.keep()?;
    if args.json && !target.is_stdout() {
        let file = args.file.display().to_string();
        output.print_json(&json!({"file": file, "rows": written}))?;
    } else if !target.is_stdout() {
        output.print(&format!("{written} rows in {}\n", args.file.display()))?;
    }
    Ok(Exit::Fine)
}

/// Writes all rows and says how many there were.
async fn write(
    server: &str,
    output: Output,
    args: &ExportArgs,
    target: &mut Target,
) -> Result<u64, Trouble> {
    let ask = ExportUsageRequest {
        filter: filter::of(&args.filter),
        ..ExportUsageRequest::default()
    };
    let mut ledger = Client::new(server)?.ledger();
    let batches = ledger.export_usage(within(ask, PATIENCE)).await?;
    let mut batches = batches.into_inner();
    let progress = progress(output, target);
    let mut writer = Writer::new(write::format(args), target.out())?;
    while let Some(batch) = batches.message().await? {
        progress.inc(batch.events.len() as u64);
        for event in batch.events {
            writer.row(&Line::from(event))?;
        }
    }
    writer.finish()?;
    progress.finish_and_clear();
    Ok(progress.position())
}

fn progress(output: Output, target: &Target) -> ProgressBar {
    if target.is_stdout() || !output.is_watched() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::no_length();
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {human_pos} rows {per_sec} {elapsed}")
    {
        bar.set_style(style);
    }
    bar
}

/// Ends when somebody breaks the command off.
async fn interrupted() {
    match Shutdown::on_signal() {
        Ok(shutdown) => shutdown.requested().await,
        // Without signals the command is ended as any other.
        Err(_) => std::future::pending().await,
    }
}
