-- Alerts of budgets, as they were given: by the transaction that moved the sums, so that one is
-- neither lost nor given twice, however many ledgers there are.
CREATE TABLE alerts (
    alert_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind               text NOT NULL CHECK (kind IN ('threshold', 'refused')),
    raised_at          timestamptz NOT NULL DEFAULT now(),
    -- The budget as it stood then.
    budget             text NOT NULL,
    cap_nano_usd       bigint NOT NULL,
    topped_up_nano_usd bigint NOT NULL,
    spent_nano_usd     bigint NOT NULL,
    reserved_nano_usd  bigint NOT NULL,
    alert_threshold    double precision NOT NULL,
    time_zone          text NOT NULL,
    period_start       timestamptz NOT NULL,
    period_end         timestamptz NOT NULL,
    origin             text NOT NULL,
    -- When it is to be sent (again); who sends it moves this ahead first, so that nobody else does.
    -- NULL when it was delivered.
    due_at             timestamptz DEFAULT now(),
    attempts           integer NOT NULL DEFAULT 0,
    delivered_at       timestamptz
);

-- What the sender asks: only those that are not delivered are in it.
CREATE INDEX alerts_due ON alerts (due_at) WHERE due_at IS NOT NULL;
-- What a watcher asks.
CREATE INDEX alerts_raised ON alerts (raised_at);
