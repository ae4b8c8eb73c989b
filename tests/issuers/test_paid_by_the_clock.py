"""What the clock pays for a card: what is due of a debt, and the fee of a membership."""

import msgspec
import pytest

from issuers.credit import credit
from issuers.membership import A_YEAR, membership
from switch.events import CardStatusChanged, ProgrammeLive, ProgrammeRetired
from switch.instalments import Terms
from switch.machine import Account
from switch.operations import CardStatus, Operation
from switch.programme import CHARGED, Programme
from switch.rules import Credit, Fund, InstalmentPlan, Membership, ProgrammeError, Wallet
from tests.support.shop import Said, Shop, new_core, replay_into, state_of

DAY_S = 86_400
PART = 2_500_000


def club(here: Shop, account: Account) -> int:
    return int(here.core.account(here.core.club_account(1, account & 15))[4])


def wait(here: Shop, days: int) -> None:
    here.now_s += days * DAY_S


def counted(here: Shop, name: str, card: int = 0) -> int:
    return here.account(card, here.directory.layout_of(1).slot(name))


# --- what is due ----------------------------------------------------------------------------------

TERMS = Terms(count=4, late_rate_bps=1_800, late_cap_bps=1_000)


def paid_from_money(pays_from: str = "money") -> Programme:
    """Credit, beside a wallet that is loaded and pays what is due."""
    base = credit(1, 1, 1)
    return msgspec.structs.replace(
        base,
        operations=(*base.operations, Operation.LOAD),
        wallets=(*base.wallets, Wallet(name="money", unit="money", held=True, account_type=0)),
        funding=(*base.funding, Fund(wallet="money")),
        purse="money",
        credit=Credit(
            limit_minor=20_000_000,
            plans=(InstalmentPlan(name="four", terms=TERMS),),
            pays_from=pays_from,
        ),
    )


def owing(loaded_minor: int) -> Shop:
    """A card that owes four parts, the first in a month, and has money."""
    here = Shop(paid_from_money())
    bought = here.send(amount_minor=4 * PART)
    assert bought.code == "00", bought.elements
    here.load(loaded_minor)
    return here


def test_nothing_is_paid_before_its_day_and_all_of_it_on_the_day_once() -> None:
    here = owing(3 * PART)
    wait(here, 30)
    assert here.keep_house() == 0

    wait(here, 1)
    assert [here.keep_house() for _ in range(3)] == [1, 0, 0]

    assert counted(here, "due") == 3 * PART
    assert counted(here, "money") == 2 * PART
    assert here.account(0, 0) == -3 * PART
    assert here.core.imbalances() == []
    assert state_of(replay_into(new_core(), here.journal())._core) == here.state()


def test_it_goes_as_far_as_the_money_and_goes_on_when_there_is_more() -> None:
    here = owing(1_000_000)
    wait(here, 31)
    here.keep_house()
    assert (counted(here, "money"), counted(here, "due")) == (0, 4 * PART - 1_000_000)

    here.load(5_000_000)
    wait(here, 10)
    here.keep_house()

    late = 1_500_000 * 10 * 1_800 // 3_650_000
    assert counted(here, "due") == 3 * PART
    assert counted(here, "money") == 5_000_000 - 1_500_000 - late
    assert club(here, Account.CLUB_LATE_CHARGES) == late
    assert (counted(here, "due late"), counted(here, CHARGED)) == (0, 0)


def test_after_an_outage_everything_that_became_due_is_paid_in_one_run() -> None:
    here = owing(4 * PART)

    wait(here, 150)
    here.keep_house(cards_max=1)

    assert counted(here, "due") == PART * 4 - (4 * PART - club(here, Account.CLUB_LATE_CHARGES))
    assert counted(here, "money") == 0
    assert club(here, Account.CLUB_LATE_CHARGES) > 0


@pytest.mark.parametrize("name", ["credit", "points", "nothing"])
def test_only_another_plain_wallet_of_money_pays_a_debt(name: str) -> None:
    with pytest.raises(ProgrammeError, match="another plain wallet"):
        paid_from_money(name)


# --- memberships ----------------------------------------------------------------------------------


FROM_MONEY = Membership(valid=A_YEAR, fee_minor=5_000_000, grace_days=30, renews_from="money")


def renewing(how: Membership, version: int = 1) -> Programme:
    """Membership of a card that has money of its own."""
    base = membership(1, version, 1)
    money = Wallet(name="money", unit="money", account_type=0)
    return msgspec.structs.replace(
        base,
        operations=(*base.operations, Operation.LOAD),
        wallets=(*base.wallets, money),
        funding=(Fund(wallet="money"),),
        membership=how,
    )


def member(programme: Programme, loaded_minor: int = 12_000_000) -> Shop:
    """A card whose membership begins today, with money."""
    here = Shop(programme)
    joined = here.send(code="900000", amount_minor=None)
    assert joined.code == "00", joined.elements
    if loaded_minor:
        here.load(loaded_minor)
    return here


def until(here: Shop) -> str:
    return asked(here).tag("UN")


def asked(here: Shop) -> Said:
    return here.send("0100", "310000", None)


def test_a_membership_renews_itself_on_its_last_day_and_once() -> None:
    here = member(renewing(FROM_MONEY))
    first = until(here)
    wait(here, 363)
    assert here.keep_house() == 0

    wait(here, 1)
    assert [here.keep_house() for _ in range(3)] == [1, 0, 0]

    assert counted(here, "money") == 7_000_000
    assert club(here, Account.CLUB_FEES) == 2 * 5_000_000  # the first at the till
    assert (first, until(here)) == ("20270414", "20280413")  # 25 Farvardin
    assert here.core.imbalances() == []
    assert state_of(replay_into(new_core(), here.journal())._core) == here.state()


def test_whoever_has_too_little_is_renewed_in_grace_from_the_end() -> None:
    here, rich = (member(renewing(FROM_MONEY), loaded) for loaded in (0, 12_000_000))
    for each in (here, rich):
        wait(each, 364)
        each.keep_house()
    wait(here, 20)
    here.load(5_000_000)
    wait(here, 1)
    here.keep_house()

    assert until(here) == until(rich)
    assert counted(here, "money") == 0


def test_after_its_grace_a_membership_is_not_renewed() -> None:
    here = member(renewing(msgspec.structs.replace(FROM_MONEY, grace_days=10)))

    wait(here, 380)

    assert here.keep_house() == 0
    assert counted(here, "money") == 12_000_000


def test_points_pay_where_the_fee_is_in_points() -> None:
    here = member(renewing(Membership(valid=A_YEAR, grace_days=30)))
    assert here.send(amount_minor=11_000_000).code == "00"  # 104 points for 10,450,000
    in_points = Membership(valid=A_YEAR, fee_points=100, grace_days=30, renews_from="points")
    here.record(ProgrammeLive(definition=renewing(in_points, 2)))

    wait(here, 364)

    assert [here.keep_house() for _ in range(2)] == [1, 0]
    assert counted(here, "points") == 4
    assert club(here, Account.CLUB_POINTS_REDEEMED) == 100


@pytest.mark.parametrize("status", [CardStatus.BLOCKED, CardStatus.CLOSED])
def test_a_card_that_is_not_good_is_not_renewed(status: CardStatus) -> None:
    here = member(renewing(FROM_MONEY))
    here.record(CardStatusChanged(card=0, status=status))

    wait(here, 364)

    assert here.keep_house() == 0


def test_a_programme_that_is_retired_renews_nobody() -> None:
    here = member(renewing(FROM_MONEY))
    here.record(ProgrammeRetired(programme=1, version=1, by="somebody", at_s=here.now_s))

    wait(here, 364)

    assert here.keep_house() == 0


@pytest.mark.parametrize(
    "how",
    [
        Membership(valid=A_YEAR, fee_minor=1, renews_from="points"),
        Membership(valid=A_YEAR, fee_points=1, renews_from="money"),
        Membership(valid=A_YEAR, renews_from="money"),
        Membership(valid=A_YEAR, fee_minor=1, renews_from="nothing"),
    ],
)
def test_a_membership_renews_from_a_wallet_that_can_pay_its_fee(how: Membership) -> None:
    with pytest.raises(ProgrammeError, match="renews from a wallet"):
        renewing(how)


def test_a_membership_is_not_renewed_with_credit_that_nobody_would_owe() -> None:
    with pytest.raises(ProgrammeError, match="renews from a wallet"):
        msgspec.structs.replace(
            paid_from_money(),
            membership=Membership(valid=A_YEAR, fee_minor=1, renews_from="credit"),
        )


# --- as they are shipped --------------------------------------------------------------------------


def test_a_card_of_the_shipped_credit_pays_what_is_due_from_its_purse() -> None:
    here = Shop(credit(1, 1, 1, pays_itself=True))
    here.load(6_000_000)
    bought = here.send(amount_minor=4 * PART)  # the first part is due today
    assert bought.tag("PW") == f"credit:{4 * PART}"

    here.keep_house()
    today = counted(here, "money")
    wait(here, 31)
    here.keep_house()

    assert (today, counted(here, "money")) == (6_000_000 - PART, 6_000_000 - 2 * PART)
    assert counted(here, "due") == 2 * PART
    assert here.core.imbalances() == []


def test_a_membership_that_is_shipped_to_renew_itself_does_from_its_purse() -> None:
    here = member(membership(1, 1, 1, renews_itself=True))
    bought = here.send(amount_minor=1_000_000)
    assert (bought.tag("NP"), bought.tag("CA")) == ("950000", "")

    wait(here, 364)
    here.keep_house()

    assert counted(here, "money") == 12_000_000 - 950_000 - 5_000_000
    assert until(here) == "20280413"


def test_where_the_fee_is_in_points_it_is_paid_from_those() -> None:
    here = member(membership(1, 1, 1), 0)
    here.send(amount_minor=1_000_000)
    in_points = membership(1, 2, 1, fee_minor=0, fee_points=5, renews_itself=True)
    here.record(ProgrammeLive(definition=in_points))

    wait(here, 364)
    here.keep_house()

    assert counted(here, "points") == 9 - 5
    assert until(here) == "20280413"
