"""What simulated terminals read out of a reply.

Owns the reading of DE 48 and DE 54, in plain Python and on purpose not the switch's. Must not judge
a reply: that is `loadtest.oracle`.
"""

from msgspec import Struct

from switch.iso8583 import Message

APPROVED = "00"
PARTIALLY_APPROVED = "10"
UNKNOWN_CARD = "14"
UNAVAILABLE = "91"
"""A healthy answer to anything while the database is away: nothing happened, nothing was kept."""

MONEY_LEDGER = "0001"  # DE 54, account type and amount type
POINTS_LEDGER = "6001"
AMOUNT_CHARACTERS = 20  # of one amount in DE 54


class Reply(Struct, frozen=True, kw_only=True):
    """One reply. `rrn` and `stan` are -1 where absent or not digits; `details` are DE 48's tags."""

    message_type: str
    processing_code: str
    amount_transaction: str  # DE 4 as it stands, empty when absent
    stan: int
    rrn: int
    terminal_id: str
    merchant_id: str
    time_local: str
    date_local: str
    response_code: str
    authorisation_code: str
    details: dict[str, str]
    balances: dict[str, int]
    body: bytes

    @property
    def approved(self) -> bool:
        """Whether the whole or a part was approved."""
        return self.response_code in (APPROVED, PARTIALLY_APPROVED)

    @property
    def unavailable(self) -> bool:
        """Whether the switch could not decide at all; asked again, it may answer otherwise."""
        return self.response_code == UNAVAILABLE

    def detail_count(self, tag: str) -> int:
        """Give the number in a tag of DE 48, 0 when it is absent."""
        return int(self.details.get(tag, "0"))


def read_reply(message: Message, body: bytes) -> Reply:
    """Read a decoded reply. Raises ValueError when DE 48 or DE 54 cannot be read."""
    return Reply(
        message_type=message.mti,
        processing_code=message.get(3, ""),
        amount_transaction=message.get(4, ""),
        stan=_number(message.get(11, "")),
        rrn=_number(message.get(37, "")),
        terminal_id=message.get(41, ""),
        merchant_id=message.get(42, ""),
        time_local=message.get(12, ""),
        date_local=message.get(13, ""),
        response_code=message.get(39, ""),
        authorisation_code=message.get(38, ""),
        details=read_details(message.get(48, "")),
        balances=read_balances(message.get(54, "")),
        body=body,
    )


def read_details(text: str) -> dict[str, str]:
    """Read DE 48: tags of two characters, lengths of three digits, values, one after the other."""
    details: dict[str, str] = {}
    at = 0
    while at < len(text):
        value_at = at + 5
        digits = text[at + 2 : value_at]
        length = _number(digits)
        value = text[value_at : value_at + length]
        if len(digits) != 3 or length < 0 or len(value) != length:
            raise ValueError(f"DE 48 is broken at character {at}")
        details[text[at : at + 2]] = value
        at = value_at + length
    return details


def read_balances(text: str) -> dict[str, int]:
    """Read DE 54: account and amount type to signed whole units."""
    if len(text) % AMOUNT_CHARACTERS:
        raise ValueError("DE 54 does not hold whole amounts")
    balances: dict[str, int] = {}
    for at in range(0, len(text), AMOUNT_CHARACTERS):
        sign, count = text[at + 7], _number(text[at + 8 : at + AMOUNT_CHARACTERS])
        if count < 0 or sign not in "CD":
            raise ValueError(f"DE 54 is broken at character {at}")
        balances[text[at : at + 4]] = count if sign == "C" else -count
    return balances


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else -1
