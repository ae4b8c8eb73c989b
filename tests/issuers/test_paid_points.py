"""Points that merchants pay the club for: in the purchase's row, undone with it, told of each lot.

Goal: what a merchant pays is the price of what it funds, never more than what still stands; and of
every lot it can be said who pays for it, under which version and rule, and whether it ends with a
card's inactivity. Method: real messages, the ledger's accounts, the auditor and the view on a real
PostgreSQL.
"""

from collections.abc import Iterator

import msgspec
import pytest

from switch._audit import points_of_merchants
from switch.events import ProgrammeLive
from switch.ledger.database import Database
from switch.ledger.session import Session
from switch.lots import LotName, name_of
from switch.machine import Account
from switch.rules import Budget, Cap, DiscountRule, EarnRule, ProgrammeError, When
from switch.verify import verify_shard
from tests.issuers.test_exploits import programme
from tests.support.journaled_shop import JournaledShop, new_core
from tests.support.products import assert_rebuilt, reverse, standing
from tests.support.shop import BOOKS, Shop

DAY_S = 86_400
AT_BOOKS = "T0000003"
BY_CLUB = EarnRule(name="by club", points=1, per_minor=1_000, when=When(merchants=(BOOKS,)))
BY_SHOP = EarnRule(name="by shop", points=2, per_minor=1_000, funder="merchant")
SHARED = EarnRule(
    name="shared", points=2, per_minor=1_000, funder="shared", merchant_share_bps=3_333
)


def opened(*earning: EarnRule, price: int = 90, **others: object) -> Shop:
    shop = Shop(programme(earning=earning, points_price_minor=price, **others))
    shop.load(1_000_000)
    return shop


def club(shop: Shop) -> int:
    """Give what merchants have paid for points less what they got for them."""
    number = shop.core.club_account(1, Account.CLUB_POINTS_PAID & 15)
    return int(shop.core.account(number)[4])


def merchant(shop: Shop, row: int = 0) -> int:
    return int(shop.core.account(shop.core.merchant_account(row))[4])


def lots(shop: Shop) -> list[tuple[LotName, int]]:
    """Give the names of card 0's lots of points and what is left in them."""
    slot = shop.directory.layout_of(1).slot("points")
    return [(name_of(lot[0]), lot[1]) for lot in shop.core.lots(shop.core.card(0)[0] + slot)]


# --- the price ------------------------------------------------------------------------------------


def test_a_merchant_pays_the_club_for_the_points_that_it_funds() -> None:
    shop = opened(BY_SHOP)

    said = shop.send(amount_minor=10_999)

    assert (said.tag("PE"), said.tag("WE")) == ("20", "by shop")
    assert (merchant(shop), club(shop)) == (10_999 - 20 * 90, 20 * 90)
    assert_rebuilt(shop)


def test_a_rules_own_price_counts_before_the_programmes() -> None:
    shop = opened(msgspec.structs.replace(BY_SHOP, points_price_minor=7))

    shop.send(amount_minor=10_000)

    assert club(shop) == 20 * 7


def test_of_shared_points_the_merchant_pays_its_share_rounded_down() -> None:
    shop = opened(SHARED)

    shop.send(amount_minor=10_000)

    assert club(shop) == 20 * 90 * 3_333 // 10_000


def test_points_that_the_club_funds_cost_the_merchant_nothing() -> None:
    shop = opened(BY_CLUB, BY_SHOP)

    shop.send(amount_minor=10_000, terminal=AT_BOOKS)

    assert (merchant(shop, 1), club(shop)) == (10_000, 0)


def test_commission_and_discount_are_reckoned_beside_the_price_of_points() -> None:
    """100,000: 10,000 off by the club, 2% commission and 90 points on the 90,000 of money."""
    shop = opened(
        msgspec.structs.replace(BY_SHOP, points=1),
        commission_bps=200,
        discounts=(DiscountRule(name="d", discount_bps=1_000, funder="club"),),
    )

    shop.send(amount_minor=100_000)

    assert merchant(shop) == 90_000 + 10_000 - 1_800 - 90 * 90
    assert club(shop) == 90 * 90


def test_only_points_that_were_given_are_paid_for() -> None:
    shop = opened(
        BY_SHOP,
        caps=(Cap(name="c", of="earned", most=25),),
        budgets=(Budget(name="b", of="earned", most=30),),
    )
    for card, earned in ((0, 20), (0, 25), (0, 25)):
        shop.send(amount_minor=10_000, card=card)
        assert club(shop) == earned * 90


def test_points_paid_with_earn_and_cost_nothing_and_the_merchant_gets_their_worth() -> None:
    shop = opened(BY_SHOP)
    shop.send(amount_minor=100_000)
    assert club(shop) == 200 * 90

    said = shop.send(code="006000", amount_minor=5_000)

    assert said.tag("PE") == ""
    assert (club(shop), merchant(shop)) == (200 * 90 - 5_000, 100_000 - 200 * 90 + 5_000)


# --- undoing --------------------------------------------------------------------------------------


def test_a_refund_gives_the_merchant_its_share_back_and_a_reversal_all() -> None:
    shop = opened(BY_SHOP)
    before = standing(shop)
    bought = shop.send(amount_minor=10_000)
    shop.refund(bought, 5_000)
    assert (club(shop), shop.send(code="316000", amount_minor=None).balances()["6001"]) == (900, 10)

    shop.refund(bought, 5_000)
    assert (club(shop), merchant(shop)) == (0, 0)

    reverse(shop, shop.send(amount_minor=10_000))
    assert standing(shop)[:2] == before[:2]
    assert_rebuilt(shop)


def test_a_completion_pays_once_and_a_hold_not_at_all() -> None:
    shop = opened(BY_SHOP)
    held = shop.send("0100", amount_minor=10_000)
    assert club(shop) == 0

    shop.refund(shop.complete(held, 8_000), 4_000)

    assert club(shop) == 8 * 90


# --- lots -----------------------------------------------------------------------------------------


def test_a_lot_says_which_purchase_a_merchant_pays_for_and_none_joins_it() -> None:
    shop = opened(BY_CLUB, BY_SHOP)
    first = shop.send(amount_minor=10_000)
    second = shop.send(amount_minor=10_000)
    third = shop.send(amount_minor=10_000, terminal=AT_BOOKS)
    shop.send(amount_minor=10_000, terminal=AT_BOOKS)

    found = lots(shop)

    assert [(lot.seq, lot.merchant_funds, left) for lot, left in found] == [
        (third.seq, False, 20),
        (first.seq, True, 20),
        (second.seq, True, 20),
    ]
    assert points_of_merchants(shop.core)[1] == 40
    assert_rebuilt(shop)


def test_a_new_version_does_not_change_who_pays_for_lots_of_before() -> None:
    shop = opened(BY_SHOP)
    shop.send(amount_minor=10_000)
    by_club = msgspec.structs.replace(BY_SHOP, funder="club")
    shop.record(
        ProgrammeLive(
            definition=msgspec.structs.replace(
                shop.directory.programmes[1], version=2, earning=(by_club,)
            )
        )
    )
    shop.send(amount_minor=10_000)

    assert [(lot.merchant_funds, left) for lot, left in lots(shop)] == [(False, 20), (True, 20)]


@pytest.mark.parametrize(("days", "left"), [(10, [10, 10]), (11, [10])])
def test_a_rule_chooses_whether_its_points_end_when_a_card_is_not_used(
    days: int, left: list[int]
) -> None:
    kept = msgspec.structs.replace(BY_CLUB, name="kept", ends_inactive=False)
    ends = EarnRule(name="ends", points=1, per_minor=1_000)
    shop = opened(kept, ends, inactive_days=10)
    shop.send(amount_minor=10_000)
    shop.send(amount_minor=5_000, terminal=AT_BOOKS)
    shop.send(amount_minor=5_000, terminal=AT_BOOKS)

    shop.now_s += days * DAY_S
    shop.keep_house()

    found = lots(shop)
    assert [points for _, points in found] == left
    assert found[-1][0].kept
    assert_rebuilt(shop)


def test_a_merchant_that_would_pay_nothing_or_beyond_reckoning_is_refused() -> None:
    with pytest.raises(ProgrammeError, match="at a price"):
        programme(earning=(BY_SHOP,))
    many = msgspec.structs.replace(BY_SHOP, per_minor=1, points_price_minor=999_999_999_999)
    with pytest.raises(ProgrammeError, match="too much"):
        programme(earning=(many,))
    with pytest.raises(ProgrammeError, match="only what is shared"):
        EarnRule(name="e", points=1, per_minor=1, funder="merchant", merchant_share_bps=1)
    with pytest.raises(ProgrammeError, match="price is an amount"):
        EarnRule(name="e", points=1, per_minor=1, points_price_minor=-1)


# --- what reports see -----------------------------------------------------------------------------


@pytest.fixture
def journaled(database: str) -> Iterator[JournaledShop]:
    """A shop on a real journal whose points its merchant pays for, in part."""
    with Database(database) as opened:
        shop = JournaledShop(opened, new_core()).open()
        live = shop.directory.programmes[1]
        shop.record(
            ProgrammeLive(
                definition=msgspec.structs.replace(
                    live,
                    version=2,
                    earning=(SHARED,),
                    points_price_minor=90,
                    budgets=(Budget(name="till", of="count", most=9, per="merchant"),),
                )
            )
        )
        shop.load(1_000_000)
        yield shop


async def _rows(session: Session, query: str) -> list[dict[str, object]]:
    return [dict(row) for row in await session.fetch(query)]


@pytest.mark.slow
def test_the_view_and_the_auditor_tell_who_pays_for_points(journaled: JournaledShop) -> None:
    seq = journaled.send(amount_minor=10_000).seq
    journaled.commit()

    (lot,) = journaled.database.call_sync(_rows, "SELECT * FROM point_lots_view")
    told = {name: lot[name] for name in ("seq", "card", "programme_version", "points", "funder")}
    assert told == {
        "seq": seq,
        "card": 0,
        "programme_version": 2,
        "points": 20,
        "funder": "merchant",
    }
    assert lot["merchant_pays_minor"] == 20 * 90 * 3_333 // 10_000
    assert lot["kept_when_inactive"] is False
    blocks = journaled.database.call_sync(
        _rows, "SELECT owner, first_account, account_count FROM account_blocks_view"
    )
    assert sum(int(str(block["account_count"])) for block in blocks) == journaled.core.account_count

    report = journaled.database.call_sync(verify_shard, 0, lambda last, end: None)
    assert (report.first_difference, report.points[0].merchant_funded) == (None, 20)
