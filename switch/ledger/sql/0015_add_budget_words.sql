-- Caps at one merchant and budgets of all cards. A version that goes live opens accounts for its
-- new budgets, and a merchant one for each budget that every merchant has.

INSERT INTO reasons VALUES
    (121, 'above_merchant_amount'),
    (122, 'above_merchant_count'),
    (123, 'above_budget_amount'),
    (124, 'above_budget_count');

CREATE OR REPLACE VIEW account_blocks_view AS
WITH opening AS (
    SELECT
        journal.shard,
        journal.seq,
        journal.event ->> 'type' AS type,
        journal.event,
        CASE WHEN journal.event ->> 'type' = 'cards_added'
            THEN octet_length(decode(journal.event ->> 'expiries', 'base64')) / 2
            ELSE 0
        END AS card_count
    FROM journal
    WHERE journal.kind = 2
        AND (
            journal.event ->> 'type' IN (
                'club_added', 'merchant_added', 'organisation_added', 'cards_added'
            )
            OR (
                journal.event ->> 'type' = 'programme_live'
                AND (journal.event ->> 'accounts')::INTEGER > 0
            )
        )
),

counted AS (
    SELECT
        opening.*,
        CASE opening.type
            WHEN 'club_added' THEN coalesce((opening.event ->> 'accounts')::INTEGER, 6)
            WHEN 'merchant_added' THEN coalesce((opening.event ->> 'accounts')::INTEGER, 1)
            WHEN 'programme_live' THEN (opening.event ->> 'accounts')::INTEGER
            WHEN 'organisation_added' THEN 1
            ELSE coalesce((opening.event ->> 'accounts')::INTEGER, 4) * opening.card_count
        END AS account_count
    FROM opening
)

SELECT
    counted.shard,
    counted.seq,
    split_part(counted.type, '_', 1) AS owner,
    (sum(counted.account_count) OVER before_and_this - counted.account_count)::BIGINT
        AS first_account,
    counted.account_count,
    (counted.event ->> 'club')::SMALLINT AS club,
    counted.event ->> 'merchant_id' AS merchant_id,
    (sum(counted.card_count) OVER before_and_this - counted.card_count)::BIGINT AS first_card,
    counted.card_count,
    decode(counted.event ->> 'first6', 'base64') AS first6,
    decode(counted.event ->> 'last4', 'base64') AS last4
FROM counted
WINDOW before_and_this AS (PARTITION BY counted.shard ORDER BY counted.seq);

-- Every lot of points, from the row that opened it: who got it where, under which version, who pays
-- for it. Above 2^59 a name is marked (switch/lots.py): 1 = the card's inactivity does not end it,
-- 2 = the merchant pays for it, or a share. Points that joined a lot are not counted here.
CREATE VIEW point_lots_view AS
SELECT
    journal.shard,
    moves_view.lot,
    journal.seq,
    journal.business_date,
    journal.club,
    journal.merchant,
    journal.card,
    journal.programme,
    journal.programme_version,
    moves_view.to_account AS account,
    moves_view.amount AS points,
    moves_view.lot_available_at,
    moves_view.lot_expires_at,
    CASE WHEN (moves_view.lot >> 59) & 2 = 2 THEN 'merchant' ELSE 'club' END AS funder,
    coalesce(paid.amount, 0) AS merchant_pays_minor,
    (moves_view.lot >> 59) & 1 = 1 AS kept_when_inactive
FROM journal
INNER JOIN account_blocks_view AS clubs
    ON clubs.shard = journal.shard AND clubs.owner = 'club' AND clubs.club = journal.club
INNER JOIN moves_view
    ON moves_view.shard = journal.shard
    AND moves_view.seq = journal.seq
    AND moves_view.from_account = clubs.first_account + 4
    AND (moves_view.lot & ((1::BIGINT << 59) - 1)) >> 4 = journal.seq
LEFT JOIN moves_view AS paid
    ON paid.shard = journal.shard
    AND paid.seq = journal.seq
    AND paid.to_account = clubs.first_account + 2
WHERE journal.kind = 1;
