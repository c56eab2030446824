//! `terrace simulate`: what a month would cost, and the real ledger under another config.
//!
//! What is computed is in `terrace-simulation`. Here a scenario or configs are read, the ledger is
//! asked for its rows, and the results are told: as tables, as JSON, as a page with charts.

mod books;
mod chart;
mod page;
mod replay;
mod scenario;
mod study;

use std::io;
use std::path::Path;

use terrace_config::Problems;

use crate::args::SimulateArgs;
use crate::error::{Trouble, finish};
use crate::exit::Exit;
use crate::output::Output;
use crate::style::{BAD, paint};
use crate::usage::Target;

/// Does what was asked.
pub(crate) async fn run(server: &str, output: &Output, args: &SimulateArgs) -> Exit {
    let done = match args.replay {
        true => Box::pin(replay::run(server, *output, args)).await,
        false => Box::pin(scenario::run(server, *output, args)).await,
    };
    match done {
        Ok(exit) => exit,
        Err(Stopped::Wrong(problems)) => {
            output.complain(&problems.to_string());
            let count = match problems.len() {
                1 => "1 problem".to_owned(),
                count => format!("{count} problems"),
            };
            output.complain(&format!("{} {count}", paint(BAD.bold(), "error:")));
            Exit::Config
        }
        Err(Stopped::Trouble(trouble)) => finish(*output, args.json, Err(trouble)),
    }
}

/// Why there is no result.
enum Stopped {
    /// A scenario or a config is wrong.
    Wrong(Problems),
    Trouble(Trouble),
}

impl From<Problems> for Stopped {
    fn from(problems: Problems) -> Self {
        Self::Wrong(problems)
    }
}

impl From<Trouble> for Stopped {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Trouble(error.into())
    }
}

/// A page that is to be written: its place is taken before anything is computed.
struct Page(Option<Target>);

impl Page {
    fn open(args: &SimulateArgs) -> Result<Self, Trouble> {
        let open = |path: &Path| Target::open(path, args.force);
        Ok(Self(args.html.as_deref().map(open).transpose()?))
    }

    fn write(self, page: impl FnOnce() -> String) -> Result<(), Trouble> {
        let Some(mut target) = self.0 else {
            return Ok(());
        };
        target.out().write_all(page().as_bytes())?;
        target.keep()
    }
}
