-- Budgets and the periods they are spent in. All money is whole nano-USD in bigint: no floats.

CREATE TABLE budgets (
    budget_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- As installation/daily.
    name            text NOT NULL UNIQUE,
    -- Hard cap of one period. Zero is a budget too: nothing that costs is called.
    cap_nano_usd    bigint NOT NULL CHECK (cap_nano_usd >= 0),
    alert_threshold double precision NOT NULL CHECK (alert_threshold BETWEEN 0 AND 1),
    -- The threshold in money, so that no statement multiplies money by a float.
    alert_nano_usd  bigint NOT NULL CHECK (alert_nano_usd >= 0),
    -- IANA name of the zone that says when a day begins.
    time_zone       text NOT NULL,
    -- A budget that was taken out of the config keeps its row and its past.
    active          boolean NOT NULL
);

-- One row a day and budget: the row that every reservation of the day updates. The fill factor
-- leaves room in its page, so that an update writes no index and the page cleans itself.
CREATE TABLE budget_periods (
    period_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    budget_id         bigint NOT NULL REFERENCES budgets,
    period_start      timestamptz NOT NULL,
    period_end        timestamptz NOT NULL,
    -- What settled steps have cost.
    spent_nano_usd    bigint NOT NULL DEFAULT 0 CHECK (spent_nano_usd >= 0),
    -- What open holds have set aside.
    reserved_nano_usd bigint NOT NULL DEFAULT 0 CHECK (reserved_nano_usd >= 0),
    -- When spending passed the alert threshold; an alert is given once a period.
    alerted_at        timestamptz,
    CHECK (period_start < period_end),
    -- Periods of a budget do not overlap, so their ends are unique as well as their beginnings.
    -- On the end, because "the period at hand" is then the first row past now, however long the
    -- past has grown.
    UNIQUE (budget_id, period_end)
) WITH (fillfactor = 50);
