//! `terrace up`: all services, in this process or in one each.
//!
//! Both ways end in the same place: a report for people, one `ready` line for scripts, and work
//! until a signal. What a config places elsewhere (`url`) is called there and not started.

mod forward;
mod report;
mod split;
mod together;

use std::process::ExitCode;

use terrace_config::Config;

use crate::args::UpArgs;
use crate::output::Output;

/// What helps against a ledger that cannot start.
const DATABASE_HINT: &str = "hint: `make up` starts a private PostgreSQL and Terrace on it; or say \
    where yours is: TERRACE__LEDGER__DATABASE_URL=postgres://USER:PASSWORD@HOST/DATABASE";

/// Runs until a signal, or until a part cannot go on.
pub(crate) async fn run(output: Output, args: &UpArgs) -> ExitCode {
    let config = args.config.as_deref();
    terrace_rpc::process::run("up", config, async |config: Config| {
        if args.split {
            Box::pin(split::run(output, &config, args)).await
        } else {
            Box::pin(together::run(output, &config, args)).await
        }
    })
    .await
}
