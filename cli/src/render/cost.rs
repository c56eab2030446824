//! What was spent and saved, and where the budgets stand. The parts of each list add up.

use std::time::SystemTime;

use prost_types::Timestamp;
use terrace_proto::convert::timestamp;
use terrace_proto::ledger::v1::{Budget, GetSummaryResponse};
use time::OffsetDateTime;

use super::budgets::line_of;
use crate::style::{BAD, GOOD, STRONG, heading, paint};
use crate::table::{Grid, Tone};
use crate::wording::{clean, lower, money};

/// The summary and the budgets, as seen at `now`.
pub(crate) fn cost(
    summary: &GetSummaryResponse,
    budgets: &[Budget],
    now: SystemTime,
    width: Option<u16>,
) -> String {
    let mut text = format!("{}\n", heading("Cost"));
    text += &format!("From: {}\n", day_and_time(summary.from.as_ref()));
    text += &format!("Requests: {}\n", requests(summary));
    if !summary.tiers.is_empty() {
        text += &tiers(summary, width);
    }
    text += &totals(summary);
    if !budgets.is_empty() {
        text += &format!("{}\n", heading("Budgets"));
        for budget in budgets {
            text += &line_of(budget, now);
        }
    }
    text
}

fn requests(summary: &GetSummaryResponse) -> String {
    let mut outcomes = summary.outcomes.clone();
    outcomes.sort_by_key(|count| count.outcome);
    let parts: Vec<String> = outcomes
        .iter()
        .filter(|count| count.requests > 0)
        .map(|count| {
            let word = lower(count.outcome().as_str_name(), "REQUEST_OUTCOME_").replace('_', " ");
            format!("{} {word}", count.requests)
        })
        .collect();
    match parts.is_empty() {
        true => summary.requests.to_string(),
        false => format!("{} ({})", summary.requests, parts.join(", ")),
    }
}

fn tiers(summary: &GetSummaryResponse, width: Option<u16>) -> String {
    let columns = [
        "tier",
        ">attempts",
        ">accepted",
        ">answered",
        ">tokens in",
        ">tokens out",
        ">cost",
    ];
    let mut grid = Grid::new(&columns, width);
    let mut sums = [0_u64; 5];
    for tier in &summary.tiers {
        let usage = tier.usage.unwrap_or_default();
        let counts = [
            tier.attempts,
            tier.accepted,
            tier.answered,
            usage.input_tokens,
            usage.output_tokens,
        ];
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
        add_row(
            &mut grid,
            Tone::Plain,
            &clean(&tier.tier),
            counts,
            tier.cost_nano_usd,
        );
    }
    add_row(&mut grid, Tone::Strong, "all", sums, summary.cost_nano_usd);
    grid.render()
}

fn add_row(grid: &mut Grid, tone: Tone, name: &str, counts: [u64; 5], cost: i64) {
    let counts = counts.map(|count| count.to_string());
    let cost = money(cost);
    let cells = std::iter::once(name)
        .chain(counts.iter().map(String::as_str))
        .chain(std::iter::once(cost.as_str()));
    grid.row(cells.map(|text| (tone, text)));
}

fn totals(summary: &GetSummaryResponse) -> String {
    let mut text = format!("Cost: {}\n", paint(STRONG, money(summary.cost_nano_usd)));
    let parts = [
        (
            summary.unanswered_cost_nano_usd,
            "bought no answer (rejected, failed, cancelled)",
        ),
        (
            summary.presumed_cost_nano_usd,
            "presumed, because an orchestrator died",
        ),
    ];
    for (part, what) in parts.into_iter().filter(|(part, _)| *part != 0) {
        text += &format!("  of it {} {what}\n", money(part));
    }
    text += &shadows(summary);
    if summary.baseline_requests == 0 {
        return text;
    }
    let model = match summary.baseline_model.as_str() {
        "" => "the baseline model",
        name => &clean(name),
    };
    let known = summary.baseline_requests;
    let answered = summary.total.as_ref().map_or(known, |total| total.answered);
    let answered = match answered == known {
        true => known.to_string(),
        false => format!("{known} of {answered}"),
    };
    text += &format!(
        "Baseline: {} for {answered} answered on {model}\n",
        money(summary.baseline_nano_usd)
    );
    let style = if summary.savings_nano_usd < 0 {
        BAD
    } else {
        GOOD
    };
    let percent = percent(summary.savings_nano_usd, summary.baseline_nano_usd);
    text += &format!(
        "Saved: {}{percent}\n",
        paint(style, money(summary.savings_nano_usd))
    );
    text + &savings_parts(summary)
}

/// Calls that answered nobody, if there were any: they are in the cost and in no other line.
fn shadows(summary: &GetSummaryResponse) -> String {
    let total = summary.total.unwrap_or_default();
    if total.shadows == 0 {
        return String::new();
    }
    let cost = total.savings_parts.unwrap_or_default().shadow_nano_usd;
    let cost = money(cost.saturating_neg());
    format!(
        "  of it {cost} for {} shadow calls, to learn from\n",
        total.shadows
    )
}

/// Where the savings come from and go to, if they have more than one part.
fn savings_parts(summary: &GetSummaryResponse) -> String {
    let total = summary.total.as_ref();
    let parts = total.and_then(|total| total.savings_parts);
    let parts = parts.unwrap_or_default();
    let parts = [
        (parts.tokens_nano_usd, "by the calls that answered"),
        (parts.cache_nano_usd, "by answers from the cache"),
        (parts.rejected_nano_usd, "for attempts in vain"),
        (parts.judge_nano_usd, "for the judge"),
        (parts.consensus_nano_usd, "for consensus"),
        (parts.gpu_hours_nano_usd, "for GPU-hours"),
        (parts.shadow_nano_usd, "for shadow calls"),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|(part, _)| *part != 0).collect();
    if parts.len() < 2 {
        return String::new();
    }
    let line = |(part, what): (i64, &str)| format!("  {} {what}\n", money(part));
    parts.into_iter().map(line).collect()
}

/// ` (50.0 %)`, or nothing when there is nothing to compare with.
pub(super) fn percent(part: i64, whole: i64) -> String {
    if whole == 0 {
        return String::new();
    }
    let tenths = i128::from(part) * 1000 / i128::from(whole);
    let sign = if tenths < 0 { "-" } else { "" };
    let tenths = tenths.unsigned_abs();
    format!(" ({sign}{}.{} %)", tenths / 10, tenths % 10)
}

pub(super) fn day_and_time(at: Option<&Timestamp>) -> String {
    let Some(at) = at.and_then(timestamp).map(OffsetDateTime::from) else {
        return "the beginning".to_owned();
    };
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    format!("{} {hour:02}:{minute:02}:{second:02} UTC", at.date())
}
