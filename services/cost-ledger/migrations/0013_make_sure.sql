-- Fails the statement that asks it unless it is as that was written for. What is booked outright is one
-- statement without a look at what is there: whether it found enough is known only at its end.
CREATE FUNCTION make_sure(sure boolean) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    IF NOT sure THEN
        RAISE EXCEPTION 'a lease or a budget is not as it was thought to be'
            USING ERRCODE = 'TR001',
                  DETAIL = 'Nothing was written; the cost-ledger looks and writes again.';
    END IF;
END $$;
