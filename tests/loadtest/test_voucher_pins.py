"""Vouchers in a load: what is sent for them is what the demo club has, and each comes once.

Method: messages are rendered, read by the codec, and the PINs decrypted under the demo's data key.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bashgah import demo_keys, demo_vouchers
from bashgah.demo import EXPIRY, crowd_pan
from bashgah.demo_products import PRODUCTS
from hsm_sim.check_digits import damm_valid
from hsm_sim.key_types import TEK
from loadtest._script import Script
from loadtest.arrival import constant
from loadtest.errors import LoadtestError
from loadtest.run import RunPlan, compile_plan
from loadtest.spec_file import load_spec
from loadtest.target import TARGETS, load_target
from loadtest.workload import Scenario, Step, Workload, load_workload
from switch.iso8583 import Message, decode

BEGIN_S = int(datetime(2028, 2, 29, 12, tzinfo=UTC).timestamp())
SOLD = Step(kind="activation", voucher=True)
REDEEMED = Step(kind="redemption", when="approved")
TAKEN_BACK = (
    SOLD,
    REDEEMED,
    Step(kind="reversal", original=2),
    Step(kind="reversal", voucher=True),
)
PRICE = (demo_vouchers.VALUE_MINOR, demo_vouchers.VALUE_MINOR)
SPEC = load_spec("iso1987-binary")
BLOCK_BYTES = 8


def workload(*steps: Step, beside: float = 0.0, vouchers: str = "voucher") -> Workload:
    """Give vouchers alone, or as one of ten arrivals."""
    scenarios = (
        Scenario(
            name="voucher",
            weight=1,
            cards="charged",
            vouchers=vouchers,
            amount_minor=PRICE,
            step=steps,
        ),
        *((Scenario(name="purse", weight=beside, step=(Step(kind="purchase"),)),) * bool(beside)),
    )
    return Workload(name="vouchers", scenario=scenarios)


def script(given: str | Workload, target: str = "bashgah-binary", connections: int = 1) -> Script:
    plan = RunPlan(
        target=target,
        workload=given,
        arrival=constant(1),
        begin_at=BEGIN_S,
        connections=connections,
    )
    return Script(compile_plan(plan)[2])


def sent(given: Script, arrivals: int, step: int) -> Iterator[Message]:
    return (decode(given.render(arrival, step, BEGIN_S), SPEC) for arrival in range(arrivals))


def decrypted(encrypted: str) -> str:
    """Give the PIN in what a terminal sends, as an HSM finds it."""
    data = bytes.fromhex(encrypted)
    clear = demo_keys.clear_key(TEK).decrypt_cbc(data[:BLOCK_BYTES], data[BLOCK_BYTES:])
    digits, end, padding = clear.partition(b"\x80")
    assert end
    assert not padding.strip(b"\0")
    return digits.decode("ascii")


def test_vouchers_are_sold_by_their_numbers_and_redeemed_by_their_pins() -> None:
    given = script(workload(SOLD, REDEEMED))

    sales, redemptions = list(sent(given, 1_000, 0)), list(sent(given, 1_000, 1))

    places = range(3_000, 4_000)
    assert [sale["2"] for sale in sales] == [demo_vouchers.serial(place) for place in places]
    assert {(sale["3"], int(sale["4"])) for sale in sales} == {("720000", PRICE[0])}
    assert {sale["14"] for sale in sales} == {EXPIRY}
    pins = [decrypted(redemption["48.VP"]) for redemption in redemptions]
    assert pins == [demo_vouchers.pin(place) for place in places]
    takers = next(product for product in PRODUCTS if product.takes_vouchers).cards
    assert {redemption["2"] for redemption in redemptions} == {card.pan for card in takers[:2]}
    assert len({redemption["48.VP"][:16] for redemption in redemptions}) == 1_000  # the vectors


def test_a_voucher_that_is_taken_back_is_named_by_each_step_as_it_was_before() -> None:
    given = script(workload(*TAKEN_BACK))
    for arrival in range(50):
        sale, redemption, unredeemed, unsold = (
            decode(given.render(arrival, step, BEGIN_S), SPEC) for step in range(4)
        )

        assert unredeemed["2"] == redemption["2"] != sale["2"] == unsold["2"]
        assert (unredeemed["3"], unredeemed["4"]) == ("730000", "0" * 12)
        assert (unsold["3"], unsold["4"]) == (sale["3"], sale["4"])
        assert unredeemed["90"][4:10] == redemption["11"]
        assert unsold["90"][4:10] == sale["11"]
        drawn = [given.draft(arrival, step) for step in range(4)]
        assert len({draft["voucher"] for draft in drawn}) == 1
        assert drawn[0]["card"] == drawn[3]["card"] != drawn[1]["card"] == drawn[2]["card"]


@pytest.mark.parametrize("connections", [1, 7])
def test_every_voucher_comes_once_before_one_comes_again(connections: int) -> None:
    """In a mix, too, and whatever order arrivals are asked for in."""
    given = script(workload(SOLD, beside=9.0), connections=connections)
    behind = script(workload(SOLD, beside=9.0), connections=connections)
    taken = [given.draft(arrival, 0)["voucher"] for arrival in range(30_000)]

    backwards = [behind.draft(arrival, 0)["voucher"] for arrival in reversed(range(30_000))]

    drawn = [voucher for voucher in taken if voucher >= 0]
    assert 2_500 < len(drawn) < 3_500
    assert drawn == [place % 1_000 for place in range(len(drawn))]
    assert backwards[::-1] == taken


def test_groups_of_vouchers_have_each_their_own_turn() -> None:
    first, second = workload(SOLD), workload(SOLD, vouchers="voucher_again")
    given = script(Workload(name="both", scenario=(*first.scenario, *second.scenario)))
    drafts = [given.draft(arrival, 0) for arrival in range(2_000)]

    for scenario in (0, 1):
        drawn = [draft["voucher"] for draft in drafts if draft["scenario"] == scenario]
        assert drawn == list(range(len(drawn)))
        assert len(drawn) > 900


def test_who_guesses_sends_pins_of_no_voucher() -> None:
    given = script(workload(Step(kind="redemption"), vouchers="no_voucher"))
    known = {demo_vouchers.pin(place) for place in range(demo_vouchers.COUNT)}

    guessed = {decrypted(message["48.VP"]) for message in sent(given, 1_000, 0)}

    assert len(guessed) == 1_000
    assert all(damm_valid(pin) for pin in guessed)
    assert not guessed & known


@pytest.mark.parametrize("target", ["bashgah-binary", "bashgah-ascii"])
def test_a_load_takes_no_voucher_of_people_and_tills_nor_any_that_is_not_there(target: str) -> None:
    cards = load_target(target)[0].cards
    free = range(demo_vouchers.FOR_PEOPLE + demo_vouchers.FOR_TILLS, demo_vouchers.COUNT)
    ranges = [
        range(cards[name].first - 1, cards[name].first - 1 + cards[name].count)
        for name in ("voucher", "voucher_again")
    ]

    assert [*ranges[0], *ranges[1]] == list(free)


def test_every_product_of_the_demo_is_in_the_mix_with_its_own_cards() -> None:
    cards = load_target("bashgah-binary")[0].cards
    used = {scenario.cards for scenario in load_workload("all-products").scenario}
    group_of = {crowd_pan(group.first): name for name, group in cards.items()}

    groups = {product.name: group_of[product.cards[0].pan] for product in PRODUCTS}

    assert len(groups) == 11
    assert set(groups.values()) <= used
    assert {cards[name].books for name in groups.values()} == {False}


def test_without_vouchers_what_is_sent_for_a_pin_is_none() -> None:
    alone = Scenario(name="redeemed", weight=1, cards="charged", step=(Step(kind="redemption"),))
    given = script(Workload(name="none", scenario=(alone,)))

    told = [message["48.VP"] for message in sent(given, 100, 0)]

    assert len(set(told)) == 100
    assert {len(text) for text in told} == {64}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("first = 1\n", "digits = 11\n", "$.voucher_pins.digits: 12 to 20"),
        ("bashgah-demo-data.key", "no.key", "no.key: No such file or directory"),
        ('check = "damm"', 'check = "mod 7"', "check"),
    ],
)
def test_a_mistake_in_a_target_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "host.toml"
    path.write_text((TARGETS / "bashgah-binary.toml").read_text("utf-8").replace(old, new))

    with pytest.raises(LoadtestError, match=re.escape(message)):
        script(workload(SOLD, REDEEMED), str(path))


def test_a_mistake_in_a_workload_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = (
        'name = "mine"\n[[scenario]]\nname = "v"\nweight = 1\n'
        'step = [{ kind = "activation", voucher = true }]\n'
    )
    path.write_text(text)
    with pytest.raises(LoadtestError, match=re.escape("$.scenario[0].step[0].voucher")):
        load_workload(str(path))

    with pytest.raises(LoadtestError, match=re.escape("$.scenario[0].vouchers: target")):
        script(workload(SOLD, vouchers="coupons"))
