-- Nearly every batch settles steps of requests that close in the hour at hand, which is never
-- rolled up: only hours that have passed need to be looked for.
CREATE OR REPLACE FUNCTION unroll_events() RETURNS trigger
    LANGUAGE plpgsql AS $$
DECLARE
    hours timestamptz[];
BEGIN
    SELECT array_agg(DISTINCT date_trunc('hour', request.closed_at, 'UTC')) INTO hours
    FROM written JOIN requests request USING (request_id)
    WHERE request.closed_at < date_trunc('hour', now(), 'UTC');
    IF hours IS NOT NULL THEN
        PERFORM unroll(hours);
    END IF;
    RETURN NULL;
END $$;
