-- Slices of budgets that orchestrators decide over by themselves. What is lent counts as reserved,
-- so that nobody passes a cap, whoever decides.

ALTER TABLE budget_periods
    -- What of the reserved is lent.
    ADD COLUMN leased_nano_usd bigint NOT NULL DEFAULT 0 CHECK (leased_nano_usd >= 0),
    -- When a hold last found no room while something was lent: leases are asked back by it.
    ADD COLUMN recalled_at timestamptz;

-- Leases that are out; one that is given back, or lost, has no row any more.
CREATE TABLE leases (
    lease_id           uuid PRIMARY KEY,
    project            text NOT NULL CHECK (project <> ''),
    key_id             text NOT NULL,
    -- Periods that it was taken from and goes back to.
    period_ids         bigint[] NOT NULL,
    -- All that was ever lent with it.
    granted_nano_usd   bigint NOT NULL CHECK (granted_nano_usd >= remaining_nano_usd),
    -- What of it is neither settled nor given back.
    remaining_nano_usd bigint NOT NULL CHECK (remaining_nano_usd >= 0),
    -- What is called with it: enough to write the row of a lease that is lost.
    tier               text NOT NULL,
    backend            text NOT NULL,
    model              text NOT NULL,
    taken_at           timestamptz NOT NULL DEFAULT now(),
    expires_at         timestamptz NOT NULL
);

-- What the reaper asks.
CREATE INDEX leases_expiring ON leases (expires_at);
