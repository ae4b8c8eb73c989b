"""Response codes of DE 39 that this switch answers with.

Owns the two characters and what they mean here. Must not know which rule chose one: that is
`switch.reasons`. Source: ISO 8583:1987, DE 39, national use as in docs/pos-interface.md.
"""

from enum import StrEnum


class ResponseCode(StrEnum):
    """DE 39, an2."""

    APPROVED = "00"
    INVALID_MERCHANT = "03"
    DO_NOT_HONOUR = "05"
    PARTIALLY_APPROVED = "10"
    INVALID_TRANSACTION = "12"
    INVALID_AMOUNT = "13"
    INVALID_CARD = "14"
    ORIGINAL_NOT_FOUND = "25"
    FORMAT_ERROR = "30"
    LOST_CARD = "41"
    STOLEN_CARD = "43"
    INSUFFICIENT_FUNDS = "51"
    EXPIRED_CARD = "54"
    INCORRECT_PIN = "55"
    NOT_PERMITTED_TO_CARD = "57"
    NOT_PERMITTED_TO_TERMINAL = "58"
    EXCEEDS_AMOUNT_LIMIT = "61"
    RESTRICTED_CARD = "62"
    SECURITY_VIOLATION = "63"
    EXCEEDS_COUNT_LIMIT = "65"
    PIN_TRIES_EXCEEDED = "75"
    UNAVAILABLE = "91"
    DUPLICATE = "94"
    SYSTEM_MALFUNCTION = "96"
