"""Fees that were paid, of purchases that go back: the card's, whoever looks first (decision 0043).

12,000,000 by twelve parts at 18 % a year: 180,000 of profit for the first month.
"""

import msgspec
import pytest

from issuers.credit import credit
from switch.machine import Account
from tests.support.late_shop import pay
from tests.support.shop import Said, Shop, new_core, replay_into, state_of

DAY_S = 86_400
LOAN, PART, PROFIT = 12_000_000, 1_000_000, 180_000


def bought_and_paid(here: Shop) -> Said:
    """A purchase whose first instalment is paid on its day."""
    bought = here.send(amount_minor=LOAN, extra={"48.IN": "2"})
    assert bought.code == "00", bought.elements
    here.now_s += 31 * DAY_S
    pay(here, PART + PROFIT)
    return bought


def buy(here: Shop, minor: int, plan: int = 3) -> Said:
    said = here.send(amount_minor=minor, extra={"48.IN": str(plan)})
    assert said.code == "00", said.elements
    return said


def to_end_it(here: Shop) -> int:
    return int(here.send("0100", "910000", None).tag("OW") or 0)


def settle(here: Shop, minor: int) -> Said:
    said = here.send("0200", "910000", minor)
    assert said.code == "00", said.elements
    return said


def has(here: Shop) -> tuple[int, int]:
    """What the card has on its wallet, and what of its fees is owed."""
    return here.account(0, 0), here.account(0, here.directory.layout_of(1).slot("due fee"))


def fees(here: Shop) -> int:
    """What the club has of fees that cards paid: merchants' commission is another's."""
    account = here.core.club_account(1, Account.CLUB_FEES & 15)
    return int(here.core.account(account)[4])


@pytest.fixture
def shop() -> Shop:
    return Shop(msgspec.structs.replace(credit(1, 1, 1), commission_bps=0))


def test_it_pays_the_next_purchase_as_what_was_paid_of_the_principal_does(shop: Shop) -> None:
    bought = bought_and_paid(shop)
    shop.refund(bought, LOAN)
    assert (fees(shop), has(shop)[0], to_end_it(shop)) == (PROFIT, PART, 0)

    said = buy(shop, 3_000_000)

    assert said.tag("IA") == str(3_000_000 - PART - PROFIT)
    assert has(shop) == (PART + PROFIT - 3_000_000, 0)
    assert (fees(shop), to_end_it(shop)) == (0, 3_000_000 - PART - PROFIT)
    assert shop.core.imbalances() == []
    assert state_of(replay_into(new_core(), shop.journal())._core) == shop.state()


def test_a_settlement_of_another_debt_costs_less_by_it(shop: Shop) -> None:
    bought = bought_and_paid(shop)
    buy(shop, 5_000_000)
    shop.refund(bought, LOAN)
    before = shop.state()
    assert to_end_it(shop) == 5_000_000 - PART - PROFIT

    said = settle(shop, 5_000_000 - PART - PROFIT)

    assert (has(shop), fees(shop)) == ((0, 0), 0)
    assert shop.core.imbalances() == []
    shop.reverse(said, 5_000_000 - PART - PROFIT)
    assert shop.state()[:2] == before[:2]


def test_whoever_had_paid_the_fee_is_where_the_one_is_who_had_not() -> None:
    left = []
    for pays in (True, False):
        here = Shop(credit(1, 1, 1))
        bought = here.send(amount_minor=LOAN, extra={"48.IN": "2"})
        here.now_s += 31 * DAY_S
        if pays:
            pay(here, PROFIT)
        here.refund(bought, LOAN)
        buy(here, 5_000_000)
        left.append(to_end_it(here) + (PROFIT if pays else 0))

    assert left == [5_000_000, 5_000_000]


def test_more_of_it_than_is_owed_stays_the_cards(shop: Shop) -> None:
    bought = bought_and_paid(shop)
    shop.refund(bought, LOAN)
    buy(shop, PART + 100_000)
    assert to_end_it(shop) == 0  # 80,000 of it are left

    said = pay(shop, 20_000)

    assert has(shop) == (100_000, 0)
    assert said.tag("FE") == ""
    assert buy(shop, 400_000).tag("IA") == "300000"


@pytest.mark.parametrize("begun", [False, True])
def test_it_pays_fees_of_time_that_has_begun_and_none_of_time_to_come(
    shop: Shop, *, begun: bool
) -> None:
    bought = bought_and_paid(shop)
    other = shop.send(amount_minor=LOAN, extra={"48.IN": "2"})
    assert other.code == "00"
    shop.refund(bought, LOAN)
    shop.now_s += begun * DAY_S
    owed = LOAN - PART - PROFIT + begun * PROFIT  # of the second purchase's first month
    assert to_end_it(shop) == owed

    buy(shop, 1_000)  # whatever looks first

    assert fees(shop) == begun * PROFIT
    assert to_end_it(shop) == owed + 1_000
    settle(shop, owed + 1_000)
    assert (has(shop), fees(shop)) == ((0, 0), begun * PROFIT)


def test_a_purchase_that_used_it_is_reversed_and_it_is_there_again(shop: Shop) -> None:
    bought = bought_and_paid(shop)
    shop.refund(bought, LOAN)
    before = shop.state()

    said = buy(shop, 3_000_000)
    shop.reverse(said, 3_000_000)

    assert shop.state()[:2] == before[:2]


def test_of_a_part_that_goes_back_the_last_fees_go_and_what_was_paid_stays_paid(
    shop: Shop,
) -> None:
    bought = bought_and_paid(shop)

    shop.refund(bought, LOAN // 2)

    assert (fees(shop), has(shop)[0]) == (PROFIT, PART - LOAN // 2)
    # Its share of 1,170,000 for the whole year, of which 180,000 are paid.
    assert has(shop)[1] == 1_170_000 // 2 - PROFIT
