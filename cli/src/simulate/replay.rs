//! `terrace simulate --replay`: the real ledger under another config.

mod json;
mod page;
mod text;

use std::path::Path;

use terrace_config::Config;
use terrace_domain::Score;
use terrace_simulation::replay::{Change, Replay, Replayed};

use super::{Page, Stopped, books};
use crate::args::SimulateArgs;
use crate::exit::Exit;
use crate::output::Output;

/// Thresholds of a sweep: 0, 0.05 and so on to 1.
const THRESHOLDS: u32 = 20;

/// What came of a replay.
struct Told {
    /// What the configs are called.
    was: String,
    other: String,
    replayed: Replayed,
    /// The same under other thresholds, if they were asked for.
    by_threshold: Vec<Replayed>,
}

/// Replays the ledger.
pub(super) async fn run(
    server: &str,
    output: Output,
    args: &SimulateArgs,
) -> Result<Exit, Stopped> {
    let (was, was_name) = read(args.was.as_deref())?;
    let (other, other_name) = match args.config.as_deref() {
        Some(path) => read(Some(path))?,
        None => (was.clone(), was_name.clone()),
    };
    let target = Page::open(args)?;
    let change = Change::new(&was, &other);
    let sweep = if args.sweep { THRESHOLDS + 1 } else { 0 };
    let thresholds = (0..sweep).map(|step| f64::from(step) / f64::from(THRESHOLDS));
    let varied = thresholds.map(|threshold| change.with_threshold(Score::clamped(threshold)));
    let mut replay = Replay::new(std::iter::once(change).chain(varied));
    let add = |request: &_| replay.add(request);
    Box::pin(books::each_request(server, &args.filter(), add)).await?;
    let mut replayed = replay.finish(args.seed).into_iter();
    let Some(first) = replayed.next() else {
        return Ok(Exit::Other);
    };
    let told = Told {
        was: was_name,
        other: other_name,
        replayed: first,
        by_threshold: replayed.collect(),
    };
    target.write(|| page::page(&told))?;
    if args.json {
        output.print_json(&json::value(&told))?;
    } else {
        output.print(&text::told(&told, output.width()))?;
    }
    Ok(Exit::Fine)
}

/// A config, and what it is called.
fn read(path: Option<&Path>) -> Result<(Config, String), Stopped> {
    let loaded = terrace_config::load(path)?;
    let name = match &loaded.source {
        Some(path) => path.display().to_string(),
        None => "built-in config".to_owned(),
    };
    Ok((loaded.config, name))
}
