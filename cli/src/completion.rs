//! `terrace completion`: a script that teaches a shell the verbs and flags.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::args::Cli;
use crate::error::finish;
use crate::exit::Exit;
use crate::output::Output;

/// Prints the script.
pub(crate) fn run(output: &Output, shell: Shell) -> Exit {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "terrace", &mut script);
    let printed = output.print(&String::from_utf8_lossy(&script));
    finish(
        *output,
        false,
        printed.map(|()| Exit::Fine).map_err(Into::into),
    )
}
