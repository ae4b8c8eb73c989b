-- The reading interface: panels, reports and people read these views, never the tables. The names
-- of the journal's numbers are rows, so that a report needs no copy of the switch's enums.

CREATE TABLE journal_kinds (
    number  SMALLINT NOT NULL CONSTRAINT journal_kinds_one_row_per_number PRIMARY KEY,
    name    TEXT NOT NULL CONSTRAINT journal_kinds_names_differ UNIQUE
);

CREATE TABLE operations (
    number  SMALLINT NOT NULL CONSTRAINT operations_one_row_per_number PRIMARY KEY,
    name    TEXT NOT NULL CONSTRAINT operations_names_differ UNIQUE
);

CREATE TABLE reasons (
    number  SMALLINT NOT NULL CONSTRAINT reasons_one_row_per_number PRIMARY KEY,
    name    TEXT NOT NULL CONSTRAINT reasons_names_differ UNIQUE
);

-- The journal with names for its numbers; what machines alone need (fingerprint, reply, moves)
-- stays behind. A number without a name shows as NULL, never as a missing row.
CREATE VIEW exchanges_view AS
SELECT
    journal.shard,
    journal.seq,
    journal.epoch,
    journal_kinds.name AS kind,
    operations.name AS operation,
    journal.business_date,
    journal.received_at,
    journal.decided_at,
    journal.club,
    journal.acquirer,
    journal.terminal,
    journal.merchant,
    journal.card,
    journal.programme,
    journal.programme_version,
    to_char(journal.mti, 'FM0000') AS mti,
    to_char(journal.processing_code, 'FM000000') AS processing_code,
    to_char(journal.stan, 'FM000000') AS stan,
    to_char(journal.local_at, 'FM0000000000') AS local_at,
    to_char(journal.transmitted_at, 'FM0000000000') AS transmitted_at,
    journal.rrn,
    to_char(journal.currency, 'FM000') AS currency,
    journal.amount_minor,
    journal.approved_minor,
    coalesce(journal.discount_minor, 0) AS discount_minor,
    coalesce(journal.points_earned, 0) AS points_earned,
    coalesce(journal.points_redeemed, 0) AS points_redeemed,
    journal.response_code,
    reasons.name AS reason,
    journal.authorisation_code,
    journal.original_seq,
    journal.undone_minor,
    journal.day_count_returned,
    journal.hold_expires_at,
    journal.event
FROM journal
LEFT JOIN journal_kinds ON journal_kinds.number = journal.kind
LEFT JOIN operations ON operations.number = journal.operation
LEFT JOIN reasons ON reasons.number = journal.reason;

-- One row per move, numbered from 1 within its journal row. `amount` is in the accounts' unit.
CREATE VIEW moves_view AS
SELECT
    journal.shard,
    journal.seq,
    move.number::BIGINT AS number,
    journal.business_date,
    journal.decided_at,
    journal.moves[move.number][1] AS from_account,
    journal.moves[move.number][2] AS to_account,
    journal.moves[move.number][3] AS amount,
    nullif(journal.moves[move.number][4], 0) AS lot,
    to_timestamp(nullif(journal.moves[move.number][5], 0)) AS lot_available_at,
    to_timestamp(nullif(journal.moves[move.number][6], 0)) AS lot_expires_at
FROM journal
CROSS JOIN LATERAL generate_subscripts(journal.moves, 1) AS move (number);

-- Two legs per move: what leaves is negative, so the legs of a journal row sum to zero.
CREATE VIEW legs_view AS
SELECT
    moves_view.shard,
    moves_view.seq,
    moves_view.number,
    moves_view.business_date,
    moves_view.decided_at,
    leg.account,
    leg.amount,
    moves_view.lot
FROM moves_view
CROSS JOIN LATERAL (
    VALUES (moves_view.from_account, -moves_view.amount),
           (moves_view.to_account, moves_view.amount)
) AS leg (account, amount);

-- Every hold that was granted, and the last approved row that names it: a completion, a reversal
-- or an expiry. `undone_minor` is how much of the hold that row and those before it have undone.
CREATE VIEW holds_view AS
SELECT
    hold.shard,
    hold.seq,
    hold.card,
    hold.merchant,
    hold.currency,
    hold.approved_minor,
    hold.decided_at AS held_at,
    hold.hold_expires_at,
    closing.seq AS closed_by_seq,
    operations.name AS closed_by_operation,
    journal_kinds.name AS closed_by_kind,
    closing.approved_minor AS closed_with_minor,
    closing.undone_minor
FROM journal AS hold
LEFT JOIN LATERAL (
    SELECT later.*
    FROM journal AS later
    WHERE later.shard = hold.shard
        AND later.original_seq = hold.seq
        AND later.response_code = '00'
    ORDER BY later.seq DESC
    LIMIT 1
) AS closing ON true
LEFT JOIN operations ON operations.number = closing.operation
LEFT JOIN journal_kinds ON journal_kinds.number = closing.kind
WHERE hold.hold_expires_at IS NOT NULL AND hold.response_code IN ('00', '10');
