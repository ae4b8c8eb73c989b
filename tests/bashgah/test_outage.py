"""PostgreSQL goes away under load and comes back: nothing approved meanwhile, nothing lost after.

Goal: DESIGN.md §5, "while PostgreSQL is away nothing is approved". Method: a whole site, twenty
terminals that ask without a pause, the primary stopped for ten seconds.
"""

import time
from itertools import count
from pathlib import Path

import pytest
import trio
from msgspec import Struct

from acquirers.terminal.wire import Wire, wire_of
from bashgah import demo
from bashgah.site import Site
from bashgah.verification import first_difference
from switch.iso8583 import FrameReader, Message, decode, encode
from switch.iso8583.framing import NeedData
from switch.ledger.database import Database
from switch.ledger.session import Session
from tests.support.site import running_site

OUTAGE_SECONDS = 10.0
TERMINALS = 20
NEWCOMERS = 5
"""Terminals that ask for the first time during the outage: the others wait for their answers."""
NOTICE_SECONDS = 3.0
"""Longer than the switch takes to say that the journal cannot be written."""
GRACE_SECONDS = 0.2
"""What was durable a moment before the stop may still be on its way."""
RESUME_SECONDS_MAX = 10.0
GROWTH_BYTES_MAX = 64 << 20


class Told(Struct, frozen=True, kw_only=True):
    """A reply and when it came (monotonic seconds)."""

    at: float
    code: str
    rrn: str


def _purchase(number: int, terminal: int) -> Message:
    local = time.gmtime(time.time() + 12_600)
    terminal_id, merchant_id = demo.TERMINALS[terminal]
    return Message(
        "0200",
        {
            2: demo.CROWD_PANS[terminal],
            3: "000000",
            4: "000000001000",
            11: f"{number % 1_000_000:06d}",
            12: time.strftime("%H%M%S", local),
            13: time.strftime("%m%d", local),
            37: f"7{number:011d}",  # none that the switch assigns
            41: terminal_id,
            42: merchant_id,
            49: "364",
        },
    )


async def _ask(
    port: int, wire: Wire, terminal: int, numbers: "count[int]", told: list[Told]
) -> None:
    """Be a terminal: one purchase after the other, over one connection."""
    reader = FrameReader(wire.framing)
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        while True:
            body = encode(_purchase(next(numbers), terminal), wire.spec)
            await stream.send_all(wire.framing.frame(body, wire.tpdu))
            while isinstance(frame := reader.next_frame(), NeedData):
                reader.receive_data(await stream.receive_some())
            reply = decode(frame.body, wire.spec)
            told.append(Told(at=time.monotonic(), code=reply[39], rrn=reply[37]))
            await trio.sleep(0.01)


def _resident_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


async def _approved_in_journal(session: Session) -> list[str]:
    rows = await session.fetch(
        "SELECT rrn FROM journal WHERE response_code = '00' AND rrn LIKE '7%'"
    )
    return [row["rrn"] for row in rows]


async def _live_through_an_outage(site: Site, told: list[Told]) -> tuple[float, float, int]:
    """Give when the database was gone, when it was told to come back, and how much memory grew."""
    assert site.cluster is not None
    port = site.config.listener[0].port
    numbers = count(1)
    async with trio.open_nursery() as nursery:
        for terminal in range(TERMINALS):
            nursery.start_soon(_ask, port, wire_of("pos-binary"), terminal, numbers, told)
        await trio.sleep(2)
        before_bytes = _resident_bytes(site.switch.pid)
        await trio.to_thread.run_sync(site.cluster.primary.stop)
        gone_at = time.monotonic()
        await trio.sleep(NOTICE_SECONDS)
        for terminal in range(TERMINALS, TERMINALS + NEWCOMERS):
            nursery.start_soon(_ask, port, wire_of("pos-binary"), terminal, numbers, told)
        await trio.sleep(OUTAGE_SECONDS - NOTICE_SECONDS)
        growth_bytes = _resident_bytes(site.switch.pid) - before_bytes
        back_at = time.monotonic()
        await trio.to_thread.run_sync(site.cluster.primary.start)
        with trio.fail_after(RESUME_SECONDS_MAX):
            while True:
                await trio.sleep(0.05)
                if any(reply.code == "00" and reply.at > back_at for reply in told):
                    break
        await trio.sleep(2)
        nursery.cancel_scope.cancel()
    return gone_at, back_at, growth_bytes


@pytest.mark.slow
async def test_nothing_is_approved_while_postgresql_is_away_and_nothing_is_lost_after() -> None:
    told: list[Told] = []

    async with running_site(lambda line: None) as site:
        gone_at, back_at, growth_bytes = await _live_through_an_outage(site, told)
        await site.stop_switch()
        with Database(site.dsn) as database:
            journaled = await database.call(_approved_in_journal)
        difference = await first_difference(site.config_path)

    meanwhile = [reply for reply in told if gone_at + GRACE_SECONDS < reply.at < back_at]
    approved = [reply.rrn for reply in told if reply.code == "00"]
    assert {reply.code for reply in meanwhile} == {"91"}
    assert len(approved) == len(set(approved))
    assert set(approved) <= set(journaled)
    assert len(journaled) == len(set(journaled))
    assert growth_bytes < GROWTH_BYTES_MAX
    assert difference is None
