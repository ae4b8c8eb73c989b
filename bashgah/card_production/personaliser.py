"""The personaliser's side: from his file to virtual chip cards.

Owns the decryption, with his private key and the ZMK that he shares with the issuer. It runs where
cards are made, never in the switch; for tests and demonstrations that is here.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.serialization import pkcs7

from acquirers.terminal.cards.personalisation import (
    Personalisation,
    StripeMode,
    write_new,
)
from bashgah.card_production.files import PersonaliserCard, StripeModeData
from switch.errors import OperatingError

DOUBLE_BYTES = 16


def opened(
    envelope: bytes, certificate: x509.Certificate, key: RSAPrivateKey
) -> list[PersonaliserCard]:
    """Decrypt the file. Raises OperatingError."""
    try:
        text = pkcs7.pkcs7_decrypt_der(envelope, certificate, key, [])
        return msgspec.json.Decoder(PersonaliserCard).decode_lines(text)
    except ValueError:  # msgspec's, too; neither says what was in it
        raise OperatingError("no file for this personaliser, or damaged") from None


def virtual_card(card: PersonaliserCard, zmk: bytes) -> Personalisation:
    """Give the data of a virtual chip card. Raises OperatingError for another ZMK."""
    return Personalisation(
        label=card.label,
        pan=card.pan,
        sequence_number=card.sequence_number,
        expiry=card.expiry,
        name=card.name,
        service_code=card.service_code,
        track2=card.chip_track2,
        icc_master_key=_opened_key(zmk, card.chip_key, card.chip_key_check),
        key_index=card.key_index,
        stripe_mode=None if card.stripe_mode is None else _stripe_mode(card.stripe_mode, zmk),
    )


def _stripe_mode(data: StripeModeData, zmk: bytes) -> StripeMode:
    return StripeMode(
        track2=data.track2,
        icc_cvc3_key=_opened_key(zmk, data.key, data.key_check),
        pcvc3_track2=data.pcvc3_track2,
        punatc_track2=data.punatc_track2,
        natc_track2=data.natc_track2,
    )


def write_cards(directory: Path, cards: Sequence[PersonaliserCard], zmk: bytes) -> list[Path]:
    """Write a file for each virtual card. Raises OperatingError, OSError."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    paths = [directory / f"card-{card.number:06}.json" for card in cards]
    for path, card in zip(paths, cards, strict=True):
        write_new(path, virtual_card(card, zmk))
    return paths


def _opened_key(zmk: bytes, wire: str, check: str) -> str:
    """Give a card's key, which came under the ZMK. Raises OperatingError for another ZMK."""
    key = _ecb(zmk, bytes.fromhex(wire.lstrip("X")))
    encryptor = Cipher(TripleDES(key + key[:8]), ECB()).encryptor()
    if encryptor.update(bytes(8)).hex().upper()[:6] != check:
        raise OperatingError("the chip's key has another check value: another ZMK")
    return key.hex().upper()


def _ecb(zmk: bytes, cryptogram: bytes) -> bytes:
    if len(zmk) != DOUBLE_BYTES:
        raise OperatingError("a ZMK has 32 hexadecimal characters")
    return Cipher(TripleDES(zmk + zmk[:8]), ECB()).decryptor().update(cryptogram)
