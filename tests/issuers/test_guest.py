"""The guest card at the till: cheaper for the bearer, points for the member, so many times."""

import pytest

from issuers.guest import guest
from issuers.loyalty import loyalty
from switch.events import CardsLinked, ProgrammeLive
from tests.support.products import assert_rebuilt, reverse, standing
from tests.support.shop import Said, Shop, cards_added

MEMBER = 0
GUEST_PAN, STRANGER_PAN = "9364007000000001", "9364007000000019"


def buy(shop: Shop, amount_minor: int = 1_000_000, *, card: str = GUEST_PAN) -> Said:
    """Pay at the cafe, with the guest's card."""
    return shop.send(amount_minor=amount_minor, card=card)


def members_points(shop: Shop) -> int:
    """Give what the member has."""
    return shop.send("0100", "316000", None, card=MEMBER).balances()["6001"]


@pytest.fixture
def shop() -> Shop:
    """A guest's card of three uses, linked to member 0's, and one that nobody has given away."""
    shop = Shop(loyalty(1, 1, 1))
    shop.record(ProgrammeLive(definition=guest(7, 1, 1, member_programme=1, uses=3)))
    shop.record(cards_added(shop.core, 7, [GUEST_PAN, STRANGER_PAN], [3012, 3012]))
    number = shop.core.card_of(shop.core.token_of(GUEST_PAN))
    assert number is not None
    shop.record(CardsLinked(cards=(number,), to_card=MEMBER))
    return shop


def test_the_bearer_pays_less_and_the_member_gets_points(shop: Shop) -> None:
    said = buy(shop)

    assert (said.code, said.tag("DS"), said.tag("DF"), said.tag("CA")) == (
        "00",
        "100000",
        "M",
        "900000",
    )
    assert (said.tag("WD"), said.tag("PE")) == ("guests-price", "")
    assert members_points(shop) == 50


def test_it_works_as_often_as_it_says(shop: Shop) -> None:
    for _ in range(3):
        assert buy(shop).code == "00"
    before = standing(shop)

    said = buy(shop)

    assert (said.code, said.reason) == ("65", "above_period_count")
    assert standing(shop) == before
    assert members_points(shop) == 150


def test_a_card_that_nobody_gave_away_does_nothing(shop: Shop) -> None:
    said = buy(shop, card=STRANGER_PAN)

    assert (said.code, said.reason) == ("57", "card_not_linked")


def test_a_reversal_takes_the_members_points_and_gives_the_use_back(shop: Shop) -> None:
    before = standing(shop)
    said = buy(shop)

    shop.send("0400", "000000", 1_000_000, card=GUEST_PAN, extra={90: said.original()})

    assert standing(shop) == before
    assert [buy(shop).code for _ in range(4)] == ["00", "00", "00", "65"]


def test_a_refund_of_a_half_takes_half_of_the_members_points(shop: Shop) -> None:
    said = buy(shop)

    refund = shop.send(
        code="200000", amount_minor=500_000, card=GUEST_PAN, extra={90: said.original()}
    )

    assert refund.code == "00"
    assert members_points(shop) == 25


def test_a_discount_has_its_bound(shop: Shop) -> None:
    assert buy(shop, 20_000_000).tag("DS") == "1000000"


def test_a_load_is_refused(shop: Shop) -> None:
    said = shop.send(code="210000", amount_minor=1_000, card=GUEST_PAN)

    assert said.reason == "operation_not_allowed"


def test_replay_and_snapshot_give_the_same(shop: Shop) -> None:
    buy(shop)
    reverse(shop, shop.send(amount_minor=700_000, card=MEMBER))
    buy(shop, 333_333)

    assert_rebuilt(shop)
