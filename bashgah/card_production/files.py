"""The files of a batch of cards, and who reads them.

    <batch>.loader.jsonl       for the switch. No PAN: its token, with what verifies the card.
    <batch>.personaliser.p7m   for the personaliser's certificate: tracks, CVV2, the chip's data,
                               its key under the ZMK
    <batch>.mailers.p7m, .sig  for the printer of PIN mailers, encrypted and signed in the HSM

Owns their forms. Encrypted files are CMS EnvelopedData (AES-256-CBC, RSA). What is not in them is
nowhere: nothing clear is written, not for a moment.

The loader's first line is `{"type":"batch","batch":…,"count":…}`, then a line for each card:

    {"type":"card","token":32 H,"first6":…,"last4":…,"expiry":YYMM,"sequence_number":nn,
     "service_code":nnn,"pvki":n,"pvv":nnnn,"key_index":n}

`token` is the switch's: HMAC-SHA-256 of the PAN under its key of tokens, first 16 bytes. A guest's
card has `"member":32 H`, too: the token of the member's.
"""

import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from bashgah.card_production import tracks
from bashgah.card_production.making import MadeCard
from bashgah.card_production.orders import Order
from bashgah.production_files import write_new
from switch.masked import Masked

TOKEN_BYTES = 16


class LoaderBatch(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="batch"):
    """The loader's first line."""

    batch: str
    count: int


class LoaderCard(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="card", omit_defaults=True
):
    """A card for the switch; of a guest with the member's."""

    token: str
    first6: str
    last4: str
    expiry: str
    sequence_number: str
    service_code: str
    pvki: int
    pvv: str
    key_index: int
    member: str = ""


class StripeModeData(Masked, frozen=True, kw_only=True):
    """Stripe mode of a card for its maker: tags 9F6B, 9F65, 9F66, 9F67, and a key under the ZMK."""

    track2: str
    pcvc3_track2: str
    punatc_track2: str
    natc_track2: int
    key: str
    key_check: str

    def shown(self) -> str:
        """Show nothing but places."""
        return f"{self.pcvc3_track2} {self.punatc_track2} {self.natc_track2}"


class PersonaliserCard(Masked, frozen=True, kw_only=True):
    """A card for its maker. `chip_key` is under the ZMK, ECB; `cvv2` is printed on the back."""

    number: int
    pan: str
    sequence_number: str
    expiry: str
    name: str
    service_code: str
    track1: str
    track2: str
    cvv2: str
    chip_track2: str
    chip_key: str
    chip_key_check: str
    key_index: int
    label: str
    stripe_mode: StripeModeData | None = None

    def shown(self) -> str:
        """Show the place in the batch only."""
        return str(self.number)


def token_of(pan_key: bytes, pan: str) -> bytes:
    """Give the token by which the switch knows a card."""
    return hmac.digest(pan_key, pan.encode("ascii"), hashlib.sha256)[:TOKEN_BYTES]


def loader_file(
    order: Order, cards: Sequence[MadeCard], pan_key: bytes, members: Sequence[bytes] = ()
) -> bytes:
    """Give the file for the switch. `members`: of guests' cards, the members' tokens."""
    of_cards = [member.hex().upper() for member in members] or [""] * len(cards)
    lines: list[LoaderBatch | LoaderCard] = [LoaderBatch(batch=order.batch, count=len(cards))]
    lines += [
        LoaderCard(
            token=token_of(pan_key, card.pan).hex().upper(),
            first6=card.pan[:6],
            last4=card.pan[-4:],
            expiry=order.expiry,
            sequence_number=order.sequence_number,
            service_code=order.service_code,
            pvki=order.pvki,
            pvv=card.pvv,
            key_index=order.key_index,
            member=member,
        )
        for card, member in zip(cards, of_cards, strict=True)
    ]
    return msgspec.json.Encoder().encode_lines(lines)


def personaliser_card(order: Order, number: int, card: MadeCard) -> PersonaliserCard:
    """Give what a card's maker needs."""
    on_stripe = tracks.discretionary(card.pan, order.pvki, card.pvv, card.cvv)
    in_chip = tracks.discretionary(card.pan, order.pvki, card.pvv, card.icvv)
    identity = (order.expiry, order.service_code)
    return PersonaliserCard(
        number=number,
        pan=card.pan,
        sequence_number=order.sequence_number,
        expiry=order.expiry,
        name=card.name,
        service_code=order.service_code,
        track1=tracks.track1(card.pan, card.name, *identity, on_stripe),
        track2=tracks.track2(card.pan, *identity, on_stripe),
        cvv2=card.cvv2,
        chip_track2=tracks.chip_track2(card.pan, *identity, in_chip),
        chip_key=card.chip_key,
        chip_key_check=card.chip_key_check,
        key_index=order.key_index,
        label=order.label,
        stripe_mode=_stripe_mode(order, card) if card.dynamic_code_key else None,
    )


def _stripe_mode(order: Order, card: MadeCard) -> StripeModeData:
    zeros = tracks.discretionary_zeros(len(card.pan))
    return StripeModeData(
        track2=tracks.chip_track2(card.pan, order.expiry, order.service_code, zeros),
        pcvc3_track2=order.pcvc3_track2,
        punatc_track2=order.punatc_track2,
        natc_track2=order.natc_track2,
        key=card.dynamic_code_key,
        key_check=card.dynamic_code_key_check,
    )


def personaliser_file(
    order: Order, cards: Sequence[MadeCard], certificate: x509.Certificate
) -> bytes:
    """Give the personaliser's file, encrypted."""
    lines = [personaliser_card(order, number, card) for number, card in enumerate(cards, 1)]
    return (
        pkcs7.PKCS7EnvelopeBuilder()
        .set_data(msgspec.json.Encoder().encode_lines(lines))
        .add_recipient(certificate)
        .set_content_encryption_algorithm(AES256)
        .encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])
    )


def path_of(directory: Path, batch: str, kind: str) -> Path:
    """Give the path of a batch's file."""
    return directory / f"{batch}.{kind}"


def write_files(
    directory: Path, batch: str, loader: bytes, personaliser: bytes, mailers: tuple[bytes, bytes]
) -> list[Path]:
    """Write a batch's files; none is written over. Raises OperatingError, OSError."""
    envelope, signature = mailers
    contents = {
        "personaliser.p7m": personaliser,
        "mailers.p7m": envelope,
        "mailers.sig": signature,
        "loader.jsonl": loader,  # last: a batch that may be loaded is there as a whole
    }
    for kind, content in contents.items():
        write_new(path_of(directory, batch, kind), content)
    return [path_of(directory, batch, kind) for kind in contents]
