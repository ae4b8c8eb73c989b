"""A card in a PC/SC reader: pyscard and the daemon pcscd behind it.

Owns the waiting for a card, and threads: pyscard blocks, so each call runs in a thread, one at a
time a reader. Must not know the dialog.

pyscard is an extra (`pip install 'bashgah[pcsc]'`): it is built with swig and PC/SC's headers, and
who reads no real cards needs neither.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import trio

from acquirers.terminal.cards.chip import read_chip, tell_chip
from acquirers.terminal.cards.reading import (
    CardError,
    CardRemovedError,
    PresentedCard,
    ReaderUnavailableError,
    Terms,
)

POLL_SECONDS: Final = 0.1
"""How often a reader is asked whether a card is there; a hand is slower."""
RELEASE_SECONDS: Final = 1.0
"""How long a closing waits for a card that does not answer."""

Outcome = TypeVar("Outcome")


class PcscReader:
    """The first PC/SC reader whose name contains `name`."""

    def __init__(self, name: str = "") -> None:
        self._name = name
        # One call at a time: PC/SC gives one card to one user, and pyscard's objects to one thread.
        self._one_at_a_time = trio.CapacityLimiter(1)
        self._slot: _Slot | None = None

    async def wait_for_card(self, terms: Terms) -> PresentedCard:
        """Wait until a card is in the reader, and read it. Raises CardError,
        ReaderUnavailableError."""
        await self.aclose()
        slot = self._slot = await self._in_thread(lambda: _Slot(self._name))
        try:
            while not await self._in_thread(slot.connect):  # noqa: ASYNC110 (PC/SC tells no event)
                await trio.sleep(POLL_SECONDS)
            return await read_chip(_InThread(slot, self._in_thread), terms)
        except BaseException:
            await self.aclose()
            raise

    async def tell_issuer_answer(self, authentication_data: bytes) -> bool:
        """Hand the issuer's answer to the card read last, if it is there still."""
        if self._slot is None:
            raise CardError("no card is in the reader")
        return await tell_chip(_InThread(self._slot, self._in_thread), authentication_data)

    async def aclose(self) -> None:
        """Power the card down, even when the caller is being cancelled."""
        slot, self._slot = self._slot, None
        if slot is not None:
            with trio.move_on_after(RELEASE_SECONDS, shield=True):
                await self._in_thread(slot.disconnect)

    async def _in_thread(self, call: Callable[[], Outcome]) -> Outcome:
        # Abandoned when cancelled: a card may never answer. The limiter stays taken until it does.
        return await trio.to_thread.run_sync(
            call, limiter=self._one_at_a_time, abandon_on_cancel=True
        )


class _InThread:
    """A slot as the dialog's transport."""

    def __init__(self, slot: "_Slot", in_thread: Callable[[Callable[[], bytes]], Any]) -> None:
        self.contactless = slot.contactless
        self._slot = slot
        self._in_thread = in_thread

    async def transmit(self, command: bytes) -> bytes:
        answer: bytes = await self._in_thread(lambda: self._slot.transmit(command))
        return answer


class _Slot:
    """pyscard's side, blocking: one reader and the card in it."""

    def __init__(self, name: str) -> None:
        system, exceptions, faults = _pyscard()
        self._errors = (exceptions.SmartcardException, faults.BaseSCardException)
        self._absent = exceptions.NoCardException
        try:
            found = system.readers()
        except self._errors as error:
            raise ReaderUnavailableError(f"PC/SC: {error}; does pcscd run?") from None
        fitting = [reader for reader in found if name in str(reader)]
        if not fitting:
            names = ", ".join(map(str, found)) or "none"
            raise ReaderUnavailableError(f"no PC/SC reader {name!r}; there are: {names}")
        self._connection = fitting[0].createConnection()
        self.contactless = False

    def connect(self) -> bool:
        """Power the card up; False while there is none."""
        try:
            self._connection.connect()
            self.contactless = is_contactless(bytes(self._connection.getATR()))
        except self._absent:
            return False
        except self._errors as error:
            raise CardError(f"the card does not start: {error}") from None
        return True

    def transmit(self, command: bytes) -> bytes:
        try:
            data, status1, status2 = self._connection.transmit(list(command))
        except self._errors as error:
            raise CardRemovedError(f"the card went away while it was read: {error}") from None
        return bytes([*data, status1, status2])

    def disconnect(self) -> None:
        try:
            self._connection.disconnect()
        except self._errors:
            return  # it is gone already, which was wanted


def is_contactless(answer_to_reset: bytes) -> bool:
    """Tell by its ATR whether a card was held to an antenna.

    Source: PC/SC part 3, 3.1.3.2.3: a contactless card's ATR is made up by the reader, and begins
    3B 8n 80 01.
    """
    first = answer_to_reset[:4]
    return len(first) == 4 and first[0] == 0x3B and first[1] >> 4 == 8 and first[2:] == b"\x80\x01"


def _pyscard() -> tuple[Any, Any, Any]:
    """Give pyscard's modules. Raises ReaderUnavailableError, which says how to install it."""
    try:
        # An extra: whoever reads no real cards need not have it.
        from smartcard import Exceptions, System  # noqa: PLC0415 (the reason is the line above)
        from smartcard.pcsc import PCSCExceptions  # noqa: PLC0415 (the same)
    except ImportError as error:
        raise ReaderUnavailableError(
            f"PC/SC readers need pyscard ({error}): pip install 'bashgah[pcsc]', which builds it "
            "with swig and libpcsclite-dev"
        ) from None
    return System, Exceptions, PCSCExceptions
