"""What a peer can do wrong: its answer or its end, one line in the log, and nobody else notices.

Method: beside each hostile connection a healthy terminal asks before and after.
"""

import os
import random
import resource
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
import trio

from switch.iso8583 import Framing, Message, encode
from switch.limits import FRAME_BYTES_MAX, OUTPUT_BYTES_MAX, UNANSWERED_MAX
from tests.support.gate_bench import Bench, Link, serving
from tests.support.shop import PANS, Shop, spec, tags


@asynccontextmanager
async def attacked(
    *, frame_seconds_max: float = 10.0, idle_seconds_max: float = 60.0
) -> AsyncIterator[tuple[Bench, Link]]:
    """Give a hostile connection; in the end the healthy one must be served as in the beginning."""
    async with serving(
        frame_seconds_max=frame_seconds_max, idle_seconds_max=idle_seconds_max
    ) as bench:
        healthy, hostile = await bench.connect(), await bench.connect()
        assert (await healthy.ask(bench.shop.message("0200", "210000")))[39] == "00"
        yield bench, hostile
        assert (await healthy.ask(bench.shop.message("0200", "210000")))[39] == "00"
        assert not any(pan in str(bench.lines("connection_closed")) for pan in PANS)


def purchase(shop: Shop, dialect: str = "binary") -> bytes:
    """Give a purchase without framing."""
    return encode(shop.message("0200", "000000"), spec(dialect))


def resident_bytes() -> int:
    """Give this process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@contextmanager
def no_descriptors() -> Iterator[Callable[[], None]]:
    """Use up this process's descriptors; what is given back frees one of them."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    used: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    try:
        with suppress(OSError):
            while True:
                used.append(os.open("/dev/null", os.O_RDONLY))
        yield lambda: os.close(used.pop())
    finally:
        for descriptor in used:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


# --- framing --------------------------------------------------------------------------------------


async def test_a_frame_cut_short_ends_with_a_line_that_says_so() -> None:
    async with attacked() as (bench, hostile):
        frame = hostile.frame(purchase(bench.shop))
        await hostile.stream.send_all(frame[: len(frame) // 2])
        await hostile.stream.send_eof()

        received = await hostile.wait_end()

        assert received == b""
        assert bench.closed_because() == ["truncated"]


async def test_an_oversized_length_is_refused_before_its_bytes_come() -> None:
    async with attacked() as (bench, hostile):
        await hostile.stream.send_all((FRAME_BYTES_MAX + 6).to_bytes(2, "big"))

        received = await hostile.wait_end(seconds=2)

        assert received == b""
        assert bench.closed_because() == ["lost_framing"]


async def test_the_largest_frame_is_no_breach_of_framing() -> None:
    async with attacked() as (bench, hostile):
        await hostile.stream.send_all(hostile.frame(bytes(FRAME_BYTES_MAX)))

        await hostile.wait_end()

        assert bench.closed_because() == ["not_iso_8583"]


@pytest.mark.parametrize("length", [0, 1, 5])
async def test_a_length_with_no_room_for_a_message_loses_the_framing(length: int) -> None:
    async with attacked() as (bench, hostile):
        await hostile.stream.send_all(length.to_bytes(2, "big"))

        await hostile.wait_end(seconds=2)

        assert bench.closed_because() == ["lost_framing"]


async def test_a_wrong_tpdu_is_refused_at_its_first_byte() -> None:
    async with attacked() as (bench, hostile):
        await hostile.stream.send_all(b"\x00\x40\x61")

        await hostile.wait_end(seconds=2)

        assert bench.closed_because() == ["lost_framing"]


async def test_a_length_of_letters_loses_the_framing() -> None:
    async with attacked() as (bench, _):
        hostile = await bench.connect("ascii")
        await hostile.stream.send_all(b"01a0")

        await hostile.wait_end(seconds=2)

        assert bench.closed_because() == ["lost_framing"]


@pytest.mark.slow
async def test_garbage_is_hung_up_on_and_leaves_one_line_each() -> None:
    chance = random.Random(7)
    async with attacked() as (bench, _):
        for _ in range(100):
            hostile = await bench.connect(chance.choice(["binary", "ascii"]))
            # Long enough to be more than any frame, so that it cannot be waited for.
            await hostile.stream.send_all(chance.randbytes(2 * FRAME_BYTES_MAX))
            await hostile.wait_end()

        causes = bench.closed_because()
        assert len(causes) == 100
        assert set(causes) <= {"lost_framing", "not_iso_8583"}


async def test_a_peer_that_resets_its_connection_is_forgotten() -> None:
    async with attacked() as (bench, hostile):
        await hostile.stream.send_all(hostile.frame(purchase(bench.shop))[:10])
        await bench.wait_until(lambda: bench.gate.statistics()["open"] == 2)

        hostile.vanish()
        await bench.wait_until(lambda: bench.gate.statistics()["open"] == 1)

        assert bench.closed_because() == ["error"]


# --- time -----------------------------------------------------------------------------------------


async def test_a_frame_that_comes_byte_by_byte_is_answered() -> None:
    async with attacked() as (bench, hostile):
        for byte in hostile.frame(purchase(bench.shop)):
            await hostile.stream.send_all(bytes([byte]))
            await trio.lowlevel.checkpoint()

        reply = await hostile.reply()

        assert reply.mti == "0210"


@pytest.mark.slow
async def test_a_frame_that_does_not_end_in_time_is_hung_up_on() -> None:
    async with attacked(frame_seconds_max=0.3) as (bench, hostile):
        frame = hostile.frame(purchase(bench.shop))
        with trio.move_on_after(3):
            for byte in frame:
                try:
                    await hostile.stream.send_all(bytes([byte]))
                except trio.BrokenResourceError:
                    break
                await trio.sleep(0.1)

        assert bench.closed_because() == ["slow_frame"]


@pytest.mark.slow
async def test_a_paused_link_is_not_called_slow() -> None:
    """It is we who do not read it: its frame may be whole in the kernel's buffer."""
    async with serving(frame_seconds_max=0.1) as bench:
        link = await bench.connect()
        await bench.wait_until(lambda: bench.journal.durable_seq)
        bench.journal.stall()
        count = OUTPUT_BYTES_MAX // 2 // 50  # refusals are of 70 bytes

        async with trio.open_nursery() as nursery:
            loads = [bench.shop.message("0200", "210000", 1_000) for _ in range(count)]
            nursery.start_soon(link.send, *loads)
            await bench.wait_until(lambda: bench.gate.statistics()["pending"] >= UNANSWERED_MAX)
            await trio.sleep(1.5)  # housekeeping looks once a second
            read_count = bench.gate.statistics()["frames"]
            bench.journal.go_on()
            codes = [(await link.reply())[39] for _ in range(count)]

        assert read_count < count
        assert codes[:UNANSWERED_MAX] == ["00"] * UNANSWERED_MAX
        assert bench.closed_because() == []


@pytest.mark.slow
async def test_a_connection_that_says_nothing_for_too_long_is_closed() -> None:
    async with serving(idle_seconds_max=0.5) as bench:
        link = await bench.connect()

        await link.wait_end(seconds=4)

        assert bench.closed_because() == ["idle"]


# --- messages -------------------------------------------------------------------------------------


async def test_a_type_that_nobody_serves_gets_12() -> None:
    async with attacked() as (bench, hostile):
        reply = await hostile.ask(Message("0300", bench.shop.message()))

        assert (reply.mti, reply[39]) == ("0310", "12")
        assert tags(reply[48])["RC"] == "unknown_message_type"
        assert bench.closed_because() == []


async def test_an_answer_sent_to_us_is_ignored_and_counted() -> None:
    async with attacked() as (bench, hostile):
        await hostile.send(Message("0210", {**bench.shop.message(), 39: "00"}))

        assert await hostile.says_nothing()
        assert bench.gate.statistics()["ignored"] == 1
        assert bench.closed_because() == []


def _with_unknown_element(body: bytes) -> bytes:
    # Bit 5 of the primary bitmap: element 5 (amount, settlement) stands in no message of ours.
    return body[:2] + bytes([body[2] | 0x08]) + body[3:]


def _with_broken_bcd(body: bytes) -> bytes:
    at = body.index(bytes.fromhex("000000100000"))
    return body[:at] + b"\x0a" + body[at + 1 :]


def _cut_short(body: bytes) -> bytes:
    return body[:-3]


def _too_long(body: bytes) -> bytes:
    return body + b"\x00"


@pytest.mark.parametrize("breaks", [_with_unknown_element, _with_broken_bcd, _cut_short, _too_long])
async def test_a_body_that_cannot_be_read_gets_30(breaks: Callable[[bytes], bytes]) -> None:
    async with attacked() as (bench, hostile):
        await hostile.send(breaks(purchase(bench.shop)))

        reply = await hostile.reply()

        assert (reply.mti, reply[39]) == ("0210", "30")
        assert tags(reply[48])["RC"]
        assert bench.closed_because() == []


@pytest.mark.parametrize("digit", ["۱".encode(), b"\xb1\xb1", b"1 "])
async def test_digits_that_are_not_ascii_get_30_with_the_element(digit: bytes) -> None:
    async with attacked() as (bench, _):
        hostile = await bench.connect("ascii")
        body = purchase(bench.shop, "ascii").replace(b"000000100000", b"0000001000" + digit)

        await hostile.send(body)
        reply = await hostile.reply()

        assert reply[39] == "30"
        assert tags(reply[48])["RE"] == "4"


async def test_a_body_that_is_no_iso_8583_closes_the_connection() -> None:
    async with attacked() as (bench, _):
        hostile = await bench.connect("ascii")
        await hostile.send(b"GET / HTTP/1.1\r\nHost: switch\r\n\r\n")

        received = await hostile.wait_end()

        assert received == b""
        assert bench.closed_because() == ["not_iso_8583"]


# --- too much -------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_a_peer_that_never_reads_is_closed_and_its_replies_are_bounded() -> None:
    async with attacked() as (bench, hostile):
        echo = bench.shop.message(
            "0800", amount_minor=None, card=None, extra={3: None, 42: None, 70: "301"}
        )
        flood = hostile.frame(echo) * 500
        before_bytes = resident_bytes()

        with trio.fail_after(20):
            try:
                while True:
                    await hostile.stream.send_all(flood)
                    if not bench.closed_because():
                        bench.log.clear()  # 100,000 lines of echoes, which would be measured below
            except trio.BrokenResourceError:
                pass

        assert bench.closed_because() == ["not_reading"]
        assert resident_bytes() - before_bytes < 16 * OUTPUT_BYTES_MAX


@pytest.mark.slow
async def test_a_link_with_too_many_unanswered_gets_91_for_what_it_asks_beyond() -> None:
    async with attacked() as (bench, hostile):
        bench.journal.stall()
        count = UNANSWERED_MAX + 1_000
        loads = [bench.shop.message("0200", "210000", 1_000) for _ in range(count)]

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hostile.send, *loads)
            await bench.wait_until(lambda: bench.gate.statistics()["pending"] >= UNANSWERED_MAX)
            await trio.sleep(0.1)
            waiting = bench.gate.statistics()["pending"]
            bench.journal.go_on()
            replies = [await hostile.reply() for _ in range(count)]

        assert waiting == UNANSWERED_MAX
        stans = [int(reply[11]) for reply in replies]
        assert stans == sorted(stans)
        assert [reply[39] for reply in replies] == ["00"] * UNANSWERED_MAX + ["91"] * 1_000


async def test_beyond_the_bound_of_connections_a_newcomer_is_hung_up_on() -> None:
    async with serving(connections_max=2) as bench:
        links = [await bench.connect() for _ in range(2)]
        await bench.wait_until(lambda: bench.gate.statistics()["open"] == 2)

        refused = await bench.connect()
        await refused.wait_end()
        served = [(await link.ask(bench.shop.message("0200", "210000")))[39] for link in links]
        await links[0].stream.aclose()
        await bench.wait_until(lambda: bench.gate.statistics()["open"] == 1)
        newcomer = await bench.connect()
        reply = await newcomer.ask(bench.shop.message("0200", "210000"))

        assert served == ["00", "00"]
        assert reply[39] == "00"
        assert bench.gate.statistics()["refused"] == 1
        assert bench.closed_because() == ["too_many_connections", "by_peer"]


@pytest.mark.slow
async def test_without_descriptors_those_who_wait_are_taken_later() -> None:
    async with attacked() as (bench, _):
        with no_descriptors() as give_one:
            give_one()  # for the client's own socket
            late = await bench.connect()
            await bench.wait_until(lambda: bench.gate.statistics()["accepts_failed"])
            await trio.sleep(0.2)
            failed = bench.gate.statistics()["accepts_failed"]
        reply = await late.ask(bench.shop.message("0200", "210000"))

        assert reply[39] == "00"
        assert failed == 1, "the listener should rest, not spin"


def test_framings_of_the_profiles_are_those_that_these_tests_break() -> None:
    assert Framing(length="binary2", tpdu=True) == Shop().lanes["binary"].framing
    assert Framing(length="ascii4") == Shop().lanes["ascii"].framing
