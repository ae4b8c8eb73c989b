"""Clock work: what has ended leaves the cards, once, in rows that say how far it got."""

import msgspec
import pytest

from issuers.purse import purse
from switch._core import Core
from switch.directory import Directory, EventError
from switch.events import (
    AcquirerAdded,
    ClubAdded,
    MerchantAdded,
    OrganisationAdded,
    ProgrammeLive,
    decode_event,
)
from switch.machine import Account
from switch.operations import JournalKind, Operation
from switch.programme import Programme
from switch.rules import (
    Activation,
    Allowance,
    Cap,
    EarnRule,
    Ending,
    Fund,
    Period,
    ProgrammeError,
    Tier,
    Tiers,
    Wallet,
)
from tests.support.shop import NOON_S, Shop, new_core, replay_into, state_of

DAY_S = 86_400
MIDNIGHT_S = NOON_S + 12 * 3_600  # the end of the day on which everything happens

POINTS = EarnRule(name="e", points=1, per_minor=1_000, expires=Ending(after_days=1))


def points(**changes: object) -> Programme:
    """A purse whose points end with tomorrow."""
    return msgspec.structs.replace(
        purse(1, 1, 1), earning=(POINTS,), discounts=(), tender=None, **changes
    )


GIFT = Programme(
    programme=1,
    version=1,
    club=1,
    name="Gift",
    name_fa="هدیه",
    operations=(Operation.PURCHASE, Operation.ACTIVATION),
    wallets=(Wallet(name="gift", unit="money", dated=True, account_type=10),),
    funding=(Fund(wallet="gift", earns=False),),
    caps=(Cap(name="n", of="count", most=5, period=Period(kind="day")),),
    activation=Activation(wallet="gift", ends=Ending(after_days=1)),
)


def club(shop: Shop, account: Account) -> int:
    """The balance of a club's account."""
    return int(shop.core.account(shop.core.club_account(1, account & 15))[4])


def test_points_end_to_the_second_and_enter_the_clubs_account() -> None:
    shop = Shop(points())
    shop.load(1_000_000)
    shop.send(amount_minor=500_000)

    shop.now_s = MIDNIGHT_S + DAY_S - 1
    assert shop.keep_house() == 0
    assert shop.points() == 500
    shop.now_s += 1
    assert shop.keep_house() == 1

    assert shop.points() == 0
    assert club(shop, Account.CLUB_POINTS_EXPIRED) == 500
    assert shop.core.imbalances() == []


def test_what_was_done_is_done_once() -> None:
    shop = Shop(points())
    shop.load(1_000_000)
    shop.send(amount_minor=500_000)
    shop.now_s = MIDNIGHT_S + DAY_S

    assert [shop.keep_house() for _ in range(3)] == [1, 0, 0]


def test_gift_money_that_has_ended_is_the_clubs_and_its_counter_is_put_away() -> None:
    shop = Shop(GIFT)
    shop.send(code="720000", amount_minor=80_000)
    shop.send(amount_minor=30_000)
    counts = club(shop, Account.CLUB_COUNTS)

    shop.now_s = MIDNIGHT_S + DAY_S
    shop.keep_house()

    assert shop.account(0, 0) == 0
    assert club(shop, Account.CLUB_BREAKAGE) == 50_000
    assert club(shop, Account.CLUB_COUNTS) == counts + 1  # of the cap; activation stays
    assert shop.send(code="720000", amount_minor=80_000).reason == "card_already_activated"
    assert shop.core.imbalances() == []


def test_what_counts_for_a_level_leaves_with_the_period_after() -> None:
    shop = Shop(
        points(
            tiers=Tiers(
                levels=(Tier(name="blue", at=0), Tier(name="gold", at=100_000)),
                period=Period(kind="day"),
            )
        )
    )
    shop.load(1_000_000)
    shop.send(amount_minor=200_000)
    slot = shop.directory.layout_of(1).slot("tier")

    shop.now_s = MIDNIGHT_S + DAY_S - 1
    shop.keep_house()
    kept = shop.account(0, slot)
    shop.now_s += 1
    shop.keep_house()

    assert (kept, shop.account(0, slot)) == (200_000, 0)


def test_points_that_are_owed_stay_owed() -> None:
    shop = Shop(msgspec.structs.replace(points(), tender=purse(1, 1, 1).tender))
    shop.load(1_000_000)
    bought = shop.send(amount_minor=500_000)
    shop.send(code="500000", amount_minor=100_000, extra={48: None})
    shop.reverse(bought, 500_000)
    owed = shop.points()

    shop.now_s = MIDNIGHT_S + 400 * DAY_S
    shop.keep_house()

    assert owed <= 0
    assert shop.points() == owed


@pytest.mark.parametrize(("days", "left"), [(10, 500), (11, 0)])
def test_points_end_when_a_card_was_not_used_for_so_many_days(days: int, left: int) -> None:
    never = msgspec.structs.replace(POINTS, expires=Ending())
    shop = Shop(msgspec.structs.replace(points(), earning=(never,), inactive_days=10))
    shop.load(1_000_000)
    shop.send(amount_minor=500_000)

    shop.now_s = NOON_S + days * DAY_S
    shop.keep_house()

    assert shop.points() == left
    assert club(shop, Account.CLUB_POINTS_EXPIRED) == 500 - left


def test_a_card_that_was_used_again_keeps_its_points() -> None:
    never = msgspec.structs.replace(POINTS, expires=Ending())
    shop = Shop(msgspec.structs.replace(points(), earning=(never,), inactive_days=10))
    shop.load(1_000_000)
    shop.send(amount_minor=500_000)

    shop.now_s = NOON_S + 10 * DAY_S
    shop.send(amount_minor=1_000)
    shop.now_s = NOON_S + 11 * DAY_S
    shop.keep_house()

    assert shop.points() == 501


def test_a_clock_that_was_set_back_does_nothing_again() -> None:
    shop = Shop(points())
    shop.load(1_000_000)
    shop.send(amount_minor=500_000)
    shop.now_s = MIDNIGHT_S + DAY_S
    shop.keep_house()

    shop.now_s -= DAY_S

    assert shop.keep_house() == 0


def test_the_row_says_which_task_which_day_and_how_far() -> None:
    shop = Shop(points())
    shop.load(1_000_000)
    shop.send(amount_minor=500_000)
    shop.now_s = MIDNIGHT_S + DAY_S
    shop.keep_house()
    seen: list[tuple[int, bytes]] = []

    core = new_core()
    directory = Directory(core)

    def on_event(seq: int, kind: int, body: bytes) -> None:
        directory.replay(seq, kind, body)
        seen.append((kind, body))

    for stream in shop.journal():
        core.replay(stream, on_event)

    kind, body = seen[-1]
    assert kind == JournalKind.CLOCK
    progress = decode_event(body)
    assert msgspec.structs.asdict(progress) == {
        "task": "endings",
        "programme": 1,
        "period_day": (MIDNIGHT_S + DAY_S + shop.utc_offset_s) // DAY_S,
        "next_card": shop.core.card_count,
    }
    assert directory.clock == shop.directory.clock


def test_a_card_with_more_lots_than_a_row_has_room_for_takes_several() -> None:
    many = msgspec.structs.replace(POINTS, per_minor=1_000, expires=Ending(after_days=700))
    shop = Shop(msgspec.structs.replace(points(), earning=(many,)))
    shop.load(10_000_000)
    for _ in range(600):
        shop.send(amount_minor=1_000)
        shop.now_s += DAY_S

    shop.now_s += 800 * DAY_S

    assert len(shop.lots()) == 600
    assert shop.keep_house() == 2
    assert shop.lots() == []
    assert club(shop, Account.CLUB_POINTS_EXPIRED) == 600
    assert shop.core.imbalances() == []


def old_club(accounts: int) -> tuple[Core, Directory]:
    """A shard whose club has as many accounts as in an old journal."""
    core = new_core()
    core.begin_tenure(1)
    directory = Directory(core)
    for event in (
        ClubAdded(club=1, name="Club", name_fa="باشگاه", currency=364, accounts=accounts),
        AcquirerAdded(acquirer=1, code="581672", name="Acquirer"),
        MerchantAdded(merchant_id="CAFE00000000001", club=1, category=5812, name="c", name_fa="c"),
    ):
        directory.record(event, now_us=NOON_S * 1_000_000, utc_offset_s=0)
    return core, directory


def test_a_club_of_an_old_journal_keeps_what_has_ended_on_its_cards() -> None:
    shop = Shop(points())
    shop.directory.clubs[1] = msgspec.structs.replace(shop.directory.clubs[1], accounts=7)
    shop.load(1_000_000)
    shop.send(amount_minor=500_000)

    shop.now_s = MIDNIGHT_S + DAY_S

    assert shop.keep_house() == 0
    assert shop.points() == 500


@pytest.mark.parametrize("accounts", [6, 7])
def test_a_club_with_fewer_accounts_is_still_read(accounts: int) -> None:
    core, _ = old_club(accounts)

    assert core.account_count == accounts + 1


def test_organisations_have_an_account_that_may_be_below_zero() -> None:
    core, directory = old_club(9)
    event = OrganisationAdded(organisation=7, club=1, name="Org", name_fa="سازمان")

    directory.record(event, now_us=NOON_S * 1_000_000, utc_offset_s=0)

    kind, owner, _, unit, balance, floor = core.account(directory.organisation_accounts[7])
    assert (kind, owner, unit, balance) == (4, 7, 364, 0)
    assert floor < -(10**18)
    with pytest.raises(EventError, match="organisation 7"):
        directory.record(event, now_us=NOON_S * 1_000_000, utc_offset_s=0)


BON = Wallet(name="bon", unit="money", dated=True, funder="organisation")


FUNDED = Programme(
    programme=1,
    version=1,
    club=1,
    name="b",
    name_fa="b",
    operations=(Operation.PURCHASE,),
    wallets=(BON,),
    funding=(Fund(wallet="bon"),),
    organisation=7,
    allowance=Allowance(wallet="bon", amount_minor=1_000),
)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"organisation": 0}, "none is named"),
        ({"allowance": Allowance(wallet="money", amount_minor=1)}, "an organisation funds"),
        ({"operations": (Operation.PURCHASE, Operation.LOAD)}, "never cash"),
        ({"operations": (Operation.PURCHASE, Operation.WITHDRAWAL)}, "never cash"),
        ({"inactive_days": -1}, "inactive_days"),
    ],
)
def test_an_organisations_money_cannot_become_cash(changes: dict[str, object], why: str) -> None:
    with pytest.raises(ProgrammeError, match=why):
        msgspec.structs.replace(FUNDED, **changes)


def test_an_allowance_of_nothing_or_for_ever_is_refused() -> None:
    with pytest.raises(ProgrammeError, match="above zero"):
        Allowance(wallet="bon", amount_minor=0)
    with pytest.raises(ProgrammeError, match="ends"):
        Allowance(wallet="bon", amount_minor=1, period=Period(kind="no end"))
    with pytest.raises(ProgrammeError, match="dated money"):
        Wallet(name="bon", unit="money", funder="organisation")


def test_a_programme_needs_an_organisation_of_its_club_and_keeps_it() -> None:
    _, directory = old_club(9)
    at = {"now_us": NOON_S * 1_000_000, "utc_offset_s": 0}

    with pytest.raises(EventError, match="no organisation 7"):
        directory.record(ProgrammeLive(definition=FUNDED), **at)
    for number in (7, 8):
        directory.record(
            OrganisationAdded(organisation=number, club=1, name="o", name_fa="o"), **at
        )
    directory.record(ProgrammeLive(definition=FUNDED), **at)
    with pytest.raises(EventError, match="organisation 7 funds"):
        directory.record(
            ProgrammeLive(definition=msgspec.structs.replace(FUNDED, version=2, organisation=8)),
            **at,
        )


def test_a_replayed_shard_is_equal() -> None:
    shop = Shop(points())
    shop.load(1_000_000)
    shop.send(amount_minor=500_000)
    shop.now_s = MIDNIGHT_S + DAY_S
    shop.keep_house()

    core = new_core()
    directory = replay_into(core, shop.journal())

    assert state_of(core) == shop.state()
    assert directory.dump() == shop.directory.dump()
