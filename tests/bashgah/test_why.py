"""`bashgah why` on a real journal: the rule, the bound, the amounts and whose accounts moved."""

from collections.abc import Iterator

import msgspec
import pytest
import typer
from typer.testing import CliRunner, Result

from bashgah.commands import why
from bashgah.explaining import Why
from issuers.credit import credit
from switch.events import MerchantAdded, ProgrammeLive, TerminalAdded
from switch.instalments import Terms
from switch.ledger.database import Database
from switch.rules import Budget, Credit, DiscountRule, EarnRule, InstalmentPlan
from tests.support.journaled_shop import JournaledShop, cards_added, new_core

pytestmark = pytest.mark.slow  # a database for each test

CREDIT_CARD = 4  # the first of another programme
LATER = (
    Budget(name="buys", of="count", most=100),
    Budget(name="gifts", of="discount", most=100_000, per="merchant"),
)


@pytest.fixture
def shop(database: str) -> Iterator[JournaledShop]:
    """A shop whose second version has bounds and points that the merchant pays for."""
    with Database(database) as opened:
        shop = JournaledShop(opened, new_core()).open()
        live = shop.directory.programmes[1]
        shop.record(
            ProgrammeLive(
                definition=msgspec.structs.replace(
                    live,
                    version=2,
                    spare_counters=0,
                    discounts=(DiscountRule(name="tenth", discount_bps=1_000, funder="club"),),
                    earning=(EarnRule(name="paid", points=1, per_minor=100, funder="merchant"),),
                    points_price_minor=9,
                    budgets=(
                        Budget(name="off", of="discount", most=5_000),
                        Budget(name="points", of="earned", most=300),
                        Budget(name="till", of="spent", most=150_000, per="merchant"),
                    ),
                )
            )
        )
        shop.load(1_000_000)
        yield shop


def ask(database: str, *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(why.command)
    return CliRunner().invoke(app, [*arguments, "--dsn", database])


def explained(database: str, seq: int) -> Why:
    done = ask(database, str(seq), "--json")
    assert done.exit_code == 0, done.output
    return msgspec.json.decode(done.stdout, type=Why)


def test_an_approval_names_its_rules_its_bounds_and_every_move(
    shop: JournaledShop, database: str
) -> None:
    seq = shop.send(amount_minor=100_000).seq
    shop.commit()

    found = explained(database, seq)

    assert (found.operation, found.response_code, found.version) == ("purchase", "00", 2)
    assert [(one.tag, one.name, one.en) for one in found.because] == [
        ("discount_rule", "tenth", "10% off (paid by the club)."),
        ("earn_rule", "paid", "1 point for every 100 rials; they end never (paid by the shop)."),
        (
            "bound",
            "off",
            "All cards together: At most 5,000 rials of discounts a month.",
        ),
        ("earn_bound", "points", "All cards together: At most 300 points earned a month."),
    ]
    assert found.because[0].fa == "۱۰٪ تخفیف (از سوی باشگاه)."
    assert found.told["DS"] == "5000"
    moved = {(move.source, move.target): move.units for move in found.moves}
    assert moved["card 0: money", "merchant MERCHANT0000001"] == 95_000
    assert moved["club 1: discounts", "merchant MERCHANT0000001"] == 5_000
    assert moved["merchant MERCHANT0000001", "club 1: points paid"] == 300 * 9
    assert moved["club 1: points issued", "card 0: points"] == 300
    assert moved["club 1: counts", "club 1: budget off"] == 5_000
    assert moved["club 1: counts", "club 1: budget points"] == 300
    assert moved["club 1: counts", "merchant MERCHANT0000001: budget till"] == 100_000
    assert [move.merchant_funds for move in found.moves].count(True) == 1


def test_a_decline_names_the_bound_and_moves_nothing(shop: JournaledShop, database: str) -> None:
    seq = shop.send(amount_minor=150_001).seq
    shop.commit()

    found = explained(database, seq)

    assert (found.response_code, found.reason, found.moves) == ("61", "above_budget_amount", ())
    assert [(one.tag, one.name) for one in found.because] == [("bound", "till")]
    words = ask(database, str(seq)).stdout
    assert f"row {seq} of shard 0: purchase 61 (above_budget_amount)" in words
    assert "at each shop" in words


def test_budgets_are_named_with_their_merchant_whenever_that_and_they_came(
    shop: JournaledShop, database: str
) -> None:
    live = shop.directory.programmes[1]
    added = msgspec.structs.replace(live, version=3, budgets=(*live.budgets, *LATER))
    new_shop(shop, "MERCHANT0000002", 3)
    shop.record(ProgrammeLive(definition=added))
    new_shop(shop, "MERCHANT0000003", 4)
    second = shop.send(amount_minor=10_000, terminal=3, more={42: "MERCHANT0000002"}).seq
    third = shop.send(amount_minor=10_000, terminal=4, more={42: "MERCHANT0000003"}).seq
    shop.commit()

    for seq, merchant in ((second, "MERCHANT0000002"), (third, "MERCHANT0000003")):
        counted = [move for move in explained(database, seq).moves if "budget" in move.target]
        assert {move.target: move.units for move in counted} == {
            "club 1: budget off": 1_000,
            "club 1: budget points": 90,
            f"merchant {merchant}: budget till": 10_000,
            "club 1: budget buys": 1,
            f"merchant {merchant}: budget gifts": 1_000,
        }


def test_a_settlement_names_the_plan_that_its_rebate_is_by_and_who_gives_it(
    shop: JournaledShop, database: str
) -> None:
    in_debt(shop)
    quote = shop.send("0100", code="910000", card=CREDIT_CARD, more={4: None, 49: None})
    settled = shop.send(code="910000", card=CREDIT_CARD, amount_minor=980_000)
    shop.commit()

    asked, done = (explained(database, said.seq) for said in (quote, settled))

    assert (asked.told["OW"], asked.told["RB"], done.told) == ("980000", "20000", {"RB": "20000"})
    assert [(one.tag, one.name) for one in asked.because] == [
        ("rebate", "good"),
        ("rebate", "better"),
    ]
    assert [(one.tag, one.name, one.en[-39:]) for one in done.because] == [
        ("rebate", "good", "; 2% off what is paid before it is due.")
    ]
    moved = {(move.source, move.target): move.units for move in done.moves}
    assert moved["club 1: discounts", f"card {CREDIT_CARD}: credit"] == 20_000


def test_what_is_charged_for_being_late_is_the_clubs(shop: JournaledShop, database: str) -> None:
    bought = in_debt(shop, plan=3)
    shop.now_us += 100 * 86_400 * 1_000_000
    paid = shop.send(code="213000", card=CREDIT_CARD, amount_minor=500_000).seq
    shop.commit()

    assert [(one.tag, one.name) for one in explained(database, bought).because] == [
        ("plan", "late")
    ]
    targets = {move.target for move in explained(database, paid).moves}
    assert {"club 1: late charges", f"card {CREDIT_CARD}: due late"} <= targets


def new_shop(shop: JournaledShop, merchant_id: str, terminal: int) -> None:
    """One more merchant with a terminal."""
    shop.record(
        MerchantAdded(merchant_id=merchant_id, club=1, category=5812, name="Shop", name_fa="مغازه")
    )
    shop.record(TerminalAdded(terminal_id=f"T{terminal:07d}", acquirer=1, merchant_id=merchant_id))


def in_debt(shop: JournaledShop, plan: int = 1) -> int:
    """A card of another programme has bought for a million by a plan; gives the row."""
    plans = (
        InstalmentPlan(name="good", terms=Terms(count=1, rebate_bps=200)),
        InstalmentPlan(name="better", terms=Terms(count=2, rebate_bps=300)),
        InstalmentPlan(name="late", terms=Terms(count=2, late_rate_bps=1_000, late_cap_bps=1_000)),
    )
    definition = msgspec.structs.replace(
        credit(2, 1, 1), credit=Credit(limit_minor=5_000_000, plans=plans)
    )
    shop.record(ProgrammeLive(definition=definition))
    shop.record(cards_added(shop.core, CREDIT_CARD, 1, programme=2))
    said = shop.send(card=CREDIT_CARD, amount_minor=1_000_000, more={48: f"IN001{plan}"})
    return said.seq


def test_the_rules_are_those_of_the_version_that_decided(
    shop: JournaledShop, database: str
) -> None:
    before = shop.send(amount_minor=10_000).seq
    live = shop.directory.programmes[1]
    rule = DiscountRule(name="tenth", discount_bps=2_000, funder="club")
    shop.record(
        ProgrammeLive(definition=msgspec.structs.replace(live, version=3, discounts=(rule,)))
    )
    after = shop.send(amount_minor=10_000).seq
    shop.commit()

    assert explained(database, before).because[0].en == "10% off (paid by the club)."
    assert explained(database, after).because[0].en == "20% off (paid by the club)."


def test_events_have_no_reply_and_a_row_that_is_not_there_is_told(
    shop: JournaledShop, database: str
) -> None:
    shop.commit()

    assert explained(database, 1).because == ()
    missing = ask(database, "999999")
    assert missing.exit_code == 1
