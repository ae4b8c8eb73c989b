-- The journal is the truth: one row per message outcome and per event, in one order for each shard.
-- Everything in memory is rebuilt from it. Its primary key is also the fence: a batch begins at the
-- sequence that follows the writer's last one, so two writers can never both succeed.

CREATE TABLE shard_heads (
    shard           SMALLINT NOT NULL CONSTRAINT shard_heads_one_row_per_shard PRIMARY KEY,
    epoch           INTEGER NOT NULL,
    owner           TEXT NOT NULL,
    taken_over_at   TIMESTAMPTZ NOT NULL DEFAULT now()
) WITH (fillfactor = 20);

CREATE TABLE journal (
    shard               SMALLINT NOT NULL,
    seq                 BIGINT NOT NULL,
    epoch               INTEGER NOT NULL,
    kind                SMALLINT NOT NULL,      -- journal_kinds
    business_date       DATE NOT NULL,
    received_at         TIMESTAMPTZ NOT NULL,
    decided_at          TIMESTAMPTZ NOT NULL,
    club                SMALLINT,
    acquirer            INTEGER,
    terminal            INTEGER,                -- register numbers, not ISO identifiers
    merchant            INTEGER,
    card                BIGINT,                 -- register number; the PAN is never stored
    programme           INTEGER,
    programme_version   INTEGER,
    operation           SMALLINT NOT NULL,      -- operations
    mti                 SMALLINT,
    processing_code     INTEGER,
    stan                INTEGER,
    local_at            INTEGER,                -- DE 13 and 12 as MMDDhhmmss
    transmitted_at      INTEGER,                -- DE 7 as MMDDhhmmss
    rrn                 TEXT,
    fingerprint         BIGINT,
    currency            SMALLINT,
    amount_minor        BIGINT NOT NULL,
    approved_minor      BIGINT NOT NULL,
    discount_minor      BIGINT,                 -- this and the next two: NULL = 0
    points_earned       BIGINT,
    points_redeemed     BIGINT,
    response_code       TEXT NOT NULL,
    reason              SMALLINT NOT NULL,      -- reasons
    authorisation_code  TEXT,
    original_seq        BIGINT,
    original_stan       INTEGER,
    original_at         INTEGER,
    original_class      SMALLINT,
    undone_minor        BIGINT,                 -- how much of the original is undone after this row
    day_count_returned  SMALLINT,               -- how many fewer the card has used today; NULL =
                                                -- its day's limits are as before, else they get
                                                -- back approved_minor, too
    hold_expires_at     TIMESTAMPTZ,
    -- moves[i] = {from, to, amount} or {from, to, amount, lot, available at, expires at}: amount
    -- leaves `from` and enters `to`, in one unit. Times in Unix seconds. 0 where neither side keeps
    -- lots; available at 0 = at once, expires at 0 = never.
    moves               BIGINT[][],
    event               JSON,
    reply               BYTEA,                  -- the ISO 8583 reply as sent, without framing
    chain               BYTEA NOT NULL,         -- SHA-256 of the row before's chain and this row
    CONSTRAINT journal_one_row_per_sequence PRIMARY KEY (shard, seq)
) PARTITION BY RANGE (shard, seq);

CREATE TABLE snapshots (
    shard       SMALLINT NOT NULL,
    seq         BIGINT NOT NULL,                -- the last journal row it holds
    layout      TEXT NOT NULL,                  -- of the parts; another layout is not loaded
    chain       BYTEA NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT snapshots_one_per_sequence PRIMARY KEY (shard, seq)
);

CREATE TABLE snapshot_chunks (
    shard       SMALLINT NOT NULL,
    seq         BIGINT NOT NULL,
    part        TEXT NOT NULL,
    number      INTEGER NOT NULL,
    body        BYTEA NOT NULL,
    CONSTRAINT snapshot_chunks_in_order PRIMARY KEY (shard, seq, part, number)
);

ALTER TABLE snapshot_chunks ALTER COLUMN body SET STORAGE EXTERNAL;
