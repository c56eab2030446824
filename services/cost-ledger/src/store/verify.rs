//! The questions by which the books are proved: each returns what is wrong, and nothing is good.

use sqlx::{FromRow, PgConnection};

use crate::error::Error;

/// A claim about the books.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) name: &'static str,
    /// What has to be true.
    pub(crate) about: &'static str,
    /// Rows of `subject` and `detail` for which it is not.
    sql: &'static str,
}

/// Something for which a claim is not true.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Finding {
    pub(crate) subject: String,
    pub(crate) detail: String,
    total: i64,
}

/// What came of one claim.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    pub(crate) claim: Claim,
    /// How much is wrong.
    pub(crate) wrong: u64,
    /// The first of it.
    pub(crate) findings: Vec<Finding>,
}

/// Checks one claim.
pub(crate) async fn check(database: &mut PgConnection, claim: Claim) -> Result<Checked, Error> {
    let findings: Vec<Finding> = sqlx::query_as(claim.sql).fetch_all(database).await?;
    let total = findings.first().map_or(0, |finding| finding.total);
    Ok(Checked {
        claim,
        wrong: total.unsigned_abs(),
        findings,
    })
}

/// Every claim, cheapest first. Of a period that began before the horizon of history rows may have
/// been deleted: its sums stand, and nothing is left to prove them by.
pub(crate) const CLAIMS: [Claim; 11] = [
    Claim {
        name: "periods_follow_each_other",
        about: "periods of a budget do not overlap",
        sql: "SELECT budget.name AS subject, count(*) OVER () AS total,
                     format('the period from %s begins before the one from %s ends',
                            late.period_start, early.period_start) AS detail
              FROM budget_periods early
              JOIN budget_periods late ON late.budget_id = early.budget_id
               AND late.period_id <> early.period_id AND late.period_start >= early.period_start
               AND late.period_start < early.period_end
              JOIN budgets budget ON budget.budget_id = early.budget_id
              LIMIT 20",
    },
    Claim {
        name: "top_ups_add_up",
        about: "what a period has on top of its cap is the sum of its top-ups",
        sql: "SELECT budget.name AS subject, count(*) OVER () AS total,
                     format('has %s on top, its top-ups are %s nano-USD', topped_up_nano_usd,
                            coalesce(added, 0)) AS detail
              FROM budget_periods
              JOIN budgets budget USING (budget_id)
              LEFT JOIN (SELECT period_id, sum(amount_nano_usd) AS added
                         FROM budget_top_ups GROUP BY period_id) top_ups USING (period_id)
              WHERE topped_up_nano_usd <> coalesce(added, 0)
              LIMIT 20",
    },
    Claim {
        name: "nothing_outlives_its_expiry",
        about: "no request is open a minute after its expiry",
        sql: "SELECT 'request ' || request_id AS subject, count(*) OVER () AS total,
                     format('expired at %s and is still open: does the reaper run?',
                            expires_at) AS detail
              FROM requests
              WHERE closed_at IS NULL AND expires_at < now() - interval '1 minute'
              ORDER BY expires_at LIMIT 20",
    },
    Claim {
        name: "closed_requests_hold_nothing",
        about: "a request that has ended holds no money",
        sql: "SELECT format('request %s step %s', request_id, step) AS subject,
                     count(*) OVER () AS total,
                     format('holds %s nano-USD and its request has ended', amount_nano_usd) AS detail
              FROM holds JOIN requests USING (request_id)
              WHERE state = 'open' AND closed_at IS NOT NULL
              LIMIT 20",
    },
    Claim {
        name: "settled_holds_have_events",
        about: "every hold that was settled has the event of its step: there is no gap",
        sql: "SELECT format('request %s step %s', request_id, step) AS subject,
                     count(*) OVER () AS total, 'was settled and has no event' AS detail
              FROM holds LEFT JOIN usage_events event USING (request_id, step)
              WHERE holds.state = 'settled' AND event.request_id IS NULL
              LIMIT 20",
    },
    Claim {
        name: "events_end_their_holds",
        about: "no step is both held and spent: nothing counts double",
        sql: "SELECT format('request %s step %s', request_id, step) AS subject,
                     count(*) OVER () AS total,
                     format('cost %s and still holds %s nano-USD', cost_nano_usd,
                            amount_nano_usd) AS detail
              FROM holds JOIN usage_events USING (request_id, step)
              WHERE holds.state = 'open'
              LIMIT 20",
    },
    Claim {
        name: "rows_belong_to_requests",
        about: "every hold and event belongs to a request",
        sql: "SELECT format('request %s step %s', request_id, step) AS subject,
                     count(*) OVER () AS total, 'belongs to no request' AS detail
              FROM (SELECT request_id, step FROM holds
                    UNION SELECT request_id, step FROM usage_events) booked
              WHERE NOT EXISTS (SELECT 1 FROM requests
                                WHERE requests.request_id = booked.request_id)
              LIMIT 20",
    },
    Claim {
        name: "reserved_is_what_is_held",
        about: "what a period has reserved is the sum of its open holds and leases, as far back as rows are kept",
        sql: "SELECT format('%s from %s', budget.name, period.period_start) AS subject,
                     count(*) OVER () AS total,
                     format('has reserved %s, its open holds and leases are %s nano-USD',
                            reserved_nano_usd, coalesce(held, 0)) AS detail
              FROM budget_periods period
              JOIN budgets budget USING (budget_id)
              LEFT JOIN (
                  SELECT id, sum(amount) AS held FROM (
                      SELECT part.id, amount_nano_usd AS amount FROM holds,
                             unnest(coalesce(period_ids, ARRAY[period_id])) AS part (id)
                      WHERE state = 'open'
                      UNION ALL
                      SELECT part.id, remaining_nano_usd FROM leases, unnest(period_ids) AS part (id)
                  ) held GROUP BY id
              ) holds ON holds.id = period.period_id
              WHERE reserved_nano_usd <> coalesce(held, 0)
                AND period_start >= (SELECT horizon FROM history_horizon)
              LIMIT 20",
    },
    Claim {
        name: "leased_is_what_is_lent",
        about: "what a period has lent is the sum of what is left of its leases",
        sql: "SELECT format('%s from %s', budget.name, period.period_start) AS subject,
                     count(*) OVER () AS total,
                     format('has lent %s, its leases have %s nano-USD', leased_nano_usd,
                            coalesce(lent, 0)) AS detail
              FROM budget_periods period
              JOIN budgets budget USING (budget_id)
              LEFT JOIN (
                  SELECT part.id, sum(remaining_nano_usd) AS lent
                  FROM leases, unnest(period_ids) AS part (id) GROUP BY part.id
              ) leases ON leases.id = period.period_id
              WHERE leased_nano_usd <> coalesce(lent, 0)
              LIMIT 20",
    },
    Claim {
        name: "no_lease_outlives_its_expiry",
        about: "no lease is out a minute after its expiry",
        sql: "SELECT 'lease ' || lease_id AS subject, count(*) OVER () AS total,
                     format('expired at %s and is still out: does the reaper run?',
                            expires_at) AS detail
              FROM leases WHERE expires_at < now() - interval '1 minute'
              ORDER BY expires_at LIMIT 20",
    },
    Claim {
        name: "spent_is_what_steps_cost",
        about: "what a period has spent is the sum of what its steps cost, as far back as rows are kept",
        sql: "SELECT format('%s from %s', budget.name, period.period_start) AS subject,
                     count(*) OVER () AS total,
                     format('has spent %s, its steps cost %s nano-USD', spent_nano_usd,
                            coalesce(cost, 0)) AS detail
              FROM budget_periods period
              JOIN budgets budget USING (budget_id)
              LEFT JOIN (
                  SELECT part.id, sum(cost_nano_usd) AS cost FROM usage_events,
                         unnest(coalesce(period_ids, ARRAY[period_id])) AS part (id)
                  WHERE cost_nano_usd > 0 GROUP BY part.id
              ) events ON events.id = period.period_id
              WHERE spent_nano_usd <> coalesce(cost, 0)
                AND period_start >= (SELECT horizon FROM history_horizon)
              LIMIT 20",
    },
];
