"""Commands that make and check MACs: M6, M8, MS, and GW under DUKPT.

    M6  mode 1N | form 1N | size 1N | algorithm 1N | padding 1N | key type 3H | key |
        [IV 16H or 32H: modes 2, 3] | length 4H | data
    M7  the state, 16H or 32H (modes 1, 2), or the MAC (modes 0, 3)
    M8  as M6, then [MAC: modes 0, 3]
    M9  the state (modes 1, 2), or nothing: 00 right, 01 wrong
    MS  mode 1N | key 1N (0 TAK, 1 ZAK) | its length 1N (0 single, 1 double) | form 1N (0 binary,
        1 hex) | key | [IV 16H: modes 2, 3] | length 4H, in bytes | data
    MT  the state or the MAC, 16H
    GW  mode 1N | method 1N | BDK | KSN descriptor 3H | KSN 20H (24H of an AES BDK) |
        [MAC: modes 0, 1] | length 4H | data
    GX  [MAC: modes 3, 4]

    mode       0 the whole message, 1 its first part, 2 a middle one, 3 the last
    size       0 8H, 1 16H, 2 32H (of AES)
    algorithm  1, 3 ISO 9797-1; 5 CMAC of an AES key, 6 CMAC of a TDES key (ours)
    padding    0 none, 1, 2 ISO 9797-1; of CMAC 0
    GW mode    1 verify 16H, 4 generate 16H; ours: 0 verify 8H, 3 generate 8H
    GW method  1 algorithm 3, padding 1, the request's key; ours: 2 the response's key, 6 and 7 CMAC
               with the request's and the response's key (of an AES BDK only these)

MS is ANSI X9.19: algorithm 3, padding 1; with a single key that is algorithm 1. In key blocks the
usage binds the algorithm: M3 to 3, M0 and M1 to 1, M6 to CMAC. An IV is needed to go on, so
in modes 2 and 3, as in MS; thalessimulatorlibrary's M6 has it in others.

Source: ut-codec-payshield messages.json and test/config/test.js (M6, M8, GW, real replies),
thalessimulatorlibrary (MS, and M6's forms and lengths).
"""

from typing import NamedTuple

from hsm_sim import _dukpt
from hsm_sim._keys import Key
from hsm_sim._macs import cbc_mac, cbc_state, cmac, equal, retail_mac, retail_state
from hsm_sim.commands.message_fields import (
    BINARY,
    BLOCK_BYTES,
    HEX,
    WRONG_ALGORITHM,
    WRONG_FORMAT,
    WRONG_KEY_TYPE,
    WRONG_MODE,
    WireKey,
    narrowed,
    take_choice,
    take_data,
    take_key,
    take_ksn,
    take_type,
)
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.hsm import Command, Hsm
from hsm_sim.key_types import BDK, TAK, ZAK, KeyType

WHOLE, FIRST, MIDDLE, LAST = range(4)
CBC, RETAIL, CMAC_AES, CMAC_TDES = 1, 3, 5, 6
CMACS = (CMAC_AES, CMAC_TDES)
SIZES_BYTES = (4, 8, 16)
USAGES = {CBC: ("M1", "M0"), RETAIL: ("M3",), CMAC_AES: ("M6",), CMAC_TDES: ("M6",)}
GENERATES, VERIFIES = "CGN", "CVN"


def _kinds(modes: str) -> dict[int, dict[str, KeyType]]:
    """Key types by algorithm and code, for making MACs or for checking them."""
    return {
        algorithm: {
            kind.code: narrowed(kind, f"{modes} {algorithm}", modes, usages) for kind in (TAK, ZAK)
        }
        for algorithm, usages in USAGES.items()
    }


KINDS = {modes: _kinds(modes) for modes in (GENERATES, VERIFIES)}
# GW: its mode says what to do and how long the MAC is; its method, which MAC under which key.
DUKPT_MODES = {0: (True, 4), 1: (True, 8), 3: (False, 4), 4: (False, 8)}
DUKPT_METHODS = {1: (RETAIL, False), 2: (RETAIL, True), 6: (CMAC_TDES, False), 7: (CMAC_TDES, True)}


class Message(NamedTuple):
    """A message, or a part of one, and how to make its MAC."""

    mode: int
    algorithm: int
    padding: int
    state: bytes | None
    data: bytes


def generate(hsm: Hsm, fields: Fields) -> bytes:
    """M6: make a MAC with a TAK or ZAK, or go on with a longer message."""
    key, message, size_bytes = _take_message(fields, GENERATES)
    fields.end()
    made = _computed(hsm.key(fields, key.wire, key.kind), message)
    return _hex(made if message.mode in (FIRST, MIDDLE) else made[:size_bytes])


def verify(hsm: Hsm, fields: Fields) -> bytes:
    """M8: check a MAC with a TAK or ZAK, or go on with a longer message."""
    key, message, size_bytes = _take_message(fields, VERIFIES)
    given = b"" if message.mode in (FIRST, MIDDLE) else fields.hex(2 * size_bytes)
    fields.end()
    made = _computed(hsm.key(fields, key.wire, key.kind), message)
    if message.mode in (FIRST, MIDDLE):
        return _hex(made)
    if not equal(made[:size_bytes], given):
        raise Refused(ErrorCode.VERIFICATION_FAILED)
    return b""


def generate_x9_19(hsm: Hsm, fields: Fields) -> bytes:
    """MS: make the MAC of a long message as ANSI X9.19 says."""
    mode = take_choice(fields, "0123", WRONG_KEY_TYPE)
    code = (TAK.code, ZAK.code)[take_choice(fields, "01", ErrorCode.KEY_TYPE)]
    double = take_choice(fields, "01", ErrorCode.MESSAGE_LENGTH) == 1
    form = take_choice(fields, "01", WRONG_FORMAT)
    algorithm = RETAIL if double else CBC
    key = take_key(fields, code, KINDS[GENERATES][algorithm][code], bare=32 if double else 16)
    state = fields.hex(2 * BLOCK_BYTES) if mode in (MIDDLE, LAST) else None
    length = fields.hex_number(4)
    data = fields.hex(2 * length) if form == HEX else fields.take(length)
    fields.end()
    opened = hsm.key(fields, key.wire, key.kind)
    if (opened.length > BLOCK_BYTES) != double or opened.algorithm != 0:
        raise Refused(ErrorCode.KEY_LENGTH)
    return _hex(_computed(opened, Message(mode, algorithm, 1, state, data)))


def dukpt(hsm: Hsm, fields: Fields) -> bytes:
    """GW: make or check a MAC with a key of one transaction."""
    verifies, size_bytes = DUKPT_MODES[take_choice(fields, "0134", WRONG_MODE)]
    algorithm, response = DUKPT_METHODS[take_choice(fields, "1267", WRONG_ALGORITHM)]
    bdk = WireKey(fields.key(32), BDK)
    ksn = take_ksn(fields, bdk)
    given = fields.hex(2 * size_bytes) if verifies else b""
    data = take_data(fields, BINARY)
    fields.end()
    if bdk.is_aes and algorithm not in CMACS:
        raise Refused(WRONG_ALGORITHM)
    base = hsm.key(fields, bdk.wire, bdk.kind)
    try:
        if bdk.is_aes:
            usage = "mac verification" if response else "mac generation"
            key = _dukpt.aes_working_key(base, ksn, usage)
        else:
            key = _dukpt.tdes_mac_key(base, ksn, response)
    except ValueError as fault:  # a counter that no terminal uses, or a base key of another length
        raise Refused(ErrorCode.INPUT_DATA) from fault
    padding = 0 if algorithm in CMACS else 1
    made = _computed(key, Message(WHOLE, algorithm, padding, None, data))[:size_bytes]
    if not verifies:
        return _hex(made)
    if not equal(made, given):
        raise Refused(ErrorCode.VERIFICATION_FAILED)
    return b""


def _take_message(fields: Fields, modes: str) -> tuple[WireKey, Message, int]:
    """Take what M6 and M8 have in common, up to the data."""
    mode = take_choice(fields, "0123", WRONG_MODE)
    form = take_choice(fields, "012", WRONG_FORMAT)
    size_bytes = SIZES_BYTES[take_choice(fields, "012", ErrorCode.INPUT_DATA)]
    algorithm = take_choice(fields, "1356", WRONG_ALGORITHM)
    padding = take_choice(fields, "0" if algorithm in CMACS else "012", ErrorCode.PADDING_METHOD)
    code, kind = take_type(fields, KINDS[modes][algorithm])
    key = take_key(fields, code, kind)
    if key.is_aes != (algorithm == CMAC_AES):
        raise Refused(WRONG_ALGORITHM)
    if size_bytes > key.block_bytes:
        raise Refused(ErrorCode.INPUT_DATA)
    state = fields.hex(2 * key.block_bytes) if mode in (MIDDLE, LAST) else None
    return key, Message(mode, algorithm, padding, state, take_data(fields, form)), size_bytes


def _computed(key: Key, message: Message) -> bytes:
    """Give the state after a part that is not the last, or the MAC.

    Parts before the last are whole blocks. A last part is not empty, unless its padding makes a
    block of nothing: the message's end would have gone into the chain as any other block.
    """
    mode, algorithm, padding, state, data = message
    block_bytes = 16 if key.algorithm == 1 else BLOCK_BYTES
    unfilled = len(data) % block_bytes != 0
    if not data and not (mode == LAST and padding == 2):
        raise Refused(ErrorCode.DATA_LENGTH)
    if unfilled and (mode in (FIRST, MIDDLE) or (padding == 0 and algorithm not in CMACS)):
        raise Refused(ErrorCode.DATA_LENGTH)
    try:
        if mode in (FIRST, MIDDLE):
            return (retail_state if algorithm == RETAIL else cbc_state)(key, data, state)
        if algorithm in CMACS:
            return cmac(key, data, state)
        return (retail_mac if algorithm == RETAIL else cbc_mac)(key, data, padding, state)
    except ValueError as fault:  # a single key has no second half for algorithm 3
        raise Refused(ErrorCode.KEY_LENGTH) from fault


def _hex(data: bytes) -> bytes:
    return data.hex().upper().encode("ascii")


COMMANDS = (
    Command("M6", "generate a MAC", generate),
    Command("M8", "verify a MAC", verify),
    Command("MS", "generate a MAC of a long message (ANSI X9.19)", generate_x9_19),
    Command("GW", "generate or verify a MAC (DUKPT)", dukpt),
)
