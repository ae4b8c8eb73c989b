"""The core's COPY stream is, byte for byte, what the plain model of it writes."""

import struct

import pytest

from switch.events import ClubAdded
from switch.ledger.journal import GENESIS_CHAIN
from tests.ledger.rows_model import decode_rows, encode_rows, verify_chain
from tests.support.shop import Shop


@pytest.fixture
def shop() -> Shop:
    """A shop with rows of every kind: events, approvals, declines, undoing, the clock's."""
    shop = Shop()
    shop.load(1_000_000)
    bought = shop.send(amount_minor=300_000, extra={37: "RRN000000042", 7: "0415083000"})
    shop.send(code="006000", amount_minor=20_000)
    shop.reverse(bought)
    shop.send("0400", stan=900)
    shop.send("0100", amount_minor=6_000)
    shop.send("0100", amount_minor=6_000, extra={25: "06"})
    shop.send("0800", amount_minor=None, card=None, extra={3: None, 42: None, 70: "002"})
    shop.send(amount_minor=1)
    shop.now_s += 86_400
    shop.expire_holds()
    return shop


def test_the_stream_is_what_the_model_writes(shop: Shop) -> None:
    (stream,) = shop.journal()

    rows = decode_rows(stream)

    assert encode_rows(rows) == stream
    assert [row["seq"] for row in rows] == list(range(1, shop.core.last_seq + 1))
    assert {row["kind"] for row in rows} == {1, 2, 4}


def test_the_chain_goes_on_from_batch_to_batch(shop: Shop) -> None:
    shop.journal()
    shop.send(amount_minor=2)

    first, second = shop.journal()

    assert verify_chain(decode_rows(first), GENESIS_CHAIN) == decode_rows(first)[-1]["chain"]
    last = decode_rows(first)[-1]["chain"]
    assert isinstance(last, bytes)
    assert verify_chain(decode_rows(second), last) == shop.core.chain


def test_digests_are_right_on_both_sides_of_each_block_of_sha_256() -> None:
    shop = Shop()
    for count in range(130):
        shop.record(ClubAdded(club=100 + count, name="n" * count, name_fa="", currency=364))

    (stream,) = shop.journal()

    assert verify_chain(decode_rows(stream)) == shop.core.chain


def test_moves_of_a_row_sum_to_zero_by_unit_and_are_never_negative(shop: Shop) -> None:
    (stream,) = shop.journal()

    for row in decode_rows(stream):
        moves = row["moves"] or []
        assert isinstance(moves, list)
        for source, target, amount, *_lot in moves:
            assert amount > 0
            assert shop.core.account(source)[3] == shop.core.account(target)[3]


def test_a_row_has_columns_for_lots_only_where_one_of_its_moves_has_one(shop: Shop) -> None:
    (stream,) = shop.journal()

    shapes = set()
    for row in decode_rows(stream):
        moves = row["moves"] or []
        assert isinstance(moves, list)
        for line in moves:
            shapes.add((len(line), any(any(other[3:4]) for other in moves)))

    assert shapes == {(3, False), (6, True)}


def test_no_clear_pan_is_in_the_journal(shop: Shop) -> None:
    (stream,) = shop.journal()

    for pan in ("9364001234567890", "9364001234567891"):
        assert pan.encode() not in stream
        assert struct.pack(">Q", int(pan, 16)) not in stream
