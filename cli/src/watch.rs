//! `terrace watch`: what happens to requests while they are answered, a line each, until it is stopped.

use std::time::Duration;

use terrace_proto::router::v1::WatchRequestsRequest;

use crate::args::WatchArgs;
use crate::client::{Client, within};
use crate::error::{Trouble, finish};
use crate::exit::Exit;
use crate::output::Output;
use crate::{json, render};

/// As long as a watch may go on.
const PATIENCE: Duration = Duration::from_hours(7 * 24);

/// Prints what the orchestrator tells.
pub(crate) async fn run(server: &str, output: &Output, args: &WatchArgs) -> Exit {
    let done = Box::pin(follow(server, *output, args)).await;
    finish(*output, args.json, done)
}

async fn follow(server: &str, output: Output, args: &WatchArgs) -> Result<Exit, Trouble> {
    let wanted = WatchRequestsRequest {
        project: args.project.clone().unwrap_or_default(),
        request_id: args.request.map(|id| id.to_string()).unwrap_or_default(),
        ended_too: args.ended,
    };
    let mut router = Client::new(server)?.router();
    let told = router.watch_requests(within(wanted, PATIENCE)).await?;
    let mut told = told.into_inner();
    while let Some(event) = told.message().await? {
        match args.json {
            true => output.print(&format!("{}\n", json::watched(&event)))?,
            false => output.print(&render::watched(&event))?,
        }
    }
    Ok(Exit::Fine)
}
