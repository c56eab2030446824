-- The books of requests. A request has one row from the first call that names it; that row is
-- the lock which every write to the request takes first, the row of the budget comes last. One
-- order for all means no deadlock.

CREATE TABLE requests (
    request_id        uuid PRIMARY KEY,
    project           text NOT NULL CHECK (project <> ''),
    key_id            text NOT NULL,
    action            text NOT NULL,
    opened_at         timestamptz NOT NULL DEFAULT now(),
    -- A request that nobody closes is closed as presumed when it expires. Every sign of life of
    -- its orchestrator moves the expiry to ttl_ms from then.
    ttl_ms            bigint NOT NULL CHECK (ttl_ms > 0),
    expires_at        timestamptz NOT NULL,

    -- The end; all NULL while the request is open.
    closed_at         timestamptz,
    outcome           text CHECK (outcome IN ('passed', 'best_effort', 'failed', 'cancelled', 'presumed')),
    -- What answered; NULL without an answer.
    tier              text,
    backend           text,
    model             text,
    -- What the answer would have cost on the baseline model; NULL is "not known", not nothing.
    baseline_nano_usd bigint CHECK (baseline_nano_usd >= 0),
    score             double precision CHECK (score BETWEEN 0 AND 1),
    latency_us        bigint CHECK (latency_us >= 0),
    tags              jsonb,
    CHECK ((closed_at IS NULL) = (outcome IS NULL)),
    CHECK ((tier IS NOT NULL) = (outcome IN ('passed', 'best_effort')) OR outcome IS NULL)
);

-- What the reaper asks, every few seconds: only the open ones are in it.
CREATE INDEX requests_expiring ON requests (expires_at) WHERE closed_at IS NULL;
-- What the summary asks: a request belongs to the moment in which it closed.
CREATE INDEX requests_closed ON requests (closed_at) WHERE closed_at IS NOT NULL;

-- Money set aside for a step before it is called.
CREATE TABLE holds (
    request_id      uuid NOT NULL REFERENCES requests,
    step            text NOT NULL,
    amount_nano_usd bigint NOT NULL CHECK (amount_nano_usd > 0),
    -- Period that the money was taken from and goes back to, also after midnight; NULL when no
    -- budget was configured. No foreign key: it would lock the one row that all steps of a day
    -- share, once more for every step.
    period_id       bigint,
    -- What would be called: enough to write the row of a step whose orchestrator died.
    tier            text NOT NULL,
    backend         text NOT NULL,
    model           text NOT NULL,
    state           text NOT NULL CHECK (state IN ('open', 'settled', 'released')),
    taken_at        timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,
    CHECK ((ended_at IS NULL) = (state = 'open')),
    PRIMARY KEY (request_id, step)
);

-- What steps really were, one row each. A row is changed in one case only: a presumed one becomes
-- the real one when that still arrives. Not partitioned by time: (request_id, step) has to be
-- unique over all of it, which PostgreSQL cannot promise across partitions of a time.
CREATE TABLE usage_events (
    request_id          uuid NOT NULL REFERENCES requests,
    step                text NOT NULL,
    tier                text NOT NULL,
    backend             text NOT NULL,
    model               text NOT NULL,
    outcome             text NOT NULL CHECK (outcome IN
                            ('accepted', 'rejected', 'failed', 'cancelled', 'skipped', 'presumed')),
    -- Reason of a failure, from the closed set; empty otherwise.
    reason              text NOT NULL,
    input_tokens        bigint NOT NULL CHECK (input_tokens >= 0),
    output_tokens       bigint NOT NULL CHECK (output_tokens >= 0),
    cached_input_tokens bigint NOT NULL CHECK (cached_input_tokens >= 0),
    cache_write_tokens  bigint NOT NULL CHECK (cache_write_tokens >= 0),
    reasoning_tokens    bigint NOT NULL CHECK (reasoning_tokens >= 0),
    usage_estimated     boolean NOT NULL,
    cost_nano_usd       bigint NOT NULL CHECK (cost_nano_usd >= 0),
    -- Period that the cost stands in; NULL for free steps and without a budget.
    period_id           bigint,
    score               double precision CHECK (score BETWEEN 0 AND 1),
    started_at          timestamptz NOT NULL,
    latency_us          bigint NOT NULL CHECK (latency_us >= 0),
    settled_at          timestamptz NOT NULL DEFAULT now(),
    -- Of a row that was presumed first: what had been presumed, and when it was put right.
    presumed_nano_usd   bigint,
    corrected_at        timestamptz,
    CHECK ((presumed_nano_usd IS NULL) = (corrected_at IS NULL)),
    PRIMARY KEY (request_id, step)
);
