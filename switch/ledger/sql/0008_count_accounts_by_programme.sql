-- A club says how many accounts it opens, and a card has those of its programme: its wallets, what
-- is held of them, and the counters of its parts (`switch.programme`, decision 0035).
CREATE OR REPLACE VIEW account_blocks_view AS
WITH programmes AS (
    -- Cards have the accounts of their programme's first version, whatever later ones say.
    SELECT DISTINCT ON (journal.shard, definition ->> 'programme')
        journal.shard,
        definition ->> 'programme' AS programme,
        coalesce((
            SELECT sum(1 + coalesce((wallet ->> 'held')::BOOLEAN, FALSE)::INTEGER)
            FROM jsonb_array_elements(definition -> 'wallets') AS wallet
        ), CASE WHEN definition ? 'wallets' THEN 0 ELSE 4 END)
        + (coalesce(definition ->> 'tiers', '') <> '')::INTEGER
        + (coalesce(definition ->> 'activation', '') <> '')::INTEGER
        + (coalesce(definition ->> 'membership', '') <> '')::INTEGER
        + (coalesce(definition ->> 'items', '') <> '')::INTEGER
        + coalesce(jsonb_array_length(definition -> 'caps'), 0)
        + coalesce((definition ->> 'spare_counters')::INTEGER, 0) AS account_count
    FROM journal
    CROSS JOIN LATERAL (SELECT journal.event::JSONB -> 'definition' AS definition) AS live
    WHERE journal.kind = 2 AND journal.event ->> 'type' = 'programme_live'
    ORDER BY journal.shard, definition ->> 'programme', journal.seq
),

opening AS (
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
        AND journal.event ->> 'type' IN ('club_added', 'merchant_added', 'cards_added')
),

counted AS (
    SELECT
        opening.*,
        CASE opening.type
            WHEN 'club_added' THEN coalesce((opening.event ->> 'accounts')::INTEGER, 6)
            WHEN 'merchant_added' THEN 1
            ELSE (programmes.account_count * opening.card_count)::INTEGER
        END AS account_count
    FROM opening
    LEFT JOIN programmes
        ON programmes.shard = opening.shard
        AND programmes.programme = opening.event ->> 'programme'
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
