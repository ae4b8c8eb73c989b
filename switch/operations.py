"""What a message asks for, independent of the channel it came through.

Owns the numbers of operations, message classes, card and exchange states, and journal kinds; the
compiled core has the same numbers in `switch/_words.pxd`, and a test holds the two equal.
"""

from enum import IntEnum
from typing import Literal


class Operation(IntEnum):
    """Column `operation` of the journal."""

    NONE = 0
    PURCHASE = 1
    POINTS_PAYMENT = 2
    REFUND = 3
    LOAD = 4
    BALANCE = 5
    POINTS_BALANCE = 6
    HOLD = 7
    PREAUTHORISATION = 8
    COMPLETION = 9
    REVERSAL = 10
    SIGN_ON = 11
    SIGN_OFF = 12
    ECHO = 13
    CUT_OVER = 14
    KEY_EXCHANGE = 15
    ACTIVATION = 16
    WITHDRAWAL = 17
    RENEWAL = 18
    ITEM_REGISTRATION = 19
    ITEM_INQUIRY = 20
    ITEM_CLAIM = 21
    REPAYMENT = 22
    SETTLEMENT = 23
    DEBT_INQUIRY = 24
    VOUCHER_REDEMPTION = 25


OPERATION_COUNT = 26


class MessageClass(IntEnum):
    """An MTI without its version and its repeat digit: what a repeat must share with the first."""

    NONE = 0
    AUTHORISATION = 1  # 0100, 0101
    FINANCIAL = 2  # 0200, 0201
    ADVICE = 3  # 0220, 0221
    REVERSAL = 4  # 0400, 0401
    NETWORK = 5  # 0800, 0801
    REVERSAL_ADVICE = 6  # 0420, 0421


class CardStatus(IntEnum):
    """What the register says of a card."""

    ACTIVE = 0
    BLOCKED = 1
    LOST = 2
    STOLEN = 3
    CLOSED = 4


class ExchangeState(IntEnum):
    """What has become of a message since it was answered."""

    DECLINED = 0
    APPROVED = 1
    HELD = 2
    CAPTURED = 3
    RELEASED = 4
    EXPIRED = 5
    REVERSED = 6
    TOMBSTONE = 7


class JournalKind(IntEnum):
    """Column `kind` of the journal."""

    EXCHANGE = 1
    EVENT = 2
    TAKEOVER = 3
    HOLD_EXPIRY = 4
    CLOCK = 5


Recalled = tuple[Literal["seq"], int] | tuple[Literal["key"], int, int]
"""What a message needs from the journal: ("seq", sequence) or ("key", terminal, STAN)."""


class IssuerSaid(IntEnum):
    """What became of asking a card's own bank."""

    APPROVED = 1
    REFUSED = 2
    SILENT = 3  # no answer that could be used: it may have happened
    ABSENT = 4  # it was not asked


NewCard = tuple[Literal["card"], int, bytes, int, int]
"""("card", row of its programme, token, first six digits, last four)."""

Question = tuple[Literal["issuer"], int, int, int, int, int, int, int, int]
"""("issuer", row of the programme, card, operation, amount, DE 3, terminal, STAN, time)."""

SoughtVoucher = tuple[Literal["voucher"], int, bytes]
"""("voucher", row of the card's programme, digest of the PIN)."""

Wanted = Recalled | tuple[Literal["keys"], int, bool] | NewCard | Question | SoughtVoucher
"""What a message needs before it can be decided: from the journal, new keys, its card's bank.

("keys", terminal, whether it asked with its keys of before: then it has never got the newest)."""
