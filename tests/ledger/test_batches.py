"""Rows that wait are cut into batches of bounded size, whose bytes stay where they are."""

import pytest

from switch.ledger._batches import CopyBody
from switch.ledger.journal import GENESIS_CHAIN
from tests.ledger.rows_model import decode_rows, verify_chain
from tests.support.shop import Shop


def cut(shop: Shop) -> tuple[int, int, bytes, CopyBody]:
    """The next batch."""
    found = shop.core.cut_batch()
    assert found is not None
    return found


def test_batches_have_no_more_rows_than_allowed_and_follow_each_other() -> None:
    shop = Shop(batch_rows_max=7)
    for amount_minor in range(1, 40):
        shop.send(amount_minor=amount_minor)
    last_seq, chain = 0, GENESIS_CHAIN

    while last_seq < shop.core.last_seq:
        first_seq, batch_last_seq, batch_chain, body = cut(shop)
        rows = decode_rows(bytes(body))
        assert [row["seq"] for row in rows] == list(range(last_seq + 1, batch_last_seq + 1))
        assert first_seq == last_seq + 1
        assert len(rows) == 7 or batch_last_seq == shop.core.last_seq
        assert verify_chain(rows, chain) == batch_chain
        last_seq, chain = batch_last_seq, batch_chain

    assert shop.core.cut_batch() is None
    assert chain == shop.core.chain


def test_a_batch_that_has_its_bytes_takes_no_further_row() -> None:
    shop = Shop(batch_bytes_max=1)

    shop.send(amount_minor=1)

    assert all(len(decode_rows(body)) == 1 for body in shop.journal())
    assert len(shop.batches) == shop.core.last_seq


def test_rows_that_come_while_a_batch_is_written_leave_its_bytes_alone() -> None:
    shop = Shop()
    body = cut(shop)[3]
    before = bytes(body)

    for amount_minor in range(1, 300):
        shop.send(amount_minor=amount_minor)

    assert bytes(body) == before


def test_a_batchs_bytes_are_gone_when_the_next_is_cut_and_not_before() -> None:
    shop = Shop()
    first = cut(shop)[3]
    shop.send(amount_minor=1)

    with memoryview(first), pytest.raises(AssertionError, match="still being read"):
        shop.core.cut_batch()
    second = cut(shop)[3]

    with pytest.raises(BufferError, match="another batch"):
        bytes(first)
    assert bytes(second)
