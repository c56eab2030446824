//! `terrace budget`: who may spend how much, and who stands where.

mod watch;

use std::time::SystemTime;

use terrace_domain::{NanoUsd, RequestId, Score};
use terrace_proto::ledger::v1::{Budget, ListBudgetsRequest, SetBudgetRequest};

use crate::args::{BudgetArgs, BudgetCommand, SetArgs, TopUpArgs};
use crate::client::{Client, soon};
use crate::error::{Trouble, finish};
use crate::exit::Exit;
use crate::output::Output;
use crate::{json, render};

/// Asks the ledger for budgets, or to change one, and prints where they stand.
pub(crate) async fn run(server: &str, output: &Output, args: &BudgetArgs) -> Exit {
    let done = match &args.command {
        BudgetCommand::Watch { project, since } => {
            let wanted = (project.as_deref().unwrap_or_default(), *since);
            Box::pin(watch::run(server, *output, wanted, args.json)).await
        }
        _ => Box::pin(budgets(server, *output, args)).await,
    };
    finish(*output, args.json, done)
}

async fn budgets(server: &str, output: Output, args: &BudgetArgs) -> Result<Exit, Trouble> {
    let client = Client::new(server)?;
    let budgets = match change(&args.command) {
        Some(change) => {
            let set = client.accounts().set_budget(soon(change)).await?;
            set.into_inner().budget.into_iter().collect()
        }
        None => list(&client, &args.command).await?,
    };
    if args.json {
        output.print_json(&json::budgets(&budgets))?;
    } else {
        output.print(&render::budgets(&budgets, SystemTime::now()))?;
    }
    Ok(Exit::Fine)
}

async fn list(client: &Client, command: &BudgetCommand) -> Result<Vec<Budget>, Trouble> {
    let project = match command {
        BudgetCommand::List { project } => project.clone().unwrap_or_default(),
        _ => String::new(),
    };
    let request = ListBudgetsRequest { project };
    let budgets = client.ledger().list_budgets(soon(request)).await?;
    Ok(budgets.into_inner().budgets)
}

/// What is to change, if anything is.
fn change(command: &BudgetCommand) -> Option<SetBudgetRequest> {
    Some(match command {
        BudgetCommand::List { .. } | BudgetCommand::Watch { .. } => return None,
        BudgetCommand::Set(args) => set(args),
        BudgetCommand::Pause(args) => paused(&args.name.to_string(), true),
        BudgetCommand::Resume(args) => paused(&args.name.to_string(), false),
        BudgetCommand::TopUp(args) => top_up(args),
        BudgetCommand::Remove(args) => SetBudgetRequest {
            name: args.name.to_string(),
            remove: true,
            ..SetBudgetRequest::default()
        },
    })
}

fn set(args: &SetArgs) -> SetBudgetRequest {
    let given = [
        ("cap_nano_usd", args.cap.is_some()),
        ("alert_threshold", args.alert_threshold.is_some()),
        ("time_zone", args.time_zone.is_some()),
    ];
    let fields = given.iter().filter(|(_, given)| *given);
    SetBudgetRequest {
        name: args.budget.name.to_string(),
        cap_nano_usd: args.cap.map_or(0, NanoUsd::get),
        alert_threshold: args.alert_threshold.map_or(0.0, Score::get),
        time_zone: args.time_zone.clone().unwrap_or_default(),
        update_mask: Some(mask(fields.map(|(field, _)| *field))),
        ..SetBudgetRequest::default()
    }
}

fn paused(name: &str, paused: bool) -> SetBudgetRequest {
    SetBudgetRequest {
        name: name.to_owned(),
        paused,
        update_mask: Some(mask(["paused"])),
        ..SetBudgetRequest::default()
    }
}

fn top_up(args: &TopUpArgs) -> SetBudgetRequest {
    let id = args.id.unwrap_or_else(|| RequestId::generate().as_uuid());
    SetBudgetRequest {
        name: args.budget.name.to_string(),
        top_up_nano_usd: args.amount.get(),
        top_up_id: id.to_string(),
        ..SetBudgetRequest::default()
    }
}

fn mask<'a>(fields: impl IntoIterator<Item = &'a str>) -> prost_types::FieldMask {
    prost_types::FieldMask {
        paths: fields.into_iter().map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser as _;

    fn changed(args: &[&str]) -> SetBudgetRequest {
        let args = ["terrace", "budget"].iter().chain(args);
        match Cli::try_parse_from(args).unwrap().command {
            Command::Budget(args) => change(&args.command).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_what_is_given_is_changed() {
        let both = changed(&[
            "set",
            "installation/daily",
            "--cap",
            "$2.50",
            "--alert-threshold",
            "0.5",
        ]);
        assert_eq!(
            (both.cap_nano_usd, both.alert_threshold),
            (2_500_000_000, 0.5)
        );
        assert_eq!(
            both.update_mask.unwrap().paths,
            ["cap_nano_usd", "alert_threshold"]
        );
        let zone = changed(&["set", "project/a/b/monthly", "--time-zone", "Asia/Tokyo"]);
        assert_eq!(zone.name, "project/a/b/monthly");
        assert_eq!(zone.update_mask.unwrap().paths, ["time_zone"]);
    }

    #[test]
    fn a_pause_changes_nothing_else_and_a_top_up_has_an_id() {
        let pause = changed(&["pause", "installation/daily"]);
        assert!(pause.paused);
        assert_eq!(pause.update_mask.unwrap().paths, ["paused"]);
        let top_up = changed(&["top-up", "installation/daily", "5"]);
        assert_eq!(top_up.top_up_nano_usd, 5_000_000_000);
        assert!(!top_up.top_up_id.is_empty() && top_up.update_mask.is_none());
    }

    #[test]
    fn a_change_needs_a_budget_and_something_to_change() {
        for wrong in [
            &["set", "installation/daily"][..],
            &["set", "team/x/daily", "--cap", "1"],
            &["top-up", "installation/daily"],
        ] {
            let args = ["terrace", "budget"].iter().chain(wrong);
            assert!(Cli::try_parse_from(args).is_err(), "{wrong:?}");
        }
    }
}
