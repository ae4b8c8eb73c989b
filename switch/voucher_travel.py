"""Vouchers that go from shard to shard, because the card that redeems one is another shard's.

Owns how a voucher leaves and arrives, each in one step that writes its rows, and what is owed: a
voucher that has left and is not known to have arrived. Must not know how shards speak to each other
(`switch.voucher_desk`).

    seek ─► hand_over: value → club, VoucherHandedOver ─► durable ─► take_in: club → value,
            owed[row] until VoucherReceived ◄── told again until it says so ◄── VoucherArrived

Once it is there it is redeemed and reversed like any other: what a message can undo never spans two
shards. If the message that it came for is not decided any more, it waits there for the next one.
A voucher that has gone further carries a higher `hop`, so one that arrives late, or twice, is
nothing new. Where it has been before it is the card that it was; elsewhere a card is made for it,
whose token nobody can have a number for.
"""

import struct
from typing import Literal

import msgspec

from switch import _voucher_moves as moves
from switch._clock import write_row
from switch._core import Core
from switch.directory import Directory
from switch.events import (
    CardsAdded,
    VoucherArrived,
    VoucherHandedOver,
    VoucherRefused,
    encode_event,
)
from switch.operations import JournalKind


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """What a shard says of a voucher that another one seeks.

    `under way`: it is owed to a third one, and may be good there. Handed over: by which row, and
    what that says.
    """

    state: Literal["not here", "refused", "under way", "handed over"]
    row: int = 0
    event: VoucherHandedOver | None = None


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """Now, as a row of the journal says it."""

    now_us: int
    utc_offset_s: int


def hand_over(
    core: Core, directory: Directory, digest: bytes, programme: int, to_shard: int, at: Moment
) -> Sought:
    """Let a voucher leave for the shard that seeks it, if it is here and good."""
    card = moves.find(core, digest)
    if card is None:
        return Sought(state="not here")
    why = moves.fault(core, card, programme, at.now_us, at.utc_offset_s)
    if why == "elsewhere":
        return _underway(directory, card, to_shard)
    if why is not None:
        directory.record(
            VoucherRefused(voucher=card, why=why), now_us=at.now_us, utc_offset_s=at.utc_offset_s
        )
        return Sought(state="refused")
    ends_s = moves.move_out(core, card, at.now_us, at.utc_offset_s)
    event = _described(core, directory, card, digest, to_shard, ends_s)
    row = _write(core, card, event, at)
    directory.travelling.apply(core, event, row)
    return Sought(state="handed over", row=row, event=event)


def _underway(directory: Directory, card: int, to_shard: int) -> Sought:
    """Say again what is owed to who asks; of what has arrived elsewhere that shard knows more."""
    for row, event in directory.travelling.owed.items():
        if event.voucher == card:
            if event.to_shard == to_shard:
                return Sought(state="handed over", row=row, event=event)
            return Sought(state="under way")
    return Sought(state="not here")


def _described(
    core: Core, directory: Directory, card: int, digest: bytes, to_shard: int, ends_s: int
) -> VoucherHandedOver:
    _, _, plan_row, expires_yymm, masked = core.card(card)
    rows = directory.programme_rows
    price_minor, points = moves.worth(core, card)
    return VoucherHandedOver(
        voucher=card,
        to_shard=to_shard,
        hop=moves.hop(core, card) + 1,
        programme=next(number for number, row in rows.items() if row == plan_row),
        digest=digest.hex(),
        expires_yymm=expires_yymm,
        first6=int(masked[:6]),
        last4=int(masked[-4:]),
        price_minor=price_minor,
        points=points,
        ends_s=ends_s,
    )


def take_in(
    core: Core,
    directory: Directory,
    event: VoucherHandedOver,
    row: int,
    *,
    from_shard: int,
    slot: int,
    at: Moment,
) -> None:
    """Have a voucher here that another shard's row has let go. `slot`: one of this shard's cards.

    Raises EventError where its programme is not known.
    """
    digest = bytes.fromhex(event.digest)
    card = moves.find(core, digest)
    if card is None:
        directory.record(
            _stand_in(directory, event, digest, slot),
            now_us=at.now_us,
            utc_offset_s=at.utc_offset_s,
        )
        card = moves.find(core, digest)
        assert card is not None
    if moves.hop(core, card) >= event.hop:
        return
    moves.move_in(core, card, event.ends_s)
    arrived = VoucherArrived(voucher=card, hop=event.hop, from_shard=from_shard, handed_over=row)
    directory.travelling.apply(core, arrived, _write(core, card, arrived, at))


def _stand_in(
    directory: Directory, event: VoucherHandedOver, digest: bytes, slot: int
) -> CardsAdded:
    """Give the card of a voucher in a shard where its own number is not known."""
    keys = directory.issuer_keys.get(event.programme)
    return CardsAdded(
        programme=event.programme,
        tokens=bytes([slot >> 4, (slot & 15) << 4 | digest[1] & 15]) + digest[2:16],
        expiries=struct.pack("<H", event.expires_yymm),
        first6=struct.pack("<I", event.first6),
        last4=struct.pack("<H", event.last4),
        digests=digest,
        price_minor=event.price_minor,
        points=event.points,
        digest_key=0 if keys is None else keys.voucher_key,
        digest_label="" if keys is None else keys.voucher_label,
    )


def _write(core: Core, card: int, event: VoucherHandedOver | VoucherArrived, at: Moment) -> int:
    return write_row(
        core,
        moves.plan_row_of(core, card),
        at.now_us,
        at.utc_offset_s,
        encode_event(event),
        kind=JournalKind.EVENT,
    )
