"""Why a message was answered as it was, put together from the journal alone.

Owns the row's rules and bounds as sentences of the version that decided, and its moves with whose
accounts they are. Decides nothing again. Must not know how it is shown.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from acquirers.pos import PROFILES
from switch.iso8583 import decode, named
from switch.iso8583.errors import DecodeError
from switch.ledger.session import Session
from switch.lots import name_of
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
SELECT owner, first_account, account_count, club, merchant_id, first_card, card_count
  FROM account_blocks_view WHERE shard = $1 AND seq < $2 ORDER BY first_account
"""

SECRET = (Tag.PIN_KEY, Tag.MAC_KEY)
SENTENCES = {
    Tag.DISCOUNT_RULE: ("discount",),
    Tag.EARN_RULE: ("earn",),
    Tag.BOUND: ("cap", "budget"),
    Tag.EARN_BOUND: ("cap", "budget"),
    Tag.TIER: ("tier",),
}
"""Which sentences of a programme a reply's tag names."""

CLUB = (
    "float",
    "discounts",
    "points paid",
    "fees",
    "points issued",
    "points redeemed",
    "counts",
    "points expired",
    "breakage",
)


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
        because=_because(names, versions, row["programme_version"]),
        moves=_moves(moves, blocks, versions),
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
    names: Mapping[Tag, str], versions: Sequence[Programme], version: int | None
) -> tuple[Because, ...]:
    """Give the sentences of what the reply names."""
    lines: dict[str, Line] = {}
    for definition in versions:
        if definition.version == version:
            lines = {line.key: line for line in how_it_works(definition, {})}
    return tuple(
        Because(tag=tag.name.lower(), name=names[tag], en=line.en, fa=line.fa)
        for tag, kinds in SENTENCES.items()
        for line in [lines.get(f"{kind}/{names.get(tag)}") for kind in kinds]
        if line is not None
    )


def _moves(
    moves: Sequence[Mapping[str, Any]],
    blocks: Sequence[Mapping[str, Any]],
    versions: Sequence[Programme],
) -> tuple[Moved, ...]:
    layout: Layout | None = None
    for definition in versions:
        layout = lay_out(definition, layout)
    firsts = [block["first_account"] for block in blocks]

    def owner(account: int) -> str:
        block = blocks[bisect_right(firsts, account) - 1]
        return _owner(block, account - block["first_account"], layout)

    return tuple(
        Moved(
            source=owner(move["from_account"]),
            target=owner(move["to_account"]),
            units=move["amount"],
            lot=move["lot"],
            merchant_funds=name_of(move["lot"]).merchant_funds,
        )
        for move in moves
    )


def _owner(block: Mapping[str, Any], at: int, layout: Layout | None) -> str:
    """Say whose an account is: of a card of another programme only the account's place."""
    if block["owner"] == "club":
        return f"club {block['club']}: {CLUB[at]}"
    if block["owner"] == "merchant":
        return f"merchant {block['merchant_id']}" + (f": budget {at}" if at else "")
    if block["owner"] == "programme":
        return f"budget {at + 1} of those that a version opened"
    if block["owner"] == "organisation":
        return "organisation"
    each = block["account_count"] // block["card_count"]
    card, slot = divmod(at, each)
    name = f"account {slot}"
    if layout is not None and len(layout.slots) == each:
        name = layout.slots[slot].name + (" held" if layout.slots[slot].held else "")
    return f"card {block['first_card'] + card}: {name}"
