"""Replies leave when their rows are durable, in order, to whoever asked, and to nobody else."""

from collections.abc import Sequence

import pytest
import trio

from switch.errors import FencedError
from switch.iso8583 import Message
from switch.operations import Recalled
from tests.support.gate_bench import CARDS, Bench, journal_is_away, serving
from tests.support.shop import Shop


def echo(shop: Shop, stan: int) -> Message:
    """Build an echo test."""
    return shop.message(
        "0800", amount_minor=None, card=None, stan=stan, extra={3: None, 42: None, 70: "301"}
    )


async def test_a_reply_waits_until_its_row_is_durable() -> None:
    async with serving() as bench:
        link = await bench.connect()
        await bench.wait_until(lambda: bench.journal.durable_seq)
        bench.journal.stall()

        await link.send(bench.shop.message("0200", "210000"))
        silent = await link.says_nothing()
        bench.journal.go_on()
        reply = await link.reply()

    assert silent
    assert reply[39] == "00"


async def test_replies_of_a_connection_leave_in_the_order_of_their_messages() -> None:
    async with serving(delay_seconds=0.001) as bench:
        link = await bench.connect()
        messages = [
            echo(bench.shop, stan)
            if stan % 3 == 0
            else bench.shop.message("0200", "210000", 1_000 + stan, stan=stan)
            for stan in range(1, 301)
        ]

        await link.send(*messages)
        replies = [await link.reply() for _ in messages]

    assert [int(reply[11]) for reply in replies] == list(range(1, 301))
    assert {reply[39] for reply in replies} == {"00"}


@pytest.mark.slow
async def test_requests_get_91_when_a_commit_takes_too_long_and_the_waiting_ones_their_reply(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("switch.server.COMMIT_SECONDS_MAX", 0.2)
    async with serving() as bench:
        waiting, other = await bench.connect(), await bench.connect()
        await bench.wait_until(lambda: bench.journal.durable_seq)
        bench.journal.stall()
        await waiting.send(bench.shop.message("0200", "210000", stan=1))
        await waiting.send(bench.shop.message("0200", "210000", stan=2))
        await bench.wait_until(lambda: not bench.server.available)

        refused = await other.ask(bench.shop.message("0200", "210000", stan=3))
        refused_echo = await other.ask(echo(bench.shop, 4))
        await waiting.send(bench.shop.message("0200", "210000", stan=5))
        silent = await waiting.says_nothing()
        bench.journal.go_on()
        await bench.wait_until(lambda: bench.server.available)
        replies = [await waiting.reply() for _ in range(3)]
        after = await other.ask(bench.shop.message("0200", "210000", stan=6))

    assert refused[39] == refused_echo[39] == "91"
    assert silent, "a reply passed one that was waiting before it"
    assert [(reply[11], reply[39]) for reply in replies] == [
        ("000001", "00"),
        ("000002", "00"),
        ("000005", "91"),
    ]
    assert after[39] == "00"


@pytest.mark.slow
async def test_a_long_stall_is_survived_however_much_is_asked_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Replies without a row used to fill the ring of waiting replies, and end the process."""
    monkeypatch.setattr("switch.server.COMMIT_SECONDS_MAX", 0.2)
    pending_max = 100
    async with serving(pending_max=pending_max) as bench:
        waiting, other = await bench.connect(), await bench.connect()
        await bench.wait_until(lambda: bench.journal.durable_seq)
        bench.journal.stall()
        await waiting.send(bench.shop.message("0200", "210000", stan=1))
        await bench.wait_until(lambda: not bench.server.available)

        await waiting.send(*(bench.shop.message(stan=stan) for stan in range(2, 902)))
        refused = []
        for first in range(1000, 6000, 500):
            await other.send(*(bench.shop.message(stan=first + at) for at in range(500)))
            refused += [(await other.reply())[39] for _ in range(500)]
        pending = bench.gate.statistics()["pending"]
        bench.journal.go_on()
        late = [(await waiting.reply())[39] for _ in range(901)]

    assert set(refused) == {"91"}
    assert pending <= pending_max
    assert late == ["00", *["91"] * 900]


async def test_beyond_the_bound_of_waiting_replies_requests_get_91() -> None:
    async with serving(pending_max=15) as bench:  # an acquirer alone may have two thirds
        link, other = await bench.connect(), await bench.connect()
        await bench.wait_until(lambda: bench.journal.durable_seq)
        bench.journal.stall()
        await link.send(*(bench.shop.message("0200", "210000", stan=at) for at in range(1, 16)))
        await bench.wait_until(lambda: bench.gate.statistics()["frames"] == 15)

        refused = await other.ask(bench.shop.message("0200", "210000", stan=99))
        bench.journal.go_on()
        codes = [(await link.reply())[39] for _ in range(15)]

    assert refused[39] == "91"
    assert codes == ["00"] * 10 + ["91"] * 5


async def test_a_repeat_in_flight_waits_and_gets_the_same_bytes() -> None:
    async with serving() as bench:
        link, again = await bench.connect(), await bench.connect()
        await bench.wait_until(lambda: bench.journal.durable_seq)
        bench.journal.stall()
        message = bench.shop.message("0200", "210000")
        await link.send(message)
        await bench.wait_until(lambda: bench.gate.statistics()["frames"] == 1)

        await again.send(message)
        silent = await again.says_nothing()
        bench.journal.go_on()
        first, second = await link.reply_bytes(), await again.reply_bytes()

        assert silent
        assert first == second
        assert bench.shop.core.statistics()["repeated"] == 1
        assert [line["repeated"] for line in bench.lines("exchange")] == [False, True]


async def test_a_fenced_owner_sends_nothing_and_ends() -> None:
    async with serving() as bench:
        bench.error_awaited = True
        links = [await bench.connect(), await bench.connect()]
        await bench.wait_until(lambda: bench.journal.durable_seq)
        bench.journal.stall()
        await links[0].send(bench.shop.message("0200", "210000"))
        await bench.wait_until(lambda: bench.journal.appending)

        bench.journal.fence()
        await links[1].send(bench.shop.message("0200", "210000"))
        await bench.stopped.wait()
        received = [await link.wait_end() for link in links]

    assert isinstance(bench.error, ExceptionGroup)
    assert bench.error.split(FencedError)[1] is None, "nothing but the fence"
    assert received == [b"", b""]


async def test_stop_lets_the_replies_under_way_leave() -> None:
    async with serving() as bench:
        link = await bench.connect()
        await bench.wait_until(lambda: bench.journal.durable_seq)
        bench.journal.stall()
        await link.send(*(bench.shop.message("0200", "210000") for _ in range(5)))
        await bench.wait_until(lambda: bench.gate.statistics()["frames"] == 5)

        bench.server.stop()
        await trio.sleep(0.02)
        bench.journal.go_on()
        replies = [await link.reply() for _ in range(5)]
        rest = await link.wait_end()

        assert [reply[39] for reply in replies] == ["00"] * 5
        assert rest == b""
        assert bench.closed_because() == ["shutdown"]


@pytest.mark.slow
async def test_stop_ends_although_the_journal_never_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("switch.server.DRAIN_SECONDS_MAX", 0.3)
    async with serving() as bench:
        link = await bench.connect()
        await bench.wait_until(lambda: bench.journal.durable_seq)
        bench.journal.stall()
        await link.send(bench.shop.message("0200", "210000"))
        await bench.wait_until(lambda: bench.journal.appending)

        bench.server.stop()
        with trio.fail_after(3):
            await bench.stopped.wait()
        received = await link.wait_end()

    assert received == b""


async def test_the_reply_of_a_closed_connection_goes_to_nobody_and_is_counted() -> None:
    """The newcomer gets the place of the one that left: the generation tells them apart."""
    async with serving(connections_max=1) as bench:
        gone = await bench.connect()
        await bench.wait_until(lambda: bench.journal.durable_seq)
        bench.journal.stall()
        await gone.send(bench.shop.message("0200", "210000", stan=1))
        await bench.wait_until(lambda: bench.gate.statistics()["frames"] == 1)
        gone.vanish()
        await bench.wait_until(lambda: bench.gate.statistics()["open"] == 0)
        newcomer = await bench.connect()
        await bench.wait_until(lambda: bench.gate.statistics()["open"] == 1)

        bench.journal.go_on()
        reply = await newcomer.ask(bench.shop.message("0200", "210000", stan=2))

        assert reply[11] == "000002"
        assert bench.gate.statistics()["undeliverable"] == 1
        assert bench.journal.durable_seq == bench.shop.core.last_seq


async def _talk(bench: Bench, number: int, count: int, wrong: list[str]) -> None:
    link = await bench.connect("ascii" if number % 2 else "binary")
    async with link.stream:
        for at in range(count):
            stan = number * 1_000 + at
            amount_minor = 10_000_000 + stan
            rrn = f"{number:04d}{at:08d}"
            message = bench.shop.message(
                "0200",
                "210000",
                amount_minor,
                card=CARDS[number % len(CARDS)],
                stan=stan,
                extra={37: rrn},
            )
            await link.send(message)
            reply = await link.reply()
            said = (int(reply[11]), int(reply[4]), reply[37], reply[39])
            if said != (stan, amount_minor, rrn, "00"):
                wrong.append(f"connection {number}: {said}")


@pytest.mark.slow
async def test_fifty_connections_never_get_each_others_replies() -> None:
    wrong: list[str] = []
    async with serving(delay_seconds=0.002) as bench:
        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(_talk, bench, number, 40, wrong)
        approved = sum(bench.shop.core.statistics()["approved"])

        assert wrong == []
        assert approved == 50 * 40


async def test_a_message_whose_past_cannot_be_asked_for_gets_91() -> None:
    async with serving(recall=journal_is_away, exchange_entries=256) as bench:
        original = await bench.forget(256)
        link = await bench.connect()

        reply = await link.ask(bench.shop.message("0400", extra={90: original}))

        assert reply[39] == "91"
        assert bench.gate.statistics()["parked"] == 0


@pytest.mark.slow
async def test_a_full_slow_lane_refuses_requests_keeps_reversals_and_disturbs_nobody() -> None:
    asked = trio.Event()

    async def hangs(whats: Sequence[Recalled]) -> None:
        await asked.wait()

    async with serving(recall=hangs, exchange_entries=256) as bench:
        original = await bench.forget(256)
        link, other = await bench.connect(), await bench.connect()
        for _ in range(11):
            reversals = [bench.shop.message("0400", extra={90: original}) for _ in range(100)]
            await link.send(*reversals)

        await bench.wait_until(lambda: bench.gate.statistics()["parked"] == 1024)
        healthy = await other.ask(bench.shop.message("0200", "210000", terminal="T0000003"))
        refused = await other.ask(bench.shop.message("0200", "200000", extra={90: original}))
        asked.set()
        replies = [await link.reply() for _ in range(1_100)]

    assert healthy[39] == "00"
    assert refused[39] == "91"
    assert {reply[39] for reply in replies} == {"00"}
