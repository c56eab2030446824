//! The calls about leases.

use terrace_domain::{Failure, NanoUsd};
use terrace_proto::ledger::v1 as wire;

use super::settle::At;
use super::{Fields, Rules, Who};
use crate::books::Debit;
use crate::lease::{Acquire, GiveBack, Renew};

pub(in crate::grpc) fn acquire(
    message: &wire::AcquireLeaseRequest,
    rules: &Rules,
) -> Result<Acquire, Failure> {
    let mut fields = Fields::default();
    let who = Who {
        request_id: &message.lease_id,
        project: &message.project,
        key_id: &message.key_id,
        action: "",
        body_fingerprint: &[],
    };
    let identity = who.read(&mut fields, rules.leases.ttl);
    let target = fields.target("target", message.target.as_ref());
    let least = fields.amount("least_nano_usd", message.least_nano_usd, 1);
    let most = fields.amount("most_nano_usd", message.most_nano_usd, 1);
    let acquire = || {
        Some(Acquire {
            identity: identity?,
            target: target?,
            least: least?,
            most: most?,
            terms: rules.leases,
        })
    };
    fields.finish(acquire())
}

pub(in crate::grpc) fn renew(
    message: &wire::RenewLeaseRequest,
    rules: &Rules,
) -> Result<Renew, Failure> {
    let mut fields = Fields::default();
    let lease_id = fields.text("lease_id", &message.lease_id);
    let more = fields.amount("more_nano_usd", message.more_nano_usd, 0);
    let renew = || {
        Some(Renew {
            lease_id: lease_id?,
            more: more?,
            terms: rules.leases,
        })
    };
    fields.finish(renew())
}

pub(in crate::grpc) fn give_back(message: &wire::ReturnLeaseRequest) -> Result<GiveBack, Failure> {
    let mut fields = Fields::default();
    let lease_id = fields.text("lease_id", &message.lease_id);
    let outstanding = fields.amount("outstanding_nano_usd", message.outstanding_nano_usd, 0);
    let give_back = || {
        Some(GiveBack {
            lease_id: lease_id?,
            outstanding: outstanding?,
        })
    };
    fields.finish(give_back())
}

/// What a step was paid from, if it was a lease.
pub(super) fn debit(
    fields: &mut Fields,
    at: At,
    message: &wire::StepSettlement,
) -> Option<Option<Debit>> {
    let amount = message.lease_debit_nano_usd;
    let Some(lease_id) = fields.optional_text(at.field("lease_id"), &message.lease_id)? else {
        if amount != 0 {
            let field = at.field("lease_debit_nano_usd").to_string();
            fields.wrong.add(field, "must be 0 without a lease_id");
        }
        return Some(None);
    };
    let amount: NanoUsd = fields.amount(at.field("lease_debit_nano_usd"), amount, 1)?;
    Some(Some(Debit { lease_id, amount }))
}
