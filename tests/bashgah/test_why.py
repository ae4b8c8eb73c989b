"""`bashgah why` on a real journal: the rule, the bound, the amounts and whose accounts moved."""

from collections.abc import Iterator

import msgspec
import pytest
import typer
from typer.testing import CliRunner, Result

from bashgah.commands import why
from bashgah.explaining import Why
from switch.events import ProgrammeLive
from switch.ledger.database import Database
from switch.rules import Budget, DiscountRule, EarnRule
from tests.support.journaled_shop import JournaledShop, new_core

pytestmark = pytest.mark.slow  # a database for each test


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
    assert moved["club 1: counts", "budget 1 of those that a version opened"] == 5_000
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
