//! The rows of leases. One that is given back or lost has none.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{FromRow, PgConnection};
use terrace_domain::{KeyId, NanoUsd, RequestId};
use time::OffsetDateTime;
use uuid::Uuid;

use super::rows::{array, count, optional, parsed, target};
use super::statement::Statement;
use crate::books::{Lease, PeriodId};
use crate::commit::Lent;
use crate::error::Error;

#[derive(Debug, FromRow)]
struct Row {
    lease_id: Uuid,
    project: String,
    key_id: String,
    period_ids: Vec<i64>,
    granted_nano_usd: i64,
    remaining_nano_usd: i64,
    tier: String,
    backend: String,
    model: String,
    taken_at: OffsetDateTime,
    expires_at: OffsetDateTime,
}

/// Locks those of these leases that are out. Rows of requests are locked before, periods after.
pub(crate) async fn lock(
    database: &mut PgConnection,
    ids: &BTreeSet<RequestId>,
) -> Result<BTreeMap<RequestId, Lent>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT lease_id, project, key_id, period_ids, granted_nano_usd, remaining_nano_usd, tier,
                backend, model, taken_at, expires_at
         FROM leases WHERE lease_id = ANY($1) ORDER BY lease_id FOR NO KEY UPDATE",
    )
    .bind(ids)
    .fetch_all(database)
    .await?;
    let leases = rows.into_iter().map(|row| {
        let lease = Lease::try_from(row)?;
        Ok((lease.lease_id, Lent::stored(lease)))
    });
    leases.collect()
}

/// Leases that have expired, the longest first.
pub(crate) async fn expired(
    database: &mut PgConnection,
    at_most: i64,
) -> Result<Vec<RequestId>, Error> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT lease_id FROM leases WHERE expires_at <= now() ORDER BY expires_at LIMIT $1",
    )
    .bind(at_most)
    .fetch_all(database)
    .await?;
    Ok(ids.into_iter().map(RequestId::from_uuid).collect())
}

/// Writes leases that are new.
pub(super) fn begin<'a>(statement: &mut Statement, leases: impl Iterator<Item = &'a Lease>) {
    let (mut ids, mut projects, mut keys, mut periods) = (vec![], vec![], vec![], vec![]);
    let (mut granted, mut remaining, mut expiries) = (vec![], vec![], vec![]);
    let (mut tiers, mut backends, mut models) = (vec![], vec![], vec![]);
    for lease in leases {
        ids.push(lease.lease_id.as_uuid());
        projects.push(lease.project.as_str());
        keys.push(lease.key.as_ref().map_or("", KeyId::as_str));
        periods.push(array(&lease.periods));
        granted.push(lease.granted.get());
        remaining.push(lease.remaining.get());
        tiers.push(lease.target.tier.as_str());
        backends.push(lease.target.backend.as_str());
        models.push(lease.target.model.as_str());
        expiries.push(lease.expires_at);
    }
    if ids.is_empty() {
        return;
    }
    statement
        .part("new_leases", BEGIN)
        .bind(ids)
        .bind(projects)
        .bind(keys)
        .bind(periods)
        .bind(granted)
        .bind(remaining)
        .bind(tiers)
        .bind(backends)
        .bind(models)
        .bind(expiries);
}

const BEGIN: &str = "
    INSERT INTO leases (lease_id, project, key_id, period_ids, granted_nano_usd,
                        remaining_nano_usd, tier, backend, model, expires_at)
    SELECT lease_id, project, key_id, periods::bigint[], granted, remaining, tier, backend, model,
           expires_at
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
                $7::text[], $8::text[], $9::text[], $10::timestamptz[])
         AS new (lease_id, project, key_id, periods, granted, remaining, tier, backend, model,
                 expires_at)";

/// Writes how leases have changed.
pub(super) fn change<'a>(statement: &mut Statement, leases: impl Iterator<Item = &'a Lease>) {
    let (mut ids, mut granted, mut remaining, mut expiries) = (vec![], vec![], vec![], vec![]);
    for lease in leases {
        ids.push(lease.lease_id.as_uuid());
        granted.push(lease.granted.get());
        remaining.push(lease.remaining.get());
        expiries.push(lease.expires_at);
    }
    if ids.is_empty() {
        return;
    }
    statement
        .part("changed_leases", CHANGE)
        .bind(ids)
        .bind(granted)
        .bind(remaining)
        .bind(expiries);
}

const CHANGE: &str = "
    UPDATE leases SET granted_nano_usd = changed.granted, remaining_nano_usd = changed.remaining,
                      expires_at = changed.expires_at
    FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[])
         AS changed (lease_id, granted, remaining, expires_at)
    WHERE leases.lease_id = changed.lease_id";

/// Takes from leases what steps have taken from them, as `paying`: from none that has ended or has too
/// little left. Returns how many are to pay.
pub(super) fn pay<'a>(statement: &mut Statement, leases: impl Iterator<Item = &'a Lent>) -> i64 {
    let (mut ids, mut taken) = (vec![], vec![]);
    for lent in leases {
        ids.push(lent.lease.lease_id.as_uuid());
        taken.push(lent.taken().get());
    }
    let paying = count(&ids);
    if paying > 0 {
        statement.part("paying", PAY).bind(ids).bind(taken);
    }
    paying
}

const PAY: &str = "
    UPDATE leases SET remaining_nano_usd = remaining_nano_usd - wanted.taken
    FROM (SELECT lease_id, new.taken
          FROM unnest($1::uuid[], $2::bigint[]) AS new (lease_id, taken)
          JOIN leases USING (lease_id)
          ORDER BY lease_id FOR NO KEY UPDATE OF leases) AS wanted
    WHERE leases.lease_id = wanted.lease_id AND remaining_nano_usd >= wanted.taken
    RETURNING 1";

/// Takes away the rows of leases that have ended.
pub(super) fn end(statement: &mut Statement, ids: impl Iterator<Item = RequestId>) {
    let ids: Vec<Uuid> = ids.map(RequestId::as_uuid).collect();
    if !ids.is_empty() {
        let sql = "DELETE FROM leases WHERE lease_id = ANY($1)";
        statement.part("ended_leases", sql).bind(ids);
    }
}

impl TryFrom<Row> for Lease {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            lease_id: RequestId::from_uuid(row.lease_id),
            project: parsed(&row.project)?,
            key: optional(Some(&row.key_id))?,
            periods: row.period_ids.into_iter().map(PeriodId).collect(),
            granted: NanoUsd::new(row.granted_nano_usd),
            remaining: NanoUsd::new(row.remaining_nano_usd),
            target: target(&row.tier, &row.backend, &row.model)?,
            taken_at: row.taken_at,
            expires_at: row.expires_at,
        })
    }
}
