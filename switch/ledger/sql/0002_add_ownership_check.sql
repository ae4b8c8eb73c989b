-- The first row of a tenure may only be written while the tenure still stands. As a condition of
-- the COPY itself it stays one statement, so no transaction waits for a client between check and
-- row. FOR UPDATE makes a takeover wait until that row is committed, or the row for the takeover.

CREATE FUNCTION owns_shard(owned_shard SMALLINT, owned_epoch INTEGER) RETURNS BOOLEAN
LANGUAGE plpgsql VOLATILE STRICT AS $$
BEGIN
    PERFORM 1 FROM shard_heads
     WHERE shard = owned_shard AND epoch = owned_epoch
       FOR UPDATE;
    RETURN FOUND;
END
$$;
