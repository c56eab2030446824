//! `terrace budget`: which budget, and what of it.

use std::time::Duration;

use clap::{Args, Subcommand};
use terrace_domain::{BudgetName, NanoUsd, Score};
use uuid::Uuid;

use super::{examples, values};

#[derive(Debug, Args)]
#[command(after_help = examples::BUDGET)]
pub(crate) struct BudgetArgs {
    /// Print one JSON object instead of a table; errors too
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: BudgetCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BudgetCommand {
    /// Show every budget, and what is spent and reserved of it
    #[command(after_help = examples::BUDGET_LIST)]
    List {
        /// Only those of this project and of the whole installation
        #[arg(long, value_name = "NAME")]
        project: Option<String>,
    },
    /// Print alerts as they are given, until it is stopped
    #[command(after_help = examples::BUDGET_WATCH)]
    Watch {
        /// Only those of this project's budgets and of the whole installation's
        #[arg(long, value_name = "NAME")]
        project: Option<String>,
        /// Begin with the alerts of this last span of time, as 24h or 7d
        #[arg(long, value_name = "TIME", value_parser = values::duration)]
        since: Option<Duration>,
    },
    /// Create a budget, or change what is given of one
    #[command(after_help = examples::BUDGET_SET)]
    Set(SetArgs),
    /// Refuse everything that costs, until it is resumed
    #[command(after_help = examples::BUDGET_PAUSE)]
    Pause(NameArgs),
    /// End a pause
    #[command(after_help = examples::BUDGET_RESUME)]
    Resume(NameArgs),
    /// Give the day or the month at hand more to spend; the next one has its cap alone
    #[command(after_help = examples::BUDGET_TOP_UP)]
    TopUp(TopUpArgs),
    /// Take a budget out of force; what was spent stays in the books
    #[command(after_help = examples::BUDGET_REMOVE)]
    Remove(NameArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// installation/SPAN, project/NAME/SPAN or key/ID/SPAN, where SPAN is daily or monthly
    #[arg(value_name = "BUDGET")]
    pub(crate) name: BudgetName,
}

#[derive(Debug, Args)]
#[group(id = "changes", required = true, multiple = true, args = ["cap", "alert_threshold", "time_zone"])]
pub(crate) struct SetArgs {
    #[command(flatten)]
    pub(crate) budget: NameArgs,
    /// The most that is spent and reserved in every period, in US dollars; needed for a new budget
    #[arg(long, value_name = "USD", value_parser = values::usd)]
    pub(crate) cap: Option<NanoUsd>,
    /// The share of the cap from which an alert is due, above 0 and at most 1
    #[arg(long, value_name = "SHARE", value_parser = values::score)]
    pub(crate) alert_threshold: Option<Score>,
    /// Where its days and months begin, as Europe/Berlin; holds from the next one on
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TopUpArgs {
    #[command(flatten)]
    pub(crate) budget: NameArgs,
    /// How much, in US dollars
    #[arg(value_name = "USD", value_parser = values::usd)]
    pub(crate) amount: NanoUsd,
    /// A UUID of your own: sent twice, it is added once
    #[arg(long, value_name = "UUID")]
    pub(crate) id: Option<Uuid>,
}
