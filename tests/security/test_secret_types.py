"""What holds a secret shows none, however it is shown, and is not pickled.

Method: one object of each type, with secrets that are easy to find; every way in which a program
shows an object is taken, Rich's too (it asks a struct for its fields past `repr`).
"""

import copy
import pickle
import ssl
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.pretty import pretty_repr

from acquirers.terminal.cards.apdu import Answer
from acquirers.terminal.cards.personalisation import (
    Personalisation,
    PersonalisationFile,
    StripeMode,
    write_new,
)
from acquirers.terminal.cards.pin_pad import PinError, PinPad
from acquirers.terminal.cards.reading import PresentedCard
from acquirers.terminal.cards.virtual import VirtualCard
from acquirers.terminal.parties import Card, CardUnreadableError, read_card
from bashgah.card_production.files import PersonaliserCard, StripeModeData
from bashgah.card_production.making import MadeCard
from bashgah.vouchers.batches import Token
from bashgah.vouchers.print_house import Voucher
from hsm_sim import hsm as hsm_module
from hsm_sim._documents import Document
from hsm_sim._keys import Key
from hsm_sim._pins import Pin
from hsm_sim.custodians import Custodian
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.lmk import KeyBlockLmk, VariantLmk
from loadtest.population import Card as LoadCard
from switch.config import Database
from switch.events import decode_event
from switch.hsm_client import HsmAddress, HsmSession
from switch.iso8583 import Message
from tests.support import certificates
from tests.support.production import production_hsm
from tests.support.secret_search import Forms, finds, of_bytes, of_digits
from tests.support.shop import new_core

PAN, PIN, CVV2, VOUCHER = "9364001731948254", "730264918553", "90817263", "4829105736182940"
SECRET = bytes.fromhex("C1D3E5F70123456789ABCDEF02468ACE")
TRACK2 = f"{PAN}D30121011440295"
BLOCK = "0412AC89ABCDEF67"
SECRETS: dict[str, Forms] = {
    **{digits: of_digits(digits) for digits in (PAN, PIN, CVV2, VOUCHER, TRACK2)},
    "key": of_bytes(SECRET),
    "PIN block": of_bytes(bytes.fromhex(BLOCK)),
    "password": {"text": b"correct-horse"},
    "passphrase": {"text": b"battery staple"},
}
PLAIN = {"track2": TRACK2, "track1": f"B{PAN}^A/B^", "pin_block": BLOCK}
CARD = Card(pan=PAN, **PLAIN)


def personalisation() -> Personalisation:
    return Personalisation(
        pan=PAN,
        sequence_number="01",
        expiry="3012",
        name="TEST/SARA",
        service_code="101",
        track2=TRACK2,
        icc_master_key=SECRET.hex().upper(),
        stripe_mode=stripe_mode(),
    )


def stripe_mode() -> StripeMode:
    return StripeMode(track2=TRACK2, icc_cvc3_key=SECRET.hex().upper())


def stripe_mode_data() -> StripeModeData:
    return StripeModeData(
        track2=TRACK2,
        pcvc3_track2="1F00",
        punatc_track2="00FE",
        natc_track2=3,
        key=SECRET.hex(),
        key_check="x",
    )


def personaliser_card() -> PersonaliserCard:
    texts: dict[str, Any] = dict.fromkeys(
        ("expiry", "name", "service_code", "chip_key_check", "label"), "x"
    )
    return PersonaliserCard(
        number=1,
        pan=PAN,
        sequence_number="01",
        track1=f"B{PAN}",
        track2=TRACK2,
        cvv2=CVV2,
        chip_track2=TRACK2,
        chip_key=SECRET.hex(),
        key_index=1,
        stripe_mode=stripe_mode_data(),
        **texts,
    )


def made_card() -> MadeCard:
    return MadeCard(
        pan=PAN,
        name="x",
        sealed_pin=PIN,
        pvv="1",
        cvv=CVV2,
        cvv2=CVV2,
        icvv=CVV2,
        chip_key=SECRET.hex(),
        chip_key_check="x",
        dynamic_code_key=SECRET.hex(),
    )


def message() -> Message:
    return Message("0200", {2: PAN, 35: TRACK2, 45: f"B{PAN}^A/B^", 48: f"PR016{PAN}", 52: BLOCK})


MAKERS: dict[str, Callable[[], object]] = {
    "Key": lambda: Key.of(1, SECRET),
    "Pin": lambda: Pin.of(PIN.encode()),
    "KeyBlockLmk": lambda: KeyBlockLmk(Key.of(1, SECRET * 2)),
    "VariantLmk": VariantLmk.published_test_set,
    "Document": Document,
    "Fields": lambda: Fields(SECRET + PAN.encode()),
    "Answer of an HSM": lambda: hsm_module.Answer(ErrorCode.OK, PIN.encode()),
    "Custodian": lambda: Custodian(salt=SECRET, digest=SECRET),
    "PinPad": lambda: PinPad(Key.of(0, SECRET)),
    "Card": lambda: CARD,
    "PresentedCard": lambda: PresentedCard(card=CARD, service_code="201"),
    "Answer of a card": lambda: Answer(bytes.fromhex(PAN), 0x9000),
    "Personalisation": personalisation,
    "StripeMode": stripe_mode,
    "StripeModeData": stripe_mode_data,
    "MadeCard": made_card,
    "PersonaliserCard": personaliser_card,
    "Voucher": lambda: Voucher("1", VOUCHER, "CHARGE"),
    "Token": lambda: Token("ali", SECRET.hex()),
    "Card of a load": lambda: LoadCard(pan=PAN),
    "Database": lambda: Database(dsn="postgresql://me:correct-horse@host/db"),
    "Message": message,
    "Core": lambda: new_core(),
}
MAY_BE_PICKLED = {"Answer of an HSM", "Custodian", "Voucher", "Token", "Message"}
"""Tuples and texts that no code hands to another process; the module is not even imported."""


@pytest.mark.parametrize("name", MAKERS)
def test_it_shows_no_secret(name: str) -> None:
    secret = MAKERS[name]()
    try:
        raise ValueError(secret)
    except ValueError as error:
        told = "".join(traceback.format_exception(error))
    shown = [repr(secret), str(secret), f"{secret}", told, pretty_repr(secret), repr([secret])]

    assert finds("\n".join(shown).encode(), SECRETS) == []


@pytest.mark.parametrize("name", sorted(MAKERS.keys() - MAY_BE_PICKLED))
def test_it_is_not_pickled(name: str) -> None:
    secret = MAKERS[name]()

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises((TypeError, pickle.PicklingError)):
            pickle.dumps(secret, protocol)


@pytest.mark.parametrize("name", ["Key", "Pin", "PinPad", "Document"])
def test_it_goes_into_no_document(name: str) -> None:
    secret = MAKERS[name]()

    with pytest.raises(TypeError):
        msgspec.json.encode(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)


def test_a_card_of_its_file_shows_no_secret(tmp_path: Path) -> None:
    write_new(tmp_path / "card.json", personalisation())
    file = PersonalisationFile(tmp_path / "card.json")

    shown = pretty_repr([VirtualCard(file), file, vars(VirtualCard(file))])

    assert finds(shown.encode(), SECRETS) == []


@pytest.mark.slow
def test_an_hsm_and_what_it_holds_show_no_secret(tmp_path: Path) -> None:
    hsm = production_hsm(tmp_path)
    lmk = hsm.lmks[0]
    assert isinstance(lmk, KeyBlockLmk)
    sealed = hsm_module.Hsm({0: KeyBlockLmk(Key.of(1, SECRET * 2))}, {})

    shown = pretty_repr([hsm, vars(hsm), hsm.production, vars(sealed), vars(sealed.lmks[0])])

    assert finds(shown.encode(), SECRETS) == []
    with pytest.raises(TypeError):
        pickle.dumps(hsm)


def test_what_speaks_tls_shows_no_key(tmp_path: Path) -> None:
    site = certificates.Site(tmp_path)
    context: ssl.SSLContext = site.context(site.terminal)
    address = HsmAddress(host="127.0.0.1", port=1500, tls=context)
    tls = site.tls()

    shown = pretty_repr([context, address, tls]) + repr([context, address, tls])

    assert "PRIVATE" not in shown
    for secret in (context, address, tls):
        with pytest.raises(TypeError):
            pickle.dumps(secret)


def test_a_session_with_an_hsm_shows_no_command() -> None:
    session = HsmSession.__new__(HsmSession)
    session._address = HsmAddress(host="127.0.0.1", port=1500)
    session._waiting = {b"0001": None}
    session._outgoing = [SECRET + PAN.encode()]

    assert finds((repr(session) + pretty_repr(session)).encode(), SECRETS) == []


@pytest.mark.parametrize(
    ("act", "kinds"),
    [
        (lambda: Pin.of(b"7302649185534"), Refused),
        (lambda: Pin.of(b"73O264918553"), Refused),
        (lambda: PinPad(Key.of(0, SECRET)).seal("73026491855x", PAN), PinError),
        (lambda: Key.of(0, SECRET[:15]), ValueError),
        (lambda: KeyBlockLmk(Key.of(0, SECRET)), ValueError),
        (lambda: read_card(f"{TRACK2}99999999"), CardUnreadableError),
        (lambda: read_card(f"x{PAN}"), CardUnreadableError),
        (lambda: decode_event(b'{"type":"issuer_keys_set","programme":"%s"}' % PAN.encode()),
         msgspec.ValidationError),
    ],
)  # fmt: skip
def test_an_error_repeats_no_secret(act: Callable[[], object], kinds: type[Exception]) -> None:
    with pytest.raises(kinds) as raised:
        act()

    assert finds((repr(raised.value) + str(raised.value)).encode(), SECRETS) == []
