-- What the caller of a request sent, as a fingerprint: a client that uses one id for two requests
-- is told so, by whichever orchestrator it asks. NULL when the id was not the client's own.

ALTER TABLE requests
    ADD COLUMN body_fingerprint bytea CHECK (octet_length(body_fingerprint) BETWEEN 1 AND 64);
