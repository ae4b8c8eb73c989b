"""The demo's vouchers: what its HSM makes of their PINs is what the switch was loaded with."""

from functools import partial

from acquirers.terminal.orders import Service
from bashgah import demo_keys, demo_vouchers
from bashgah.card_production.files import token_of
from hsm_sim.check_digits import damm_valid
from hsm_sim.key_types import TEK, VOUCHER
from switch.events import CardsAdded
from switch.slots import even_owners, slot_of
from tests.source_tree import ROOT
from tests.support.hsm import BLOCK, published_hsm
from tests.support.shop import PAN_KEY

TOKEN = partial(token_of, PAN_KEY)


def batch(shard: int = 0, shards: int = 1) -> CardsAdded:
    owners = even_owners(shards)
    events = demo_vouchers.stock(TOKEN, lambda token: owners[slot_of(token)] == shard)
    (found,) = (event for event in events if isinstance(event, CardsAdded))
    return found


def test_every_pin_is_one_and_no_two_are_equal() -> None:
    pins = [demo_vouchers.pin(place) for place in range(demo_vouchers.COUNT)]

    assert len(set(pins)) == len(pins)
    assert all(len(pin) == 16 and damm_valid(pin) for pin in pins)
    assert damm_valid(demo_vouchers.serial(5))
    assert len({demo_vouchers.serial(place) for place in range(100)}) == 100


def test_the_hsm_digests_what_a_till_sends_to_what_was_loaded() -> None:
    hsm = published_hsm()
    loaded = batch().digests
    label = f"{len(demo_vouchers.LABEL):02}{demo_vouchers.LABEL}"
    for place in (0, 1, demo_vouchers.COUNT - 1):
        order = demo_vouchers.redemption(place)
        sent = order.voucher_pin
        command = (
            f"VE{demo_keys.sealed_key(VOUCHER)}{label}E30B{demo_keys.sealed_key(TEK)}"
            f"{len(sent):03}{sent}%{BLOCK:02}"
        )
        answer = hsm.execute(command.encode()).decode()

        assert order.service is Service.REDEEM
        assert answer[:4] == "VF00"
        assert bytes.fromhex(answer[4:]) == loaded[32 * place : 32 * place + 32]


def test_every_voucher_is_in_one_shard() -> None:
    tokens = b"".join(batch(shard, 3).tokens for shard in range(3))

    assert len(tokens) == 16 * demo_vouchers.COUNT
    assert len({tokens[at : at + 16] for at in range(0, len(tokens), 16)}) == demo_vouchers.COUNT


def test_guesses_are_rare_and_of_no_voucher() -> None:
    guesses = [demo_vouchers.guess(number) for number in range(70)]

    assert sum(guess is not None for guess in guesses) == 10
    known = {demo_vouchers.pin(place) for place in range(demo_vouchers.COUNT)}
    assert demo_vouchers.pin(demo_vouchers.GUESSES_FROM + 1) not in known


def test_the_vouchers_for_people_are_told() -> None:
    text = (ROOT / "docs" / "pos-interface.md").read_text("utf-8")

    for place in range(3):
        assert f"| {demo_vouchers.serial(place)} | {demo_vouchers.pin(place)} |" in text
