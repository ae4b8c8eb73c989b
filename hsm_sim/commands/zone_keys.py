"""The older commands, one for each type of key: make one, bring it in, take it out.

Owns their layouts; what they do is what `keys` does, with a type that is fixed. Where a command
names no scheme, old hosts mean a single key without a letter, its check value of 16 characters.

    make    HC TMK, TPK or PVK  IA ZPK  FI ZEK or ZAK  BI BDK
    in      FA ZPK   FC TMK, TPK or PVK   DW BDK   FK ZEK or ZAK
    out     GC ZPK   FE TMK, TPK or PVK   DY BDK   FM ZEK or ZAK

Source: thalessimulatorlibrary, HostCommands/*.xml and HostCommandTests.vb.
"""

from collections.abc import Callable, Sequence

from hsm_sim import key_exchange
from hsm_sim.commands import key_fields as common
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.hsm import Answer, Command, Hsm, Run
from hsm_sim.key_types import BDK, PVK, TMK, TPK, ZAK, ZEK, ZMK, ZPK, KeyType

Types = Callable[[Fields], Sequence[KeyType]]


def new_terminal_key(hsm: Hsm, fields: Fields) -> bytes:
    """HC: a new TMK, TPK or PVK, under the current TMK and under the LMK."""
    return _new_key(hsm, fields, TMK, (TMK, TPK, PVK), check=False)


def new_zpk(hsm: Hsm, fields: Fields) -> bytes:
    """IA: a new ZPK, under a ZMK and under the LMK."""
    return _new_key(hsm, fields, ZMK, (ZPK,), check=True)


def new_zek_or_zak(hsm: Hsm, fields: Fields) -> bytes:
    """FI: a new ZEK (flag 0) or ZAK (1), under a ZMK and under the LMK."""
    kinds = _take_zek_or_zak(fields)
    return _new_key(hsm, fields, ZMK, kinds, check=True)


def new_bdk(hsm: Hsm, fields: Fields) -> bytes:
    """BI: a new BDK, under the LMK only."""
    chosen = common.take_options(fields)
    options = common.take_block_options(fields, algorithm=True)
    fields.end()

    lmk = hsm.lmk(fields)
    scheme = chosen.scheme_lmk or common.default_scheme(lmk)
    key = common.new_key(scheme, BDK, options)
    header = common.chosen_header(key, (BDK,), options)
    sealed = common.seal(lmk, key, (BDK,), header, scheme)
    return sealed + common.check_text(key, chosen.check_characters)


def from_zmk(types: Types) -> Run:
    """Make a command that takes a key from under a ZMK."""

    def run(hsm: Hsm, fields: Fields) -> bytes | Answer:
        kinds = types(fields)
        bare = common.bare_characters(kinds)
        zmk_wire, wire = common.take_zmk(fields, bare), fields.key(bare)
        chosen = common.take_options(fields)
        fields.end()

        lmk = hsm.lmk(fields)
        zmk = common.open_zmk(hsm, fields, zmk_wire, wraps=False)
        key, header, mended = key_exchange.import_key(zmk, wire)
        scheme = chosen.scheme_lmk or common.default_scheme(lmk)
        if chosen.scheme_lmk is None and scheme != "S":
            scheme = _kept_scheme(wire, scheme)
        header = header or common.header_of(key, kinds[0])
        body = common.seal(lmk, key, kinds, header, scheme)
        body += common.check_text(key, chosen.check_characters)
        return Answer(ErrorCode.VERIFICATION_FAILED, body) if mended else body

    return run


def to_zmk(types: Types) -> Run:
    """Make a command that gives a key under a ZMK."""

    def run(hsm: Hsm, fields: Fields) -> bytes:
        kinds = types(fields)
        bare = common.bare_characters(kinds)
        zmk_wire, wire = common.take_zmk(fields, bare), fields.key(bare)
        chosen = common.take_options(fields)
        fields.end()

        zmk = common.open_zmk(hsm, fields, zmk_wire, wraps=True)
        key, header = common.open_typed(hsm, fields, wire, kinds)
        scheme = chosen.scheme_zmk or _kept_scheme(wire, "R")
        body = common.exported(hsm.lmk(fields), zmk, key, header, scheme)
        return body + common.check_text(key, chosen.check_characters)

    return run


def _new_key(
    hsm: Hsm, fields: Fields, outer: KeyType, kinds: Sequence[KeyType], *, check: bool
) -> bytes:
    outer_wire = common.take_zmk(fields, bare=0)
    chosen = common.take_options(fields)
    options = common.take_block_options(fields, algorithm=True)
    fields.end()

    lmk = hsm.lmk(fields)
    wrapping = common.open_zmk(hsm, fields, outer_wire, outer, wraps=True)
    scheme = chosen.scheme_lmk or common.default_scheme(lmk)
    key = common.new_key(scheme, kinds[0], options)
    header = common.chosen_header(key, kinds, options)
    sealed = common.seal(lmk, key, kinds, header, scheme)
    scheme = common.export_scheme(chosen.scheme_zmk, lmk)
    under = common.exported(lmk, wrapping, key, header, scheme)
    return under + sealed + (common.check_text(key, chosen.check_characters) if check else b"")


def _kept_scheme(wire: bytes, block: str) -> str:
    """Give the scheme a key already has: the one it keeps when none is named."""
    letter = wire[:1].decode("latin-1")
    if letter in key_exchange.BLOCK_LETTERS:
        return block
    return letter if letter in common.SCHEME_LETTERS else "Z"


def _fixed(*kinds: KeyType) -> Types:
    return lambda fields: kinds


def _take_zek_or_zak(fields: Fields) -> Sequence[KeyType]:
    flag = fields.digits(1)
    if flag not in "01":
        raise Refused(ErrorCode.INPUT_DATA)
    return (ZAK,) if flag == "1" else (ZEK,)


COMMANDS = (
    Command("BI", "generate a BDK", new_bdk),
    Command("DW", "BDK from ZMK to LMK", from_zmk(_fixed(BDK))),
    Command("DY", "BDK from LMK to ZMK", to_zmk(_fixed(BDK))),
    Command("FA", "ZPK from ZMK to LMK", from_zmk(_fixed(ZPK))),
    Command("FC", "TMK, TPK or PVK from ZMK to LMK", from_zmk(_fixed(TMK, TPK, PVK))),
    Command("FE", "TMK, TPK or PVK from LMK to ZMK", to_zmk(_fixed(TMK, TPK, PVK))),
    Command("FI", "generate a ZEK or ZAK", new_zek_or_zak),
    Command("FK", "ZEK or ZAK from ZMK to LMK", from_zmk(_take_zek_or_zak)),
    Command("FM", "ZEK or ZAK from LMK to ZMK", to_zmk(_take_zek_or_zak)),
    Command("GC", "ZPK from LMK to ZMK", to_zmk(_fixed(ZPK))),
    Command("HC", "generate a TMK, TPK or PVK", new_terminal_key),
    Command("IA", "generate a ZPK", new_zpk),
)
