"""Memory of the recent past: a ring that wraps, holds that stay, details that are recalled."""

import pytest

from switch.operations import ExchangeState
from tests.ledger.rows_model import Row, decode_rows, encode_rows
from tests.support.shop import Said, Shop

ENTRIES = 32


@pytest.fixture
def shop() -> Shop:
    """A shop with a small memory and 1,000,000 rials on card 0."""
    shop = Shop(exchange_entries=ENTRIES, detail_bytes=16_384)
    shop.load(1_000_000)
    return shop


def pass_by(shop: Shop, count: int) -> None:
    """Let other messages come, each at its own second."""
    for _ in range(count):
        shop.now_s += 1
        assert shop.send(amount_minor=None, code="310000").status == "at_seq"


def row_of(shop: Shop, said: Said) -> bytes:
    """Give the journal's row of a message, as the slow lane fetches it."""
    rows: list[Row] = []
    for stream in shop.journal():
        rows += decode_rows(stream)
    return encode_rows([row for row in rows if row["seq"] == said.seq])


def test_a_repeat_of_what_has_left_memory_asks_the_journal(shop: Shop) -> None:
    message = shop.message(amount_minor=5_000)
    first = shop.ask(message)
    pass_by(shop, ENTRIES)
    before = shop.state()

    asked = shop.ask(message)
    shop.core.remember(row_of(shop, first), {})
    again = shop.ask(message)

    assert (asked.status, asked.recall) == ("later", ("key", 0, first.stan))
    assert (again.reply, again.seq) == (first.reply, first.seq)
    assert shop.state() == before


def test_a_new_message_asks_nobody(shop: Shop) -> None:
    pass_by(shop, 3 * ENTRIES)

    shop.now_s += 1
    said = shop.send(amount_minor=5_000)

    assert (said.status, said.code) == ("at_seq", "00")


def test_an_open_hold_never_leaves_memory(shop: Shop) -> None:
    hold = shop.send("0100", amount_minor=5_000)

    pass_by(shop, 5 * ENTRIES)

    assert shop.exchange(hold)[:3] == (ExchangeState.HELD, 5_000, 0)


def test_a_capture_recalls_the_moves_of_a_hold_once(shop: Shop) -> None:
    hold = shop.send("0100", amount_minor=5_000)
    pass_by(shop, 5 * ENTRIES)
    message = shop.message("0220", amount_minor=5_000, extra={90: hold.original()})

    asked = shop.ask(message)
    shop.core.remember(row_of(shop, hold), {})
    captured = shop.ask(message)

    assert (asked.status, asked.recall) == ("later", ("seq", hold.seq))
    assert captured.code == "00"
    assert (shop.account(0, 1), shop.core.imbalances()) == (0, [])


def test_what_is_recalled_keeps_what_memory_knew_of_it(shop: Shop) -> None:
    bought = shop.send(amount_minor=9_000)
    shop.refund(bought, 4_000)
    row = row_of(shop, bought)

    shop.core.remember(row, {bought.seq: (ExchangeState.APPROVED, 0)})

    assert shop.exchange(bought)[:3] == (ExchangeState.APPROVED, 9_000, 4_000)
    assert shop.refund(bought, 5_001).reason == "refund_above_original"


def test_the_count_of_open_holds_follows_them(shop: Shop) -> None:
    holds = [shop.send("0100", amount_minor=1_000) for _ in range(4)]
    opened = shop.core.statistics()["holds_open"]

    shop.reverse(holds[0], 1_000)
    shop.complete(holds[1], 1_000)
    shop.now_s += 86_400
    shop.expire_holds()

    assert (opened, shop.core.statistics()["holds_open"]) == (4, 0)
