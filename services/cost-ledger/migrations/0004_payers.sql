-- Budgets of projects and keys, by the day and by the month, several at once.

ALTER TABLE budgets
    -- A paused budget refuses everything that costs.
    ADD COLUMN paused boolean NOT NULL DEFAULT false,
    -- Who says what it is: the config, at every start, or a call.
    ADD COLUMN origin text NOT NULL DEFAULT 'config' CHECK (origin IN ('config', 'call'));

ALTER TABLE budget_periods
    -- What this period may spend on top of the cap.
    ADD COLUMN topped_up_nano_usd bigint NOT NULL DEFAULT 0 CHECK (topped_up_nano_usd >= 0),
    -- When the budget refused a hold for the first time; as alerted_at, once a period.
    ADD COLUMN refused_at timestamptz;

-- A hold is taken from the periods of all budgets above it, and its cost stands in all of them.
-- NULL in a row that an older version wrote: then it is the one period in period_id, which nobody
-- writes any more.
ALTER TABLE holds ADD COLUMN period_ids bigint[];
ALTER TABLE usage_events ADD COLUMN period_ids bigint[];

-- A top-up is added once, however often its call is repeated.
CREATE TABLE budget_top_ups (
    top_up_id       uuid PRIMARY KEY,
    period_id       bigint NOT NULL REFERENCES budget_periods,
    amount_nano_usd bigint NOT NULL CHECK (amount_nano_usd > 0),
    added_at        timestamptz NOT NULL DEFAULT now()
);
