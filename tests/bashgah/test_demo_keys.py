"""The demo's keys: the published ones, and what is made of them fits them."""

import hashlib
import stat
from functools import partial
from pathlib import Path

import pytest

from acquirers.terminal.cards.personalisation import PersonalisationFile
from bashgah import demo_keys
from bashgah.card_production.files import token_of
from bashgah.demo import CROWD_PANS, PROGRAMME, TEST_CARDS
from bashgah.demo_loader import events
from hsm_sim import _cvv, _emv, _pin_checks
from hsm_sim._keys import Key
from hsm_sim._pins import Pin
from hsm_sim.key_types import CVK, MK_AC, MK_CVC3, PVK, TAK, TEK, TMK, TPK, VOUCHER, KeyType
from hsm_sim.lmk import KeyBlockLmk
from switch.events import CardsAdded
from tests.source_tree import ROOT


@pytest.mark.parametrize(
    "kind", [TMK, TPK, TAK, TEK, PVK, CVK, MK_AC, MK_CVC3], ids=lambda kind: str(kind.name)
)
def test_a_key_is_the_published_one_and_opens_as_what_it_is(kind: KeyType) -> None:
    digest = hashlib.sha256(f"bashgah demo {kind.name}".encode()).digest()[:16]
    published = Key.of(0, digest).with_odd_parity()

    opened = KeyBlockLmk.published_test_key().open(demo_keys.sealed_key(kind).encode(), kind)

    assert opened.same_as(published)


def test_the_key_of_vouchers_digests_is_the_published_one() -> None:
    published = Key.of(demo_keys.HMAC, hashlib.sha256(b"bashgah demo VOUCHER").digest())

    sealed = demo_keys.sealed_key(VOUCHER).encode()

    assert KeyBlockLmk.published_test_key().open(sealed, VOUCHER).same_as(published)


def test_every_card_has_the_value_of_its_pin() -> None:
    (cards,) = (
        event
        for event in events(partial(token_of, bytes(32)))
        if isinstance(event, CardsAdded) and event.programme == PROGRAMME
    )
    pans = [card.pan for card in TEST_CARDS] + list(CROWD_PANS)
    values = [cards.pvvs[at : at + 2] for at in range(0, len(cards.pvvs), 2)]

    assert len(values) == len(pans) == len(cards.pvkis)
    for pan, value in list(zip(pans, values, strict=True))[:20]:
        digits = f"{int.from_bytes(value, 'little'):04d}".encode()
        account = pan[-13:-1].encode()
        key, pin = demo_keys.clear_key(PVK), Pin.of(b"1234")
        assert _pin_checks.pvv_matches(key, pin, account, 1, digits)


def test_the_chip_card_has_its_own_key_and_another_code_than_a_stripe(tmp_path: Path) -> None:
    demo_keys.write_chip_card(tmp_path)
    path = tmp_path / demo_keys.CHIP_CARD_FILE
    file = PersonalisationFile(path)
    card = file.read()
    master = demo_keys.clear_key(MK_AC)

    derived = _emv.card_key(master, _emv.account_block(card.pan, card.sequence_number))
    icvv = _cvv.cvv(demo_keys.clear_key(CVK), card.pan, card.expiry, "999")

    assert card.stripe_mode is not None
    for_codes = _emv.card_key(demo_keys.clear_key(MK_CVC3), _emv.account_block(card.pan, "00"))
    assert Key.of(0, bytes.fromhex(card.stripe_mode.icc_cvc3_key)).same_as(for_codes)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Key.of(0, bytes.fromhex(card.icc_master_key)).same_as(derived)
    assert card.track2.partition("D")[2][12:15] == icvv
    assert demo_keys.stripe_track2(card.pan).partition("=")[2][12:15] != icvv


def test_a_chip_card_that_is_there_keeps_its_counter(tmp_path: Path) -> None:
    demo_keys.write_chip_card(tmp_path)
    file = PersonalisationFile(tmp_path / demo_keys.CHIP_CARD_FILE)
    file.take_atc()

    demo_keys.write_chip_card(tmp_path)

    assert file.read().atc == 1


def test_the_documents_stripe_is_the_first_test_cards() -> None:
    stripe = demo_keys.stripe_track2(TEST_CARDS[0].pan)

    assert f"';{stripe}?'" in (ROOT / "docs" / "cards.md").read_text("utf-8")
