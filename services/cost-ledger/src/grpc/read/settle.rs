//! The settle call: the message with the most in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use terrace_domain::{Failure, Usage};
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::ledger::v1 as wire;

use super::lease::debit;
use super::{Fields, Rules, Who, called_step};
use crate::books::{Close, Settlement, Target};
use crate::config::TagLimits;
use crate::outcome::{RequestOutcome, StepOutcome};
use crate::settle::Settle;

pub(in crate::grpc) fn settle(
    message: &wire::SettleRequest,
    rules: &Rules,
) -> Result<Settle, Failure> {
    let mut fields = Fields::default();
    let who = Who {
        request_id: &message.request_id,
        project: &message.project,
        key_id: &message.key_id,
        action: &message.action,
        body_fingerprint: &message.body_fingerprint,
    };
    let identity = who.read(&mut fields, rules.reservation_ttl);
    fields.wrong.require(
        !message.steps.is_empty() || message.close.is_some(),
        "steps",
        "must not be empty without a close: there would be nothing to settle",
    );
    let mut seen = BTreeSet::new();
    let mut steps = Some(Vec::with_capacity(message.steps.len()));
    for (index, step) in message.steps.iter().enumerate() {
        let at = At(index);
        let step = settlement(&mut fields, at, step);
        if let Some(step) = &step
            && !seen.insert(step.step)
        {
            let twice = "is in this call twice: a step is settled once";
            fields.wrong.add(at.field("step").to_string(), twice);
        }
        steps = steps.zip(step).map(|(mut steps, step)| {
            steps.push(step);
            steps
        });
    }
    let close = match &message.close {
        Some(end) => close(&mut fields, end, rules.tags).map(Some),
        None => Some(None),
    };
    let settle = || {
        Some(Settle {
            identity: identity?,
            steps: steps?,
            close: close?,
        })
    };
    fields.finish(settle())
}

/// The step with this index.
#[derive(Debug, Clone, Copy)]
pub(super) struct At(usize);

impl At {
    /// A field of it.
    pub(super) const fn field(self, name: &'static str) -> Field {
        Field(self, name)
    }
}

/// A field of a step, by its path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field(At, &'static str);

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(At(index), name) = self;
        write!(f, "steps[{index}].{name}")
    }
}

fn settlement(fields: &mut Fields, at: At, message: &wire::StepSettlement) -> Option<Settlement> {
    let step = called_step(fields, at.field("step"), &message.step);
    let target = fields.target(at.field("target"), message.target.as_ref());
    let outcome = step_outcome(fields, at.field("outcome"), message.outcome());
    let reason = fields.optional_text(at.field("reason"), &message.reason);
    let cost = fields.amount(at.field("cost_nano_usd"), message.cost_nano_usd, 0);
    let free_or_called = outcome != Some(StepOutcome::Skipped) || message.cost_nano_usd == 0;
    let description = "must be 0: a skipped step is one that was never called";
    if !free_or_called {
        let field = at.field("cost_nano_usd").to_string();
        fields.wrong.add(field, description);
    }
    let usage = usage(
        fields,
        at.field("usage"),
        message.usage.unwrap_or_default().into(),
    );
    let score = fields.score(at.field("score"), message.score);
    let started_at = fields.moment(at.field("started_at"), message.started_at.as_ref());
    let latency = fields.span(at.field("latency"), message.latency.as_ref());
    let debit = debit(fields, at, message);
    Some(Settlement {
        step: step?,
        target: target?,
        outcome: outcome?,
        reason: reason?,
        usage,
        cost: cost?,
        score: score?,
        started_at: started_at?,
        latency: latency?,
        debit: debit?,
    })
}

fn step_outcome(fields: &mut Fields, path: Field, outcome: AttemptOutcome) -> Option<StepOutcome> {
    let wrong = match outcome {
        AttemptOutcome::Accepted => return Some(StepOutcome::Accepted),
        AttemptOutcome::Rejected => return Some(StepOutcome::Rejected),
        AttemptOutcome::Failed => return Some(StepOutcome::Failed),
        AttemptOutcome::Cancelled => return Some(StepOutcome::Cancelled),
        AttemptOutcome::Skipped => return Some(StepOutcome::Skipped),
        AttemptOutcome::Presumed => "is for the ledger alone to presume: say how the step ended",
        AttemptOutcome::Unspecified => "must say how the step ended",
    };
    fields.wrong.add(path.to_string(), wrong);
    None
}

fn usage(fields: &mut Fields, path: Field, usage: Usage) -> Usage {
    let counts = [
        ("input_tokens", usage.input_tokens),
        ("output_tokens", usage.output_tokens),
        ("cached_input_tokens", usage.cached_input_tokens),
        ("cache_write_tokens", usage.cache_write_tokens),
        ("reasoning_tokens", usage.reasoning_tokens),
    ];
    for (field, count) in counts {
        fields.count(format_args!("{path}.{field}"), count);
    }
    usage
}

fn close(fields: &mut Fields, message: &wire::RequestClose, limits: TagLimits) -> Option<Close> {
    let outcome = request_outcome(fields, message.outcome());
    let answer = answer(fields, outcome, message);
    let baseline = message
        .baseline_nano_usd
        .map(|nanos| fields.amount("close.baseline_nano_usd", nanos, 0));
    let score = fields.score("close.score", message.score);
    let latency = fields.span("close.latency", message.latency.as_ref());
    let tags = tags(fields, &message.tags, limits);
    Some(Close {
        outcome: outcome?,
        answer: answer?,
        baseline: match baseline {
            Some(baseline) => Some(baseline?),
            None => None,
        },
        score: score?,
        latency: latency?,
        tags,
    })
}

fn request_outcome(fields: &mut Fields, outcome: wire::RequestOutcome) -> Option<RequestOutcome> {
    let wrong = match outcome {
        wire::RequestOutcome::Passed => return Some(RequestOutcome::Passed),
        wire::RequestOutcome::BestEffort => return Some(RequestOutcome::BestEffort),
        wire::RequestOutcome::Failed => return Some(RequestOutcome::Failed),
        wire::RequestOutcome::Cancelled => return Some(RequestOutcome::Cancelled),
        wire::RequestOutcome::Presumed => {
            "is for the ledger alone to presume: say how the request ended"
        }
        wire::RequestOutcome::Unspecified => "must say how the request ended",
    };
    fields.wrong.add("close.outcome", wrong);
    None
}

/// What answered: needed with an answer, and refused without one, because it would be counted.
fn answer(
    fields: &mut Fields,
    outcome: Option<RequestOutcome>,
    message: &wire::RequestClose,
) -> Option<Option<Target>> {
    if outcome?.is_answered() {
        let tier = fields.text("close.tier", &message.tier);
        let backend = fields.text("close.backend", &message.backend);
        let model = fields.text("close.model", &message.model);
        return Some(Some(Target {
            tier: tier?,
            backend: backend?,
            model: model?,
        }));
    }
    let parts = [
        ("close.tier", &message.tier),
        ("close.backend", &message.backend),
        ("close.model", &message.model),
    ];
    for (field, text) in parts {
        let description = "must be empty: this outcome has no answer";
        fields.wrong.require(text.is_empty(), field, description);
    }
    Some(None)
}

fn tags(
    fields: &mut Fields,
    tags: &HashMap<String, String>,
    limits: TagLimits,
) -> BTreeMap<String, String> {
    if tags.len() > limits.count {
        let description = format!("must be at most {} tags", limits.count);
        fields.wrong.add("close.tags", description);
    }
    let pairs = tags.iter();
    let tags: BTreeMap<String, String> = pairs
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    // One bad tag says enough: what it is called is the caller's text, and may be any length.
    let too_long = tags
        .iter()
        .any(|(name, value)| name.len() + value.len() > limits.bytes);
    if too_long {
        let description = format!("must have at most {} bytes each", limits.bytes);
        fields.wrong.add("close.tags", description);
    }
    let unusable = tags
        .iter()
        .any(|(name, value)| name.is_empty() || name.contains('\0') || value.contains('\0'));
    let description = "must have names, and no NUL in name or value";
    fields.wrong.require(!unusable, "close.tags", description);
    tags
}
