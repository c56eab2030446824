//! `terrace cost`: what was spent and saved, and where the budgets stand.

use std::time::SystemTime;

use terrace_proto::convert::{wire_duration, wire_timestamp};
use terrace_proto::ledger::v1::{GetSummaryRequest, ListBudgetsRequest};

use crate::args::{CostArgs, Since};
use crate::client::{Client, soon};
use crate::error::{Trouble, finish};
use crate::exit::Exit;
use crate::output::Output;
use crate::{json, render};

/// Asks the ledger and prints what it says.
pub(crate) async fn run(server: &str, output: &Output, args: &CostArgs) -> Exit {
    let done = Box::pin(cost(server, *output, args)).await;
    finish(*output, args.json, done)
}

async fn cost(server: &str, output: Output, args: &CostArgs) -> Result<Exit, Trouble> {
    let now = SystemTime::now();
    let from = match args.since {
        Since::Today => None,
        Since::Ago(span) => now.checked_sub(span).map(wire_timestamp),
    };
    let mut ledger = Client::new(server)?.ledger();
    let request = GetSummaryRequest {
        from,
        project: args.project.clone().unwrap_or_default(),
        group_by: args.by.clone(),
        bucket: args.bucket.map(wire_duration),
        ..Default::default()
    };
    let summary = ledger.get_summary(soon(request)).await?.into_inner();
    let budgets = ledger.list_budgets(soon(ListBudgetsRequest::default()));
    let budgets = budgets.await?.into_inner().budgets;
    if args.json {
        output.print_json(&json::cost(&summary, &args.by, &budgets))?;
    } else {
        let groups = render::groups(&summary, &args.by, output.width());
        let text = render::cost(&summary, &budgets, now, output.width());
        output.print(&(text + &groups))?;
    }
    Ok(Exit::Fine)
}
