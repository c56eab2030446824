//! Who answered, where the savings come from, and the sums by model and by action.

use maud::{Markup, html};
use terrace_proto::ledger::v1 as wire;

use crate::dashboard::chart::{Piece, parts};
use crate::dashboard::format::{count, exact, seconds, share, span};

/// Rows of a table that are shown.
const MOST: usize = 20;

/// The tiers from the lowest to the highest, as `order` has them; others come behind.
fn in_order<'a>(
    told: &'a wire::GetSummaryResponse,
    order: &[String],
) -> Vec<&'a wire::TierSummary> {
    let mut tiers: Vec<&wire::TierSummary> = told.tiers.iter().collect();
    let place = |tier: &str| order.iter().position(|name| name == tier);
    tiers.sort_by_key(|tier| place(&tier.tier).unwrap_or(usize::MAX));
    tiers
}

/// What each tier did.
pub(super) fn tiers(told: &wire::GetSummaryResponse, order: &[String]) -> Markup {
    let tiers = in_order(told, order);
    let pieces: Vec<Piece> = tiers
        .iter()
        .map(|tier| Piece {
            name: tier.tier.clone(),
            size: tier.answered as f64,
            told: format!("{} answered", count(tier.answered)),
        })
        .collect();
    html! {
        section class="card" {
            h2 { "Tiers" }
            (parts("Answers by tier", &pieces))
            @if tiers.is_empty() { p class="empty" { "Nothing was called in this time." } } @else {
                div class="wide" tabindex="0" role="group" aria-label="Tiers" { table {
                    thead { tr { th scope="col" { "tier" } th scope="col" class="right" { "attempts" } th scope="col" class="right" { "accepted" }
                        th scope="col" class="right" { "answered" } th scope="col" class="right" { "cost" } } }
                    tbody { @for tier in &tiers { tr {
                        th scope="row" { (tier.tier) }
                        td class="right" { (count(tier.attempts)) }
                        td class="right" { (share(tier.accepted, tier.attempts)) }
                        td class="right" { (count(tier.answered)) }
                        td class="right" { (exact(tier.cost_nano_usd)) }
                    } } }
                } }
            }
        }
    }
}

/// The savings and their parts, which add up.
pub(super) fn savings(told: &wire::GetSummaryResponse, total: &wire::Sums) -> Markup {
    let of = total.savings_parts.unwrap_or_default();
    let rows = [
        ("answers, against the baseline", of.tokens_nano_usd),
        ("answers given again from the cache", of.cache_nano_usd),
        ("the judge's own calls", of.judge_nano_usd),
        ("members of a consensus", of.consensus_nano_usd),
        ("attempts in vain", of.rejected_nano_usd),
        ("hours of GPUs", of.gpu_hours_nano_usd),
        ("shadow calls, to learn from", of.shadow_nano_usd),
    ];
    html! {
        section class="card" {
            h2 { "Savings" }
            div class="wide" tabindex="0" role="group" aria-label="Savings" { table {
                thead { tr { th scope="col" { "part" } th scope="col" class="right" { "amount" } } }
                tbody { @for (name, nanos) in rows { tr {
                    th scope="row" { (name) } td class="right" { (exact(nanos)) }
                } } }
                tfoot { tr { th scope="row" { "saved" } td class="right" { (exact(told.savings_nano_usd)) } } }
            } }
            @if told.presumed_cost_nano_usd != 0 {
                p class="dim" { (exact(told.presumed_cost_nano_usd)) " of the cost is presumed: an orchestrator ended in the middle of a call." }
            }
        }
    }
}

/// Sums by one dimension, the dearest and busiest first.
pub(super) fn groups(title: &str, of: &str, told: &wire::GetSummaryResponse) -> Markup {
    let mut groups: Vec<(&str, wire::Sums)> = told
        .groups
        .iter()
        .map(|group| {
            let name = group.values.first().map_or("", String::as_str);
            (name, group.sums.unwrap_or_default())
        })
        .collect();
    groups.sort_by_key(|(_, sums)| {
        std::cmp::Reverse((sums.cost_nano_usd, sums.attempts, sums.requests))
    });
    let left = groups.len().saturating_sub(MOST);
    html! {
        section class="card" {
            h2 { (title) }
            @if groups.is_empty() { p class="empty" { "Nothing was called in this time." } } @else {
                div class="wide" tabindex="0" role="group" aria-label=(title) { table {
                    thead { tr { th scope="col" { (of) } th scope="col" class="right" { "requests" } th scope="col" class="right" { "passed" }
                        th scope="col" class="right" { "attempts" } th scope="col" class="right" { "accepted" } th scope="col" class="right" { "p50" } th scope="col" class="right" { "p99" } th scope="col" class="right" { "cost" } } }
                    tbody { @for (name, sums) in groups.iter().take(MOST) { (row(name, sums)) } }
                } }
                @if left > 0 { p class="dim" { (left) " more; " code { "terrace cost --by " (of) } " shows all." } }
            }
        }
    }
}

fn row(name: &str, sums: &wire::Sums) -> Markup {
    let latency = sums.latency.unwrap_or_default();
    html! {
        tr {
            th scope="row" { @if name.is_empty() { span class="dim" { "none" } } @else { (name) } }
            td class="right" { (count(sums.requests)) }
            td class="right" { (share(sums.passed, sums.answered)) }
            td class="right" { (count(sums.attempts)) }
            td class="right" { (share(sums.accepted, sums.attempts)) }
            td class="right" { (span(seconds(latency.p50.as_ref()))) }
            td class="right" { (span(seconds(latency.p99.as_ref()))) }
            td class="right" { (exact(sums.cost_nano_usd)) }
        }
    }
}
