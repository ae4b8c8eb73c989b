"""Commands for keys of any type: make (A0), bring in (A6), take out (A8), check value (BU).

Owns their layouts. Under a key-block LMK a type of `FFF` leaves a key's kind to its block, or to
the options of a new one. A ZMK crosses between zones only in the authorised state.
"""

from collections.abc import Sequence

from hsm_sim import key_blocks, key_exchange
from hsm_sim.commands import key_fields as common
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.hsm import Answer, Command, Hsm
from hsm_sim.key_types import KEY_TYPES, TMK, ZMK, KeyType

LENGTH_FLAGS = {8: "0", 16: "1", 24: "2"}
BLOCK_FLAG = "F"


def generate(hsm: Hsm, fields: Fields) -> bytes:
    """A0: make a key; mode 1 gives it under a ZMK or TMK, too."""
    mode = fields.digits(1)
    if mode not in "01":
        raise Refused(ErrorCode.INPUT_DATA)
    kinds = common.take_types(fields)
    scheme = fields.text(1)
    outer, zmk_wire, zmk_scheme = ZMK, b"", ""
    if mode == "1":
        outer = _take_outer(fields)
        zmk_wire, zmk_scheme = common.take_zmk(fields, bare=0), fields.text(1)
    options = common.take_block_options(fields, algorithm=True)
    wanted = common.take_exportability(fields)
    fields.end()

    lmk = hsm.lmk(fields)
    key = common.new_key(scheme, kinds[0], options)
    header = common.chosen_header(key, kinds, options)
    _check_crossing(hsm, kinds, header, crosses=mode == "1")
    response = common.seal(lmk, key, kinds, header, scheme)
    if mode == "1":
        zmk = common.open_zmk(hsm, fields, zmk_wire, outer, wraps=True)
        response += common.exported(lmk, zmk, key, header, zmk_scheme, wanted)
    return response + common.check_text(key)


def import_key(hsm: Hsm, fields: Fields) -> bytes | Answer:
    """A6: take a key from under a ZMK. 01 when its parity had to be mended."""
    kinds = common.take_types(fields)
    bare = common.bare_characters(kinds)
    zmk_wire = common.take_zmk(fields, bare)
    wire = fields.key(bare)
    scheme = fields.text(1)
    options = common.take_block_options(fields, algorithm=False)
    fields.end()

    lmk = hsm.lmk(fields)
    zmk = common.open_zmk(hsm, fields, zmk_wire, wraps=False)
    key, header, mended = key_exchange.import_key(zmk, wire)
    if header is None:
        header = common.chosen_header(key, kinds, options)
    elif options is not None:
        raise Refused(ErrorCode.INPUT_DATA)  # a block says itself what it is for
    _check_crossing(hsm, kinds, header, crosses=True)
    body = common.seal(lmk, key, kinds, header, scheme) + common.check_text(key)
    return Answer(ErrorCode.VERIFICATION_FAILED, body) if mended else body


def export_key(hsm: Hsm, fields: Fields) -> bytes:
    """A8: give a key under a ZMK."""
    kinds = common.take_types(fields)
    bare = common.bare_characters(kinds)
    zmk_wire = common.take_zmk(fields, bare)
    wire = fields.key(bare)
    scheme = fields.text(1)
    wanted = common.take_exportability(fields)
    fields.end()

    zmk = common.open_zmk(hsm, fields, zmk_wire, wraps=True)
    key, header = common.open_typed(hsm, fields, wire, kinds)
    _check_crossing(hsm, kinds, header, crosses=True)
    under = common.exported(hsm.lmk(fields), zmk, key, header, scheme, wanted)
    return under + common.check_text(key)


def check_value(hsm: Hsm, fields: Fields) -> bytes:
    """BU: the check value of a key."""
    code, flag = fields.text(2), fields.text(1)
    wire = fields.key(bare={"0": 16, "1": 32, "2": 48}.get(flag, 16))
    kinds: Sequence[KeyType] = ()
    if code == "FF":
        fields.expect(b";")
        kinds = common.take_types(fields)
    characters = 16
    if fields.accept(b";"):
        fields.text(2)  # reserved: 00, of older hosts ZZ
        characters = common.take_check_type(fields)
    fields.end()

    if code != "FF":
        kinds = [kind for kind in KEY_TYPES if kind.code == f"{code[0]}0{code[1]}"]
        if not kinds:
            raise Refused(ErrorCode.KEY_TYPE)
    # A key that does not open is told before a flag that does not fit it.
    key, _ = common.open_typed(hsm, fields, wire, kinds)
    if flag != (BLOCK_FLAG if wire[:1] == b"S" else LENGTH_FLAGS.get(key.length)):
        raise Refused(ErrorCode.KEY_LENGTH_FLAG)
    return common.check_text(key, characters)


def _take_outer(fields: Fields) -> KeyType:
    """Take `;` and the flag that says what wraps the key; older hosts send neither."""
    if not fields.accept(b";"):
        ahead = fields.peek(2).decode("latin-1")
        if ahead[:1] not in ("0", "1") or ahead[1:] not in common.SCHEME_LETTERS:
            return ZMK
    flag = fields.digits(1)
    if flag not in "01":
        raise Refused(ErrorCode.INPUT_DATA)
    return TMK if flag == "1" else ZMK


def _check_crossing(
    hsm: Hsm, kinds: Sequence[KeyType], header: key_blocks.Header, *, crosses: bool
) -> None:
    """Refuse a ZMK that crosses between zones (17): all that is under it would cross with it."""
    if crosses and not hsm.authorised and common.fitting(header, kinds) is ZMK:
        raise Refused(ErrorCode.NOT_AUTHORISED)


COMMANDS = (
    Command("A0", "generate a key", generate),
    Command("A6", "import a key", import_key),
    Command("A8", "export a key", export_key),
    Command("BU", "check value of a key", check_value),
)
