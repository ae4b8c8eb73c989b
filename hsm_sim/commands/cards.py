"""Commands for card verification values: CW makes one, CY checks one.

    CW  CVK | PAN up to 19N | ; | expiry 4N | service code 3N
    CX  CVV 3N
    CY  CVK | CVV 3N | PAN up to 19N | ; | expiry 4N | service code 3N
    CZ  nothing: 00 right, 01 wrong

A CVK without a scheme letter is 32H, its two halves. An iCVV is asked for with service code 999.

Source: ut-codec-payshield messages.json, thalessimulatorlibrary HostCommandTests.vb.
"""

from hsm_sim._cvv import cvv
from hsm_sim._macs import equal
from hsm_sim.commands.message_fields import narrowed
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.hsm import Command, Hsm
from hsm_sim.key_types import CVK, KeyType

PAN_DIGITS_MAX = 19
CVV_DIGITS = 3
BARE_CHARACTERS = 32
GENERATING = narrowed(CVK, "to generate", "CGN")
VERIFYING = narrowed(CVK, "to verify", "CVN")


def generate(hsm: Hsm, fields: Fields) -> bytes:
    """CW: make a CVV."""
    wire = fields.key(BARE_CHARACTERS)
    card = _take_card(fields)
    fields.end()
    return _value(hsm, fields, wire, GENERATING, card).encode("ascii")


def verify(hsm: Hsm, fields: Fields) -> bytes:
    """CY: check a CVV."""
    wire = fields.key(BARE_CHARACTERS)
    given = fields.digits(CVV_DIGITS)
    card = _take_card(fields)
    fields.end()
    value = _value(hsm, fields, wire, VERIFYING, card)
    if not equal(value.encode("ascii"), given.encode("ascii")):
        raise Refused(ErrorCode.VERIFICATION_FAILED)
    return b""


def _take_card(fields: Fields) -> tuple[str, str, str]:
    """Take account number, expiry and service code."""
    pan = fields.digits_until(b";", PAN_DIGITS_MAX)
    if not pan:
        raise Refused(ErrorCode.INPUT_DATA)
    return pan, fields.digits(4), fields.digits(3)


def _value(hsm: Hsm, fields: Fields, wire: bytes, kind: KeyType, card: tuple[str, str, str]) -> str:
    try:
        return cvv(hsm.key(fields, wire, kind), *card)
    except ValueError as fault:  # the card was checked: a single or a triple key
        raise Refused(ErrorCode.KEY_LENGTH) from fault


COMMANDS = (
    Command("CW", "generate a CVV", generate),
    Command("CY", "verify a CVV", verify),
)
