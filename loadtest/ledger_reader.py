"""The switch's ledger as PostgreSQL has it: the only place of this package that reads its schema.

Owns the queries and the names of accounts. Everything is of the time after a run's beginning, given
as each shard's last sequence before it. Must not know what is right. Runs asyncpg in an event loop
of its caller.
"""

import struct
from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import asyncpg
from msgspec import Struct

from loadtest.books import CARD_NAMES, CLUB_NAMES

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

ROWS_PER_FETCH = 10_000
# The largest query is a sum over all moves: compiling it costs more than it saves.
SETTINGS = {"jit": "off", "timezone": "UTC", "work_mem": "256MB"}

HEADS = "SELECT shard, max(seq) AS seq FROM journal GROUP BY shard"

SHARDS = "SELECT shard FROM shard_heads ORDER BY shard"

# `reply` is what was sent, without framing. A hold that the clock ends is nobody's message.
ROWS = """
SELECT rrn, coalesce(card, -1) AS card, coalesce(merchant, -1) AS merchant, response_code,
       approved_minor, coalesce(discount_minor, 0) AS discount_minor,
       coalesce(points_earned, 0) AS points_earned,
       coalesce(points_redeemed, 0) AS points_redeemed,
       coalesce(cardinality(moves), 0) > 0 AS moved, reply
  FROM journal
 WHERE shard = $1 AND seq > $2 AND kind = 1
 ORDER BY seq
"""

# What `legs_view` says, in half its time: a million messages have some eight million legs. What the
# clock moves is nobody's message, and other programmes' cards are not in the model.
CHANGES = """
SELECT leg.account, sum(leg.amount)::BIGINT AS change
  FROM journal
 CROSS JOIN LATERAL generate_subscripts(moves, 1) AS number
 CROSS JOIN LATERAL (
    VALUES (moves[number][1], -moves[number][3]), (moves[number][2], moves[number][3])
 ) AS leg (account, amount)
 WHERE shard = $1 AND seq > $2 AND kind = 1 AND programme = $3
 GROUP BY leg.account
"""

CHANGES_BY_MESSAGE = """
SELECT journal.rrn, sum(legs_view.amount)::BIGINT AS change
  FROM legs_view JOIN journal USING (shard, seq)
 WHERE shard = $1 AND seq > $2 AND account = $3 AND journal.kind = 1 AND programme = $4
 GROUP BY journal.rrn
"""

APPROVALS = """
SELECT programme, count(*) AS approved
  FROM journal
 WHERE shard = $1 AND seq > $2 AND kind = 1 AND response_code IN ('00', '10')
   AND programme IS NOT NULL
 GROUP BY programme
"""

BLOCKS = """
SELECT owner, first_account, account_count, club, merchant_id, first_card, card_count,
       first6, last4
  FROM account_blocks_view WHERE shard = $1 ORDER BY first_account
"""


class Row(NamedTuple):
    """What a journal row says of one message; `card` and `merchant` are register numbers."""

    rrn: str | None
    card: int
    merchant: int
    response_code: str
    approved_minor: int
    discount_minor: int
    points_earned: int
    points_redeemed: int
    moved: bool
    reply: bytes | None


class Owner(NamedTuple):
    """Whose an account is, by the journal's events; `number` is a card's register number.

    Of what counts a budget of all cards it is the account's own.
    """

    kind: str
    club: int
    merchant_id: str
    number: int
    name: str


class _Block(Struct, frozen=True, gc=False):
    owner: str
    first_account: int
    account_count: int
    club: int
    merchant_id: str
    first_card: int
    card_count: int
    first6: bytes
    last4: bytes

    def card_account_names(self) -> tuple[str, ...]:
        """Name a card's accounts: a purse's, or their places among those of another card."""
        each = self.account_count // self.card_count
        return CARD_NAMES if each == len(CARD_NAMES) else tuple(f"account {n}" for n in range(each))


class Register:
    """A shard's accounts, merchants and cards, numbered as its events opened them."""

    def __init__(self, blocks: Sequence[_Block]) -> None:
        self._blocks = blocks
        self._firsts = [block.first_account for block in blocks]
        self._cards = [block for block in blocks if block.owner == "cards"]
        self._first_cards = [block.first_card for block in self._cards]
        self.merchants = [block.merchant_id for block in blocks if block.owner == "merchant"]

    def owner(self, account: int) -> Owner:
        """Say whose an account is. Raises `IndexError` for one that no event opened."""
        at = bisect_right(self._firsts, account) - 1
        block = self._blocks[at]
        slot = account - block.first_account
        if at < 0 or slot >= block.account_count:
            raise IndexError(f"account {account} was opened by no event")
        if block.owner == "club":
            return Owner("club", block.club, "", -1, CLUB_NAMES[slot])
        if block.owner == "programme" or (block.owner == "merchant" and slot):
            return Owner("budget", -1, "", account, "count")
        if block.owner == "merchant":
            return Owner("merchant", block.club, block.merchant_id, -1, "money")
        if block.owner == "organisation":
            return Owner("organisation", block.club, "", -1, "money")
        names = block.card_account_names()
        card, slot = divmod(slot, len(names))
        return Owner("card", -1, "", block.first_card + card, names[slot])

    def account(self, owner: Owner) -> int:
        """Give the number of an account."""
        if owner.kind == "budget":
            return owner.number
        for block in self._blocks:
            slots: tuple[str, ...] = CLUB_NAMES
            if owner.kind == "card" and block.owner == "cards":
                card = owner.number - block.first_card
                if 0 <= card < block.card_count:
                    names = block.card_account_names()
                    return block.first_account + card * len(names) + names.index(owner.name)
            elif block.owner == owner.kind == "merchant":
                if block.merchant_id == owner.merchant_id:
                    return block.first_account
            elif block.owner == owner.kind == "club" and block.club == owner.club:
                return block.first_account + slots.index(owner.name)
        raise KeyError(owner)

    def masked(self, card: int) -> str:
        """Give a card's number as its event has it: first six and last four digits."""
        block = self._cards[bisect_right(self._first_cards, card) - 1]
        at = card - block.first_card
        (first6,) = struct.unpack_from("<I", block.first6, 4 * at)
        (last4,) = struct.unpack_from("<H", block.last4, 2 * at)
        return f"{first6:06d}******{last4:04d}"


async def connect(dsn: str) -> "Connection":
    """Open a connection for reading."""
    return await asyncpg.connect(dsn, server_settings=SETTINGS)


async def heads(connection: "Connection") -> dict[int, int]:
    """Give each shard's last sequence: rows behind it are from before the run."""
    return {row["shard"]: row["seq"] for row in await connection.fetch(HEADS)}


async def shards(connection: "Connection") -> list[int]:
    """Give every shard that has an owner."""
    return [row["shard"] for row in await connection.fetch(SHARDS)]


async def approvals(connection: "Connection", shard: int, head: int) -> dict[int, int]:
    """Give how many messages of a shard were approved since, by programme."""
    rows = await connection.fetch(APPROVALS, shard, head)
    return {row["programme"]: row["approved"] for row in rows}


async def rows_after(connection: "Connection", shard: int, head: int) -> AsyncIterator[Row]:
    """Yield a shard's rows of messages after `head`, in order."""
    async with connection.transaction(readonly=True):
        cursor = await connection.cursor(ROWS, shard, head)
        while batch := await cursor.fetch(ROWS_PER_FETCH):
            for row in batch:
                yield Row(*row)


async def changes_after(
    connection: "Connection", shard: int, head: int, programme: int
) -> dict[int, int]:
    """Give what messages about a programme's cards have changed each account by since `head`."""
    rows = await connection.fetch(CHANGES, shard, head, programme)
    return {row["account"]: row["change"] for row in rows}


async def changes_by_message(
    connection: "Connection", shard: int, head: int, account: int, programme: int
) -> dict[str, int]:
    """Give what each message about a programme's cards has changed one account by, by its RRN."""
    rows = await connection.fetch(CHANGES_BY_MESSAGE, shard, head, account, programme)
    return {row["rrn"] or "": row["change"] for row in rows}


async def register_of(connection: "Connection", shard: int) -> Register:
    """Read who owns which account of a shard."""
    rows = await connection.fetch(BLOCKS, shard)
    return Register(
        [
            _Block(
                row["owner"],
                row["first_account"],
                row["account_count"],
                -1 if row["club"] is None else row["club"],
                row["merchant_id"] or "",
                row["first_card"],
                row["card_count"],
                row["first6"] or b"",
                row["last4"] or b"",
            )
            for row in rows
        ]
    )
