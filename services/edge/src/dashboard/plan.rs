//! A plan: who is tried in which order and why, and who is not.

use maud::{Markup, html};
use terrace_proto::router::v1 as wire;

use super::format::{exact, seconds, span};
use crate::account::word;

/// The plan.
pub(super) fn show(plan: &wire::Plan) -> Markup {
    html! {
        (taken_for(plan))
        ol class="steps" { @for candidate in &plan.candidates { li { (row(candidate)) } } }
        @if plan.candidates.is_empty() { p class="notice warn" { "No model can be tried." } }
        @if let Some(consensus) = &plan.consensus {
            p { strong { "Consensus: " } (consensus.why) }
            @if !consensus.members.is_empty() { ol class="steps" { @for member in &consensus.members { li { (row(member)) } } } }
        }
        p class="dim" {
            "At most " (plan.max_attempts) " attempts, " @if plan.quality_check { "score " (format!("{:.2}", plan.quality_threshold)) " wanted" } @else { "not judged" }
            @if let Some(time) = &plan.time { ", " (span(seconds(Some(time)))) " left" } "."
        }
        @if !plan.left_out.is_empty() { details {
            summary { (plan.left_out.len()) " left out" }
            ul { @for left in &plan.left_out { li class="finding" { strong { (left.model) } " " span class="dim" { (left.tier) } " " (left.why) } } }
        } }
    }
}

/// What the request was taken for.
fn taken_for(plan: &wire::Plan) -> Markup {
    let Some(taken) = &plan.classification else {
        return html! {};
    };
    html! {
        p {
            span class="badge" { (word(taken.task_kind().as_str_name(), "TASK_KIND_")) } " difficulty " strong { (format!("{:.2}", taken.difficulty)) }
            @if !taken.tier.is_empty() { ", demands " strong { (taken.tier) } }
            @if !taken.code_language.is_empty() { ", " (taken.code_language) }
        }
        @if !taken.evidence.is_empty() { details {
            summary { "Why" }
            ul { @for evidence in &taken.evidence { li class="finding" { code { (evidence.feature) } " " (format!("{:+.2}", evidence.weight)) " " (evidence.detail) } } }
        } }
    }
}

fn row(candidate: &wire::Candidate) -> Markup {
    html! {
        strong { (candidate.model) } " " span class="dim" { (candidate.tier) " · " (candidate.backend) }
        @if candidate.scripted { " " span class="badge" { "scripted stand-in" } }
        div { (candidate.why) }
        div class="dim" {
            "worst case " (exact(candidate.worst_case_nano_usd)) ", expected " (exact(candidate.expected_nano_usd))
            @if let Some(latency) = &candidate.expected_latency { ", " (span(seconds(Some(latency)))) }
        }
        @if !candidate.no_budget.is_empty() { div class="notice warn" { (candidate.no_budget) } }
    }
}
