"""Commands that move a PIN: between keys, to and from the LMK; and that make one.

Owns their layouts. The account in a command is that of the block that comes in and of the one that
goes out, so a PIN can't be moved to another account. What may become what: `hsm.pin_policy`.

Source: thalessimulatorlibrary HostCommands, ut-codec-payshield messages.json.
"""

from hsm_sim._keys import Key
from hsm_sim._pins import Pin, open_block, seal_block
from hsm_sim.commands import pin_fields as common
from hsm_sim.fields import Fields
from hsm_sim.hsm import Command, Hsm
from hsm_sim.key_types import TPK, ZPK, KeyType
from hsm_sim.lmk_pins import open_pin, seal_pin, take_pin

PIN_LENGTH_DEFAULT = 4


def terminal_to_zone(hsm: Hsm, fields: Fields) -> bytes:
    """CA: a PIN block from under a TPK to under a ZPK."""
    return _key_to_key(hsm, fields, TPK)


def zone_to_zone(hsm: Hsm, fields: Fields) -> bytes:
    """CC: a PIN block from under a ZPK to under another."""
    return _key_to_key(hsm, fields, ZPK)


def _key_to_key(hsm: Hsm, fields: Fields, kind: KeyType) -> bytes:
    source_wire, target_wire = fields.key(), fields.key()
    fields.expect(common.MAXIMUM_PIN_LENGTH)
    sealed = common.take_sealed(hsm, fields, source_wire)
    code = fields.peek(2)
    target = common.take_format(hsm, fields)
    account = common.take_account(fields, sealed.block_format, target)
    fields.end()

    hsm.pin_policy.check_target(target, sealed.block_format)
    source_key = hsm.key(fields, source_wire, kind)
    target_key = common.second_key(hsm, fields, target_wire, ZPK)
    pin = open_block(source_key, sealed.block, sealed.block_format, account.encode("ascii"))
    return _resealed(target_key, pin, target, account, code)


def _resealed(key: Key, pin: Pin, target: int, account: str, code: bytes) -> bytes:
    """PIN length, PIN block, format code."""
    block = seal_block(key, pin, target, account.encode("ascii"))
    return b"%02d%b%b" % (pin.length, block.hex().upper().encode("ascii"), code)


def dukpt_to_zone(hsm: Hsm, fields: Fields) -> bytes:
    """CI: a PIN block from under a terminal's DUKPT key to under a ZPK. Formats 0, of AES 4."""
    return _dukpt_to_key(hsm, fields, tells_source=False)


def dukpt_to_zone_any(hsm: Hsm, fields: Fields) -> bytes:
    """G0: as CI, with the format of the terminal's block told."""
    return _dukpt_to_key(hsm, fields, tells_source=True)


def _dukpt_to_key(hsm: Hsm, fields: Fields, *, tells_source: bool) -> bytes:
    bdk_wire, target_wire = fields.key(bare=32), fields.key()
    serial = common.take_serial(fields)
    block = common.take_dukpt_block(fields, serial)
    source = common.take_format(hsm, fields) if tells_source else serial.block_format
    code = fields.peek(2)
    target = common.take_format(hsm, fields)
    account = common.take_account(fields, source, target)
    fields.end()

    hsm.pin_policy.check_target(target, source)
    source_key = common.dukpt_pin_key(hsm, fields, bdk_wire, serial)
    target_key = common.second_key(hsm, fields, target_wire, ZPK)
    pin = open_block(source_key, block, source, account.encode("ascii"))
    return _resealed(target_key, pin, target, account, code)


def terminal_to_lmk(hsm: Hsm, fields: Fields) -> bytes:
    """JC: a PIN block under a TPK becomes a PIN under the LMK."""
    return _key_to_lmk(hsm, fields, TPK)


def zone_to_lmk(hsm: Hsm, fields: Fields) -> bytes:
    """JE: a PIN block under a ZPK becomes a PIN under the LMK."""
    return _key_to_lmk(hsm, fields, ZPK)


def _key_to_lmk(hsm: Hsm, fields: Fields, kind: KeyType) -> bytes:
    sealed = common.take_sealed(hsm, fields, fields.key())
    account = common.take_account(fields, sealed.block_format)
    fields.end()

    pin = common.pin_of(hsm, fields, kind, sealed, account)
    return seal_pin(hsm.lmk(fields), pin, account)


def lmk_to_zone(hsm: Hsm, fields: Fields) -> bytes:
    """JG: a PIN under the LMK becomes a PIN block under a ZPK."""
    wire = fields.key()
    target = common.take_format(hsm, fields)
    account = common.take_account(fields, target)
    sealed = take_pin(fields, behind=0)
    fields.end()

    hsm.pin_policy.check_target(target)
    key = hsm.key(fields, wire, ZPK)
    pin = open_pin(hsm.lmk(fields), sealed, account)
    return seal_block(key, pin, target, account.encode("ascii")).hex().upper().encode("ascii")


def random_pin(hsm: Hsm, fields: Fields) -> bytes:
    """JA: a new PIN under the LMK; of four digits when no length is told."""
    account = common.take_account(fields)
    length = fields.number(2) if fields.peek().isdigit() else PIN_LENGTH_DEFAULT
    fields.end()

    return seal_pin(hsm.lmk(fields), Pin.random(length), account)


def clear_to_lmk(hsm: Hsm, fields: Fields) -> bytes:
    """BA: a PIN in the clear, filled up with F to the host's width, comes under the LMK."""
    clear = fields.all_but(common.ACCOUNT_DIGITS).rstrip(b"F")
    account = common.take_account(fields)
    fields.end()

    return seal_pin(hsm.lmk(fields), Pin.of(clear), account)


def lmk_to_clear(hsm: Hsm, fields: Fields) -> bytes:
    """NG: a PIN under the LMK, in the clear. To print one it is authorised, and for nothing else.

    The reference number that other HSMs add is not known from any open source.
    """
    account = common.take_account(fields)
    sealed = take_pin(fields, behind=0)
    fields.end()

    return open_pin(hsm.lmk(fields), sealed, account).revealed()


COMMANDS: tuple[Command, ...] = (
    Command("BA", "encrypt a clear PIN", clear_to_lmk, authorised=True),
    Command("CA", "translate a PIN block, TPK to ZPK", terminal_to_zone),
    Command("CC", "translate a PIN block, ZPK to ZPK", zone_to_zone),
    Command("CI", "translate a PIN block, DUKPT to ZPK", dukpt_to_zone),
    Command("G0", "translate a PIN block, DUKPT to ZPK, any format", dukpt_to_zone_any),
    Command("JA", "generate a random PIN", random_pin),
    Command("JC", "translate a PIN, TPK to LMK", terminal_to_lmk),
    Command("JE", "translate a PIN, ZPK to LMK", zone_to_lmk),
    Command("JG", "translate a PIN, LMK to ZPK", lmk_to_zone),
    Command("NG", "decrypt a PIN", lmk_to_clear, authorised=True),
)
