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
    discount_minor      BIGINT NOT NULL,
    points_earned       BIGINT NOT NULL,
    points_redeemed     BIGINT NOT NULL,
    response_code       TEXT NOT NULL,
    reason              SMALLINT NOT NULL,      -- reasons
    authorisation_code  TEXT,
    original_seq        BIGINT,
    original_stan       INTEGER,
    original_at         INTEGER,
    original_class      SMALLINT,
    undone_minor        BIGINT,                 -- how much of the original is undone after this row
    hold_expires_at     TIMESTAMPTZ,
    move_from           BIGINT[],               -- parallel arrays, one element a move:
    move_to             BIGINT[],               -- amount leaves `from` and enters `to`, one unit
    move_amounts        BIGINT[],
    move_lots           BIGINT[],               -- 0 where neither side keeps lots
    lot_available_at    BIGINT[],               -- Unix seconds, 0 = at once
    lot_expires_at      BIGINT[],               -- Unix seconds, 0 = never
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
