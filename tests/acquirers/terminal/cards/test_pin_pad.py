"""The PIN pad: blocks that an HSM opens, and keys that are keys."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquirers.terminal.cards.pin_pad import KeyedPinPad, PinError, PinKeyError, injected_pin_pad
from hsm_sim._keys import Key

SECRET = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
pans = st.text("0123456789", min_size=12, max_size=19)
pins = st.text("0123456789", min_size=4, max_size=12)


@given(pins, pans)
def test_a_block_holds_the_pin_over_the_account(pin: str, pan: str) -> None:
    """Nibble by nibble as ISO 9564-1 has format 0, after the cipher is taken away."""
    block = Key.of(0, SECRET).decrypt_ecb(KeyedPinPad(Key.of(0, SECRET)).seal(pin, pan))

    account = int(pan[:-1][-12:])
    clear = int.from_bytes(block) ^ int(str(account), 16)
    assert f"{clear:016X}" == f"0{len(pin):X}{pin}".ljust(16, "F")


@pytest.mark.parametrize("pin", ["", "123", "1234567890123", "12 4", "12.4"])
def test_what_is_no_pin_is_refused(pin: str) -> None:
    with pytest.raises(PinError, match="4 to 12 digits"):
        KeyedPinPad(Key.of(0, SECRET)).seal(pin, "9364001100000014")


def test_a_key_is_injected_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pin.key"
    path.touch(0o600)
    path.write_text(SECRET.hex() + "\n")

    sealed = injected_pin_pad(path).seal("1234", "9364001100000014")

    assert sealed == KeyedPinPad(Key.of(0, SECRET)).seal("1234", "9364001100000014")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "32 or 48"),
        ("0123456789ABCDEF", "32 or 48"),
        ("key", "hex"),
        ("00" * 16, "parity"),
        ("0123456789ABCDEF" * 2, "disguise"),
    ],
)
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "pin.key"
    path.touch(0o600)
    path.write_text(content)

    with pytest.raises(PinKeyError, match=complaint):
        injected_pin_pad(path)


def test_a_key_that_others_can_read_or_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pin.key"
    path.write_text(SECRET.hex())
    path.chmod(0o644)

    with pytest.raises(PinKeyError, match="open to others"):
        injected_pin_pad(path)
    with pytest.raises(PinKeyError, match="No such file"):
        injected_pin_pad(tmp_path / "missing")
