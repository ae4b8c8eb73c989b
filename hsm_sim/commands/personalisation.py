"""Commands of card production: a chip's keys for the personaliser, PINs for the mailer's printer.

    ZG  derive a chip's key   key type 3H | issuer's key | ZMK | scheme 1A | PAN up to 19N | ;
                              | sequence number 2N    -> key under the ZMK | check value 6H
    ZI  begin PIN mailers     batch 12A | recipient 64H                   -> document 8H
    ZK  add mailers           document 8H | count 2N | { account 12N | PIN under the LMK
                              | length 2N | text }                        -> count so far 6N
    ZM  end the mailers       document 8H   -> bytes 8N | length 3N | signature H

A family of our own, of which no payShield knows. All but ZK and ZM need the authorised state: with
these commands a host gets at any card's key and PIN, under a key and for a printer that custodians
chose. Fetched with VO. Key types: 109 (cryptograms), 209 (script MACs), 309 (script encryption),
709 (CVC3); derivation is EMV option A. Owns these layouts and the printer's file, CMS
EnvelopedData of

    BASHGAH-MAILERS,1,batch
    text,PIN                    one line for each; the text is the host's
    END,count
"""

from hsm_sim import key_exchange
from hsm_sim._emv import account_block, card_key
from hsm_sim._mailers import write_pin
from hsm_sim.commands import key_fields as common
from hsm_sim.commands.production import (
    finished,
    production_of,
    take_batch,
    take_fingerprint,
)
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.hsm import Command, Hsm
from hsm_sim.key_types import MK_AC, MK_CVC3, MK_SMC, MK_SMI
from hsm_sim.lmk_pins import open_pin, take_pin

PAN_DIGITS_MAX = 19
ACCOUNT_DIGITS = 12
MAILERS_MAX = 99
TEXT_CHARACTERS_MAX = 99
DOCUMENT_ROWS_MAX = 500_000
ISSUER_KEYS = {kind.code: kind for kind in (MK_AC, MK_SMI, MK_SMC, MK_CVC3)}
EXPORTABILITY = "N"  # a chip's key ends in the chip


def derive_chip_key(hsm: Hsm, fields: Fields) -> bytes:
    """ZG: the key of one card, for whoever writes it into the chip."""
    kind = ISSUER_KEYS.get(fields.text(3))
    wire = fields.key(bare=32)
    zmk_wire, scheme = fields.key(bare=32), fields.text(1)
    pan, sequence = fields.digits_until(b";", PAN_DIGITS_MAX), fields.digits(2)
    fields.end()
    if kind is None:
        raise Refused(ErrorCode.KEY_TYPE)
    if not pan:
        raise Refused(ErrorCode.ACCOUNT)
    zmk = common.open_zmk(hsm, fields, zmk_wire, wraps=True)
    key = card_key(hsm.key(fields, wire, kind), account_block(pan, sequence))
    header = common.header_of(key, kind, EXPORTABILITY)
    return key_exchange.export(zmk, key, header, scheme) + common.check_text(key)


def begin_mailers(hsm: Hsm, fields: Fields) -> bytes:
    """ZI: begin a printer's file."""
    batch, recipient = take_batch(fields), take_fingerprint(fields)
    fields.end()
    production = production_of(hsm)
    found = production.begin_document("mailers", recipient, batch)
    found.document.write(f"BASHGAH-MAILERS,1,{batch}\n".encode("ascii"))
    return found.number.encode("ascii")


def add_mailers(hsm: Hsm, fields: Fields) -> bytes:
    """ZK: some PINs, each with the text that tells whose it is."""
    number, count = fields.text(8), fields.number(2)
    rows = []
    for _ in range(count):
        account = fields.digits(ACCOUNT_DIGITS, ErrorCode.ACCOUNT)
        # A PIN that is in the clear under the LMK has no width, and nothing to be mailed for.
        if fields.peek() != b"J":
            raise Refused(ErrorCode.PIN_UNDER_LMK)
        sealed = take_pin(fields, behind=0)
        rows.append((account, sealed, fields.text(fields.number(2))))
    fields.end()
    found = production_of(hsm).document(number, "mailers")
    if not rows or found.rows + count > DOCUMENT_ROWS_MAX:
        raise Refused(ErrorCode.INPUT_DATA)
    lmk = hsm.lmk(fields)
    # All are opened before the first is written: a refused command has written nothing.
    opened = [(text, open_pin(lmk, sealed, account)) for account, sealed, text in rows]
    for text, pin in opened:
        write_pin(found.document, pin, f"{text},".encode("ascii"), b"\n")
        found.rows += 1
    return f"{found.rows:06}".encode("ascii")


def end_mailers(hsm: Hsm, fields: Fields) -> bytes:
    """ZM: encrypt the printer's file, and sign it."""
    number = fields.text(8)
    fields.end()
    production = production_of(hsm)
    found = production.document(number, "mailers")
    if found.rows == 0:
        raise Refused(ErrorCode.INPUT_DATA)
    found.document.write(f"END,{found.rows}\n".encode("ascii"))
    file, signature = production.envelope(found)
    production.tell(
        (),
        f"PIN mailers of batch {found.about}",
        "encrypted",
        count=str(found.rows),
        recipient=found.recipient,
    )
    production.publish(found, file)
    return finished(found, signature)


COMMANDS = (
    Command("ZG", "derive a chip's key for its personaliser", derive_chip_key, authorised=True),
    Command("ZI", "begin a file of PIN mailers", begin_mailers, authorised=True),
    Command("ZK", "add PIN mailers", add_mailers),
    Command("ZM", "end a file of PIN mailers", end_mailers),
)
