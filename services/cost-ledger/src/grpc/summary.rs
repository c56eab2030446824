//! Summaries on the wire: what is asked for, and what is told of each group.

use std::collections::BTreeSet;

use terrace_domain::{Failure, ModelName, NanoUsd, ProjectName};
use terrace_proto::convert::wire_duration;
use terrace_proto::ledger::v1 as wire;
use time::Duration;

use super::Rules;
use super::fields::Fields;
use super::write::{moment, request_outcome};
use crate::summary::{Ask, By, Group, Summary, Sums, TierSums};

/// The shortest bucket.
const SHORTEST: Duration = Duration::MINUTE;

pub(super) fn ask(message: &wire::GetSummaryRequest, rules: &Rules) -> Result<Ask, Failure> {
    let mut fields = Fields::default();
    let from = fields.moment("from", message.from.as_ref());
    let until = fields.moment("until", message.until.as_ref());
    let project = fields.optional_text::<ProjectName>("project", &message.project);
    let by = dimensions(&mut fields, &message.group_by);
    let bucket = bucket(&mut fields, message.bucket.as_ref());
    let ask = || {
        Some(Ask {
            from: from?,
            until: until?,
            time_zone: rules.time_zone,
            project: project?.map(|project| project.to_string()),
            by,
            bucket,
            gpu: rules.gpu.clone(),
        })
    };
    fields.finish(ask())
}

fn dimensions(fields: &mut Fields, words: &[String]) -> Vec<By> {
    let mut seen = BTreeSet::new();
    let mut by = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let field = format!("group_by[{index}]");
        let Some(dimension) = dimension(word) else {
            let description = "is nothing to group by: there are tier, backend, model, action, \
                project, key and tag.NAME";
            fields.wrong.add(field, description);
            continue;
        };
        let once = match &dimension {
            By::Tag(_) => "tag",
            _ => word.as_str(),
        };
        let description = "is grouped by already: each once, and one tag";
        fields
            .wrong
            .require(seen.insert(once.to_owned()), &field, description);
        by.push(dimension);
    }
    by
}

fn dimension(word: &str) -> Option<By> {
    Some(match word {
        "tier" => By::Tier,
        "backend" => By::Backend,
        "model" => By::Model,
        "action" => By::Action,
        "project" => By::Project,
        "key" => By::Key,
        _ => {
            let name = word.strip_prefix("tag.")?;
            let is_name = !name.is_empty() && !name.contains('\0');
            return is_name.then(|| By::Tag(name.to_owned()));
        }
    })
}

fn bucket(fields: &mut Fields, wanted: Option<&prost_types::Duration>) -> Option<Duration> {
    let wanted = wanted?;
    let length = terrace_proto::convert::duration(wanted)
        .and_then(|length| Duration::try_from(length).ok())
        .filter(|length| *length >= SHORTEST);
    let description = "must be a minute or longer; unset has no buckets";
    fields
        .wrong
        .require(length.is_some(), "bucket", description);
    length
}

pub(super) fn told(summary: &Summary, baseline: Option<&ModelName>) -> wire::GetSummaryResponse {
    let outcomes = summary.outcomes.iter().map(|ended| wire::OutcomeCount {
        outcome: request_outcome(ended.outcome).into(),
        requests: ended.requests,
    });
    let total = &summary.total;
    wire::GetSummaryResponse {
        from: Some(moment(summary.from)),
        until: Some(moment(summary.until)),
        requests: total.requests,
        outcomes: outcomes.collect(),
        tiers: summary.tiers.iter().map(tier).collect(),
        cost_nano_usd: total.cost.get(),
        baseline_nano_usd: total.baseline.get(),
        savings_nano_usd: total.parts.sum().get(),
        baseline_requests: total.baseline_requests,
        unanswered_cost_nano_usd: total.unanswered_cost.get(),
        presumed_cost_nano_usd: total.presumed_cost.get(),
        baseline_model: baseline.map(ModelName::to_string).unwrap_or_default(),
        total: Some(sums(total)),
        groups: summary.groups.iter().map(group).collect(),
    }
}

fn tier(tier: &TierSums) -> wire::TierSummary {
    wire::TierSummary {
        tier: tier.tier.clone(),
        attempts: tier.sums.attempts,
        accepted: tier.sums.accepted,
        answered: tier.sums.answered,
        usage: Some(tier.sums.usage.into()),
        cost_nano_usd: tier.sums.cost.get(),
    }
}

fn group(group: &Group) -> wire::SummaryGroup {
    wire::SummaryGroup {
        from: group.bucket.map(|(from, _)| moment(from)),
        until: group.bucket.map(|(_, until)| moment(until)),
        values: group.values.clone(),
        sums: Some(sums(&group.sums)),
    }
}

fn sums(sums: &Sums) -> wire::Sums {
    let parts = &sums.parts;
    wire::Sums {
        requests: sums.requests,
        answered: sums.answered,
        passed: sums.passed,
        escalated: sums.escalated,
        attempts: sums.attempts,
        accepted: sums.accepted,
        usage: Some(sums.usage.into()),
        cost_nano_usd: sums.cost.get(),
        baseline_nano_usd: sums.baseline.get(),
        baseline_requests: sums.baseline_requests,
        savings_nano_usd: parts.sum().get(),
        savings_parts: Some(wire::SavingsParts {
            tokens_nano_usd: parts.tokens.get(),
            judge_nano_usd: parts.judge.get(),
            consensus_nano_usd: parts.consensus.get(),
            rejected_nano_usd: parts.rejected.get(),
            cache_nano_usd: parts.cache.get(),
            gpu_hours_nano_usd: NanoUsd::get(parts.gpu_hours),
            shadow_nano_usd: parts.shadow.get(),
        }),
        mean_score: sums.mean_score(),
        scored: sums.scored,
        shadows: sums.shadows,
        latency: sums.latency().map(|[p50, p90, p99]| wire::Latencies {
            p50: Some(wire_duration(p50)),
            p90: Some(wire_duration(p90)),
            p99: Some(wire_duration(p99)),
        }),
    }
}
