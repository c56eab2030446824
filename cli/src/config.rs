//! `terrace config`: every problem of a config at once, or what it comes to.

use std::io;
use std::path::Path;

use terrace_config::{Config, Loaded, Row};
use terrace_domain::BudgetName;

use crate::args::ConfigCommand;
use crate::error::finish;
use crate::exit::Exit;
use crate::output::Output;
use crate::style::{BAD, GOOD, POOR, heading, paint};
use crate::table::{Grid, Tone};
use crate::wording::price;

/// Checks or shows a config.
pub(crate) fn run(output: &Output, command: &ConfigCommand) -> Exit {
    let (file, print): (_, Printed) = match command {
        ConfigCommand::Check { file } => (file, understood),
        ConfigCommand::Show { file } => (file, in_effect),
    };
    let done = load(*output, file.as_deref(), print);
    finish(*output, false, done.map_err(Into::into))
}

/// What is printed of a right config, for a terminal of this width.
type Printed = fn(&Loaded, Option<u16>) -> String;

fn load(output: Output, file: Option<&Path>, print: Printed) -> io::Result<Exit> {
    match terrace_config::load(file) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                output.complain(&format!("{} {warning}", paint(POOR, "warning:")));
            }
            output.print(&print(&loaded, output.width()))?;
            Ok(Exit::Fine)
        }
        Err(problems) => {
            output.complain(&problems.to_string());
            let count = match problems.len() {
                1 => "1 problem".to_owned(),
                count => format!("{count} problems"),
            };
            output.complain(&format!("{} {count}", paint(BAD.bold(), "error:")));
            Ok(Exit::Config)
        }
    }
}

/// The result of a check: tiers, models, backends, prices.
fn understood(loaded: &Loaded, width: Option<u16>) -> String {
    let columns = ["tier", "model", "backend", ">in/M", ">out/M", "remarks"];
    let mut grid = Grid::new(&columns, width);
    for row in loaded.config.rows() {
        add(&mut grid, &row);
    }
    let source = source(loaded);
    let fine = paint(GOOD, "no problems");
    format!(
        "{source}: {fine}\n{}{}",
        grid.render(),
        money(&loaded.config)
    )
}

fn add(grid: &mut Grid, row: &Row<'_>) {
    let listed = row.model.price;
    let prices = match listed.is_free() {
        true => ["free".to_owned(), "free".to_owned()],
        false => [listed.input, listed.output].map(|part| price(part.get())),
    };
    let backend = match row.backend {
        Some(backend) => format!("{} ({})", backend.name, backend.url),
        None => row.model.backend.to_string(),
    };
    let tone = if row.model.enabled {
        Tone::Plain
    } else {
        Tone::Dim
    };
    let cells = [
        row.tier.as_str(),
        row.model.name.as_str(),
        &backend,
        &prices[0],
        &prices[1],
        &row.remarks().join("; "),
    ];
    grid.row(cells.map(|text| (tone, text)));
}

fn money(config: &Config) -> String {
    let costs = &config.cost_control;
    let budget = match costs.daily_budget {
        Some(cap) => format!("Daily budget: {cap} ({})\n", costs.time_zone.name()),
        None => "Daily budget: none\n".to_owned(),
    };
    let others = costs.budgets.iter();
    let others = others.filter(|budget| budget.name != BudgetName::INSTALLATION_DAILY);
    let lines = others.map(|budget| {
        let (name, cap, zone) = (&budget.name, budget.cap, budget.time_zone.name());
        format!("Budget {name}: {cap} ({zone})\n")
    });
    let budgets = budget + &lines.collect::<String>();
    match &costs.baseline {
        Some(baseline) => format!("{budgets}Baseline: {}\n", baseline.model),
        None => budgets,
    }
}

/// The whole config as it is in effect; secrets do not print.
fn in_effect(loaded: &Loaded, _width: Option<u16>) -> String {
    let title = heading(&source(loaded));
    format!("{title}\n{:#?}\n", loaded.config)
}

fn source(loaded: &Loaded) -> String {
    match &loaded.source {
        Some(path) => path.display().to_string(),
        None => "built-in config".to_owned(),
    }
}
