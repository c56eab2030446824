-- A plan for the join of these steps with their requests is kept by each connection. One that was made
-- while no request of an hour that has passed was in sight begins with those requests: none of them.
-- At the turn of the hour they are all of the hour before, and each batch would read them all. So each
-- step looks for its own request, whatever the planner knows: OFFSET 0 keeps the join as it is written.
CREATE OR REPLACE FUNCTION unroll_events() RETURNS trigger
    LANGUAGE plpgsql AS $$
DECLARE
    hours timestamptz[];
BEGIN
    SELECT array_agg(DISTINCT date_trunc('hour', request.closed_at, 'UTC')) INTO hours
    FROM written, LATERAL (
        SELECT closed_at FROM requests WHERE request_id = written.request_id OFFSET 0
    ) AS request
    WHERE request.closed_at < date_trunc('hour', now(), 'UTC');
    IF hours IS NOT NULL THEN
        PERFORM unroll(hours);
    END IF;
    RETURN NULL;
END $$;
