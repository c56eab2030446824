//! Wire messages to what the use cases take. Every wrong field is named at once.

mod budget;
mod lease;
mod settle;

use std::fmt::Display;
use std::time::Duration;

use terrace_domain::{Failure, NanoUsd, ProjectName, Step};
use terrace_proto::ledger::v1 as wire;
use time::OffsetDateTime;

use super::Rules;
use super::fields::Fields;
use crate::alerts::Watch;
use crate::books::{Hold, Identity};
use crate::extend::Extend;
use crate::lookup::Lookup;
use crate::outcome::HoldState;
use crate::release::Release;
use crate::reserve::Reserve;

pub(super) use budget::set_budget;
pub(super) use lease::{acquire, give_back, renew};
pub(super) use settle::settle;

pub(super) fn reserve(message: wire::ReserveRequest, rules: &Rules) -> Result<Reserve, Failure> {
    let mut fields = Fields::default();
    let ttl = time_to_live(&mut fields, message.ttl.as_ref(), rules.reservation_ttl);
    let who = Who {
        request_id: &message.request_id,
        project: &message.project,
        key_id: &message.key_id,
        action: &message.action,
        body_fingerprint: &message.body_fingerprint,
    };
    let identity = who.read(&mut fields, ttl);
    let step = called_step(&mut fields, "step", &message.step);
    let amount = fields.amount("amount_nano_usd", message.amount_nano_usd, 1);
    let target = fields.target("target", message.target.as_ref());
    let reserve = || {
        let hold = Hold {
            step: step?,
            amount: amount?,
            periods: Vec::new(),
            target: target?,
            state: HoldState::Open,
            taken_at: OffsetDateTime::UNIX_EPOCH,
        };
        Some(Reserve {
            identity: identity?,
            hold,
        })
    };
    fields.finish(reserve())
}

pub(super) fn extend(message: &wire::ExtendRequest, rules: &Rules) -> Result<Extend, Failure> {
    let mut fields = Fields::default();
    let request_id = fields.text("request_id", &message.request_id);
    let step = fields.optional_text("step", &message.step);
    let amount = match step {
        Some(Some(_)) => fields.amount("amount_nano_usd", message.amount_nano_usd, 1),
        _ => {
            let description = "must be 0 without a step: say whose hold is to grow";
            let none = message.amount_nano_usd == 0;
            fields.wrong.require(none, "amount_nano_usd", description);
            Some(NanoUsd::ZERO)
        }
    };
    // Without a new time to live the request's own one begins anew.
    let ttl = message.ttl.as_ref();
    let ttl = ttl.map(|ttl| time_to_live(&mut fields, Some(ttl), rules.reservation_ttl));
    let extend = || {
        Some(Extend {
            request_id: request_id?,
            raise: step?.zip(amount),
            ttl_ms: ttl.map_or(0, milliseconds),
        })
    };
    fields.finish(extend())
}

pub(super) fn release(message: &wire::ReleaseRequest) -> Result<Release, Failure> {
    let mut fields = Fields::default();
    let request_id = fields.text("request_id", &message.request_id);
    let steps = message.steps.iter().enumerate();
    let steps: Vec<Option<Step>> = steps
        .map(|(index, step)| fields.text(format_args!("steps[{index}]"), step))
        .collect();
    let release = || {
        Some(Release {
            request_id: request_id?,
            steps: steps.into_iter().collect::<Option<_>>()?,
        })
    };
    fields.finish(release())
}

pub(super) fn lookup(message: &wire::GetRequestRequest) -> Result<Lookup, Failure> {
    let mut fields = Fields::default();
    let request_id = fields.text("request_id", &message.request_id);
    let project = fields.text("project", &message.project);
    let lookup = || {
        Some(Lookup {
            request_id: request_id?,
            project: project?,
        })
    };
    fields.finish(lookup())
}

pub(super) fn list_budgets(
    message: &wire::ListBudgetsRequest,
) -> Result<Option<ProjectName>, Failure> {
    let mut fields = Fields::default();
    let project = fields.optional_text("project", &message.project);
    fields.finish(project)
}

pub(super) fn watch_alerts(message: &wire::WatchAlertsRequest) -> Result<Watch, Failure> {
    let mut fields = Fields::default();
    let project = fields.optional_text("project", &message.project);
    let since = fields.moment("since", message.since.as_ref());
    let watch = || {
        Some(Watch {
            project: project?,
            since: since?,
        })
    };
    fields.finish(watch())
}

/// The fields by which every writing call says whose request it is about.
struct Who<'a> {
    request_id: &'a str,
    project: &'a str,
    key_id: &'a str,
    action: &'a str,
    body_fingerprint: &'a [u8],
}

/// The longest fingerprint of a body: twice what ours take.
const MAX_FINGERPRINT_BYTES: usize = 64;

impl Who<'_> {
    fn read(&self, fields: &mut Fields, ttl: Duration) -> Option<Identity> {
        let request_id = fields.text("request_id", self.request_id);
        let project = fields.text("project", self.project);
        let key = fields.optional_text("key_id", self.key_id);
        let action = fields.optional_text("action", self.action);
        let body = self.body_fingerprint;
        let is_short = body.len() <= MAX_FINGERPRINT_BYTES;
        let description = "must have at most 64 bytes";
        fields
            .wrong
            .require(is_short, "body_fingerprint", description);
        Some(Identity {
            request_id: request_id?,
            project: project?,
            key: key?,
            action: action?,
            ttl_ms: milliseconds(ttl),
            body_fingerprint: (!body.is_empty()).then(|| body.to_vec()),
        })
    }
}

/// A step that somebody calls.
fn called_step(fields: &mut Fields, field: impl Display + Copy, text: &str) -> Option<Step> {
    let step = fields.text(field, text)?;
    let description = "is for the ledger alone: say which step was called";
    if step == Step::Lease {
        fields.wrong.add(field.to_string(), description);
    }
    Some(step)
}

fn milliseconds(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX).max(1)
}

/// What the caller asks for, capped by the config; unset is the cap.
fn time_to_live(
    fields: &mut Fields,
    wanted: Option<&prost_types::Duration>,
    most: Duration,
) -> Duration {
    let Some(wanted) = wanted else {
        return most;
    };
    let read = terrace_proto::convert::duration(wanted).unwrap_or_default();
    let description = "must be longer than nothing; unset takes what the ledger's config says";
    fields.wrong.require(!read.is_zero(), "ttl", description);
    read.min(most)
}
