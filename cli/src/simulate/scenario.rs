//! `terrace simulate --scenario`: reads it, computes it, tells it.

mod json;
mod page;
mod text;

pub(super) use json::{add, interval};
use terrace_config::scenario::{self, Scenario};
use terrace_simulation::replay::Measured;
use terrace_simulation::{Draws, shipped};

use super::study::Study;
use super::{Page, Stopped, books};
use crate::args::SimulateArgs;
use crate::exit::Exit;
use crate::output::Output;

/// Simulates a scenario.
pub(super) async fn run(
    server: &str,
    output: Output,
    args: &SimulateArgs,
) -> Result<Exit, Stopped> {
    let scenario = read(args)?;
    let target = Page::open(args)?;
    let seen = match args.measured {
        true => Some(measured(server, args).await?),
        false => None,
    };
    let usual = Draws::usual_repeats(&scenario, args.days);
    let draws = Draws {
        days: args.days,
        repeats: args.repeats.unwrap_or(usual),
        seed: args.seed,
    };
    let sweep = args.sweep || args.html.is_some();
    let study = Study::of(scenario, draws, seen.as_ref(), sweep);
    target.write(|| page::page(&study))?;
    if args.json {
        output.print_json(&json::value(&study))?;
    } else {
        output.print(&text::told(&study, args.sweep, output.width()))?;
    }
    Ok(Exit::Fine)
}

/// The scenario of that name that comes along, else the file.
fn read(args: &SimulateArgs) -> Result<Scenario, Stopped> {
    let path = args.scenario.as_path();
    let named = shipped()
        .iter()
        .find(|shipped| path.as_os_str() == shipped.name);
    let scenario = match named {
        Some(found) => scenario::parse(found.text, found.name, found.name),
        None => scenario::load(path),
    };
    Ok(scenario?)
}

async fn measured(server: &str, args: &SimulateArgs) -> Result<Measured, Stopped> {
    let mut measured = Measured::default();
    let add = |request: &_| measured.add(request);
    Box::pin(books::each_request(server, &args.filter(), add)).await?;
    Ok(measured)
}
