"""A profile says how one kind of requester speaks: which element means what, and what it may ask.

Owns the words; each profile is a table in `acquirers/`. The compiled core (`switch._mapping`) reads
requests and writes replies by these tables, so a new dialect is a new table. Element numbers stand
in profiles and specs only.
"""

from enum import IntEnum

import msgspec

from switch.iso8583.framing import Framing
from switch.operations import MessageClass, Operation


class Field(IntEnum):
    """What an element can mean to the switch; the numbers index the core's tables."""

    PAN = 0
    PROCESSING_CODE = 1
    AMOUNT = 2
    TRANSMITTED_AT = 3
    STAN = 4
    LOCAL_TIME = 5
    LOCAL_DATE = 6
    EXPIRY = 7
    SETTLEMENT_DATE = 8
    CONDITION_CODE = 9
    ACQUIRER = 10
    TRACK2 = 11
    RRN = 12
    AUTHORISATION_CODE = 13
    RESPONSE_CODE = 14
    TERMINAL = 15
    MERCHANT = 16
    PRIVATE = 17
    CURRENCY = 18
    BALANCES = 19
    NETWORK_CODE = 20
    ORIGINAL = 21
    REPLACEMENT = 22
    ENTRY_MODE = 23
    CARD_SEQUENCE = 24
    PIN_BLOCK = 25
    CHIP_DATA = 26
    MAC = 27  # in a message without a secondary bitmap
    MAC_EXTENDED = 28  # in one with


FIELD_COUNT = 29


class Tag(IntEnum):
    """Sub-elements of the private element; the numbers index the core's tables."""

    POINTS_LIMIT = 0
    PARTIAL_OK = 1
    ORIGINAL_TERMINAL = 2
    DISCOUNT = 3
    FUNDER = 4
    MONEY = 5
    POINTS_REDEEMED = 6
    POINTS_VALUE = 7
    POINTS_EARNED = 8
    DISCOUNT_RULE = 9
    EARN_RULE = 10
    REASON = 11
    FAULT_ELEMENT = 12
    KEY_SERIAL = 13  # DUKPT: 20 hexadecimal digits
    PIN_KEY = 14  # new session keys, under the terminal's master key, with their check values
    MAC_KEY = 15
    ITEM = 16  # serial number of a thing that is vouched for
    PARTS = 17  # what each wallet pays
    CASH = 18
    FEE = 19
    TIER = 20
    UNTIL = 21
    PLAN = 22  # to pay later: its number asked for, its name told
    INSTALMENTS = 23
    FIRST_INSTALMENT = 24
    FIRST_DUE = 25
    OWED = 26
    DUE = 27
    VOUCHER_PIN = 28  # hexadecimal: vector and cryptogram under the terminal's data key
    DATA_KEY = 29  # a new session key, like PIN_KEY
    VOUCHER_MONEY = 30  # what a voucher was worth
    VOUCHER_POINTS = 31
    BOUND = 32  # cap or budget for which it was declined, or less discounted
    EARN_BOUND = 33  # for which fewer points were earned
    REBATE = 34  # a good payer's, of what ends the debt


TAG_COUNT = 35


class OperationRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One way to ask for an operation. `None` matches anything; the first match counts."""

    message_class: MessageClass
    transaction_type: int  # DE 3, positions 1-2
    from_account: int | None = None  # DE 3, positions 3-4
    condition_code: int | None = None  # DE 25
    operation: Operation


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of requester speaks.

    `mandatory` lists what a message of each class must carry. Besides, all but network messages
    need a PAN or track 2, and all a time (local or transmission). `echoed` goes back as it came.
    """

    name: str
    spec: str
    framing: Framing
    elements: dict[Field, int]
    operations: tuple[OperationRow, ...]
    network_codes: dict[int, Operation]
    mandatory: dict[MessageClass, tuple[Field, ...]]
    without_amount: tuple[Operation, ...]
    echoed: tuple[Field, ...]
    tags: dict[Tag, str]
