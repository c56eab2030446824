//! `terrace budget watch`: alerts as they come, a line each, until it is stopped.

use std::time::{Duration, SystemTime};

use terrace_proto::convert::wire_timestamp;
use terrace_proto::ledger::v1::WatchAlertsRequest;

use crate::client::{Client, within};
use crate::error::Trouble;
use crate::exit::Exit;
use crate::output::Output;
use crate::{json, render};

/// As long as any call may take.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Prints alerts from `since` ago on, or those that are given from now on.
pub(super) async fn run(
    server: &str,
    output: Output,
    (project, since): (&str, Option<Duration>),
    as_json: bool,
) -> Result<Exit, Trouble> {
    let from = since.and_then(|span| SystemTime::now().checked_sub(span));
    let request = WatchAlertsRequest {
        project: project.to_owned(),
        since: from.map(wire_timestamp),
    };
    let mut ledger = Client::new(server)?.ledger();
    let alerts = ledger.watch_alerts(within(request, PATIENCE)).await?;
    let mut alerts = alerts.into_inner();
    while let Some(alert) = alerts.message().await? {
        let line = match as_json {
            true => format!("{}\n", json::alert(&alert)),
            false => render::alert(&alert, SystemTime::now()),
        };
        output.print(&line)?;
    }
    Ok(Exit::Fine)
}
