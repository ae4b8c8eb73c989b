"""The virtual loyalty card: a chip's application in Python, with a real key and a real cryptogram.

Owns the card's side of the dialog: which command it takes when, and what it answers. Must not know
readers; `VirtualReader` below is the shortest of them, `vpcd` lends the card to PC/SC.

Theory of operation (ISO/IEC 7816-4, EMV 4.3 Books 1 to 3). GET PROCESSING OPTIONS takes the next
counter and writes it down before anything is answered, so no counter ever signs two payments. A
contactless card signs there; one in a slot waits for GENERATE AC. Where the card has stripe mode,
COMPUTE CRYPTOGRAPHIC CHECKSUM makes a code for the same counter, once a payment. EXTERNAL
AUTHENTICATE is believed once a payment, when the issuer's answer was made with this payment's
session key. Whatever bytes come, the answer is a status: a card has nobody to raise an error to.
"""

import calendar
import hmac
from typing import Final

import trio
from msgspec import Struct

from acquirers.terminal.cards import chip, stripe_mode, tlv
from acquirers.terminal.cards.chip import read_chip, tell_chip
from acquirers.terminal.cards.cryptogram import (
    INTERCHANGE_PROFILE,
    TOLD,
    issuer_data,
    signed_data,
)
from acquirers.terminal.cards.personalisation import Personalisation, PersonalisationFile
from acquirers.terminal.cards.reading import PresentedCard, Terms
from hsm_sim import _emv
from hsm_sim._keys import Key

OK: Final = b"\x90\x00"
NOT_BELIEVED: Final = b"\x63\x00"
WRONG_LENGTH: Final = b"\x67\x00"
NOT_NOW: Final = b"\x69\x85"
WRONG_DATA: Final = b"\x6a\x80"
NOT_FOUND: Final = b"\x6a\x82"
NO_RECORD: Final = b"\x6a\x83"
WRONG_PARAMETERS: Final = b"\x6a\x86"
NO_DATA_OBJECT: Final = b"\x6a\x88"
NO_INSTRUCTION: Final = b"\x6d\x00"
NO_CLASS: Final = b"\x6e\x00"

CONTACTLESS_ANSWER: Final = bytes.fromhex("3B80800101")
"""ATR as a reader makes it up for a contactless card without historical bytes."""
SLOT_ANSWER: Final = bytes.fromhex("3B800181")
"""ATR of a card in a slot: protocol T=1, nothing else to say."""

ONLY_FILE: Final = 1
CHIP_RECORD: Final = 1
STRIPE_MODE_RECORD: Final = 2
AUTHENTICATION_BYTES: Final = 10
"""Tag 91: the issuer's cryptogram (8) and its response code (2). EMV 4.3 Book 2, 8.2.1."""
CRYPTOGRAM_BYTES: Final = 8
NUMBER_BYTES: Final = 4
"""Tag 9F6A, all that a card in stripe mode is told."""


class Command(Struct, frozen=True, gc=False):
    """A command taken apart; `header` is class and instruction."""

    header: int
    p1: int
    p2: int
    data: bytes


class Payment(Struct, kw_only=True, gc=False):
    """One payment on the card, from GET PROCESSING OPTIONS on. Empty cryptogram: not yet made."""

    atc: int
    cryptogram: bytes = b""
    answered: bool = False
    coded: bool = False


class VirtualCard:
    """One card on its personalisation file. `contactless` or in a slot: a dual-interface card."""

    def __init__(self, file: PersonalisationFile, *, contactless: bool = True) -> None:
        self.contactless = contactless
        self._file = file
        self._card = file.read()
        self._key = Key.of(0, bytes.fromhex(self._card.icc_master_key))
        self._selected = False
        self._payment: Payment | None = None

    @property
    def answer_to_reset(self) -> bytes:
        """Give the ATR."""
        return CONTACTLESS_ANSWER if self.contactless else SLOT_ANSWER

    def reset(self) -> None:
        """Lose power: what is not in the file is gone. Raises PersonalisationError."""
        self._card = self._file.read()
        self._selected = False
        self._payment = None

    def transmit(self, sent: bytes) -> bytes:
        """Answer a command: data, then the status. Raises PersonalisationError, OSError."""
        command = _taken_apart(sent)
        if command is None:
            return WRONG_LENGTH
        answers = {
            0x00A4: self._select,
            0x80A8: self._start_payment,
            0x00B2: self._read_record,
            0x80AE: self._generate_cryptogram,
            0x802A: self._compute_checksum,
            0x0082: self._authenticate_issuer,
            0x80CA: self._get_data,
        }
        answer = answers.get(command.header)
        if answer is not None:
            return answer(command)
        classes = {header >> 8 for header in answers}
        return NO_INSTRUCTION if command.header >> 8 in classes else NO_CLASS

    def _select(self, command: Command) -> bytes:
        self._selected, self._payment = False, None
        if (command.p1, command.p2) != (4, 0):
            return WRONG_PARAMETERS
        if command.data == chip.CONTACTLESS_DIRECTORY and self.contactless:
            return _directory(self._card) + OK
        application = bytes.fromhex(self._card.application_id)
        if len(command.data) < 5 or not application.startswith(command.data):
            return NOT_FOUND
        self._selected = True
        own = {0x50: self._card.label.encode()}
        if self.contactless:
            own[chip.PDOL] = _wanted()
        return _template(0x6F, {0x84: application, 0xA5: tlv.compose_all(own)}) + OK

    def _start_payment(self, command: Command) -> bytes:
        if not self._selected or self._payment is not None:
            return NOT_NOW
        if command.p1 or command.p2:
            return WRONG_PARAMETERS
        told = _told(command.data) if self.contactless else {}
        if told is None or (not self.contactless and command.data != b"\x83\x00"):
            return WRONG_DATA
        atc = self._file.take_atc()
        if atc is None:
            return NOT_NOW
        self._payment = Payment(atc=atc)
        answer = {
            chip.INTERCHANGE_PROFILE: INTERCHANGE_PROFILE,
            chip.FILE_LOCATOR: bytes([ONLY_FILE << 3, CHIP_RECORD, self._last_record, 0]),
        }
        if self.contactless:
            answer |= self._signed(self._payment, told)
        return _template(0x77, answer) + OK

    def _generate_cryptogram(self, command: Command) -> bytes:
        payment = self._payment
        if self.contactless or payment is None or payment.cryptogram:
            return NOT_NOW
        if command.p1 != chip.ONLINE or command.p2:
            return WRONG_PARAMETERS
        told = _told(tlv.compose(0x83, command.data))
        if told is None:
            return WRONG_LENGTH
        return _template(0x77, self._signed(payment, told)) + OK

    def _signed(self, payment: Payment, told: dict[int, bytes]) -> dict[int, bytes]:
        """Make the payment's cryptogram; give it with all its issuer needs to make it again."""
        unanswered = payment.atc > 1 and self._card.atc_online != payment.atc - 1
        own = {
            chip.TRANSACTION_COUNTER: payment.atc.to_bytes(2),
            chip.ISSUER_DATA: issuer_data(self._card.key_index, last_unanswered=unanswered),
        }
        data = signed_data({**told, **own, chip.INTERCHANGE_PROFILE: INTERCHANGE_PROFILE})
        payment.cryptogram = _emv.cryptogram(self._session_key(payment), data)
        return {
            chip.CRYPTOGRAM_KIND: bytes([chip.ONLINE]),
            chip.CRYPTOGRAM: payment.cryptogram,
            **own,
        }

    def _read_record(self, command: Command) -> bytes:
        if not self._selected:
            return NOT_NOW
        if command.p2 != ONLY_FILE << 3 | 4:
            return NOT_FOUND if command.p2 & 7 == 4 else WRONG_PARAMETERS
        if not CHIP_RECORD <= command.p1 <= self._last_record:
            return NO_RECORD
        if command.p1 == STRIPE_MODE_RECORD:
            return _template(0x70, _stripe_mode_record(self._card)) + OK
        record = {
            chip.TRACK2_EQUIVALENT: _digits(self._card.track2),
            chip.PAN: _digits(self._card.pan),
            chip.EXPIRY: bytes.fromhex(f"{self._card.expiry}{_last_day(self._card.expiry)}"),
            chip.HOLDER_NAME: self._card.name.encode(),
            chip.PAN_SEQUENCE: bytes.fromhex(self._card.sequence_number),
        }
        if not self.contactless:
            record[chip.CDOL1] = _wanted()
        return _template(0x70, record) + OK

    @property
    def _last_record(self) -> int:
        has_stripe_mode = self.contactless and self._card.stripe_mode is not None
        return STRIPE_MODE_RECORD if has_stripe_mode else CHIP_RECORD

    def _compute_checksum(self, command: Command) -> bytes:
        payment, mode = self._payment, self._card.stripe_mode
        if payment is None or payment.coded or mode is None or not self.contactless:
            return NOT_NOW
        if (command.p1, command.p2) != (0x8E, 0x80):
            return WRONG_PARAMETERS
        if len(command.data) != NUMBER_BYTES:
            return WRONG_LENGTH
        payment.coded = True
        atc = payment.atc.to_bytes(2)
        key = Key.of(0, bytes.fromhex(mode.icc_cvc3_key))
        code = int(_emv.cvc3(key, _digits(mode.track2), command.data, atc))
        answer = {stripe_mode.CODE: code.to_bytes(2), chip.TRANSACTION_COUNTER: atc}
        return _template(0x77, answer) + OK

    def _authenticate_issuer(self, command: Command) -> bytes:
        payment = self._payment
        if payment is None or not payment.cryptogram or payment.answered:
            return NOT_NOW
        if command.p1 or command.p2:
            return WRONG_PARAMETERS
        if len(command.data) != AUTHENTICATION_BYTES:
            return WRONG_LENGTH
        payment.answered = True
        answer, code = command.data[:CRYPTOGRAM_BYTES], command.data[CRYPTOGRAM_BYTES:]
        expected = _emv.arpc_1(self._session_key(payment), payment.cryptogram, code)
        if not hmac.compare_digest(answer, expected):
            return NOT_BELIEVED
        self._file.mark_online(payment.atc)
        return OK

    def _get_data(self, command: Command) -> bytes:
        counters = {chip.TRANSACTION_COUNTER: "atc", 0x9F13: "atc_online"}
        tag = command.p1 << 8 | command.p2
        if not self._selected:
            return NOT_NOW
        if tag not in counters:
            return NO_DATA_OBJECT
        value: int = getattr(self._file.read(), counters[tag])
        return tlv.compose(tag, value.to_bytes(2)) + OK

    def _session_key(self, payment: Payment) -> Key:
        return _emv.cryptogram_key(self._key, payment.atc.to_bytes(2))


class VirtualReader:
    """A reader with a virtual card in it, all in this process.

    `stripe_mode`: it knows no other way with contactless cards.
    """

    def __init__(self, card: VirtualCard, *, stripe_mode: bool = False) -> None:
        self.contactless = card.contactless
        self._card = card
        self._stripe_mode = stripe_mode

    async def wait_for_card(self, terms: Terms) -> PresentedCard:
        """Power the card up and read it. Raises CardError, PersonalisationError."""
        self._card.reset()
        return await read_chip(self, terms, stripe_mode=self._stripe_mode)

    async def tell_issuer_answer(self, authentication_data: bytes) -> bool:
        """Hand the issuer's answer to the card; tell whether it believes it."""
        return await tell_chip(self, authentication_data)

    async def aclose(self) -> None:
        """Do nothing: the card is its file."""

    async def transmit(self, command: bytes) -> bytes:
        """Carry one command; a card is quick, so no thread is worth its price."""
        await trio.lowlevel.checkpoint()
        return self._card.transmit(command)


def _taken_apart(sent: bytes) -> Command | None:
    """Take a command of the short form apart; None when its lengths do not add up."""
    if len(sent) < 4:
        return None
    body = sent[4:]
    data = b""
    if len(body) > 1:
        data, rest = body[1 : 1 + body[0]], body[1 + body[0] :]
        if not body[0] or len(data) != body[0] or len(rest) > 1:
            return None
    return Command(int.from_bytes(sent[:2]), sent[2], sent[3], data)


def _told(data: bytes) -> dict[int, bytes] | None:
    """Give what the terminal told of the payment, by tag; None when it is not what was asked."""
    try:
        told = dict(tlv.objects(data))
    except tlv.TlvError:
        return None
    if set(told) != {0x83} or len(told[0x83]) != sum(length for _, length in TOLD):
        return None
    found, values = {}, told[0x83]
    for tag, length in TOLD:
        found[tag], values = values[:length], values[length:]
    return found


def _wanted() -> bytes:
    return b"".join(tlv.tag_bytes(tag) + bytes([length]) for tag, length in TOLD)


def _directory(card: Personalisation) -> bytes:
    entry = {
        chip.APPLICATION: bytes.fromhex(card.application_id),
        0x50: card.label.encode(),
        chip.PRIORITY: b"\x01",
    }
    issuer = tlv.compose(0xBF0C, tlv.compose(0x61, tlv.compose_all(entry)))
    return _template(0x6F, {0x84: chip.CONTACTLESS_DIRECTORY, 0xA5: issuer})


def _template(tag: int, values: dict[int, bytes]) -> bytes:
    return tlv.compose(tag, tlv.compose_all(values))


def _stripe_mode_record(card: Personalisation) -> dict[int, bytes]:
    mode = card.stripe_mode
    assert mode is not None, "no record of what a card does not have"
    return {
        stripe_mode.TRACK2: _digits(mode.track2),
        stripe_mode.CODE_PLACES: bytes.fromhex(mode.pcvc3_track2),
        stripe_mode.NUMBER_PLACES: bytes.fromhex(mode.punatc_track2),
        stripe_mode.COUNTER_DIGITS: bytes([mode.natc_track2]),
        stripe_mode.UDOL: stripe_mode.DEFAULT_UDOL,
    }


def _digits(text: str) -> bytes:
    """Give digits (and track 2's D) as nibbles, with an F behind an odd number of them."""
    return bytes.fromhex(text + "F" * (len(text) % 2))


def _last_day(expiry: str) -> str:
    """Give the last day of a month, YYMM: a card is good through all of it."""
    year, month = 2000 + int(expiry[:2]), int(expiry[2:])
    return f"{calendar.monthrange(year, month)[1]}"
