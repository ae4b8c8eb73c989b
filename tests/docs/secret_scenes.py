"""The interface document's exchanges that prove something: a PIN, a MAC, a chip, a voucher's PIN.

Owns what is asked, under the demo's published keys; `tests.docs.scenario` has all the others. The
chip's numbers and the vector of a voucher's PIN are the document's: what they make is always the
same.
"""

import tempfile
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import trio
from msgspec import structs

from acquirers.terminal.cards.personalisation import PersonalisationFile, write_new
from acquirers.terminal.cards.pin_pad import PinPad
from acquirers.terminal.cards.reading import Terms
from acquirers.terminal.cards.virtual import VirtualCard, VirtualReader
from acquirers.terminal.message_mac import MessageMac
from acquirers.terminal.orders import Order, Service
from acquirers.terminal.parties import Card, Station
from acquirers.terminal.wire import wire_of
from bashgah import demo_keys, demo_vouchers
from hsm_sim.key_types import TAK, TEK, TPK
from switch.iso8583 import Message
from tests.docs.scenario import BINARY, FIRST_AT, Author, Scene, scene_of

TYPED_WITH_PIN = "011"
PURCHASE = Order(service=Service.PURCHASE, amount_minor=250_000)
CHIP_CHALLENGE = bytes.fromhex("0A0B0C0D")
VOUCHER = 3
VOUCHER_VECTOR = bytes.fromhex("0A0B0C0D0E0F0001")
FIRST_NUMBER = 101
"""No other example has these numbers."""

MAC = MessageMac(demo_keys.clear_key(TAK), "retail")


def secret_scenes(
    station: Station, authenticated: Station, member: Card, chip_pan: str, holder: Card
) -> Iterator[Scene]:
    """Give the scenes in order. The messages of `authenticated` have to carry MACs.

    `holder` takes vouchers.
    """
    author = Author(station, member, first=FIRST_NUMBER)
    wrong = author.request(PURCHASE, _with_pin(member, "4321"))
    yield scene_of("pin-wrong", "A purchase with a wrong PIN: declined", wrong)
    right = author.request(PURCHASE, _with_pin(member, demo_keys.PIN))
    yield scene_of("pin-right", "With the right PIN, 1234", right)
    chip = author.request(PURCHASE, _read_chip(chip_pan))
    yield scene_of("chip", "A contactless chip, and the answer to it (tag 91)", chip)
    authenticated_author = Author(authenticated, member, first=FIRST_NUMBER + 50)
    yield _sealed("mac", "A purchase with a MAC", authenticated_author.request(PURCHASE))
    echo = authenticated_author.request(Order(service=Service.ECHO))
    yield _sealed("mac-echo", "An echo with a MAC, in DE 128", echo)
    yield from _vouchers(Author(station, holder, first=FIRST_NUMBER + 20))


def _vouchers(author: Author) -> Iterator[Scene]:
    """Give a voucher's sale, by its own number, and its redemption, by its PIN."""
    itself = Card(pan=demo_vouchers.serial(VOUCHER))
    sale = author.request(demo_vouchers.sale(), itself)
    yield scene_of("voucher-sale", "A voucher is sold, by the number on it", sale)
    redemption = author.request(_redemption(VOUCHER))
    yield scene_of("redeem", "Its PIN is redeemed into a card", redemption)
    guess = author.request(_redemption(demo_vouchers.GUESSES_FROM))
    yield scene_of("redeem-refused", "A PIN of no voucher, or of none that is good", guess)


def _redemption(place: int) -> Order:
    """Give the order with the document's vector: a terminal takes a random one each time."""
    clear = demo_vouchers.pin(place).encode() + b"\x80" + bytes(7)
    cryptogram = demo_keys.clear_key(TEK).encrypt_cbc(VOUCHER_VECTOR, clear)
    text = (VOUCHER_VECTOR + cryptogram).hex().upper()
    return Order(service=Service.REDEEM, voucher_pin=text)


def _with_pin(card: Card, pin: str) -> Card:
    block = PinPad(demo_keys.clear_key(TPK)).seal(pin, card.pan)
    return structs.replace(card, entry_mode=TYPED_WITH_PIN, pin_block=block.hex().upper())


def _read_chip(pan: str) -> Card:
    """Read a fresh chip card of the demo: its counter is 1."""
    terms = Terms(
        transaction_type="00",
        local_date=FIRST_AT.date(),
        amount_minor=PURCHASE.amount_minor,
        unpredictable_number=CHIP_CHALLENGE,
    )

    async def read(path: Path) -> Card:
        async with aclosing(VirtualReader(VirtualCard(PersonalisationFile(path)))) as reader:
            return (await reader.wait_for_card(terms)).card

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "card.json"
        write_new(path, demo_keys.chip_card(pan))
        return trio.run(read, path)


def _sealed(name: str, title: str, request: Message) -> Scene:
    body = MAC.sealed(request, wire_of(BINARY).spec)
    return Scene(name=name, title=title, profile=BINARY, body=body)
