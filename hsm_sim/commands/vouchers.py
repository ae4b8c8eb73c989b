"""Commands about voucher PINs: made, digested, verified, exported; never shown.

    VA  begin a batch    batch 12A | digits 2N | count 6N | first 15N | value 12N | label
                                                      -> first serial 16N | last serial 16N
    VC  make PINs        batch 12A | index 6N | count 3N | digest key
                                                      -> count 3N | { digest 64H | sealed }
    VE  digest a PIN     digest key | label | PIN     -> digest 64H
    VG  verify a PIN     digest key | label | digest 64H | PIN [| ; new digest key]
                                                      -> [digest 64H] (or 01 and nothing)
    VI  begin an export  batch 12A | recipient 64H | 2 x { token }
                                                      -> document 8H
    VK  add PINs to it   document 8H | index 6N | count 3N | { sealed }      -> count so far 6N
    VM  end the export   document 8H | MAC key        -> bytes 8N | length 3N | signature H
    VW  ask for a batch  batch 12A                    -> state 1A | count 6N | recipient | SHA-256
    VY  destroy a batch  batch 12A | 2 x { token }

    label    length 2N | text, up to 32 characters: the product. It is part of every digest.
    sealed   2 x (digits + 28) H: a PIN under the batch's key, bound to batch and index
    PIN      C | digits 2N | PIN                                    typed on the phone or the web
             E | key type 3H | key | length 3N | vector and cryptogram H     at a terminal: CBC,
                 under its data key (TEK 30B) or another zone's (ZEK 00A); digits, 80, 00…
             S | batch 12A | index 6N | digits 2N | sealed      of a batch not yet exported

A family of our own, of which no payShield knows. Owns these layouts and the file for the print
house:

    BASHGAH-VOUCHERS,1,batch,count,value of one,value of all,first serial,last serial,product
    serial,PIN,product                                        one line for each, in their order
    END,count,CMAC of all before it under the zone's ZAK (AES)

in ASCII, lines ending in LF, as CMS EnvelopedData to the print house's certificate. Errors: 14 not
sealed here or for this, 20 mistyped (no guess: it cannot be a PIN of ours), 24 number of digits, 17
not released by two custodians, 29 exported or destroyed before, or no such recipient.
"""

import hashlib

from hsm_sim import _macs, _vouchers
from hsm_sim._keys import Key
from hsm_sim.commands.production import (
    finished,
    production_of,
    take_batch,
    take_fingerprint,
    take_tokens,
)
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.hsm import Answer, Command, Hsm
from hsm_sim.key_types import TEK, VOUCHER, ZAK, ZEK
from hsm_sim.production import BATCH_COUNT_MAX, Batch, serial_of
from hsm_sim.releases import destroy_act, release_act

AES = 1
LABEL_CHARACTERS_MAX = 32
COUNT_MAX = 150  # PINs in one command: 24 KB of the longest
SEALED_BYTES = 28  # more than the PIN
DIGEST_CHARACTERS = 64
CRYPTOGRAM_CHARACTERS_MAX = 96
DATA_KEYS = {kind.code: kind for kind in (TEK, ZEK)}
STATES = {"open": "O", "exported": "E", "destroyed": "D"}


class _Pin:
    """A PIN in one of its forms, as a command brings it; opened only after all fields are read."""

    def __init__(self, fields: Fields) -> None:
        self._form = fields.text(1)
        if self._form == "C":
            self._data = fields.take(fields.number(2))
        elif self._form == "E":
            self._kind = DATA_KEYS.get(fields.text(3))
            self._key = fields.key(bare=32)
            characters = fields.number(3)
            if characters % 2 or characters > CRYPTOGRAM_CHARACTERS_MAX:
                raise Refused(ErrorCode.DATA_LENGTH)
            self._data = fields.hex(characters)
        elif self._form == "S":
            self._batch, self._index = take_batch(fields), fields.number(6)
            self._data = fields.hex(2 * (fields.number(2) + SEALED_BYTES))
        else:
            raise Refused(ErrorCode.INPUT_DATA)

    def digest(self, hsm: Hsm, fields: Fields, key: Key, label: bytes) -> bytes:
        """Give its digest under a key."""
        if self._form == "C":
            return _vouchers.digest(key, label, self._data)
        if self._form == "S":
            sealing_key = production_of(hsm).batch_key(self._batch)
            bound = _bound(self._batch, self._index)
            return _vouchers.digest_sealed(key, label, sealing_key, bound, self._data)
        if self._kind is None:
            raise Refused(ErrorCode.KEY_TYPE)
        data_key = hsm.key(fields, self._key, self._kind)
        block = 16 if data_key.algorithm == AES else 8
        vector, cryptogram = self._data[:block], self._data[block:]
        return _vouchers.digest_encrypted(key, label, data_key, vector, cryptogram)


def begin_batch(hsm: Hsm, fields: Fields) -> bytes:
    """VA: a batch, with the serial numbers of its first and last voucher."""
    name = take_batch(fields)
    digits, count, first = fields.number(2), fields.number(6), fields.number(15)
    value_minor, label = fields.number(12), _take_label(fields)
    fields.end()
    if digits not in _vouchers.PIN_DIGITS:
        raise Refused(ErrorCode.PIN_LENGTH)
    if not 0 < count <= BATCH_COUNT_MAX or first + count > 10**15 or "," in label:
        raise Refused(ErrorCode.INPUT_DATA)
    batch = Batch(
        label=label, count=count, digits=digits, value_minor=value_minor, first=first, salt=b""
    )
    production_of(hsm).add_batch(name, batch)
    return (serial_of(batch.first) + serial_of(first + count - 1)).encode("ascii")


def make_pins(hsm: Hsm, fields: Fields) -> bytes:
    """VC: PINs for some places of a batch; once more for the same place gives another PIN."""
    name, index, count, wire = take_batch(fields), fields.number(6), fields.number(3), fields.key()
    fields.end()
    production = production_of(hsm)
    batch, sealing_key = production.batch(name), production.batch_key(name)
    _check_range(batch, index, count)
    key, label = hsm.key(fields, wire, VOUCHER), batch.label.encode("ascii")
    made = [
        _vouchers.generate(key, sealing_key, label, _bound(name, place), batch.digits)
        for place in range(index, index + count)
    ]
    rows = "".join((digest + sealed).hex() for digest, sealed in made).upper()
    return f"{count:03}{rows}".encode("ascii")


def digest_pin(hsm: Hsm, fields: Fields) -> bytes:
    """VE: the digest of a PIN, to look a voucher up by."""
    wire, label, pin = fields.key(), _take_label(fields), _Pin(fields)
    fields.end()
    key = hsm.key(fields, wire, VOUCHER)
    return _characters(pin.digest(hsm, fields, key, label.encode("ascii")))


def verify_pin(hsm: Hsm, fields: Fields) -> bytes | Answer:
    """VG: whether a PIN has this digest; if so, its digest under a new key when one is named.

    So a digest key is changed: digests of vouchers that are out there can only be made anew when
    their PINs come back.
    """
    wire, label = fields.key(), _take_label(fields)
    expected, pin = fields.hex(DIGEST_CHARACTERS), _Pin(fields)
    new_wire = fields.key() if fields.accept(b";") else None
    fields.end()
    text = label.encode("ascii")
    new_key = None if new_wire is None else hsm.key(fields, new_wire, VOUCHER)
    digest = pin.digest(hsm, fields, hsm.key(fields, wire, VOUCHER), text)
    if not _macs.equal(digest, expected):
        return Answer(ErrorCode.VERIFICATION_FAILED, b"")
    return b"" if new_key is None else _characters(pin.digest(hsm, fields, new_key, text))


def begin_export(hsm: Hsm, fields: Fields) -> bytes:
    """VI: begin the file of a batch that two custodians release to one recipient."""
    name, recipient, tokens = take_batch(fields), take_fingerprint(fields), take_tokens(fields)
    fields.end()
    production = production_of(hsm)
    batch = production.batch(name)
    production.batch_key(name)  # a second export ends here
    production.check_released(release_act(name, batch.count, recipient), tokens)
    found = production.begin_document("vouchers", recipient, name, sorted(tokens))
    found.document.write(_header(name, batch))
    return found.number.encode("ascii")


def add_pins(hsm: Hsm, fields: Fields) -> bytes:
    """VK: the next PINs of the batch, none left out and none twice."""
    number, index, count = fields.text(8), fields.number(6), fields.number(3)
    production = production_of(hsm)
    found = production.document(number, "vouchers")
    batch, sealing_key = production.batch(found.about), production.batch_key(found.about)
    _check_range(batch, index, count)
    sealed = [fields.hex(2 * (batch.digits + SEALED_BYTES)) for _ in range(count)]
    fields.end()
    if index != found.rows:
        raise Refused(ErrorCode.INPUT_DATA)
    after = f",{batch.label}\n".encode("ascii")
    for place, pin in enumerate(sealed, index):
        bound = _bound(found.about, place)
        before = f"{serial_of(batch.first + place)},".encode("ascii")
        _vouchers.write_pin(found.document, sealing_key, bound, pin, before, after)
        found.rows += 1
    return f"{found.rows:06}".encode("ascii")


def end_export(hsm: Hsm, fields: Fields) -> bytes:
    """VM: encrypt and sign the file, and destroy the batch's PINs. Fetched with VO."""
    number, wire = fields.text(8), fields.key()
    fields.end()
    production = production_of(hsm)
    found = production.document(number, "vouchers")
    batch, mac_key = production.batch(found.about), hsm.key(fields, wire, ZAK)
    production.batch_key(found.about)
    if found.rows != batch.count or mac_key.algorithm != AES:
        raise Refused(ErrorCode.INPUT_DATA)
    found.document.write(f"END,{batch.count},".encode("ascii"))
    found.document.write_mac(mac_key)
    found.document.write(b"\n")
    file, signature = production.envelope(found)
    # Before a byte of it leaves: a file that is lost on its way is a batch that is lost.
    sha256 = hashlib.sha256(file).hexdigest().upper()
    production.end_batch(
        found.about, "exported", found.who, recipient=found.recipient, sha256=sha256
    )
    production.publish(found, file)
    return finished(found, signature)


def ask_for_batch(hsm: Hsm, fields: Fields) -> bytes:
    """VW: what became of a batch; after its export, to whom and in which file."""
    name = take_batch(fields)
    fields.end()
    batch = production_of(hsm).batch(name)
    told = f"{STATES[batch.state]}{batch.count:06}{batch.recipient}{batch.sha256}"
    return told.encode("ascii")


def destroy_batch(hsm: Hsm, fields: Fields) -> bytes:
    """VY: destroy the PINs of a batch that will never be printed."""
    name, tokens = take_batch(fields), take_tokens(fields)
    fields.end()
    production = production_of(hsm)
    production.batch_key(name)
    production.check_released(destroy_act(name), tokens)
    production.end_batch(name, "destroyed", sorted(tokens))
    return b""


def _header(name: str, batch: Batch) -> bytes:
    parts = (
        "BASHGAH-VOUCHERS",
        "1",
        name,
        str(batch.count),
        str(batch.value_minor),
        str(batch.value_minor * batch.count),
        serial_of(batch.first),
        serial_of(batch.first + batch.count - 1),
        batch.label,
    )
    return (",".join(parts) + "\n").encode("ascii")


def _bound(name: str, index: int) -> bytes:
    return f"voucher {name} {index:06}".encode("ascii")


def _check_range(batch: Batch, index: int, count: int) -> None:
    if not 0 < count <= COUNT_MAX or index + count > batch.count:
        raise Refused(ErrorCode.INPUT_DATA)


def _take_label(fields: Fields) -> str:
    count = fields.number(2)
    if not 0 < count <= LABEL_CHARACTERS_MAX:
        raise Refused(ErrorCode.INPUT_DATA)
    return fields.text(count)


def _characters(digest: bytes) -> bytes:
    return digest.hex().upper().encode("ascii")


COMMANDS = (
    Command("VA", "begin a batch of vouchers", begin_batch),
    Command("VC", "make voucher PINs", make_pins),
    Command("VE", "digest a voucher PIN", digest_pin),
    Command("VG", "verify a voucher PIN", verify_pin),
    Command("VI", "begin the export of a batch", begin_export),
    Command("VK", "add voucher PINs to an export", add_pins),
    Command("VM", "end the export of a batch", end_export),
    Command("VW", "ask for a batch", ask_for_batch),
    Command("VY", "destroy the PINs of a batch", destroy_batch),
)
