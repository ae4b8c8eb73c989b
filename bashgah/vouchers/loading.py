"""A batch of vouchers into a running switch, and what becomes of each there.

Owns how a file of digests becomes events, and what has to be known before: that the batch is
exported and has arrived, and that it was not loaded before. A voucher is known to the switch as a
card, whose number is the serial number. No PIN comes near this process.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bashgah.card_production.files import token_of
from bashgah.control_client import Shards
from bashgah.vouchers.batches import DIGEST_CHARACTERS, Order, Outcome, path_of, serials_of
from switch.control import FoundCard
from switch.errors import OperatingError
from switch.events import CardsAdded, CardStatusChanged
from switch.operations import CardStatus

VOUCHERS_AT_ONCE = 2_000
EXPORTED = "E"
KEY_OF_THE_ORDER = 0


class Stock(msgspec.Struct, frozen=True, kw_only=True):
    """What all vouchers of a load have in common. Of `points` above 0 the value is only a price."""

    programme: int
    expiry: str  # YYMM
    points: int = 0


class Digested(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One voucher to load."""

    serial: str
    digest: bytes


def read_digests(directory: Path, order: Order, key_id: int) -> list[Digested]:
    """Read a batch's digests under a key (0: its order's). Raises OperatingError, OSError."""
    changed = key_id not in (KEY_OF_THE_ORDER, order.key_id)
    path = path_of(directory, order.batch, f"digests.{key_id}.csv" if changed else "digests.csv")
    rows = [line.split(",") for line in path.read_text("ascii").splitlines()]
    common = [order.product, str(key_id or order.key_id)]
    if [row[0] for row in rows] != serials_of(order):
        raise OperatingError(f"{path}: not one line for each voucher of the order")
    if any(row[1:2] + row[3:] != common for row in rows):
        raise OperatingError(f"{path}: another product or key than the order's")
    if any(len(row[2]) != DIGEST_CHARACTERS for row in rows):
        raise OperatingError(f"{path}: a digest has {DIGEST_CHARACTERS} digits")
    try:
        return [Digested(serial=row[0], digest=bytes.fromhex(row[2])) for row in rows]
    except ValueError:
        raise OperatingError(f"{path}: a digest is in hexadecimal digits") from None


def expect_delivered(order: Order, told: Outcome, received: str) -> None:
    """Make sure that the print house has the batch: it has told the SHA-256 of what came.

    Raises OperatingError.
    """
    if told.state != EXPORTED or told.count != order.count:
        raise OperatingError(f"{order.batch} is not exported: nobody can have received it")
    if received.strip().upper() != told.sha256:
        raise OperatingError(f"{order.batch}: what was received is not what was exported")


def vouchers_added(
    stock: Stock, order: Order, key_id: int, rows: Sequence[Digested], pan_key: bytes
) -> CardsAdded:
    """Give the event of vouchers."""
    count = len(rows)
    return CardsAdded(
        programme=stock.programme,
        tokens=b"".join(token_of(pan_key, row.serial) for row in rows),
        expiries=struct.pack(f"<{count}H", *[int(stock.expiry)] * count),
        first6=struct.pack(f"<{count}I", *(int(row.serial[:6]) for row in rows)),
        last4=struct.pack(f"<{count}H", *(int(row.serial[-4:]) for row in rows)),
        digests=b"".join(row.digest for row in rows),
        price_minor=order.value_minor,
        points=stock.points,
        batch=order.batch,
        digest_key=key_id or order.key_id,
        digest_label=order.product,
    )


def load_vouchers(
    shards: Shards,
    stock: Stock,
    order: Order,
    key_id: int,
    rows: Sequence[Digested],
    pan_key: bytes,
) -> Iterator[int]:
    """Load a batch; yields how many are new, piece by piece.

    What a load that was cut off has left out is loaded by the next one. Raises OperatingError, of a
    batch that is loaded as a whole, too.
    """
    of_shard: dict[int, list[tuple[bytes, Digested]]] = {}
    for row in rows:
        token = token_of(pan_key, row.serial)
        of_shard.setdefault(shards.owner_of(token), []).append((token, row))
    loaded = 0
    for shard, own in sorted(of_shard.items()):
        for at in range(0, len(own), VOUCHERS_AT_ONCE):
            piece = own[at : at + VOUCHERS_AT_ONCE]
            found = shards.find_cards(shard, [token for token, _ in piece])
            new = [row for (_, row), known in zip(piece, found, strict=True) if known is None]
            if new:
                shards.record(shard, vouchers_added(stock, order, key_id, new, pan_key))
                yield len(new)
            loaded += len(new)
    if not loaded:
        raise OperatingError(f"{order.batch} was loaded before")


def find_voucher(shards: Shards, serial: str, pan_key: bytes) -> tuple[int, FoundCard]:
    """Find a voucher by its serial number: its shard, and what is known. Raises OperatingError."""
    token = token_of(pan_key, serial)
    shard = shards.owner_of(token)
    (found,) = shards.find_cards(shard, [token])
    if found is None or found.voucher is None:
        raise OperatingError(f"{serial}: no such voucher")
    return shard, found


def void(shards: Shards, serial: str, pan_key: bytes, why: str) -> bool:
    """Make a voucher worth nothing for ever; False: it was void before. Raises OperatingError."""
    shard, found = find_voucher(shards, serial, pan_key)
    assert found.voucher is not None, "find_voucher has seen to it"
    if found.voucher.redeemed:
        raise OperatingError(f"{serial} is redeemed")
    if found.status is CardStatus.CLOSED:
        return False
    event = CardStatusChanged(card=found.card, status=CardStatus.CLOSED, why=why)
    shards.record(shard, event)
    return True
