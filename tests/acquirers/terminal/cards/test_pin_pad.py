"""The PIN pad: blocks that an HSM opens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquirers.terminal.cards.pin_pad import PinError, PinPad
from hsm_sim._keys import Key

SECRET = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
pans = st.text("0123456789", min_size=12, max_size=19)
pins = st.text("0123456789", min_size=4, max_size=12)


@given(pins, pans)
def test_a_block_holds_the_pin_over_the_account(pin: str, pan: str) -> None:
    """Nibble by nibble as ISO 9564-1 has format 0, after the cipher is taken away."""
    block = Key.of(0, SECRET).decrypt_ecb(PinPad(Key.of(0, SECRET)).seal(pin, pan))

    account = int(pan[:-1][-12:])
    clear = int.from_bytes(block) ^ int(str(account), 16)
    assert f"{clear:016X}" == f"0{len(pin):X}{pin}".ljust(16, "F")


@pytest.mark.parametrize("pin", ["", "123", "1234567890123", "12 4", "12.4"])
def test_what_is_no_pin_is_refused(pin: str) -> None:
    with pytest.raises(PinError, match="4 to 12 digits"):
        PinPad(Key.of(0, SECRET)).seal(pin, "9364001100000014")
