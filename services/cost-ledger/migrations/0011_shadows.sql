-- Shadow calls: made to learn from, answering nobody. Each is the step `shadow` of a request of its own,
-- so that its money is held like that of any other, and is counted apart from requests and attempts.
-- Summaries leave such requests out: a small index finds them, or that there are none.
CREATE INDEX usage_events_shadow ON usage_events (request_id) WHERE step = 'shadow';

ALTER TABLE rolled_steps
    ADD COLUMN shadows     bigint NOT NULL DEFAULT 0,
    ADD COLUMN shadow_cost bigint NOT NULL DEFAULT 0;
