"""The keys of one terminal: those it was injected with, and those of its last key exchange.

Owns how a key is taken out of a reply, and the file that keeps it. Must not know messages' MACs or
PIN blocks: it hands out the keys for them.

Theory of operation. The session keys stay in the file as the switch told them: under the master
key, so that the file without the master key is worth nothing. A key that was given for this run
beats one of the file, which beats one that the terminal had from the beginning.
"""

import os
import re
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from hsm_sim._keys import Key
from hsm_sim._macs import check_value, equal
from switch.errors import OperatingError, ProtocolError
from switch.iso8583 import Message

TDES: Final = 0
KEY_BYTES: Final = frozenset({16, 24})
CHECK_BYTES: Final = 3
PIN_KEY_TOLD: Final = "48.KP"
MAC_KEY_TOLD: Final = "48.KM"
DATA_KEY_TOLD: Final = "48.KD"

# X: a pair of DES keys, each half encrypted by itself (ECB) under the master key; then the KCV.
_TOLD = re.compile(r"X(?P<key>[0-9A-F]{32})(?P<check>[0-9A-F]{6})", re.ASCII)


class TerminalKeyError(OperatingError):
    """A key can't be had; the text names its file, or says what the terminal lacks."""


class ToldKeyError(ProtocolError):
    """The reply of a key exchange holds no key under this terminal's master key."""


class InjectedKeys(Struct, frozen=True, kw_only=True):
    """What a terminal got without a message."""

    master: Key | None = None
    pin: Key | None = None
    mac: Key | None = None
    data: Key | None = None


NOTHING_INJECTED: Final = InjectedKeys()


class SessionKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file's content: what the switch told last. Empty where it told none."""

    terminal_id: str
    pin: str = ""
    mac: str = ""
    data: str = ""

    def __repr__(self) -> str:
        """Show no key, not even a sealed one."""
        return f"SessionKeys({self.terminal_id})"


class TerminalKeys:
    """Where the terminal's keys come from, asked anew for each message."""

    def __init__(
        self, path: Path, terminal_id: str, injected: InjectedKeys, given: InjectedKeys
    ) -> None:
        """`given` are this run's own, `injected` those that the terminal came with."""
        self._path = path
        self._terminal_id = terminal_id
        self._injected = injected
        self._given = given

    def pin_key(self) -> Key | None:
        """Give the key of PIN blocks. Raises TerminalKeyError."""
        return self._given.pin or self._of_session("pin") or self._injected.pin

    def mac_key(self) -> Key | None:
        """Give the key of messages' MACs. Raises TerminalKeyError."""
        return self._given.mac or self._of_session("mac") or self._injected.mac

    def data_key(self) -> Key | None:
        """Give the key of vouchers' PINs. Raises TerminalKeyError."""
        return self._given.data or self._of_session("data") or self._injected.data

    def expect_master(self) -> Key:
        """Give the master key. Raises TerminalKeyError where there is none."""
        master = self._given.master or self._injected.master
        if master is None:
            raise TerminalKeyError("a key exchange needs the terminal's master key (--master-key)")
        return master

    def take(self, reply: Message) -> None:
        """Keep the session keys of a key exchange's reply. Raises ToldKeyError, OSError."""
        told = SessionKeys(
            terminal_id=self._terminal_id,
            pin=reply.get(PIN_KEY_TOLD, ""),
            mac=reply.get(MAC_KEY_TOLD, ""),
            data=reply.get(DATA_KEY_TOLD, ""),
        )
        master = self.expect_master()
        key_of(told.pin, master)
        for other in filter(None, (told.mac, told.data)):
            key_of(other, master)
        self._write(told)

    def _of_session(self, which: str) -> Key | None:
        told = getattr(self._read(), which)
        if not told:
            return None
        try:
            return key_of(told, self.expect_master())
        except ToldKeyError as error:
            raise TerminalKeyError(f"{self._path}: {error}") from None

    def _read(self) -> SessionKeys:
        try:
            with open(self._path, "rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise TerminalKeyError(f"{self._path} is open to others: chmod 600 it")
                known = msgspec.json.decode(file.read(), type=SessionKeys)
        except FileNotFoundError:
            return SessionKeys(terminal_id=self._terminal_id)
        except OSError as error:
            raise TerminalKeyError(f"{self._path}: {error.strerror}") from None
        except msgspec.MsgspecError:
            raise TerminalKeyError(f"{self._path}: no session keys of ours") from None
        if known.terminal_id != self._terminal_id:
            raise TerminalKeyError(f"{self._path} belongs to terminal {known.terminal_id}")
        return known

    def _write(self, told: SessionKeys) -> None:
        """Replace the file in one step: the old keys or the new, never half."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        written = self._path.with_name(self._path.name + ".new")
        written.unlink(missing_ok=True)
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(msgspec.json.encode(told))
            file.flush()
            os.fsync(file.fileno())
        os.replace(written, self._path)


def key_of(told: str, master: Key) -> Key:
    """Give a key as a reply told it: X, 32 digits, its check value. Raises ToldKeyError."""
    found = _TOLD.fullmatch(told)
    if found is None:
        raise ToldKeyError("a session key is X and 32 hex digits, then 6 of its check value")
    key = Key.under([master] * 2, bytes.fromhex(found["key"]))
    if not equal(check_value(key)[:CHECK_BYTES], bytes.fromhex(found["check"])):
        raise ToldKeyError("the session key's check value is wrong: another master key?")
    if not key.has_odd_parity() or key.repeats():
        raise ToldKeyError("the session key is none (parity, or a shorter key in disguise)")
    return key


def key_in(path: Path) -> Key:
    """Give the key in a file: 32 or 48 hex digits, odd parity, closed to others.

    Raises TerminalKeyError.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise TerminalKeyError(f"{path} is open to others: chmod 600 it")
        secret = bytes.fromhex(path.read_text("ascii").strip())
    except OSError as error:
        raise TerminalKeyError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise TerminalKeyError(f"{path}: not a key in hex digits") from None
    if len(secret) not in KEY_BYTES:
        raise TerminalKeyError(f"{path}: a key has 32 or 48 hex digits")
    key = Key.of(TDES, secret)
    if not key.has_odd_parity() or key.repeats():
        raise TerminalKeyError(f"{path}: not a key (parity, or a shorter key in disguise)")
    return key
