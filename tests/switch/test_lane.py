"""One message through the lane: both dialects, what is echoed, what is told, what is not read."""

import pytest

from switch.iso8583 import Message, encode
from tests.support.shop import PANS, Extra, Shop, spec

PRIVATE = {"2", "35", "14"}


@pytest.fixture
def shop() -> Shop:
    """A shop whose card 0 has 1,000,000 rials."""
    shop = Shop()
    shop.load(1_000_000)
    return shop


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
def test_both_dialects_say_the_same(dialect: str) -> None:
    shop = Shop()
    shop.load(1_000_000)

    said = shop.send(amount_minor=250_000, dialect=dialect, extra={"48.PR": "5"})

    assert (said.code, said.tag("NP"), said.tag("PE")) == ("00", "250000", "50")
    assert said.balances() == {"0001": 750_000, "0002": 750_000, "6001": 50, "6002": 50}


def test_a_reply_echoes_what_it_should_and_never_the_card(shop: Shop) -> None:
    extra: Extra = {
        7: shop.transmitted_at(),
        14: "3012",
        25: "00",
        32: "581672",
        37: "RRN000000001",
    }

    message = shop.message(amount_minor=1_000, extra=extra)
    said = shop.ask(message)

    asked = {str(key): value for key, value in message.items()}
    for element in ("3", "4", "7", "11", "12", "13", "25", "32", "37", "41", "42", "49"):
        assert said.elements[element] == asked[element]
    assert not PRIVATE & set(said.elements)
    assert PANS[0].encode() not in said.reply


def test_a_track_names_card_and_expiry(shop: Shop) -> None:
    good = shop.send(amount_minor=1_000, card=None, extra={35: f"{PANS[0]}D30121010000012345"})
    other = shop.send(amount_minor=1_000, card=None, extra={35: f"{PANS[0]}D30111010000012345"})
    both = shop.send(amount_minor=1_000, extra={35: f"{PANS[1]}D30121010000012345"})

    assert (good.code, other.reason) == ("00", "expiry_mismatch")
    assert (both.code, both.tag("RE")) == ("30", "35")


def test_a_held_amount_is_in_the_ledger_balance_and_not_available(shop: Shop) -> None:
    said = shop.send("0100", amount_minor=300_000)

    assert said.balances() == {"0001": 1_000_000, "0002": 700_000, "6001": 0, "6002": 0}


def test_a_partial_approval_is_exact_to_the_rial(shop: Shop) -> None:
    said = shop.send(
        amount_minor=5_000_000, terminal="T0000003", extra={"48.PA": "1"}
    )  # 5 % off in the bookshop: 1,052,631 cost 1,000,000 exactly, 1,052,632 a rial more

    assert (said.code, int(said.elements["4"])) == ("10", 1_052_631)
    assert (said.tag("DS"), said.tag("NP"), shop.money()) == ("52631", "1000000", 0)


@pytest.mark.parametrize("mti", ["0110", "0210", "0230", "0430", "0810"])
def test_an_answer_is_not_answered(shop: Shop, mti: str) -> None:
    message = shop.message(amount_minor=1_000)

    assert shop.ask(Message(mti, dict(message))).status == "ignored"


def test_an_echo_leaves_no_row(shop: Shop) -> None:
    rows = shop.core.last_seq

    said = shop.send("0800", amount_minor=None, card=None, extra={3: None, 42: None, 70: "301"})

    assert (said.status, said.code, shop.core.last_seq) == ("now", "00", rows)
    assert "37" not in said.elements


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
def test_a_message_that_is_cut_anywhere_changes_nothing(shop: Shop, dialect: str) -> None:
    whole = encode(shop.message(amount_minor=1_000), spec(dialect))
    before = (shop.state(), shop.core.last_seq)

    for end in range(len(whole)):
        status, _, _, _ = shop.lanes[dialect].answer(
            whole[:end], now_us=shop.now_s * 1_000_000, utc_offset_s=shop.utc_offset_s
        )
        assert status in ("now", "hopeless"), end

    assert (shop.state(), shop.core.last_seq) == before


def test_nothing_is_decided_while_the_ledger_is_away(shop: Shop) -> None:
    before = (shop.state(), shop.core.last_seq)
    message = shop.message(amount_minor=1_000)

    away = shop.ask(message, available=False)
    assert (away.status, away.code, shop.state(), shop.core.last_seq) == ("now", "91", *before)

    assert shop.ask(message).code == "00"
