"""PINs under the LMK: as a host's database holds them.

Owns their two forms on the wire. Under a key block LMK a PIN is `J` and an ISO-4 block, 32
hexadecimal digits, under a key that is derived from the LMK for this alone: bound to the account,
and different each time. Under the published variant set it is `0` and the digits in the clear: that
is what the published commands with which we check ourselves show. It is a property of a test set,
whose keys everybody knows anyway.

Wrong accounts, lengths and fillers are 14: the PIN under the LMK is none.
"""

from hsm_sim._pins import FORMATS, Pin, open_block, seal_block
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.hsm import Lmk

ISO_4 = FORMATS["ISO-4"]
SEALED_CHARACTERS = 33


def account_digits(account: str) -> str:
    """Give the 12 digits that a PIN under the LMK is bound to: of a whole PAN, too."""
    return account if len(account) == 12 else account[-13:-1]


def take_pin(fields: Fields, behind: int) -> bytes:
    """Take a PIN under the LMK; `behind`: how many characters the fields after it have."""
    return fields.take(SEALED_CHARACTERS) if fields.peek() == b"J" else fields.all_but(behind)


def seal_pin(lmk: Lmk, pin: Pin, account: str) -> bytes:
    """Seal a PIN for the host."""
    if lmk.pin_key is None:
        return b"0" + pin.revealed()
    block = seal_block(lmk.pin_key, pin, ISO_4, account_digits(account).encode("ascii"))
    return b"J" + block.hex().upper().encode("ascii")


def open_pin(lmk: Lmk, text: bytes, account: str) -> Pin:
    """Open a PIN of the host's. Refused: 14."""
    fields = Fields(text)
    try:
        if lmk.pin_key is None:
            fields.expect(b"0")
            return Pin.of(fields.take(fields.left))
        fields.expect(b"J")
        block = fields.hex(fields.left)
        return open_block(lmk.pin_key, block, ISO_4, account_digits(account).encode("ascii"))
    except Refused as refusal:
        if refusal.code is ErrorCode.ACCOUNT:
            raise
        raise Refused(ErrorCode.PIN_UNDER_LMK) from None
