"""Commands that give what a PIN will be verified against, and the PIN that an offset belongs to.

Owns their layouts. A result by IBM 3624 with a longer PVK than a single key comes with 02, a
warning, as published traffic shows it.

Source: thalessimulatorlibrary HostCommands, ut-codec-payshield messages.json.
"""

from hsm_sim import _pin_checks as checks
from hsm_sim._keys import Key
from hsm_sim._pins import Pin, open_block
from hsm_sim.commands import pin_fields as common
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.hsm import Answer, Command, Hsm
from hsm_sim.key_types import PVK
from hsm_sim.lmk_pins import open_pin, seal_pin, take_pin

# Characters behind a PIN under the LMK.
BEHIND_PIN_PVV = 12 + 1
BEHIND_PIN_IBM = 2 + 12 + 16 + 12


def pvv_of_lmk_pin(hsm: Hsm, fields: Fields) -> bytes:
    """DG: the PVV of a PIN under the LMK."""
    wire = common.take_pvk_pair(fields)
    sealed = take_pin(fields, BEHIND_PIN_PVV)
    account = common.take_account(fields)
    index = fields.number(1)
    fields.end()

    pvk = hsm.key(fields, wire, PVK)
    pin = open_pin(hsm.lmk(fields), sealed, account)
    return checks.pvv(pvk, pin, account.encode("ascii"), index)


def pvv_of_block(hsm: Hsm, fields: Fields) -> bytes:
    """FW: the PVV of the PIN in a block, which its owner chose."""
    kind, key_wire = common.take_key_kind(fields), fields.key()
    pvk_wire = common.take_pvk_pair(fields)
    sealed = common.take_sealed(hsm, fields, key_wire)
    account = common.take_account(fields, sealed.block_format)
    index = fields.number(1)
    fields.end()

    key = hsm.key(fields, key_wire, kind)
    pvk = common.second_key(hsm, fields, pvk_wire, PVK)
    digits = account.encode("ascii")
    pin = open_block(key, sealed.block, sealed.block_format, digits)
    return checks.pvv(pvk, pin, digits, index)


def offset_of_lmk_pin(hsm: Hsm, fields: Fields) -> Answer:
    """DE: the offset of a PIN under the LMK."""
    wire = fields.key()
    sealed = take_pin(fields, BEHIND_PIN_IBM)
    ibm = common.take_ibm(hsm, fields)
    fields.end()

    pvk = hsm.key(fields, wire, PVK)
    pin = open_pin(hsm.lmk(fields), sealed, ibm.account)
    return _offset(pvk, pin, ibm)


def offset_of_block(hsm: Hsm, fields: Fields) -> Answer:
    """BK: the offset of the PIN in a block, which its owner chose."""
    kind, key_wire, pvk_wire = common.take_key_kind(fields), fields.key(), fields.key()
    sealed = common.take_sealed(hsm, fields, key_wire)
    ibm = common.take_ibm(hsm, fields, sealed.block_format)
    fields.end()

    key = hsm.key(fields, key_wire, kind)
    pvk = common.second_key(hsm, fields, pvk_wire, PVK)
    pin = open_block(key, sealed.block, sealed.block_format, ibm.account.encode("ascii"))
    return _offset(pvk, pin, ibm)


def _offset(pvk: Key, pin: Pin, ibm: common.Ibm) -> Answer:
    common.check_length(pin, ibm)
    offset = checks.ibm_offset(pvk, pin, ibm.validation, ibm.table)
    return _perhaps_warning(pvk, common.offset_field(offset))


def pin_of_offset(hsm: Hsm, fields: Fields) -> Answer:
    """EE: the PIN, under the LMK, that an offset belongs to; of as many digits as the offset."""
    wire = fields.key()
    offset = common.take_offset(fields, common.PIN_DIGITS_MIN)
    ibm = common.take_ibm(hsm, fields)
    fields.end()

    if len(offset) < ibm.check_length:
        raise Refused(ErrorCode.INPUT_DATA)
    pvk = hsm.key(fields, wire, PVK)
    pin = checks.ibm_pin(pvk, offset, ibm.validation, ibm.table)
    return _perhaps_warning(pvk, seal_pin(hsm.lmk(fields), pin, ibm.account))


def _perhaps_warning(pvk: Key, result: bytes) -> Answer:
    return Answer(ErrorCode.WARNING if common.is_pair(pvk) else ErrorCode.OK, result)


COMMANDS: tuple[Command, ...] = (
    Command("BK", "the IBM offset of a PIN block", offset_of_block),
    Command("DE", "the IBM offset of a PIN", offset_of_lmk_pin),
    Command("DG", "the PVV of a PIN", pvv_of_lmk_pin),
    Command("EE", "the PIN of an IBM offset", pin_of_offset),
    Command("FW", "the PVV of a PIN block", pvv_of_block),
)
