-- Growth: the books in pieces of time, and sums of the hours that have passed.

-- Partitions. (request_id, step) has to be unique over all of them, which PostgreSQL can promise
-- only for keys that have the partition's key in them. So the key is the id itself: a UUIDv7 begins
-- with the time it was made at, and ids of a span of time are one range. An id that is none, or
-- that names a time for which there is no partition, lies in the rest: it is as unique, and merely
-- does not go away with its neighbours.
--
-- Foreign keys between them go: they cost a lock for every row, and would keep pieces from being
-- dropped. What they promised holds without them: every write takes the row of its request first.
CREATE TABLE requests_in_parts (LIKE requests INCLUDING ALL) PARTITION BY RANGE (request_id);
CREATE TABLE requests_rest PARTITION OF requests_in_parts DEFAULT;
INSERT INTO requests_in_parts SELECT * FROM requests;
DROP TABLE requests CASCADE;
ALTER TABLE requests_in_parts RENAME TO requests;

CREATE TABLE holds_in_parts (LIKE holds INCLUDING ALL) PARTITION BY RANGE (request_id);
CREATE TABLE holds_rest PARTITION OF holds_in_parts DEFAULT;
INSERT INTO holds_in_parts SELECT * FROM holds;
DROP TABLE holds CASCADE;
ALTER TABLE holds_in_parts RENAME TO holds;

CREATE TABLE usage_events_in_parts (LIKE usage_events INCLUDING ALL)
    PARTITION BY RANGE (request_id);
CREATE TABLE usage_events_rest PARTITION OF usage_events_in_parts DEFAULT;
INSERT INTO usage_events_in_parts SELECT * FROM usage_events;
DROP TABLE usage_events CASCADE;
ALTER TABLE usage_events_in_parts RENAME TO usage_events;

-- The spans of time that have, or had, a partition of each.
CREATE TABLE history_spans (
    begins     timestamptz PRIMARY KEY,
    ends       timestamptz NOT NULL UNIQUE CHECK (begins < ends),
    -- Ends the names of its tables.
    name       text NOT NULL UNIQUE,
    dropped_at timestamptz
);

-- Rows of requests that closed before the horizon may have been deleted; what was rolled up of
-- them stands.
CREATE TABLE history_horizon (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    horizon  timestamptz NOT NULL
);
INSERT INTO history_horizon (horizon) VALUES ('-infinity');

-- The first of all UUIDv7 of a moment.
CREATE FUNCTION first_id_of(moment timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN rpad(lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0'), 32, '0')
           ::uuid;

-- Makes the partitions of a span; says no, and makes none, when the rest has rows of it already.
CREATE FUNCTION begin_history_span(begins timestamptz, ends timestamptz) RETURNS boolean
    LANGUAGE plpgsql AS $$
DECLARE
    part text;
    name text := to_char(begins AT TIME ZONE 'UTC', 'YYYYMMDD_HH24MI');
    low  uuid := first_id_of(begins);
    high uuid := first_id_of(ends);
BEGIN
    LOCK TABLE requests_rest, holds_rest, usage_events_rest IN ACCESS EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM requests_rest WHERE request_id >= low AND request_id < high)
        OR EXISTS (SELECT FROM holds_rest WHERE request_id >= low AND request_id < high)
        OR EXISTS (SELECT FROM usage_events_rest WHERE request_id >= low AND request_id < high)
    THEN
        RETURN false;
    END IF;
    FOREACH part IN ARRAY ARRAY['requests', 'holds', 'usage_events'] LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                       part || '_' || name, part, low, high);
    END LOOP;
    INSERT INTO history_spans (begins, ends, name) VALUES (begins, ends, name);
    RETURN true;
END $$;

-- Drops the partitions of a span if every request in them closed before the cutoff.
CREATE FUNCTION drop_history_span(span_name text, cutoff timestamptz) RETURNS boolean
    LANGUAGE plpgsql AS $$
DECLARE
    part text;
    is_needed boolean;
BEGIN
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', 'requests_' || span_name);
    EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE closed_at IS NULL)
                        OR EXISTS (SELECT FROM %I WHERE closed_at >= %L)',
                   'requests_' || span_name, 'requests_' || span_name, cutoff)
        INTO is_needed;
    IF is_needed THEN
        RETURN false;
    END IF;
    FOREACH part IN ARRAY ARRAY['usage_events', 'holds', 'requests'] LOOP
        EXECUTE format('DROP TABLE %I', part || '_' || span_name);
    END LOOP;
    UPDATE history_spans SET dropped_at = now() WHERE history_spans.name = span_name;
    UPDATE history_horizon SET horizon = greatest(horizon, cutoff);
    RETURN true;
END $$;

-- Sums of whole hours, as the summary would count them from the rows. An hour stands in
-- rolled_hours exactly when its sums are those of its rows.
CREATE TABLE rolled_hours (hour timestamptz PRIMARY KEY);

CREATE TABLE rolled_steps (
    hour                timestamptz NOT NULL,
    project             text NOT NULL,
    key_id              text NOT NULL,
    action              text NOT NULL,
    tier                text NOT NULL,
    backend             text NOT NULL,
    model               text NOT NULL,
    attempts            bigint NOT NULL,
    accepted            bigint NOT NULL,
    input_tokens        bigint NOT NULL,
    output_tokens       bigint NOT NULL,
    cached_input_tokens bigint NOT NULL,
    cache_write_tokens  bigint NOT NULL,
    reasoning_tokens    bigint NOT NULL,
    usage_estimated     boolean NOT NULL,
    answer_cost         bigint NOT NULL,
    judge_cost          bigint NOT NULL,
    consensus_cost      bigint NOT NULL,
    rejected_cost       bigint NOT NULL,
    presumed_cost       bigint NOT NULL,
    busy_us             bigint NOT NULL
);
CREATE INDEX rolled_steps_hour ON rolled_steps (hour);
CREATE INDEX rolled_steps_project ON rolled_steps (project, hour);

CREATE TABLE rolled_requests (
    hour             timestamptz NOT NULL,
    project          text NOT NULL,
    key_id           text NOT NULL,
    action           text NOT NULL,
    tier             text NOT NULL,
    backend          text NOT NULL,
    model            text NOT NULL,
    outcome          text NOT NULL,
    requests         bigint NOT NULL,
    escalated        bigint NOT NULL,
    with_baseline    bigint NOT NULL,
    baseline         bigint NOT NULL,
    cached_baseline  bigint NOT NULL,
    scored           bigint NOT NULL,
    score_millionths bigint NOT NULL
);
CREATE INDEX rolled_requests_hour ON rolled_requests (hour);
CREATE INDEX rolled_requests_project ON rolled_requests (project, hour);

-- The latencies of answered requests: how many lie in each bin.
CREATE TABLE rolled_latencies (
    hour     timestamptz NOT NULL,
    project  text NOT NULL,
    key_id   text NOT NULL,
    action   text NOT NULL,
    tier     text NOT NULL,
    backend  text NOT NULL,
    model    text NOT NULL,
    bins     smallint[] NOT NULL,
    counts   bigint[] NOT NULL
);
CREATE INDEX rolled_latencies_hour ON rolled_latencies (hour);
CREATE INDEX rolled_latencies_project ON rolled_latencies (project, hour);

-- A correction of an hour that was rolled up takes it out of rolled_hours: from then on its rows
-- count again, until it is rolled up anew. The lock makes whoever rolls up and whoever corrects
-- take turns, so that no correction falls between reading the rows and writing the sums. Behind the
-- horizon rows are missing, and what was rolled up stands.
CREATE FUNCTION unroll(hours timestamptz[]) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7263544100);
    DELETE FROM rolled_hours
    WHERE hour = ANY (hours) AND hour >= (SELECT horizon FROM history_horizon);
END $$;

CREATE FUNCTION unroll_request() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM unroll(ARRAY[date_trunc('hour', OLD.closed_at, 'UTC')]);
    RETURN NULL;
END $$;

-- A request closes once; only a presumed close that gives way touches one that has.
CREATE TRIGGER unroll_request AFTER UPDATE OF outcome ON requests
    FOR EACH ROW WHEN (OLD.closed_at IS NOT NULL) EXECUTE FUNCTION unroll_request();

CREATE FUNCTION unroll_events() RETURNS trigger
    LANGUAGE plpgsql AS $$
DECLARE
    hours timestamptz[];
BEGIN
    SELECT array_agg(DISTINCT date_trunc('hour', request.closed_at, 'UTC')) INTO hours
    FROM written JOIN requests request USING (request_id)
    WHERE request.closed_at IS NOT NULL;
    IF hours IS NOT NULL THEN
        PERFORM unroll(hours);
    END IF;
    RETURN NULL;
END $$;

-- Steps that are settled after their request closed.
CREATE TRIGGER unroll_new_events AFTER INSERT ON usage_events
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION unroll_events();
CREATE TRIGGER unroll_corrected_events AFTER UPDATE ON usage_events
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION unroll_events();
