"""Why a message was answered as it was, put together from the journal alone.

Owns the row's rules and bounds as sentences of the version that decided, and its moves; whose the
accounts are says `bashgah.account_names`. Decides nothing again. Must not know how it is shown.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from acquirers.pos import PROFILES
from bashgah.account_names import AccountNames
from switch.iso8583 import decode, named
from switch.iso8583.errors import DecodeError
from switch.ledger.session import Session
from switch.lots import name_of, plan_of
from switch.machine import Layout, lay_out
from switch.profile import Field, Tag
from switch.programme import Programme
from switch.programme_text import Line, how_it_works

ROW = """
SELECT shown.*, journal.reply
  FROM exchanges_view AS shown JOIN journal USING (shard, seq)
 WHERE shown.shard = $1 AND shown.seq = $2
"""

MOVES = """
SELECT from_account, to_account, amount, coalesce(lot, 0) AS lot
  FROM moves_view WHERE shard = $1 AND seq = $2 ORDER BY number
"""

VERSIONS = """
SELECT (event -> 'definition')::TEXT AS definition
  FROM journal
 WHERE shard = $1 AND seq < $2 AND kind = 2 AND event ->> 'type' = 'programme_live'
   AND (event #>> '{definition,programme}')::INTEGER = $3
 ORDER BY seq
"""

BLOCKS = """
SELECT seq, owner, first_account, account_count, club, merchant_id, first_card, card_count
  FROM account_blocks_view WHERE shard = $1 AND seq < $2 ORDER BY first_account
"""

BUDGETS = """
SELECT seq, (event -> 'definition')::TEXT AS definition
  FROM journal
 WHERE shard = $1 AND seq < $2 AND kind = 2 AND event ->> 'type' = 'programme_live'
   AND (event ->> 'accounts')::INTEGER > 0
"""

SECRET = (Tag.PIN_KEY, Tag.MAC_KEY, Tag.DATA_KEY)
SENTENCES = {
    Tag.DISCOUNT_RULE: ("discount",),
    Tag.EARN_RULE: ("earn",),
    Tag.BOUND: ("cap", "budget"),
    Tag.EARN_BOUND: ("cap", "budget"),
    Tag.TIER: ("tier",),
    Tag.PLAN: ("plan",),
}
"""Which sentences of a programme a reply's tag names."""


class Because(msgspec.Struct, frozen=True, kw_only=True):
    """A rule, bound or level that decided, under its reply's tag, as its version says it."""

    tag: str
    name: str
    en: str
    fa: str


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What left one account for another; `lot` 0 = none is kept."""

    source: str
    target: str
    units: int  # minor units, points or counts
    lot: int
    merchant_funds: bool


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """A row, explained. `told`: the tags of the reply's private element."""

    shard: int
    seq: int
    kind: str
    operation: str | None
    response_code: str | None
    reason: str | None
    programme: int | None
    version: int | None
    amount_minor: int | None
    approved_minor: int | None
    told: dict[str, str]
    because: tuple[Because, ...]
    moves: tuple[Moved, ...]


async def explain(session: Session, shard: int, seq: int) -> Why | None:
    """Explain a row of a shard's journal; None when there is none."""
    rows = await session.fetch(ROW, shard, seq)
    if not rows:
        return None
    row = rows[0]
    names, told = _told(row["reply"])
    versions: list[Programme] = []
    if row["programme"] is not None:
        found = await session.fetch(VERSIONS, shard, seq, row["programme"])
        versions = [msgspec.json.decode(one["definition"], type=Programme) for one in found]
    blocks = [dict(block) for block in await session.fetch(BLOCKS, shard, seq)]
    budgets = {
        opened["seq"]: msgspec.json.decode(opened["definition"], type=Programme)
        for opened in await session.fetch(BUDGETS, shard, seq)
    }
    moves = [dict(move) for move in await session.fetch(MOVES, shard, seq)]
    return Why(
        shard=shard,
        seq=seq,
        kind=row["kind"],
        operation=row["operation"],
        response_code=row["response_code"],
        reason=row["reason"],
        programme=row["programme"],
        version=row["programme_version"],
        amount_minor=row["amount_minor"],
        approved_minor=row["approved_minor"],
        told=told,
        because=_because(
            names, versions, row["programme_version"], [move["lot"] for move in moves]
        ),
        moves=_moves(moves, AccountNames(blocks, budgets, _layout(versions))),
    )


def _told(reply: bytes | None) -> tuple[dict[Tag, str], dict[str, str]]:
    """Take the private element of a reply apart, by what its tags are and by how they are written.

    Nothing that is sealed is shown.
    """
    for profile in PROFILES.values():
        try:
            message = decode(bytes(reply or b""), named(profile.spec))
        except DecodeError:
            continue
        private = message.get(profile.elements[Field.PRIVATE], "")
        by_tag: dict[str, str] = {}
        while private:
            count = int(private[2:5])
            by_tag[private[:2]] = private[5 : 5 + count]
            private = private[5 + count :]
        names = {
            tag: by_tag[said]
            for tag, said in profile.tags.items()
            if said in by_tag and tag not in SECRET
        }
        return names, {profile.tags[tag]: value for tag, value in names.items()}
    return {}, {}


def _because(
    names: Mapping[Tag, str],
    versions: Sequence[Programme],
    version: int | None,
    lots: Sequence[int],
) -> tuple[Because, ...]:
    """Give the sentences of what the reply names, and of the plans that a rebate is by."""
    lines: dict[str, Line] = {}
    keys = [
        (tag, f"{kind}/{names[tag]}")
        for tag, kinds in SENTENCES.items()
        if tag in names
        for kind in kinds
    ]
    for definition in versions:
        if definition.version == version:
            lines = {line.key: line for line in how_it_works(definition, {})}
            keys += [(Tag.REBATE, f"plan/{name}") for name in _rebated(names, definition, lots)]
    return tuple(
        Because(
            tag=tag.name.lower(),
            name=key.partition("/")[2],
            en=lines[key].en,
            fa=lines[key].fa,
        )
        for tag, key in keys
        if key in lines
    )


def _rebated(names: Mapping[Tag, str], definition: Programme, lots: Sequence[int]) -> list[str]:
    """Give the plans with a rebate: those of a settlement's debts, else any that may be owed by."""
    if Tag.REBATE not in names or definition.credit is None:
        return []
    settled = {plan_of(lot) for lot in lots}
    return [
        plan.name
        for at, plan in enumerate(definition.credit.plans)
        if plan.terms.rebate_bps and (Tag.OWED in names or at in settled)
    ]


def _layout(versions: Sequence[Programme]) -> Layout | None:
    """Give the accounts of a programme's cards; None of no programme."""
    layout: Layout | None = None
    for definition in versions:
        layout = lay_out(definition, layout)
    return layout


def _moves(moves: Sequence[Mapping[str, Any]], names: AccountNames) -> tuple[Moved, ...]:
    return tuple(
        Moved(
            source=names.name(move["from_account"]),
            target=names.name(move["to_account"]),
            units=move["amount"],
            lot=move["lot"],
            merchant_funds=name_of(move["lot"]).merchant_funds,
        )
        for move in moves
    )
