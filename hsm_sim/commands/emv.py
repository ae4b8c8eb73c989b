"""Commands for chip cards: KQ and KW check cryptograms and answer them, PM checks a CVC3.

    KQ  mode 1N | scheme 1N | MK-AC | card 8B | ATC 2B | unpredictable number 4B | [length 2H |
        data | ;  modes 0, 1] | cryptogram 8B | [ARC 2B  modes 1, 2]
    KR  [ARPC 8B  modes 1, 2]; with 01 the right cryptogram 8B, in the authorised state
    KW  mode 1N | scheme 1N | MK-AC | card | ATC 2B | [length 2H | data | ;  modes 0, 1, 3] |
        cryptogram 8B | [ARC 2B  modes 1, 2] | [CSU 4B | length 1N | data  modes 3, 4]
    KX  [ARPC 8B modes 1, 2, or 4B modes 3, 4]; with 01 as KR
    PM  scheme 1N (1) | version 1N (2) | MK-CVC3 | option 1A (A, B) | PAN up to 19N | ; |
        sequence number 2N | length 3N | track data, binary | unpredictable number 8N | ATC 5N |
        code 5A, X for each digit the track does not have
    PN  with 01 the right digits, in the authorised state

    card       8B: account number and sequence number, packed, as option A takes them
    mode       0 verify, 1 verify and answer (ARPC 1), 2 answer (ARPC 1); KW: 3 verify and answer
               (ARPC 2), 4 answer (ARPC 2)
    KQ scheme  0 VIS: the card's key itself, data padded with zeros; 1 M/Chip: a session key by ATC
               and unpredictable number, EMV's padding, and the answer under the card's key
    KW scheme  EMV's common session key for both: 2 option A; 3 option B,
               the card is length 2N | PAN and sequence number, packed | ;

PM's track data is the card's static data: zeros where each transaction has its digits.
Everything binary is read by its length: a ; in it is data. Modes 3 and 4 of KQ (discretionary
data), KW's schemes 0 and 1 (EMV 2000 trees) and PM's other schemes are not offered.

Source: thalessimulatorlibrary (KQ, PM), ut-codec-payshield messages.json and test.js (KQ, KW);
which key answers: pyemv's cryptogram versions.
"""

from typing import NamedTuple

from hsm_sim import _emv
from hsm_sim._keys import Key
from hsm_sim._macs import equal
from hsm_sim.commands.message_fields import take_choice
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.hsm import Answer, Command, Hsm
from hsm_sim.key_types import MK_AC, MK_CVC3, KeyType

BARE_CHARACTERS = 32
ACCOUNT_BYTES = 8
ATC_MAX = 0xFFFF
PAN_DIGITS_MAX = 19
VERIFYING_MODES = (0, 1, 3)
ARPC_1_MODES = (1, 2)
ARPC_2_MODES = (3, 4)
VIS = 0
OPTION_B = 3
ZEROS, EMV = 1, 2  # paddings

# In these commands 04 is the mode, 05 the scheme.
WRONG_MODE = ErrorCode.KEY_TYPE
WRONG_SCHEME = ErrorCode.KEY_LENGTH_FLAG


class Exchange(NamedTuple):
    """What card and issuer say to each other: a cryptogram, and what the answer is made of."""

    mode: int
    data: bytes
    cryptogram: bytes
    response_code: bytes
    status_update: bytes
    proprietary: bytes


def verify_static(hsm: Hsm, fields: Fields) -> bytes | Answer:
    """KQ: a cryptogram of VIS or M/Chip."""
    mode = take_choice(fields, "012", WRONG_MODE)
    scheme = take_choice(fields, "01", WRONG_SCHEME)
    wire = fields.key(BARE_CHARACTERS)
    account, atc, unpredictable = fields.take(ACCOUNT_BYTES), fields.take(2), fields.take(4)
    exchange = _take_exchange(fields, mode)
    fields.end()
    card = _card_key(hsm, fields, wire, MK_AC, account)
    if scheme == VIS:
        return _answered(hsm, exchange, card, card, ZEROS)
    return _answered(hsm, exchange, _emv.mchip_key(card, atc, unpredictable), card, EMV)


def verify_common(hsm: Hsm, fields: Fields) -> bytes | Answer:
    """KW: a cryptogram of EMV's common session key."""
    mode = take_choice(fields, "01234", WRONG_MODE)
    scheme = take_choice(fields, "23", WRONG_SCHEME)
    wire = fields.key(BARE_CHARACTERS)
    account = _take_packed(fields) if scheme == OPTION_B else fields.take(ACCOUNT_BYTES)
    atc = fields.take(2)
    exchange = _take_exchange(fields, mode)
    fields.end()
    session = _emv.cryptogram_key(_card_key(hsm, fields, wire, MK_AC, account), atc)
    return _answered(hsm, exchange, session, session, EMV)


def verify_cvc3(hsm: Hsm, fields: Fields) -> bytes | Answer:
    """PM: the dynamic code of a contactless card's magnetic-stripe mode."""
    fields.expect(b"1")
    fields.expect(b"2")
    wire = fields.key(BARE_CHARACTERS)
    option = fields.text(1)
    pan = fields.digits_until(b";", PAN_DIGITS_MAX)
    sequence = fields.digits(2)
    track = fields.take(fields.number(3))
    unpredictable = bytes.fromhex(fields.digits(8))
    atc = fields.number(5)
    given = fields.text(5).lstrip("X")
    fields.end()
    if option not in ("A", "B") or not pan or not track or atc > ATC_MAX:
        raise Refused(ErrorCode.INPUT_DATA)
    if not given.isdecimal():
        raise Refused(ErrorCode.INPUT_DATA)
    account = _emv.account_block(pan, sequence, option_b=option == "B")
    card = _card_key(hsm, fields, wire, MK_CVC3, account)
    digits = _emv.cvc3(card, track, unpredictable, atc.to_bytes(2, "big"))[-len(given) :]
    if equal(digits.encode("ascii"), given.encode("ascii")):
        return b""
    return _failed(hsm, digits.encode("ascii"))


def _take_exchange(fields: Fields, mode: int) -> Exchange:
    """Take what follows the card's part."""
    data = b""
    if mode in VERIFYING_MODES:
        length = fields.hex_number(2)
        if length == 0:
            raise Refused(ErrorCode.NO_DATA)
        if length > fields.left:
            raise Refused(ErrorCode.DATA_LENGTH)
        data = fields.take(length)
        fields.expect(b";")
    cryptogram = fields.take(8)
    response_code = fields.take(2) if mode in ARPC_1_MODES else b""
    status_update = proprietary = b""
    if mode in ARPC_2_MODES:
        status_update = fields.take(4)
        proprietary = fields.take(take_choice(fields, "012345678", ErrorCode.INPUT_DATA))
    return Exchange(mode, data, cryptogram, response_code, status_update, proprietary)


def _take_packed(fields: Fields) -> bytes:
    """Take an account number of any length with its sequence number, two digits a byte."""
    digits = fields.take(fields.number(2)).hex()
    fields.expect(b";")
    pan = digits[:-2].removeprefix("0")  # before an odd number of digits
    if not digits.isdecimal() or not 1 <= len(pan) <= PAN_DIGITS_MAX:
        raise Refused(ErrorCode.INPUT_DATA)
    return _emv.account_block(pan, digits[-2:], option_b=True)


def _card_key(hsm: Hsm, fields: Fields, wire: bytes, kind: KeyType, account: bytes) -> Key:
    master = hsm.key(fields, wire, kind)
    try:
        return _emv.card_key(master, account)
    except ValueError as fault:  # not a double key
        raise Refused(ErrorCode.KEY_LENGTH) from fault


def _answered(
    hsm: Hsm, exchange: Exchange, session: Key, answering: Key, padding: int
) -> bytes | Answer:
    """Check the cryptogram where the mode says so, and answer it."""
    if exchange.mode in VERIFYING_MODES:
        right = _emv.cryptogram(session, exchange.data, padding)
        if not equal(right, exchange.cryptogram):
            return _failed(hsm, right)
    if exchange.mode in ARPC_1_MODES:
        return _emv.arpc_1(answering, exchange.cryptogram, exchange.response_code)
    if exchange.mode in ARPC_2_MODES:
        return _emv.arpc_2(
            answering, exchange.cryptogram, exchange.status_update, exchange.proprietary
        )
    return b""


def _failed(hsm: Hsm, right: bytes) -> Answer:
    """Refuse; what would have been right is for whoever looks for a fault in the authorised state.

    Told to everybody, it would make cryptograms for anybody.
    """
    return Answer(ErrorCode.VERIFICATION_FAILED, right if hsm.authorised else b"")


COMMANDS = (
    Command("KQ", "verify a cryptogram, answer it (static or M/Chip)", verify_static),
    Command("KW", "verify a cryptogram, answer it (EMV common session key)", verify_common),
    Command("PM", "verify a dynamic CVC3", verify_cvc3),
)
