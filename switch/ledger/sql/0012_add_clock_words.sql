-- Work that the clock does over many cards: rows of a kind of their own, each with its moves and an
-- event that says which task, of which programme and period, and how far it got.

INSERT INTO journal_kinds VALUES
    (5, 'clock');

CREATE VIEW clock_view AS
SELECT
    journal.shard,
    journal.seq,
    journal.business_date,
    journal.decided_at,
    journal.club,
    journal.programme,
    journal.programme_version,
    journal.event ->> 'task' AS task,
    DATE '1970-01-01' + (journal.event ->> 'period_day')::INTEGER AS period_begins,
    (journal.event ->> 'next_card')::BIGINT AS next_card,
    array_length(journal.moves, 1) AS move_count
FROM journal
WHERE journal.kind = 5;

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
        AND journal.event ->> 'type' IN (
            'club_added', 'merchant_added', 'organisation_added', 'cards_added'
        )
),

counted AS (
    SELECT
        opening.*,
        CASE opening.type
            WHEN 'club_added' THEN coalesce((opening.event ->> 'accounts')::INTEGER, 6)
            WHEN 'merchant_added' THEN 1
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
