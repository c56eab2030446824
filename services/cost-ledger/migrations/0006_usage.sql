-- What listing and exporting ask. Spans of time mean the moment in which a request closed, as they
-- do for summaries; the id behind it makes the order total, so that a page can go on exactly where
-- the last one ended.

DROP INDEX requests_closed;
CREATE INDEX requests_closed ON requests (closed_at, request_id) WHERE closed_at IS NOT NULL;
CREATE INDEX requests_closed_by_project ON requests (project, closed_at, request_id)
    WHERE closed_at IS NOT NULL;
CREATE INDEX requests_closed_by_action ON requests (action, closed_at, request_id)
    WHERE closed_at IS NOT NULL;
CREATE INDEX requests_closed_by_key ON requests (key_id, closed_at, request_id)
    WHERE closed_at IS NOT NULL AND key_id <> '';
-- Containment alone is asked: one entry for each pair of name and value.
CREATE INDEX requests_tags ON requests USING gin (tags jsonb_path_ops)
    WHERE tags IS NOT NULL AND tags <> '{}';

-- A model, and an outcome that is rare, is found without walking through everything that is newer.
CREATE INDEX usage_events_by_model ON usage_events (model);
CREATE INDEX usage_events_gone_wrong ON usage_events (outcome, request_id)
    WHERE outcome IN ('failed', 'cancelled', 'presumed');
