"""The cryptogram of the virtual card: over which data, and what its issuer application data say.

Owns the one definition that the card computes by and its issuer's host has to rebuild from DE 55
(docs/cards.md). Must not know keys or APDUs.

The scheme is CVN 18's: the eleven data objects below as they stand, one after the other, padded
with 80 and zeros, under the common session key of the counter (EMV 4.3 Book 2, 8.1 and A1.3).
"""

from collections.abc import Mapping
from typing import Final

from acquirers.terminal.cards import chip

SIGNED: Final = (
    chip.AMOUNT, chip.AMOUNT_OTHER, chip.COUNTRY, chip.VERIFICATION_RESULTS, chip.CURRENCY,
    chip.DATE, chip.TRANSACTION_TYPE, chip.UNPREDICTABLE_NUMBER, chip.INTERCHANGE_PROFILE,
    chip.TRANSACTION_COUNTER, chip.ISSUER_DATA,
)  # fmt: skip
"""What the cryptogram is over, in this order; all of it is in DE 55."""

TOLD: Final = (
    (chip.AMOUNT, 6), (chip.AMOUNT_OTHER, 6), (chip.COUNTRY, 2), (chip.VERIFICATION_RESULTS, 5),
    (chip.CURRENCY, 2), (chip.DATE, 3), (chip.TRANSACTION_TYPE, 1), (chip.UNPREDICTABLE_NUMBER, 4),
)  # fmt: skip
"""What the card asks its terminal for (PDOL or CDOL1), with lengths."""

INTERCHANGE_PROFILE: Final = b"\x00\x04"
"""Tag 82: no data authentication offline; the issuer can be authenticated (EXTERNAL AUTHENTICATE).
"""

CRYPTOGRAM_VERSION: Final = 0x12
"""18: the version whose data and session key these are."""

MADE_ONLINE: Final = 0xA0
"""Verification results, byte 2: an ARQC was made, and no second cryptogram was asked for."""
LAST_UNANSWERED: Final = 0x80
"""Byte 3: the payment before this one got no answer that the card believed."""


def issuer_data(key_index: int, *, last_unanswered: bool) -> bytes:
    """Give tag 9F10: length 6, key index, version, then four bytes of verification results."""
    results = bytes([3, MADE_ONLINE, LAST_UNANSWERED if last_unanswered else 0, 0])
    return bytes([2 + len(results), key_index, CRYPTOGRAM_VERSION]) + results


def signed_data(data: Mapping[int, bytes]) -> bytes:
    """Give what the cryptogram is over, unpadded. KeyError for an object that is missing."""
    return b"".join(data[tag] for tag in SIGNED)
