"""A card whose last month is over: it pays nothing, and what ends with it leaves it.

Card 5 is good to the end of May 2026, the others are to 2030; it is April.
"""

from datetime import UTC, datetime

import msgspec
import pytest

from issuers.credit import credit
from issuers.purse import purse
from switch.directory import EventError
from switch.events import CardReissued, CardStatusChanged
from switch.machine import Account
from switch.operations import CardStatus
from switch.programme import Programme
from switch.rules import ProgrammeError, Wallet
from tests.support.shop import Shop, new_core, replay_into, state_of

OLD_CARD = 5
LAST_S = int(datetime(2026, 5, 31, 20, 29, 59, tzinfo=UTC).timestamp())  # 23:59:59 in Tehran


def ending(*names: str) -> Programme:
    """A purse; what these wallets have ends with the card."""
    base = purse(1, 1, 1)
    wallets = tuple(
        msgspec.structs.replace(wallet, ends_with_card=wallet.name in names)
        for wallet in base.wallets
    )
    return msgspec.structs.replace(base, wallets=wallets)


def shop(*names: str) -> Shop:
    """Two cards, one of which is good to the end of May, with money and points."""
    here = Shop(ending(*names))
    for card in (0, OLD_CARD):
        here.load(1_000_000, card=card)
        assert here.send(amount_minor=200_000, card=card).code == "00"
    return here


def club(here: Shop, account: Account) -> int:
    return int(here.core.account(here.core.club_account(1, account & 15))[4])


def test_it_is_good_to_the_last_second_whether_its_date_is_sent_or_not() -> None:
    here = shop()
    here.now_s = LAST_S

    dated = here.send(amount_minor=1_000, card=OLD_CARD, extra={14: "2605"})
    other = here.send(amount_minor=1_000, card=OLD_CARD, extra={14: "2705"})
    here.now_s += 1
    after = here.send(amount_minor=1_000, card=OLD_CARD)

    assert dated.code == "00"
    assert (other.code, other.reason) == ("54", "expiry_mismatch")
    assert (after.code, after.reason) == ("54", "card_expired")


def test_what_ends_with_the_card_leaves_it_once_and_the_rest_stays() -> None:
    here = shop("points")
    points = here.points(OLD_CARD)
    here.now_s = LAST_S
    assert here.keep_house() == 0

    here.now_s += 1
    assert [here.keep_house() for _ in range(3)] == [1, 0, 0]

    assert (here.points(OLD_CARD), here.points(0)) == (0, points)
    assert club(here, Account.CLUB_POINTS_EXPIRED) == points > 0
    assert here.money(OLD_CARD) == here.money(0) > 0
    assert here.core.imbalances() == []
    assert state_of(replay_into(new_core(), here.journal())._core) == here.state()


def test_money_of_a_bearers_card_may_end_with_it_and_is_the_clubs() -> None:
    here = shop("money")
    left = here.money(OLD_CARD)

    here.now_s = LAST_S + 1
    here.keep_house()

    assert (here.money(OLD_CARD), club(here, Account.CLUB_BREAKAGE)) == (0, left)
    assert here.money(0) == left


def test_what_a_purchase_gave_is_still_refunded_and_ends_with_the_next_month() -> None:
    here = shop("points")
    said = here.send(amount_minor=100_000, card=OLD_CARD)
    here.now_s = LAST_S + 1
    here.keep_house()

    before = here.money(OLD_CARD)
    refunded = here.refund(said, 100_000, card=OLD_CARD)

    assert refunded.code == "00"
    assert here.money(OLD_CARD) > before


def test_a_card_that_is_reissued_has_what_it_had_and_only_its_new_date_is_right() -> None:
    here = shop()
    money = here.money(OLD_CARD)
    here.now_s = LAST_S + 1

    seq = here.record(CardReissued(card=OLD_CARD, expires_yymm=3106))

    old = here.send(amount_minor=1_000, card=OLD_CARD, extra={14: "2605"})
    new = here.send(amount_minor=1_000, card=OLD_CARD, extra={14: "3106"})
    assert (old.reason, new.code) == ("expiry_mismatch", "00")
    assert here.money(OLD_CARD) == money - 1_000
    assert state_of(replay_into(new_core(), here.journal())._core) == here.state()
    assert here.core.last_seq == seq + 2


def test_what_has_ended_with_the_card_does_not_come_back_with_a_new_one() -> None:
    here = shop("points")
    here.now_s = LAST_S + 1
    here.keep_house()

    here.record(CardReissued(card=OLD_CARD, expires_yymm=2606))
    bought = here.send(amount_minor=100_000, card=OLD_CARD)
    points = here.points(OLD_CARD)
    here.now_s += 40 * 86_400
    here.keep_house()

    assert (bought.code, points > 0, here.points(OLD_CARD)) == ("00", True, 0)


@pytest.mark.parametrize("status", [CardStatus.LOST, CardStatus.STOLEN, CardStatus.CLOSED])
def test_what_was_lost_or_closed_is_not_reissued_nor_is_a_date_made_earlier(
    status: CardStatus,
) -> None:
    here = shop()
    for yymm in (2605, 2604):
        with pytest.raises(EventError, match="good for as long already"):
            here.record(CardReissued(card=OLD_CARD, expires_yymm=yymm))
    here.record(CardStatusChanged(card=OLD_CARD, status=status))

    with pytest.raises(EventError, match="lost, closed"):
        here.record(CardReissued(card=OLD_CARD, expires_yymm=3106))


def test_what_is_owed_can_be_paid_with_a_card_that_has_expired() -> None:
    here = Shop(credit(1, 1, 1))
    bought = here.send(amount_minor=1_000_000, card=OLD_CARD)
    here.now_s = LAST_S + 1

    again = here.send(amount_minor=1_000_000, card=OLD_CARD)
    asked = here.send("0100", "910000", None, card=OLD_CARD)
    paid = here.send(code="213000", amount_minor=400_000, card=OLD_CARD)
    ended = here.send("0200", "910000", 600_000, card=OLD_CARD)

    assert bought.code == "00"
    assert again.reason == "card_expired"
    assert (asked.tag("OW"), paid.code, ended.code) == ("1000000", "00", "00")


def test_credit_does_not_end_with_the_card() -> None:
    with pytest.raises(ProgrammeError, match="outlives"):
        msgspec.structs.replace(
            credit(1, 1, 1),
            wallets=(Wallet(name="credit", unit="money", held=True, ends_with_card=True),),
        )
