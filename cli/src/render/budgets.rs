//! Where budgets stand: a bar, what is spent and reserved of what, and when it begins anew.

use std::time::{Duration, SystemTime};

use terrace_proto::convert::timestamp;
use terrace_proto::ledger::v1::{AlertKind, Budget, WatchAlertsResponse};

use super::cost::{day_and_time, percent};
use crate::style::{BAD, DIM, GOOD, POOR, paint};
use crate::wording::{clean, money, span};

/// Cells of a budget's bar.
const BAR: u32 = 20;

/// A line for each budget, as seen at `now`.
pub(crate) fn budgets(budgets: &[Budget], now: SystemTime) -> String {
    if budgets.is_empty() {
        return "no budget: nothing limits what is spent\n".to_owned();
    }
    let lines = budgets.iter().map(|budget| line_of(budget, now));
    lines.collect()
}

/// An alert in a line.
pub(crate) fn alert(alert: &WatchAlertsResponse, now: SystemTime) -> String {
    let word = match alert.kind() {
        AlertKind::Refused => paint(BAD, "refuses"),
        _ => paint(POOR, "is nearly spent"),
    };
    let budget = alert.budget.clone().unwrap_or_default();
    format!(
        "{}  {word}  {}",
        day_and_time(alert.at.as_ref()),
        line_of(&budget, now)
    )
}

pub(super) fn line_of(budget: &Budget, now: SystemTime) -> String {
    let used = budget
        .spent_nano_usd
        .saturating_add(budget.reserved_nano_usd);
    let allowed = budget
        .cap_nano_usd
        .saturating_add(budget.topped_up_nano_usd);
    let share = share(used, allowed);
    let style = match f64::from(share) / 1000.0 {
        full if full >= 1.0 => BAD,
        high if high >= budget.alert_threshold => POOR,
        _ => GOOD,
    };
    let filled = (share * BAR).div_ceil(1000).min(BAR) as usize;
    let bar = paint(style, "#".repeat(filled)) + &paint(DIM, "-".repeat(BAR as usize - filled));
    format!(
        "{}  [{bar}]  {} spent, {} reserved{} of {}{}{}{}{}\n",
        clean(&budget.name),
        money(budget.spent_nano_usd),
        money(budget.reserved_nano_usd),
        lent(budget),
        money(allowed),
        topped_up(budget),
        percent(used, allowed),
        ends(budget, now),
        if budget.paused { ", paused" } else { "" },
    )
}

fn lent(budget: &Budget) -> String {
    match budget.leased_nano_usd {
        0 => String::new(),
        lent => format!(" ({} lent)", money(lent)),
    }
}

fn topped_up(budget: &Budget) -> String {
    match budget.topped_up_nano_usd {
        0 => String::new(),
        more => format!(" ({} on top)", money(more)),
    }
}

/// Thousandths of what is allowed that are used, at most all of them.
fn share(used: i64, allowed: i64) -> u32 {
    if allowed <= 0 {
        return 1000;
    }
    let share = i128::from(used.max(0)) * 1000 / i128::from(allowed);
    u32::try_from(share).unwrap_or(1000).min(1000)
}

fn ends(budget: &Budget, now: SystemTime) -> String {
    let left = budget
        .period_end
        .as_ref()
        .and_then(timestamp)
        .and_then(|end| end.duration_since(now).ok());
    left.map_or_else(String::new, |left: Duration| {
        format!(", anew in {} ({})", span(left), clean(&budget.time_zone))
    })
}
