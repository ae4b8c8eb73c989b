"""What the commands about keys have in common: their fields, and a key's way in and out.

Owns the layout of options (`;`, `#`, `&`), the choice of a key's type and header, sealing. Which
command has which of them is said in `keys` and `zone_keys`.

    ; scheme ZMK 1A | scheme LMK 1A | KCV type 1N
    % LMK 2N
    # usage 2A | algorithm 2A (of a new key) | mode 1A | key version 2N | exportability 1A |
      optional blocks 2N | optional blocks
    & exportability 1A of the exported key

Source: ut-codec-payshield messages.json and test/config/test.js; thalessimulatorlibrary's
HostCommands/*.xml.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from hsm_sim import key_blocks, key_exchange
from hsm_sim._keys import Key
from hsm_sim._macs import check_value
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.hsm import Hsm, Lmk
from hsm_sim.key_blocks import Header, OptionalBlock
from hsm_sim.key_exchange import BLOCK_LETTERS
from hsm_sim.key_types import BDK, CVK, KEY_TYPES, ZMK, KeyType
from hsm_sim.lmk import BARE, KeyBlockLmk

ANY_TYPE = "FFF"  # the key block says it
TDES, AES, HMAC = range(3)
SCHEME_BYTES = {"Z": 8, "U": 16, "X": 16, "T": 24, "Y": 24}
SCHEME_LETTERS = frozenset("UTXYSR")
PAIRS = (CVK, BDK)  # bare, they are two halves
DOUBLE_BYTES = 16
# Names of algorithms behind `#`. H1 is ours: there is no payShield command for such keys here.
NEW_KEYS = {
    "D1": (TDES, 8),
    "T2": (TDES, 16),
    "T3": (TDES, 24),
    "A1": (AES, 16),
    "A2": (AES, 24),
    "A3": (AES, 32),
    "H1": (HMAC, 32),
}
HEX = frozenset("0123456789ABCDEF")


class Options(NamedTuple):
    """The fields behind `;`. A scheme is None where the command did not say one."""

    scheme_zmk: str | None = None
    scheme_lmk: str | None = None
    check_characters: int = 16


class BlockOptions(NamedTuple):
    """The fields behind `#`."""

    usage: str
    algorithm: str | None
    mode: str
    key_version: str
    exportability: str
    optional: tuple[OptionalBlock, ...]


def take_options(fields: Fields) -> Options:
    """Take `;`, both schemes and the type of check value, if they are there."""
    if not fields.accept(b";"):
        return Options()
    scheme_zmk, scheme_lmk = fields.text(1), fields.text(1)
    return Options(scheme_zmk, scheme_lmk, take_check_type(fields))


def take_check_type(fields: Fields) -> int:
    """Take the type of a check value: 0 is 16 characters, 1 is 6."""
    kind = fields.digits(1)
    if kind not in "01":
        raise Refused(ErrorCode.INPUT_DATA)
    return 6 if kind == "1" else 16


def take_block_options(fields: Fields, *, algorithm: bool) -> BlockOptions | None:
    """Take `#` and what follows, behind the LMK's identifier; `algorithm`: of a new key."""
    fields.take_lmk_id()
    if not fields.accept(b"#"):
        return None
    usage = fields.text(2)
    named = fields.text(2) if algorithm else None
    mode, key_version, exportability = fields.text(1), fields.text(2), fields.text(1)
    optional = []
    for _ in range(fields.number(2)):
        name, length = fields.text(2), fields.hex_number(2)
        if length < 4:
            raise Refused(ErrorCode.KEY_BLOCK_HEADER)
        optional.append(OptionalBlock(name, fields.text(length - 4)))
    return BlockOptions(usage, named, mode, key_version, exportability, tuple(optional))


def take_exportability(fields: Fields) -> str | None:
    """Take `&` and the exportability of the exported key, if they are there."""
    fields.take_lmk_id()
    return fields.text(1) if fields.accept(b"&") else None


def take_types(fields: Fields) -> Sequence[KeyType]:
    """Take a key type: which kinds it may be. `FFF` leaves it to a key block."""
    code = fields.text(3)
    if code == ANY_TYPE:
        return KEY_TYPES
    kinds = [kind for kind in KEY_TYPES if kind.code == code]
    if not kinds:
        raise Refused(ErrorCode.KEY_TYPE)
    return kinds


def take_zmk(fields: Fields, bare: int = 16) -> bytes:
    """Take a ZMK, in front of another key, which is `bare` characters when it has no scheme.

    A ZMK without a scheme is single or double, and only what follows tells which.
    """
    ahead = fields.peek(96).decode("latin-1")
    if ahead[:1] in SCHEME_LETTERS:
        return fields.key()
    count = next((at for at, it in enumerate(ahead) if it not in HEX), len(ahead))
    if not _is_key(ahead[count:]):
        count -= bare
    return fields.key(bare=32 if count >= 32 else 16)


def bare_characters(kinds: Sequence[KeyType]) -> int:
    """Say how long a key without a scheme is."""
    return 32 if kinds[0] in PAIRS else 16


def open_zmk(hsm: Hsm, fields: Fields, wire: bytes, kind: KeyType = ZMK, *, wraps: bool) -> Key:
    """Open a ZMK (or a TMK) to wrap a key, or to unwrap one: its block may allow only the other."""
    key = hsm.key(fields, wire, kind)
    if wire[:1] == b"S" and key_blocks.parse(wire[1:]).header.mode == ("D" if wraps else "E"):
        raise Refused(ErrorCode.KEY_BLOCK_MODE)
    return key


def open_typed(
    hsm: Hsm, fields: Fields, wire: bytes, kinds: Sequence[KeyType]
) -> tuple[Key, Header]:
    """Open a key that may be of several kinds, with its header (or the one it would have)."""
    if wire[:1] == b"S":
        header = key_blocks.parse(wire[1:]).header
        kind = fitting(header, kinds)
        return hsm.key(fields, wire, kind), header
    if len(kinds) == len(KEY_TYPES):
        raise Refused(ErrorCode.KEY_TYPE_USE)
    key = hsm.key(fields, wire, kinds[0])
    return key, header_of(key, kinds[0])


def fitting(header: Header, kinds: Sequence[KeyType]) -> KeyType:
    """Find the kind of key that a header is for. Refused: A6, A7 or A8, the nearest miss."""
    nearest = Refused(ErrorCode.KEY_BLOCK_USAGE)
    for kind in kinds:
        try:
            key_blocks.check_use(header, kind)
        except Refused as miss:
            nearest = max(nearest, miss, key=lambda refusal: refusal.code.value)
        else:
            return kind
    raise nearest


def header_of(key: Key, kind: KeyType, exportability: str = "E") -> Header:
    """Write the header that a key of a kind has when nothing else was asked."""
    return Header(
        version="D",
        usage=key_blocks.usage_of(key, kind),
        algorithm=key_blocks.letter(key),
        mode=kind.modes[0],
        exportability=exportability,
    )


def chosen_header(key: Key, kinds: Sequence[KeyType], options: BlockOptions | None) -> Header:
    """Write the header of a new key: as the options say, or as its kind is. 15: neither is told."""
    if options is None:
        if len(kinds) == len(KEY_TYPES):
            raise Refused(ErrorCode.INPUT_DATA)
        return header_of(key, kinds[0])
    return Header(
        version="D",
        usage=options.usage,
        algorithm=key_blocks.letter(key),
        mode=options.mode,
        key_version=options.key_version,
        exportability=options.exportability,
        optional=options.optional,
    )


def new_key(scheme: str, kind: KeyType, options: BlockOptions | None) -> Key:
    """Make a key as long as its scheme says, or of the algorithm that options name."""
    if options is not None and options.algorithm is not None:
        if options.algorithm not in NEW_KEYS:
            raise Refused(ErrorCode.KEY_BLOCK_ALGORITHM)
        return Key.random(*NEW_KEYS[options.algorithm])
    if scheme in BLOCK_LETTERS:
        return Key.random(*((TDES, DOUBLE_BYTES) if kind.algorithms != "H" else (HMAC, 32)))
    length = DOUBLE_BYTES if scheme == BARE and kind in PAIRS else SCHEME_BYTES.get(scheme)
    if length is None:
        raise Refused(ErrorCode.KEY_SCHEME)
    return Key.random(TDES, length)


def seal(lmk: Lmk, key: Key, kinds: Sequence[KeyType], header: Header, scheme: str) -> bytes:
    """Seal a key under the LMK, for one of the kinds it may be."""
    kind = fitting(msgspec.structs.replace(header, algorithm=key_blocks.letter(key)), kinds)
    if isinstance(lmk, KeyBlockLmk):
        if scheme != "S":
            raise Refused(ErrorCode.KEY_SCHEME)
        return lmk.seal_block(key, msgspec.structs.replace(header, version="D"))
    return lmk.seal(key, kind, scheme)


def default_scheme(lmk: Lmk) -> str:
    """Give the scheme of new keys for which a command names none."""
    return "S" if isinstance(lmk, KeyBlockLmk) else BARE


def export_scheme(zmk_scheme: str | None, lmk: Lmk) -> str:
    """Give the scheme under a ZMK when a command names none: as old hosts, or as key blocks do."""
    if zmk_scheme is not None:
        return zmk_scheme
    return "R" if isinstance(lmk, KeyBlockLmk) else BARE


def exported(
    lmk: Lmk, zmk: Key, key: Key, header: Header, scheme: str, wanted: str | None = None
) -> bytes:
    """Encrypt a key under a ZMK, if it may leave: a variant LMK has no place to say it may not."""
    allowed = wanted or header.exportability
    if isinstance(lmk, KeyBlockLmk):
        allowed = key_exchange.check_exportable(header.exportability, scheme, wanted)
    header = msgspec.structs.replace(header, exportability=allowed)
    return key_exchange.export(zmk, key, header, scheme)


def check_text(key: Key, characters: int = 6) -> bytes:
    """Give a key's check value as it is on the wire."""
    return check_value(key).hex().upper()[:characters].encode("ascii")


def _is_key(ahead: str) -> bool:
    """Say whether a key with a scheme begins here, and not the scheme of a key to be made."""
    if ahead[:1] in BLOCK_LETTERS:
        return ahead[2:6].isdecimal()
    return ahead[:1] in SCHEME_LETTERS and len(ahead) > 16 and HEX.issuperset(ahead[1:17])
