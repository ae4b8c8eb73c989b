"""More than the switch can make durable: who is refused, who is dropped, who waits, who is not.

Method: a journal whose commits do not end until the test says so, and small bounds. A commit may
take two seconds before the journal counts as away, so each test lets it end well before.
"""

import pytest
import trio

from switch.iso8583 import Message
from tests.support.gate_bench import Bench, Link, journal_is_away, serving

THE_OTHER_ACQUIRERS = "T0000005"
FORTY_SECONDS_AGO_S = -40


def loads(bench: Bench, count: int, terminal: str = "T0000001") -> list[Message]:
    """Give loads: requests that are approved whatever the card has."""
    return [bench.shop.message("0200", "210000", 1_000, terminal=terminal) for _ in range(count)]


async def stalled(bench: Bench) -> None:
    """Let no row become durable from now on."""
    await bench.wait_until(lambda: bench.journal.durable_seq)
    bench.journal.stall()


async def frames(bench: Bench, count: int) -> None:
    """Wait until so many messages have been served."""
    await bench.wait_until(lambda: bench.gate.statistics()["frames"] >= count)


async def codes(link: Link, count: int) -> list[str]:
    """Give the response codes of the next replies."""
    return [(await link.reply())[39] for _ in range(count)]


async def test_an_acquirer_alone_may_take_two_thirds_of_the_room() -> None:
    async with serving(pending_max=300) as bench:
        flood = await bench.connect()
        await stalled(bench)

        await flood.send(*loads(bench, 500))
        await frames(bench, 500)
        bench.journal.go_on()

        assert await codes(flood, 500) == ["00"] * 200 + ["91"] * 300


async def test_the_flood_of_one_acquirer_leaves_room_for_another() -> None:
    async with serving(pending_max=300, acquirers={"ascii": 2}) as bench:
        flood, other = await bench.connect(), await bench.connect("ascii")
        await stalled(bench)
        await flood.send(*loads(bench, 500))
        await frames(bench, 500)

        await other.send(*loads(bench, 60, THE_OTHER_ACQUIRERS))
        await frames(bench, 560)
        bench.journal.go_on()

        assert await codes(other, 60) == ["00"] * 60


async def test_reversals_find_room_where_requests_do_not_and_then_wait() -> None:
    async with serving(pending_max=15) as bench:
        asking, undoing = await bench.connect(), await bench.connect()
        await stalled(bench)
        await asking.send(*loads(bench, 20))
        await frames(bench, 20)

        reversals = [bench.shop.message("0400") for _ in range(40)]
        await undoing.send(*reversals, *loads(bench, 1))
        await bench.wait_until(lambda: bench.gate.statistics()["postponed"])
        waiting = bench.gate.statistics()["pending"]
        bench.journal.go_on()

        assert waiting == 18  # a quarter more than for requests, and not one beyond
        assert await codes(asking, 20) == ["00"] * 10 + ["91"] * 10
        assert await codes(undoing, 40) == ["00"] * 40
        assert (await undoing.reply())[39] in ("00", "91")


async def test_a_link_that_waits_for_room_may_hang_up() -> None:
    async with serving(pending_max=15) as bench:
        asking, undoing = await bench.connect(), await bench.connect()
        await stalled(bench)
        await asking.send(*loads(bench, 20))
        await undoing.send(*(bench.shop.message("0400") for _ in range(40)))
        await bench.wait_until(lambda: bench.gate.statistics()["postponed"])

        await undoing.stream.aclose()
        await trio.sleep(0.05)
        bench.journal.go_on()

        assert await codes(asking, 20) == ["00"] * 10 + ["91"] * 10
        await bench.wait_until(lambda: bench.gate.statistics()["pending"] == 0)
        assert (await asking.ask(*loads(bench, 1)))[39] == "00"


async def test_under_pressure_a_request_whose_requester_has_gone_is_dropped() -> None:
    async with serving(pending_max=300, reply_seconds=15) as bench:
        link, late = await bench.connect(), await bench.connect()
        assert (await late.ask(*loads(bench, 1)))[39] == "00"  # tells the terminal's clock
        await stalled(bench)
        await link.send(*loads(bench, 150))
        await frames(bench, 151)

        old = bench.shop.local_at(FORTY_SECONDS_AGO_S)
        await late.send(
            bench.shop.message("0200", "210000", 1_000, at=old),
            bench.shop.message("0201", "210000", 1_000, at=old),
            bench.shop.message("0400", at=old),
            *loads(bench, 1),
        )
        await frames(bench, 155)
        bench.journal.go_on()

        replies = [await late.reply() for _ in range(3)]
        assert [(reply.mti, reply[39]) for reply in replies] == [
            ("0210", "00"),  # a repeat has its original's time, however fresh it is
            ("0410", "00"),  # what has to happen is never too old
            ("0210", "00"),
        ]
        assert bench.gate.statistics()["stale"] == 1


async def test_without_pressure_nothing_is_too_old() -> None:
    async with serving(pending_max=300, reply_seconds=15) as bench:
        link = await bench.connect()
        assert (await link.ask(*loads(bench, 1)))[39] == "00"

        old = bench.shop.local_at(FORTY_SECONDS_AGO_S)
        reply = await link.ask(bench.shop.message("0200", "210000", 1_000, at=old))

        assert reply[39] == "00"
        assert bench.gate.statistics()["stale"] == 0


async def test_a_terminal_whose_clock_is_behind_is_not_taken_for_late() -> None:
    async with serving(pending_max=300, reply_seconds=15) as bench:
        link, behind = await bench.connect(), await bench.connect()
        slow_clock = bench.shop.local_at(-600)
        first = bench.shop.message("0200", "210000", 1_000, terminal="T0000002", at=slow_clock)
        assert (await behind.ask(first))[39] == "00"
        await stalled(bench)
        await link.send(*loads(bench, 150))
        await frames(bench, 151)

        await behind.send(
            bench.shop.message("0200", "210000", 1_000, terminal="T0000002", at=slow_clock)
        )
        await frames(bench, 152)
        bench.journal.go_on()

        assert (await behind.reply())[39] == "00"


async def test_a_repeat_is_not_told_that_nothing_moved_when_it_was_decided() -> None:
    async with serving(pending_max=15) as bench:
        link, again = await bench.connect(), await bench.connect()
        await stalled(bench)
        asked = loads(bench, 12)
        await link.send(*asked)
        await frames(bench, 12)

        await again.send(*asked)  # ten were decided and wait, two were refused
        await frames(bench, 24)
        bench.journal.go_on()

        assert await codes(link, 12) == ["00"] * 10 + ["91"] * 2
        assert await codes(again, 12) == ["00"] * 10 + ["91"] * 2


async def test_while_the_journal_is_away_a_repeat_of_what_is_durable_gets_its_reply(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("switch.server.COMMIT_SECONDS_MAX", 0.2)
    async with serving() as bench:
        link, waiting = await bench.connect(), await bench.connect()
        first = loads(bench, 1)[0]
        before = await link.ask(first)
        bench.journal.stall()
        await waiting.send(*loads(bench, 1))
        await bench.wait_until(lambda: not bench.server.available)

        after = await link.ask(first)
        refused = await link.ask(*loads(bench, 1))
        bench.journal.go_on()

        assert after == before
        assert refused[39] == "91"


async def test_what_the_journal_might_have_is_not_answered_while_it_is_away() -> None:
    async with serving(recall=journal_is_away, exchange_entries=256) as bench:
        await bench.forget(256)
        link = await bench.connect()
        old = bench.shop.local_at(-3_600)

        await link.send(bench.shop.message("0201", "210000", 1_000, at=old, stan=999_999))
        await bench.wait_until(lambda: bench.gate.statistics()["unknown"])
        fresh = await link.ask(*loads(bench, 1))

        assert fresh[39] == "00"  # and nothing came before it
