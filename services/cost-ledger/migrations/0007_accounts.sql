-- Who pays, and the keys that calls come with.

CREATE TABLE projects (
    name       text PRIMARY KEY CHECK (name <> ''),
    created_at timestamptz NOT NULL DEFAULT now()
);
-- Who pays for calls without a key.
INSERT INTO projects (name) VALUES ('default');

-- A key's secret is nowhere in here: a digest cannot be turned back, and cannot even be guessed at
-- without the pepper, which is not in the database.
CREATE TABLE api_keys (
    key_id              uuid PRIMARY KEY,
    project             text NOT NULL REFERENCES projects,
    name                text NOT NULL,
    scopes              text[] NOT NULL CHECK (cardinality(scopes) > 0),
    -- HMAC-SHA256 of the secret under the pepper.
    digest              bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
    -- First and last characters of the secret, to recognise it by.
    hint                text NOT NULL,
    -- The secret before the last rotation, for as long as it stays valid.
    old_digest          bytea UNIQUE CHECK (length(old_digest) = 32),
    old_until           timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now(),
    expires_at          timestamptz,
    revoked_at          timestamptz,
    -- In each orchestrator; 0: no limit.
    requests_per_minute bigint NOT NULL CHECK (requests_per_minute >= 0),
    CHECK ((old_digest IS NULL) = (old_until IS NULL))
);
CREATE INDEX api_keys_of_project ON api_keys (project, key_id);
