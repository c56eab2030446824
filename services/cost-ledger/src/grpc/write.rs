//! What the use cases give, to wire messages.

use std::time::SystemTime;

use terrace_domain::{NanoUsd, RequestId, Score, Step};
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::convert::{wire_duration, wire_timestamp};
use terrace_proto::ledger::v1 as wire;
use time::OffsetDateTime;

use crate::alerts::Raised;
use crate::books::{Close, Event, Target};
use crate::budget::{AlertKind, Origin, Standing};
use crate::extend::Extended;
use crate::lease::{Acquired, Renewed};
use crate::outcome::{RequestOutcome, StepOutcome};
use crate::reserve::Held;
use crate::store::requests::Account;
use crate::store::verify::Checked;

pub(super) fn held(held: &Held) -> wire::ReserveResponse {
    wire::ReserveResponse {
        held_nano_usd: held.held.get(),
        expires_at: Some(moment(held.expires_at)),
        repeated_call: held.repeated,
    }
}

pub(super) fn extended(extended: &Extended) -> wire::ExtendResponse {
    wire::ExtendResponse {
        held_nano_usd: extended.held.get(),
        expires_at: Some(moment(extended.expires_at)),
    }
}

pub(super) fn acquired(acquired: &Acquired) -> wire::AcquireLeaseResponse {
    wire::AcquireLeaseResponse {
        granted_nano_usd: acquired.granted.get(),
        usable_for: Some(wire_duration(acquired.usable_for)),
    }
}

pub(super) fn renewed(renewed: &Renewed) -> wire::RenewLeaseResponse {
    wire::RenewLeaseResponse {
        granted_nano_usd: renewed.granted.get(),
        usable_for: Some(wire_duration(renewed.usable_for)),
        recalled: renewed.recalled,
    }
}

pub(super) fn account(request_id: RequestId, account: Account) -> wire::GetRequestResponse {
    let mut events = account.events;
    events.sort_by_key(|event| place(event.step.step));
    wire::GetRequestResponse {
        request_id: request_id.to_string(),
        action: account.action,
        close: account.close.map(close),
        steps: events.iter().map(settlement).collect(),
        cost_nano_usd: account.cost.get(),
        held_nano_usd: account.held.get(),
        body_fingerprint: account.body_fingerprint.unwrap_or_default(),
    }
}

/// The order of steps in a request: each attempt, then what judged it.
const fn place(step: Step) -> (u32, u32) {
    match step {
        Step::Attempt(index) => (index, 0),
        Step::Judge { attempt, opinion } => (attempt, opinion.saturating_add(1)),
        // Only whom the judge asked about it is in a request that has one of them.
        Step::Shadow | Step::Reuse | Step::Lease => (0, 0),
    }
}

pub(super) fn budget(budget: &Standing) -> wire::Budget {
    wire::Budget {
        name: budget.name.to_string(),
        cap_nano_usd: budget.cap.get(),
        spent_nano_usd: budget.spent.get(),
        reserved_nano_usd: budget.reserved.get(),
        alert_threshold: budget.alert_threshold.get(),
        period_start: Some(moment(budget.period.start)),
        period_end: Some(moment(budget.period.end)),
        time_zone: budget.time_zone.name().to_owned(),
        paused: budget.paused,
        topped_up_nano_usd: budget.topped_up.get(),
        origin: origin(budget.origin).into(),
        leased_nano_usd: budget.leased.get(),
    }
}

pub(super) fn alert(alert: &Raised) -> wire::WatchAlertsResponse {
    let kind = match alert.kind {
        AlertKind::Threshold => wire::AlertKind::Threshold,
        AlertKind::Refused => wire::AlertKind::Refused,
    };
    wire::WatchAlertsResponse {
        budget: Some(budget(&alert.standing)),
        at: Some(moment(alert.at)),
        kind: kind.into(),
        alert_id: alert.alert_id.to_string(),
    }
}

pub(super) fn checked(checked: Checked) -> wire::VerifyCheck {
    let findings = checked.findings.into_iter();
    let findings = findings.map(|finding| wire::VerifyFinding {
        subject: finding.subject,
        detail: finding.detail,
    });
    wire::VerifyCheck {
        name: checked.claim.name.to_owned(),
        about: checked.claim.about.to_owned(),
        wrong: checked.wrong,
        findings: findings.collect(),
    }
}

const fn origin(origin: Origin) -> wire::BudgetOrigin {
    match origin {
        Origin::Config => wire::BudgetOrigin::Config,
        Origin::Call => wire::BudgetOrigin::Call,
    }
}

fn settlement(event: &Event) -> wire::StepSettlement {
    let step = &event.step;
    wire::StepSettlement {
        step: step.step.to_string(),
        target: Some(target(&step.target)),
        outcome: step_outcome(step.outcome).into(),
        reason: step
            .reason
            .map(|reason| reason.to_string())
            .unwrap_or_default(),
        usage: Some(step.usage.into()),
        cost_nano_usd: step.cost.get(),
        score: step.score.map(Score::get),
        started_at: step.started_at.map(moment),
        latency: Some(wire_duration(step.latency)),
        lease_id: String::new(),
        lease_debit_nano_usd: 0,
    }
}

fn close(close: Close) -> wire::RequestClose {
    let answer = close.answer.as_ref();
    wire::RequestClose {
        outcome: request_outcome(close.outcome).into(),
        tier: answer.map(|by| by.tier.to_string()).unwrap_or_default(),
        backend: answer.map(|by| by.backend.to_string()).unwrap_or_default(),
        model: answer.map(|by| by.model.to_string()).unwrap_or_default(),
        baseline_nano_usd: close.baseline.map(NanoUsd::get),
        score: close.score.map(Score::get),
        latency: Some(wire_duration(close.latency)),
        tags: close.tags.into_iter().collect(),
    }
}

fn target(target: &Target) -> wire::StepTarget {
    wire::StepTarget {
        tier: target.tier.to_string(),
        backend: target.backend.to_string(),
        model: target.model.to_string(),
    }
}

pub(super) const fn step_outcome(outcome: StepOutcome) -> AttemptOutcome {
    match outcome {
        StepOutcome::Accepted => AttemptOutcome::Accepted,
        StepOutcome::Rejected => AttemptOutcome::Rejected,
        StepOutcome::Failed => AttemptOutcome::Failed,
        StepOutcome::Cancelled => AttemptOutcome::Cancelled,
        StepOutcome::Skipped => AttemptOutcome::Skipped,
        StepOutcome::Presumed => AttemptOutcome::Presumed,
    }
}

pub(super) const fn request_outcome(outcome: RequestOutcome) -> wire::RequestOutcome {
    match outcome {
        RequestOutcome::Passed => wire::RequestOutcome::Passed,
        RequestOutcome::BestEffort => wire::RequestOutcome::BestEffort,
        RequestOutcome::Failed => wire::RequestOutcome::Failed,
        RequestOutcome::Cancelled => wire::RequestOutcome::Cancelled,
        RequestOutcome::Presumed => wire::RequestOutcome::Presumed,
    }
}

pub(super) fn moment(at: OffsetDateTime) -> prost_types::Timestamp {
    wire_timestamp(SystemTime::from(at))
}
