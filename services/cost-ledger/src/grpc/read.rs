//! Wire messages to what the use cases take. Every wrong field is named at once.

mod settle;

use std::time::Duration;

use terrace_domain::{ActionName, Failure, ProjectName, Step};
use terrace_proto::ledger::v1 as wire;
use time::OffsetDateTime;

use super::Rules;
use super::fields::Fields;
use crate::books::Hold;
use crate::lookup::Lookup;
use crate::outcome::HoldState;
use crate::release::Release;
use crate::reserve::Reserve;
use crate::store::requests::Identity;
use crate::summary;

pub(super) use settle::settle;

pub(super) fn reserve(message: wire::ReserveRequest, rules: &Rules) -> Result<Reserve, Failure> {
    let mut fields = Fields::default();
    let ttl = time_to_live(&mut fields, message.ttl.as_ref(), rules.reservation_ttl);
    let who = Who {
        request_id: &message.request_id,
        project: &message.project,
        key_id: &message.key_id,
        action: &message.action,
    };
    let identity = who.read(&mut fields, ttl);
    let step = fields.text("step", &message.step);
    let amount = fields.amount("amount_nano_usd", message.amount_nano_usd, 1);
    let target = fields.target("target", message.target.as_ref());
    let reserve = || {
        let hold = Hold {
            step: step?,
            amount: amount?,
            period: None,
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

pub(super) fn release(message: &wire::ReleaseRequest) -> Result<Release, Failure> {
    let mut fields = Fields::default();
    let request_id = fields.text("request_id", &message.request_id);
    let steps = message.steps.iter().enumerate();
    let steps: Vec<Option<Step>> = steps
        .map(|(index, step)| fields.text(&format!("steps[{index}]"), step))
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

pub(super) fn summary(
    message: &wire::GetSummaryRequest,
    rules: &Rules,
) -> Result<summary::Ask, Failure> {
    let mut fields = Fields::default();
    let from = fields.moment("from", message.from.as_ref());
    let until = fields.moment("until", message.until.as_ref());
    let (project, groups) = (&message.project, &message.group_by);
    fields.wrong.not_built_yet(!project.is_empty(), "project");
    fields.wrong.not_built_yet(!groups.is_empty(), "group_by");
    let ask = || {
        Some(summary::Ask {
            from: from?,
            until: until?,
            time_zone: rules.time_zone,
        })
    };
    fields.finish(ask())
}

pub(super) fn list_budgets(message: &wire::ListBudgetsRequest) -> Result<(), Failure> {
    let mut fields = Fields::default();
    let project = &message.project;
    fields.wrong.not_built_yet(!project.is_empty(), "project");
    fields.finish(Some(()))
}

/// The fields by which every writing call says whose request it is about.
struct Who<'a> {
    request_id: &'a str,
    project: &'a str,
    key_id: &'a str,
    action: &'a str,
}

impl Who<'_> {
    fn read(&self, fields: &mut Fields, ttl: Duration) -> Option<Identity> {
        let request_id = fields.text("request_id", self.request_id);
        let project = fields.text::<ProjectName>("project", self.project);
        // Until there are keys, an id of one is any text that could name something.
        let key_id = fields.optional_text::<ProjectName>("key_id", self.key_id);
        let action = fields.optional_text::<ActionName>("action", self.action);
        Some(Identity {
            request_id: request_id?,
            project: project?,
            key_id: key_id?.map(|key| key.to_string()).unwrap_or_default(),
            action: action?.map(|action| action.to_string()).unwrap_or_default(),
            ttl_ms: i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX).max(1),
        })
    }
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
