"""A virtual card in a real PC/SC reader: pcscd, vsmartcard, pyscard, and `bashgah terminal`.

Where they are not installed, none of this runs, and the summary of the test run says so in a
section of its own (conftest.py).
"""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from datetime import date
from pathlib import Path

import pytest
import trio
import trio.lowlevel

from acquirers.terminal.cards.pcsc import PcscReader
from acquirers.terminal.cards.readers import reader_of
from acquirers.terminal.cards.reading import (
    CardError,
    CardRemovedError,
    PresentedCard,
    ReaderUnavailableError,
    Terms,
)
from acquirers.terminal.cards.virtual import VirtualCard
from acquirers.terminal.cards.vpcd import lend
from acquirers.terminal.wire import wire_of
from switch.iso8583 import Message
from tests.acquirers.terminal.cards.conftest import NOT_RUN
from tests.acquirers.terminal.cards.pcscd import NotInstalledError, pcscd
from tests.acquirers.terminal.cards.samples import PAN, card_file
from tests.acquirers.terminal.peer import Replies, answered, peer_in_thread

NOBODY = 65534
SECONDS_MAX = 20
TERMS = Terms(transaction_type="00", local_date=date(2026, 11, 22), amount_minor=250_000)
# A Python of root's own can't be read by others, so what is imported late is imported first, by a
# run that sends nothing. Rights are given up before anything is done with the reader.
PAY_AS = """
import os, sys
import asyncpg, encodings.idna, smartcard.System
from bashgah.cli import run
user, *words = sys.argv[1:]
assert run(["terminal", "history", "--state=/nonexistent"]) == 0
if int(user) != os.getuid():
    os.setgroups([])
    os.setgid(int(user))
    os.setuid(int(user))
sys.exit(run(["terminal", *words]))
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def slot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Give the name of a PC/SC reader and the port where it takes cards."""
    try:
        with pcscd(tmp_path_factory.mktemp("reader.conf.d")) as found:
            yield found
    except NotInstalledError as missing:
        pytest.skip(f"{NOT_RUN}: {missing}")


@contextmanager
def card_in(port: int, card: VirtualCard) -> Iterator[None]:
    """Keep a card in the slot, from a thread of its own."""
    running: queue.Queue[tuple[trio.lowlevel.TrioToken, trio.CancelScope]] = queue.Queue()

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(lend, card, "127.0.0.1", port)
            running.put((trio.lowlevel.current_trio_token(), nursery.cancel_scope))

    thread = threading.Thread(target=trio.run, args=(run,))
    thread.start()
    token, scope = running.get(timeout=SECONDS_MAX)
    try:
        yield
    finally:
        token.run_sync_soon(scope.cancel)
        thread.join()


def approve(request: Message, number: int) -> Replies:
    return [answered(request)]


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """Give a directory that any user can write to; pytest closes its own again and again."""
    with tempfile.TemporaryDirectory(prefix="bashgah-pcsc-") as directory:
        Path(directory).chmod(0o777)
        yield Path(directory)


# Root can be both; an ordinary user is one.
@pytest.mark.parametrize("user", [*dict.fromkeys([os.getuid(), os.getuid() or NOBODY])])
@pytest.mark.parametrize("contactless", [True, False])
def test_the_terminal_pays_with_a_card_in_a_pcsc_reader(
    slot: tuple[str, int], tmp_path: Path, open_to_all: Path, user: int, contactless: bool
) -> None:
    reader, port = slot
    card = VirtualCard(card_file(tmp_path / "card.json"), contactless=contactless)
    with card_in(port, card), peer_in_thread(wire_of("pos-binary"), approve) as peer:
        words = ["purchase", "--amount=250000", f"--reader=pcsc:{reader}", "--receipt-only"]
        options = [f"--port={peer.address.port}", f"--state={open_to_all / 'terminal.json'}"]
        ended = subprocess.run(
            [sys.executable, "-c", PAY_AS, str(user), *words, *options],
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )

    assert ended.returncode == 0, ended.stderr
    (request,) = peer.requests
    assert (request[2], request[14], request[23]) == (PAN, "3012", "001")
    assert request[22] == ("072" if contactless else "052")
    assert request["55.9F36"] == "0001"
    assert request["55.9F02"] == "000000250000"
    assert "250,000 rial" in ended.stdout
    assert PAN not in ended.stdout + ended.stderr


async def read_once(name: str) -> PresentedCard:
    with trio.fail_after(SECONDS_MAX):
        async with aclosing(PcscReader(name)) as reader:
            return await reader.wait_for_card(TERMS)


def test_lend_card_keeps_a_card_in_the_reader_until_it_is_interrupted(
    slot: tuple[str, int], tmp_path: Path
) -> None:
    name, port = slot
    card_file(tmp_path / "card.json")
    words = ["lend-card", str(tmp_path / "card.json"), f"--port={port}", "--contact"]
    lending = subprocess.Popen([sys.executable, "-m", "bashgah", *words], stdout=subprocess.PIPE)
    try:
        read = trio.run(read_once, name)
    finally:
        lending.send_signal(signal.SIGINT)
        said, _ = lending.communicate(timeout=SECONDS_MAX)

    assert read.card.pan == PAN
    assert read.card.entry_mode == "052"
    assert said.startswith(b"the card is in the reader")
    assert lending.returncode == 130


async def test_a_card_is_waited_for_and_the_wait_can_be_given_up(
    slot: tuple[str, int], tmp_path: Path
) -> None:
    name, port = slot
    reader = reader_of(f"pcsc:{name}")
    card = VirtualCard(card_file(tmp_path / "card.json"))

    with trio.move_on_after(0.5) as given_up:
        await reader.wait_for_card(TERMS)
    with trio.fail_after(SECONDS_MAX):
        async with trio.open_nursery() as nursery:

            async def insert_later() -> None:
                await trio.sleep(0.3)
                await lend(card, "127.0.0.1", port)

            nursery.start_soon(insert_later)
            read = await reader.wait_for_card(TERMS)
            believed = await reader.tell_issuer_answer(bytes(10))
            await reader.aclose()
            nursery.cancel_scope.cancel()

    assert given_up.cancelled_caught
    assert read.card.pan == PAN
    assert not believed
    with pytest.raises(CardError, match="no card"):
        await reader.tell_issuer_answer(bytes(10))


class PulledOut(VirtualCard):
    """A card that leaves the reader when its record is asked for."""

    def transmit(self, sent: bytes) -> bytes:
        if sent[1] == 0xB2:
            raise trio.BrokenResourceError("pulled out")
        return super().transmit(sent)


async def test_a_card_that_is_pulled_out_in_the_middle_says_so(
    slot: tuple[str, int], tmp_path: Path
) -> None:
    name, port = slot
    card = PulledOut(card_file(tmp_path / "card.json"))

    async def lend_until_pulled() -> None:
        with contextlib.suppress(trio.BrokenResourceError):
            await lend(card, "127.0.0.1", port)

    reader = PcscReader(name)
    with trio.fail_after(SECONDS_MAX):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lend_until_pulled)
            with pytest.raises(CardRemovedError):
                await reader.wait_for_card(TERMS)

    await reader.aclose()


async def test_a_reader_that_is_not_there_is_told_with_those_that_are(
    slot: tuple[str, int],
) -> None:
    with pytest.raises(ReaderUnavailableError, match=slot[0]):
        await PcscReader("No such reader").wait_for_card(TERMS)
