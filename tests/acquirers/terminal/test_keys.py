"""A terminal's keys: read from files, taken out of a key exchange, kept for their owner only."""

import stat
from pathlib import Path

import pytest

from acquirers.terminal.keys import (
    NOTHING_INJECTED,
    InjectedKeys,
    TerminalKeyError,
    TerminalKeys,
    ToldKeyError,
    key_in,
)
from hsm_sim._keys import Key
from hsm_sim._macs import check_value
from switch.iso8583 import Message

SECRET = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
MASTER = Key.of(0, SECRET)


def told(key: Key, master: Key = MASTER) -> str:
    """Give a key as a switch tells it."""
    return f"X{key.wrapped([master, master]).hex()}{check_value(key)[:3].hex()}".upper()


def exchanged(pin: str, mac: str = "", data: str = "") -> Message:
    reply = Message("0810", {39: "00", "48.KP": pin})
    reply.update({tag: key for tag, key in (("48.KM", mac), ("48.KD", data)) if key})
    return reply


def keys_in(
    directory: Path,
    given: InjectedKeys = NOTHING_INJECTED,
    *,
    injected: InjectedKeys = InjectedKeys(master=MASTER),  # noqa: B008 (frozen)
    terminal_id: str = "T0000001",
) -> TerminalKeys:
    return TerminalKeys(directory / "terminal.keys", terminal_id, injected, given)


def test_session_keys_are_taken_from_a_reply_and_found_in_the_next_run(tmp_path: Path) -> None:
    pin, mac, data = (Key.random(0, 16) for _ in range(3))

    keys_in(tmp_path).take(exchanged(told(pin), told(mac), told(data)))
    known = keys_in(tmp_path)

    found_pin, found_mac, found_data = known.pin_key(), known.mac_key(), known.data_key()
    assert found_data is not None
    assert found_data.same_as(data)
    assert found_pin is not None
    assert found_pin.same_as(pin)
    assert found_mac is not None
    assert found_mac.same_as(mac)


def test_the_file_of_session_keys_is_its_owners_and_sealed(tmp_path: Path) -> None:
    keys_in(tmp_path).take(exchanged(told(Key.of(0, SECRET))))

    path = tmp_path / "terminal.keys"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SECRET.hex().upper() not in path.read_text()
    path.chmod(0o644)
    with pytest.raises(TerminalKeyError, match="open to others"):
        keys_in(tmp_path).pin_key()


def test_a_key_of_this_run_beats_the_sessions_which_beats_the_injected(tmp_path: Path) -> None:
    given, session, injected = (Key.random(0, 16) for _ in range(3))
    from_the_start = InjectedKeys(master=MASTER, pin=injected)

    before = keys_in(tmp_path, injected=from_the_start).pin_key()
    keys_in(tmp_path).take(exchanged(told(session)))
    after = keys_in(tmp_path, injected=from_the_start).pin_key()
    this_run = keys_in(tmp_path, InjectedKeys(pin=given), injected=from_the_start).pin_key()

    assert before is not None
    assert before.same_as(injected)
    assert after is not None
    assert after.same_as(session)
    assert this_run is not None
    assert this_run.same_as(given)


@pytest.mark.parametrize("change", ["check", "form", "master"])
def test_a_key_that_is_not_what_it_says_is_not_kept(tmp_path: Path, change: str) -> None:
    old, new = Key.random(0, 16), Key.random(0, 16)
    keys_in(tmp_path).take(exchanged(told(old)))
    wrong = {
        "check": told(new)[:-6] + told(old)[-6:],
        "form": told(new)[1:],
        "master": told(new, Key.random(0, 16)),
    }[change]

    with pytest.raises(ToldKeyError):
        keys_in(tmp_path).take(exchanged(told(new), wrong))
    with pytest.raises(ToldKeyError):
        keys_in(tmp_path).take(exchanged(told(new), data=wrong))

    kept = keys_in(tmp_path).pin_key()
    assert kept is not None
    assert kept.same_as(old)


def test_without_a_master_key_there_is_no_key_exchange(tmp_path: Path) -> None:
    with pytest.raises(TerminalKeyError, match="--master-key"):
        keys_in(tmp_path, injected=NOTHING_INJECTED).expect_master()


def test_the_keys_of_another_terminal_or_another_file_are_refused(tmp_path: Path) -> None:
    keys_in(tmp_path).take(exchanged(told(Key.random(0, 16))))

    with pytest.raises(TerminalKeyError, match="belongs to terminal T0000001"):
        keys_in(tmp_path, terminal_id="T0000002").pin_key()
    (tmp_path / "terminal.keys").write_text("{")
    with pytest.raises(TerminalKeyError, match="no session keys"):
        keys_in(tmp_path).pin_key()


def test_a_key_is_injected_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "terminal.key"
    path.touch(0o600)
    path.write_text(SECRET.hex() + "\n")

    assert key_in(path).same_as(Key.of(0, SECRET))


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
    path = tmp_path / "terminal.key"
    path.touch(0o600)
    path.write_text(content)

    with pytest.raises(TerminalKeyError, match=complaint):
        key_in(path)


def test_a_key_that_others_can_read_or_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "terminal.key"
    path.write_text(SECRET.hex())
    path.chmod(0o644)

    with pytest.raises(TerminalKeyError, match="open to others"):
        key_in(path)
    with pytest.raises(TerminalKeyError, match="No such file"):
        key_in(tmp_path / "missing")
