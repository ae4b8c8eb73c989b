"""Commands that verify a PIN: by its PVV, by its IBM offset, by the PIN in the host's database.

Owns their layouts. A wrong PIN is 01 whichever digit is wrong, and counts (`hsm.pin_watch`); too
many are 39, from every command here. A match by IBM 3624 with a longer PVK than a single key is 02,
a warning, as published traffic shows it.

Source: thalessimulatorlibrary HostCommands, ut-codec-payshield messages.json and its captured
traffic (02 of DA).
"""

from hsm_sim import _pin_checks as checks
from hsm_sim._keys import Key
from hsm_sim._pins import Pin, open_block
from hsm_sim.commands import pin_fields as common
from hsm_sim.errors import ErrorCode
from hsm_sim.fields import Fields
from hsm_sim.hsm import Answer, Command, Hsm
from hsm_sim.key_types import PVK, TPK, ZPK, KeyType
from hsm_sim.lmk_pins import open_pin, take_pin

PIN_ONLY = b"0"  # mode of GO and GQ; the others verify a MAC besides


# --- by a PVV -------------------------------------------------------------------------------------


def terminal_by_pvv(hsm: Hsm, fields: Fields) -> bytes | Answer:
    """DC: a PIN block under a TPK."""
    return _by_pvv(hsm, fields, TPK)


def zone_by_pvv(hsm: Hsm, fields: Fields) -> bytes | Answer:
    """EC: a PIN block under a ZPK."""
    return _by_pvv(hsm, fields, ZPK)


def _by_pvv(hsm: Hsm, fields: Fields, kind: KeyType) -> bytes | Answer:
    key_wire, pvk_wire = fields.key(), common.take_pvk_pair(fields)
    sealed = common.take_sealed(hsm, fields, key_wire)
    account = common.take_account(fields, sealed.block_format)
    index, pvv = fields.number(1), fields.digits(4)
    fields.end()

    hsm.pin_watch.admit()
    key = hsm.key(fields, key_wire, kind)
    pvk = common.second_key(hsm, fields, pvk_wire, PVK)
    digits = account.encode("ascii")
    pin = open_block(key, sealed.block, sealed.block_format, digits)
    return _verify_pvv(hsm, pvk, pin, digits, index, pvv)


def _verify_pvv(
    hsm: Hsm, pvk: Key, pin: Pin, account: bytes, index: int, pvv: str
) -> bytes | Answer:
    return common.verified(hsm, checks.pvv_matches(pvk, pin, account, index, pvv.encode("ascii")))


def dukpt_by_pvv(hsm: Hsm, fields: Fields) -> bytes | Answer:
    """CM: a PIN block under a terminal's DUKPT key, of format 0, of AES 4."""
    return _dukpt_by_pvv(hsm, fields, tells_format=False)


def dukpt_by_pvv_any(hsm: Hsm, fields: Fields) -> bytes | Answer:
    """GQ: as CM, with the mode and the block's format told."""
    fields.expect(PIN_ONLY)
    return _dukpt_by_pvv(hsm, fields, tells_format=True)


def _dukpt_by_pvv(hsm: Hsm, fields: Fields, *, tells_format: bool) -> bytes | Answer:
    bdk_wire, pvk_wire = fields.key(bare=32), common.take_pvk_pair(fields)
    serial = common.take_serial(fields)
    block = common.take_dukpt_block(fields, serial)
    block_format = common.take_format(hsm, fields) if tells_format else serial.block_format
    account = common.take_account(fields, block_format)
    index, pvv = fields.number(1), fields.digits(4)
    fields.end()

    hsm.pin_watch.admit()
    key = common.dukpt_pin_key(hsm, fields, bdk_wire, serial)
    pvk = common.second_key(hsm, fields, pvk_wire, PVK)
    digits = account.encode("ascii")
    pin = open_block(key, block, block_format, digits)
    return _verify_pvv(hsm, pvk, pin, digits, index, pvv)


# --- by an IBM offset -----------------------------------------------------------------------------


def terminal_by_offset(hsm: Hsm, fields: Fields) -> bytes | Answer:
    """DA: a PIN block under a TPK."""
    return _by_offset(hsm, fields, TPK)


def zone_by_offset(hsm: Hsm, fields: Fields) -> bytes | Answer:
    """EA: a PIN block under a ZPK."""
    return _by_offset(hsm, fields, ZPK)


def _by_offset(hsm: Hsm, fields: Fields, kind: KeyType) -> bytes | Answer:
    key_wire, pvk_wire = fields.key(), fields.key()
    fields.expect(common.MAXIMUM_PIN_LENGTH)
    sealed = common.take_sealed(hsm, fields, key_wire)
    ibm = common.take_ibm(hsm, fields, sealed.block_format)
    offset = common.take_offset(fields, ibm.check_length)
    fields.end()

    hsm.pin_watch.admit()
    key = hsm.key(fields, key_wire, kind)
    pvk = common.second_key(hsm, fields, pvk_wire, PVK)
    pin = open_block(key, sealed.block, sealed.block_format, ibm.account.encode("ascii"))
    return _verify_offset(hsm, pvk, pin, ibm, offset)


def _verify_offset(hsm: Hsm, pvk: Key, pin: Pin, ibm: common.Ibm, offset: bytes) -> bytes | Answer:
    common.check_length(pin, ibm)
    matched = checks.ibm_matches(pvk, pin, offset, ibm.validation, ibm.table)
    return common.verified(hsm, matched, warning=common.is_pair(pvk))


def dukpt_by_offset(hsm: Hsm, fields: Fields) -> bytes | Answer:
    """CK: a PIN block under a terminal's DUKPT key, of format 0, of AES 4."""
    return _dukpt_by_offset(hsm, fields, tells_format=False)


def dukpt_by_offset_any(hsm: Hsm, fields: Fields) -> bytes | Answer:
    """GO: as CK, with the mode and the block's format told."""
    fields.expect(PIN_ONLY)
    return _dukpt_by_offset(hsm, fields, tells_format=True)


def _dukpt_by_offset(hsm: Hsm, fields: Fields, *, tells_format: bool) -> bytes | Answer:
    bdk_wire, pvk_wire = fields.key(bare=32), fields.key()
    serial = common.take_serial(fields)
    block = common.take_dukpt_block(fields, serial)
    block_format = common.take_format(hsm, fields) if tells_format else serial.block_format
    ibm = common.take_ibm(hsm, fields, block_format)
    offset = common.take_offset(fields, ibm.check_length)
    fields.end()

    hsm.pin_watch.admit()
    key = common.dukpt_pin_key(hsm, fields, bdk_wire, serial)
    pvk = common.second_key(hsm, fields, pvk_wire, PVK)
    pin = open_block(key, block, block_format, ibm.account.encode("ascii"))
    return _verify_offset(hsm, pvk, pin, ibm, offset)


# --- by the PIN of the host's ---------------------------------------------------------------------


def terminal_by_comparison(hsm: Hsm, fields: Fields) -> bytes | Answer:
    """BC: a PIN block under a TPK, with a PIN under the LMK."""
    return _by_comparison(hsm, fields, TPK)


def zone_by_comparison(hsm: Hsm, fields: Fields) -> bytes | Answer:
    """BE: a PIN block under a ZPK, with a PIN under the LMK."""
    return _by_comparison(hsm, fields, ZPK)


def _by_comparison(hsm: Hsm, fields: Fields, kind: KeyType) -> bytes | Answer:
    sealed = common.take_sealed(hsm, fields, fields.key())
    account = common.take_account(fields, sealed.block_format)
    kept = take_pin(fields, behind=0)
    fields.end()

    hsm.pin_watch.admit()
    pin = common.pin_of(hsm, fields, kind, sealed, account)
    return common.verified(hsm, pin.same_as(open_pin(hsm.lmk(fields), kept, account)))


# --- and a new one --------------------------------------------------------------------------------


def change_pvv(hsm: Hsm, fields: Fields) -> bytes | Answer:
    """CU: verify the current PIN by its PVV; if it is right, the PVV of the new one."""
    kind, key_wire = common.take_key_kind(fields), fields.key()
    pvk_wire = common.take_pvk_pair(fields)
    sealed = common.take_sealed(hsm, fields, key_wire)
    account = common.take_account(fields, sealed.block_format)
    index, pvv = fields.number(1), fields.digits(4)
    new_block = common.take_block(fields, key_wire)
    fields.end()

    hsm.pin_watch.admit()
    key = hsm.key(fields, key_wire, kind)
    pvk = common.second_key(hsm, fields, pvk_wire, PVK)
    digits = account.encode("ascii")
    # The new one first: a block that can't be opened must not cost the old one's answer.
    new_pin = open_block(key, new_block, sealed.block_format, digits)
    pin = open_block(key, sealed.block, sealed.block_format, digits)
    return _verify_pvv(hsm, pvk, pin, digits, index, pvv) or checks.pvv(pvk, new_pin, digits, index)


def change_offset(hsm: Hsm, fields: Fields) -> bytes | Answer:
    """DU: verify the current PIN by its offset; if it is right, the offset of the new one."""
    kind, key_wire, pvk_wire = common.take_key_kind(fields), fields.key(), fields.key()
    sealed = common.take_sealed(hsm, fields, key_wire)
    ibm = common.take_ibm(hsm, fields, sealed.block_format)
    offset = common.take_offset(fields, ibm.check_length)
    new_block = common.take_block(fields, key_wire)
    fields.end()

    hsm.pin_watch.admit()
    key = hsm.key(fields, key_wire, kind)
    pvk = common.second_key(hsm, fields, pvk_wire, PVK)
    digits = ibm.account.encode("ascii")
    new_pin = open_block(key, new_block, sealed.block_format, digits)
    common.check_length(new_pin, ibm)
    pin = open_block(key, sealed.block, sealed.block_format, digits)
    answer = _verify_offset(hsm, pvk, pin, ibm, offset)
    code = answer.code if isinstance(answer, Answer) else ErrorCode.OK
    if code is ErrorCode.VERIFICATION_FAILED:
        return answer
    new_offset = checks.ibm_offset(pvk, new_pin, ibm.validation, ibm.table)
    return Answer(code, common.offset_field(new_offset))


COMMANDS: tuple[Command, ...] = (
    Command("BC", "verify a terminal's PIN by comparison", terminal_by_comparison),
    Command("BE", "verify a zone's PIN by comparison", zone_by_comparison),
    Command("CK", "verify a DUKPT PIN, IBM", dukpt_by_offset),
    Command("CM", "verify a DUKPT PIN, PVV", dukpt_by_pvv),
    Command("CU", "verify a PIN and give the PVV of a new one", change_pvv),
    Command("DA", "verify a terminal's PIN, IBM", terminal_by_offset),
    Command("DC", "verify a terminal's PIN, PVV", terminal_by_pvv),
    Command("DU", "verify a PIN and give the offset of a new one", change_offset),
    Command("EA", "verify a zone's PIN, IBM", zone_by_offset),
    Command("EC", "verify a zone's PIN, PVV", zone_by_pvv),
    Command("GO", "verify a DUKPT PIN, IBM, any format", dukpt_by_offset_any),
    Command("GQ", "verify a DUKPT PIN, PVV, any format", dukpt_by_pvv_any),
)
