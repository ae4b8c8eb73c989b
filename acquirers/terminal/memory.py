"""What a terminal keeps between two runs: its trace counter and the last few exchanges.

Owns one small file, so that a person can reverse, refund or complete "the last one". Must not
hold a card number: only its masked form and the name of the test card, if it was one; a later
message about it needs the card again, as at a counter.

The counter is written before the message leaves: a terminal that dies in between skips a number,
but never uses one twice (the switch would refuse the second with 94).
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from acquirers.terminal import elements as de
from acquirers.terminal.orders import Original, Service, original_in
from acquirers.terminal.parties import STAN_MAX
from switch.errors import OperatingError
from switch.iso8583 import Message

EXCHANGES_MAX = 50
"""A day at a quiet counter; older ones are named by their own receipt."""


class MemoryUnreadableError(OperatingError):
    """The file is not one of ours, or not this terminal's; the text names it."""


class Remembered(Struct, frozen=True, kw_only=True, gc=False):
    """One exchange. `response_code` is empty while its outcome is unknown.

    `elements` is the request without its card, by element number: enough to repeat it, byte for
    byte once the card is there again. `card_name` names a test card; empty for one that was
    typed.
    """

    service: Service
    mti: str
    elements: dict[str, str]
    local_at: datetime
    card_masked: str
    card_name: str = ""
    approval_code: str = ""
    response_code: str = ""

    @property
    def rrn(self) -> str:
        """Give the retrieval reference number, which no other exchange of the terminal has."""
        return self.elements[str(de.RETRIEVAL_REFERENCE_NUMBER)]

    @property
    def amount_minor(self) -> int:
        """Give the amount asked for."""
        return int(self.elements.get(str(de.AMOUNT_TRANSACTION), "0"))

    @property
    def original(self) -> Original:
        """Give the exchange as a later message names it."""
        return original_in(self.request_without_card())

    def request_without_card(self) -> Message:
        """Give the request as far as it may be kept."""
        request = Message(self.mti)
        request.update(self.elements)
        return request

    @property
    def approved(self) -> bool:
        """Tell whether the reply said so, in whole or in part."""
        return self.response_code in {"00", "10"}


class Remembrance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file's content; exchanges newest last."""

    terminal_id: str
    stan_last: int = 0
    exchanges: tuple[Remembered, ...] = ()


class TerminalMemory:
    """The file of one terminal. Two processes may use it at once: each change holds its lock."""

    def __init__(self, path: Path, terminal_id: str) -> None:
        self._path = path
        self._terminal_id = terminal_id

    def take_stan(self) -> int:
        """Give the next trace number, 1 to 999,999 and round again, already written down.

        Raises MemoryUnreadableError, OSError.
        """
        with self._locked():
            known = self._read()
            stan = known.stan_last % STAN_MAX + 1
            self._write(msgspec.structs.replace(known, stan_last=stan))
        return stan

    def remember(self, exchange: Remembered) -> None:
        """Write down an exchange, in place of what was known of the same one."""
        with self._locked():
            known = self._read()
            others = tuple(old for old in known.exchanges if old.rrn != exchange.rrn)
            kept = (*others, exchange)[-EXCHANGES_MAX:]
            self._write(msgspec.structs.replace(known, exchanges=kept))

    def exchanges(self) -> tuple[Remembered, ...]:
        """Give what is remembered, newest first."""
        return self._read().exchanges[::-1]

    def last(self, services: frozenset[Service]) -> Remembered | None:
        """Give the newest exchange of these services that still stands, if any.

        One that was declined or wholly reversed does not stand; one without a reply may.
        """
        undone: set[str] = set()
        for exchange in self.exchanges():
            names = exchange.elements.get(str(de.ORIGINAL_DATA_ELEMENTS), "")
            whole = str(de.REPLACEMENT_AMOUNTS) not in exchange.elements
            if exchange.service is Service.REVERSAL and exchange.approved and whole:
                undone.add(names)
            stands = exchange.approved or not exchange.response_code
            if exchange.service not in services or not stands:
                continue
            if exchange.original.data_elements not in undone:
                return exchange
        return None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _read(self) -> Remembrance:
        try:
            known = msgspec.json.decode(self._path.read_bytes(), type=Remembrance)
        except FileNotFoundError:
            return Remembrance(terminal_id=self._terminal_id)
        except msgspec.MsgspecError as error:
            raise MemoryUnreadableError(f"{self._path}: {error}") from error
        if known.terminal_id != self._terminal_id:
            raise MemoryUnreadableError(f"{self._path} belongs to terminal {known.terminal_id}")
        return known

    def _write(self, known: Remembrance) -> None:
        """Replace the file in one step: a reader sees the old content or the new, never half."""
        written = self._path.with_suffix(".new")
        with open(written, "wb", opener=_owner_only) as file:
            file.write(msgspec.json.format(msgspec.json.encode(known), indent=1))
            file.flush()
            os.fsync(file.fileno())
        os.replace(written, self._path)


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
