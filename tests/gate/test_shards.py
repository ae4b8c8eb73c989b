"""Shards: a message is answered where it came in, by the shard that owns its card, or with 91.

Method: two or three shards in this process, each with a port of its own, so that a test chooses at
which one a message arrives (tests/support/shard_bench.py). Real processes on one port are
`tests/bashgah/test_shards.py`.
"""

import struct
import time
from collections import Counter

import pytest
import trio

from switch._routing import pack, unpack
from switch.iso8583 import Message, decode, encode
from switch.limits import TRUNK_REQUEST_BYTES_MAX
from switch.local_sockets import listen_at
from tests.support.gate_bench import Bench, Seat, serving
from tests.support.shard_bench import (
    card_of,
    meeting_place,
    owner_of,
    peers_of,
    serving_shards,
    wait_joined,
)
from tests.support.shop import spec

GREETING, MESSAGE = 1, 2
LISTENER = 2  # the first of requesters


def purchase(bench: Bench, card: int, stan: int, amount_minor: int = 100_000) -> Message:
    """Build a purchase."""
    return bench.shop.message("0200", "000000", amount_minor, card=card, stan=stan)


def network(bench: Bench, code: str, stan: int, **extra: str) -> Message:
    """Build a sign-on (001), sign-off (002), cut-over (201) or echo (301)."""
    elements: dict[int | str, str | None] = {3: None, 42: None, 70: code}
    elements.update({int(name[1:]): value for name, value in extra.items()})
    return bench.shop.message("0800", amount_minor=None, card=None, stan=stan, extra=elements)


def reversal(bench: Bench, card: int, stan: int, *, of: int) -> Message:
    """Build the reversal of a purchase by its STAN."""
    original = f"0200{of:06d}{bench.shop.local_at()}" + "0" * 22
    return bench.shop.message("0420", "000000", card=card, stan=stan, extra={90: original})


async def test_a_repeat_through_another_shard_gets_the_same_bytes() -> None:
    async with serving_shards() as benches:
        lines = [await bench.connect() for bench in benches]
        card = card_of(benches[0], 0)
        request = purchase(benches[0], card, 501)

        await lines[1].send(request)
        forwarded = await lines[1].reply_bytes()
        await lines[0].send(request)
        repeated = await lines[0].reply_bytes()

    assert decode(forwarded, spec("binary"))[39] == "00"
    assert repeated == forwarded


async def test_each_reply_comes_back_to_the_connection_that_asked() -> None:
    async with serving_shards(3) as benches:
        owners = {owner_of(benches[0], card) for card in range(4)}
        lines = [(await bench.connect(kind)) for bench in benches for kind in ("binary", "ascii")]
        answers: list[dict[str, str]] = []

        async def shop_at(number: int) -> None:
            line, told = lines[number], {}
            first = 1_000 * (number + 1)
            requests = [
                purchase(benches[0], stan % 4, first + stan, 1_000 + stan) for stan in range(200)
            ]
            await line.send(*requests)
            for _ in requests:
                reply = await line.reply()
                told[reply[11]] = reply[4] + reply[39]
            answers.append(told)
            assert told == {f"{first + stan:06d}": f"{1_000 + stan:012d}00" for stan in range(200)}

        async with trio.open_nursery() as nursery:
            for number in range(len(lines)):
                nursery.start_soon(shop_at, number)
        forwarded = sum(peer["sent"] for bench in benches for peer in peers_of(bench).values())
        batches = sum(
            sum(peer["batches"]) for bench in benches for peer in peers_of(bench).values()
        )

    assert len(owners) > 1, "cards of one shard only show nothing"
    assert len(answers) == len(lines)
    assert 0 < batches < forwarded / 5, "messages of one turn leave together"


async def test_a_forwarded_reply_waits_until_its_row_is_durable_where_the_card_is() -> None:
    async with serving_shards() as benches:
        line = await benches[1].connect()
        benches[0].journal.stall()

        await line.send(purchase(benches[0], card_of(benches[0], 0), 502))
        silent = await line.says_nothing()
        own = purchase(benches[0], card_of(benches[0], 1), 503)
        await line.send(own)
        overtaking = await line.reply()
        benches[0].journal.go_on()
        reply = await line.reply()

    assert silent
    assert (overtaking[11], overtaking[39]) == ("000503", "00")
    assert (reply[11], reply[39]) == ("000502", "00")


async def test_the_owners_log_names_the_terminal_and_not_the_link() -> None:
    async with serving_shards() as benches:
        line = await benches[1].connect("ascii")
        port = line.stream.socket.getsockname()[1]

        await line.ask(purchase(benches[0], card_of(benches[0], 0), 504))
        (owners,) = [row for row in benches[0].lines("exchange") if row["stan"] == "000504"]
        at_origin = [row for row in benches[1].lines("exchange") if row["stan"] == "000504"]

    assert owners["peer"] == f"127.0.0.1:{port}"
    assert owners["link"] == "ascii"
    assert owners["code"] == "00"
    assert at_origin == []


async def test_a_purchase_is_reversed_through_any_shard() -> None:
    async with serving_shards() as benches:
        zero, one = [await bench.connect() for bench in benches]
        card = card_of(benches[0], 0)
        bought = purchase(benches[0], card, 505)

        reply = await one.ask(bought)
        undone = await zero.ask(reversal(benches[0], card, 506, of=505))
        again = await one.ask(reversal(benches[0], card, 507, of=505))

    assert (reply[39], undone[39], again[39]) == ("00", "00", "00")


async def test_one_key_with_cards_of_two_shards_is_two_messages_and_each_is_answered_once() -> None:
    """What decision 0020 says is given up: a shard does not see another one's keys."""
    async with serving_shards() as benches:
        line = await benches[0].connect()
        zero, one = card_of(benches[0], 0), card_of(benches[0], 1)

        first = await line.ask(purchase(benches[0], zero, 508))
        other_card = await line.ask(purchase(benches[0], one, 508))
        other_content = await line.ask(purchase(benches[0], one, 508, 7))
        undone = await line.ask(reversal(benches[0], one, 509, of=508))
        again = await line.ask(purchase(benches[0], zero, 508))

    assert (first[39], other_card[39], undone[39]) == ("00", "00", "00")
    assert other_content[39] == "94", "within a shard a key still has one content"
    assert again[37] == first[37], "the other card's reversal did not touch the first"


async def test_a_sign_off_holds_on_every_shard_once_it_is_answered() -> None:
    async with serving_shards(3) as benches:
        lines = [await bench.connect() for bench in benches]

        off = await lines[1].ask(network(benches[0], "002", 601))
        refused = [
            await lines[at].ask(purchase(benches[0], card, 610 + 10 * at + card))
            for at in range(3)
            for card in range(4)
        ]
        again = await lines[2].ask(network(benches[0], "002", 601))
        on = await lines[0].ask(network(benches[0], "001", 602))
        allowed = [
            await lines[at].ask(purchase(benches[0], card, 650 + 10 * at + card))
            for at in range(3)
            for card in range(4)
        ]

    assert (off[39], again[39], on[39]) == ("00", "00", "00")
    assert {reply[39] for reply in refused} == {"58"}
    assert {reply[39] for reply in allowed} == {"00"}


async def test_what_another_shard_refuses_is_refused_where_it_came_in() -> None:
    async with serving_shards() as benches:
        line = await benches[0].connect()

        reply = await line.ask(network(benches[0], "201", 603, _15="0101"))
        unknown = await line.ask(network(benches[0], "001", 604, _41="T9999999"))

    assert reply[39] not in ("00", "91")
    assert unknown[39] not in ("00", "91")


async def test_an_echo_is_answered_where_it_comes_in() -> None:
    async with serving_shards() as benches:
        line = await benches[1].connect()
        before = peers_of(benches[1])[0]["sent"]

        reply = await line.ask(network(benches[0], "301", 605))

        assert reply[39] == "00"
        assert peers_of(benches[1])[0]["sent"] == before


async def test_cards_of_a_shard_that_is_down_get_91_at_once_and_service_resumes() -> None:
    with meeting_place() as directory:
        seats = [Seat(number=number, count=2, directory=directory) for number in range(2)]
        async with serving(seat=seats[0]) as bench:
            line = await bench.connect()
            own, others = card_of(bench, 0), card_of(bench, 1)
            load = bench.shop.message("0200", "210000", card=own)
            loaded = await line.ask(load)
            refused = await line.ask(bench.shop.message("0200", "210000", card=others))
            sign_off = await line.ask(network(bench, "002", 606))
            still_on = await line.ask(purchase(bench, own, 607))

            async with serving(seat=seats[1]) as other:
                await wait_joined([bench, other])
                accepted = await line.ask(bench.shop.message("0200", "210000", card=others))
            await bench.wait_until(lambda: not peers_of(bench)[1]["up"])
            refused_again = await line.ask(purchase(bench, others, 608))

    assert (loaded[39], accepted[39], still_on[39]) == ("00", "00", "00")
    assert (refused[39], sign_off[39], refused_again[39]) == ("91", "91", "91")


async def test_a_repeat_waits_for_the_shard_that_knows_its_first() -> None:
    with meeting_place() as directory:
        seats = [Seat(number=number, count=2, directory=directory) for number in range(2)]
        async with serving(seat=seats[0]) as bench:
            line = await bench.connect()
            load = bench.shop.message("0200", "210000", card=card_of(bench, 1), stan=9)
            repeat = bench.shop.message("0201", "210000", card=card_of(bench, 1), stan=9)
            async with serving(seat=seats[1]) as other:
                await wait_joined([bench, other])
                await line.send(load)
                first = await line.reply_bytes()
                core = other.shop
            await bench.wait_until(lambda: not peers_of(bench)[1]["up"])
            await line.send(repeat)
            silent = await line.says_nothing()
            async with serving(seat=seats[1], shop=core):
                again = await line.reply_bytes()

    assert silent
    assert again[4:] == first[4:], "as it was, but for the message type of a repeat"


async def test_what_a_broken_link_had_is_not_answered_and_holds_up_nobody() -> None:
    with meeting_place() as directory:
        seats = [Seat(number=number, count=2, directory=directory) for number in range(2)]
        async with serving(seat=seats[0]) as bench:
            line = await bench.connect()
            async with serving(seat=seats[1]) as other:
                await wait_joined([bench, other])
                card = card_of(bench, 1)
                loaded = await line.ask(bench.shop.message("0200", "210000", card=card))
                other.journal.stall()
                other.error_awaited = True
                await line.send(*(purchase(bench, card, stan) for stan in range(700, 720)))
                await line.send(network(bench, "002", 720))
                await bench.wait_until(lambda: peers_of(bench)[1]["waiting"] == 20)
                other.journal.fence()
                await other.stopped.wait()
                signed_off = await line.reply()
                silent = await line.says_nothing()
            await line.stream.send_eof()
            ended = await line.wait_end()
            lost = peers_of(bench)[1]["lost"]

    assert loaded[39] == "00"
    assert signed_off[39] == "91", "nobody knows whether every shard has it"
    assert silent
    assert ended == b"", "a connection that still waited for them would have stayed"
    assert lost == 20


@pytest.mark.slow
async def test_a_full_link_refuses_requests_and_still_takes_reversals() -> None:
    with meeting_place() as directory:
        seat = Seat(number=0, count=2, directory=directory)
        async with serving(seat=seat) as bench, trio.open_nursery() as nursery:
            owner = await nursery.start(greet_and_read_no_more, seat)
            await bench.wait_until(lambda: peers_of(bench)[1]["up"])
            card = card_of(bench, 1)
            long_text: dict[int | str, str | None] = {48: "ZZ994" + "x" * 994}
            request = bench.shop.message("0200", "000000", card=card, stan=1, extra=long_text)
            for _ in range(TRUNK_REQUEST_BYTES_MAX // 900_000 + 2):
                flood = await bench.connect()
                nursery.start_soon(flood.send, *[request] * 1_000)
            await bench.wait_until(lambda: peers_of(bench)[1]["refused"])
            line = await bench.connect()
            refused = await line.ask(purchase(bench, card, 2))
            sent_before = peers_of(bench)[1]["sent"]
            await line.send(reversal(bench, card, 3, of=2))
            await bench.wait_until(lambda: peers_of(bench)[1]["sent"] > sent_before)
            silent = await line.says_nothing()
            nursery.cancel_scope.cancel()
            owner.socket.close()

    assert refused[39] == "91"
    assert silent


async def greet_and_read_no_more(
    seat: Seat, *, task_status: trio.TaskStatus[trio.SocketStream]
) -> None:
    """Be shard 1 to shard 0: greet, then leave everything unread."""
    with listen_at(seat.directory, 1) as listening:
        accepted, _ = await trio.socket.from_stdlib_socket(listening).accept()
        link = trio.SocketStream(accepted)
        head, body = await read_frame(link)
        await link.send_all(framed(head, body))
        task_status.started(link)
        await trio.sleep_forever()


async def test_a_shard_that_is_configured_otherwise_is_hung_up_on() -> None:
    with meeting_place() as directory:
        alike = Seat(number=0, count=2, directory=directory)
        other = Seat(number=1, count=2, directory=directory, greeting=b"x" * 32)
        async with serving(seat=alike) as one, serving(seat=other) as two:
            await one.wait_until(lambda: "other_configuration" in one.closed_because())
            line = await one.connect()
            reply = await line.ask(purchase(one, card_of(one, 1), 1))
            up = peers_of(one)[1]["up"], peers_of(two)[0]["up"]

    assert reply[39] == "91"
    assert up == (False, False)


async def test_replies_of_other_shards_still_leave_when_a_shard_stops() -> None:
    async with serving_shards() as benches:
        line = await benches[0].connect()
        card = card_of(benches[0], 1)
        benches[1].journal.stall()
        await line.send(*(purchase(benches[0], card, stan) for stan in range(800, 810)))
        await benches[0].wait_until(lambda: peers_of(benches[0])[1]["waiting"] == 10)

        benches[0].server.stop()
        await trio.sleep(0.05)
        benches[1].journal.go_on()
        replies = [await line.reply() for _ in range(10)]

    assert Counter(reply[39] for reply in replies) == {"00": 10}


# --- the framing of a link ------------------------------------------------------------------------


def header(kind: int, *, place: int, listener: int = LISTENER, tag: int = 0) -> bytes:
    """Give a routing header as another shard would write it."""
    return pack(
        kind=kind, listener=listener, has_tpdu=1, tpdu=b"\x60\1\2\3\4", response_code=b"\0\0",
        peer_port=4_000, peer_address=0x0100007F, place=place, generation=7,
        received_us=time.monotonic_ns() // 1_000, tag=tag,
    )  # fmt: skip


def framed(head: bytes, body: bytes) -> bytes:
    """Give a frame of a link."""
    return struct.pack(">HH", len(head) + len(body), 0) + head + body


async def read_frame(link: trio.SocketStream) -> tuple[bytes, bytes]:
    """Read one frame: header and body."""

    async def exactly(count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = await link.receive_some(count - len(data))
            if not piece:
                raise trio.EndOfChannel
            data += piece
        return data

    with trio.fail_after(5):
        count, _ = struct.unpack(">HH", await exactly(4))
        frame = await exactly(count)
    return frame[:41], frame[41:]


async def greeted(seat: Seat) -> trio.SocketStream:
    """Connect to shard 0 as shard 1 would, and greet."""
    link = await trio.open_unix_socket(seat.directory / "0.sock")
    await link.send_all(framed(header(GREETING, listener=1, place=0), seat.greeting))
    _, body = await read_frame(link)
    assert body == seat.greeting
    return link


async def test_frames_of_a_link_may_be_cut_at_every_byte() -> None:
    with meeting_place() as directory:
        seat = Seat(number=0, count=2, directory=directory)
        async with serving(seat=seat) as bench:
            link = await greeted(seat)
            card = card_of(bench, 0)
            request = bench.shop.message("0200", "210000", card=card, stan=1)
            frame = framed(header(MESSAGE, place=3, tag=5), encode(request, spec("binary")))
            for cut in range(1, len(frame)):
                await link.send_all(frame[:cut])
                await trio.lowlevel.checkpoint()
                await link.send_all(frame[cut:])
                head, body = await read_frame(link)
                told = unpack(head)
                assert (told["place"], told["generation"], told["tag"]) == (3, 7, 5)
                assert told["response_code"] == b"00"
                assert told["tpdu"] == b"\x60\1\2\3\4"
                assert decode(body, spec("binary"))[39] == "00"
            await link.aclose()
            repeats = bench.shop.core.statistics()["repeated"]

    assert repeats == len(frame) - 2


@pytest.mark.parametrize(
    "stranger",
    ["another_envelope", "too_long", "no_greeting", "another_shard", "no_shard", "short"],
)
async def test_what_is_no_link_of_ours_is_hung_up_on(stranger: str) -> None:
    said = {
        "another_envelope": b"\0\x30\0\0" + b"\x60" * 48,
        "too_long": struct.pack(">HH", 5_000, 0),
        "no_greeting": framed(header(MESSAGE, place=3), b"0800"),
        "another_shard": framed(header(GREETING, listener=1, place=1), b"g" * 32),
        "no_shard": framed(header(GREETING, listener=9, place=0), b"g" * 32),
        "short": framed(header(GREETING, listener=1, place=0), b"g" * 31),
    }
    lost = stranger in ("another_envelope", "too_long")
    with meeting_place() as directory:
        async with serving(seat=Seat(number=0, count=2, directory=directory)) as bench:
            async with await trio.open_unix_socket(directory / "0.sock") as link:
                await link.send_all(said[stranger])
                with trio.fail_after(5):
                    ended = await link.receive_some()
            await bench.wait_until(bench.closed_because)

    assert ended == b""
    assert bench.closed_because() == ["lost_framing" if lost else "other_configuration"]


async def test_a_message_for_a_card_of_another_shard_goes_no_further() -> None:
    with meeting_place() as directory:
        seat = Seat(number=0, count=2, directory=directory)
        async with serving(seat=seat) as bench:
            link = await greeted(seat)
            request = bench.shop.message("0200", "210000", card=card_of(bench, 1), stan=1)
            await link.send_all(framed(header(MESSAGE, place=3), encode(request, spec("binary"))))
            _, body = await read_frame(link)
            await link.aclose()

    assert decode(body, spec("binary"))[39] == "91"


# --- too much, forwarded --------------------------------------------------------------------------


async def test_a_request_that_the_owner_drops_is_not_waited_for_where_it_came_in() -> None:
    async with serving_shards(pending_max=300, reply_seconds=15) as benches:
        flood, late = [await benches[0].connect() for _ in range(2)]
        shop, card = benches[0].shop, card_of(benches[0], 1)
        known = await late.ask(shop.message("0200", "210000", 1_000, card=card))
        await benches[1].wait_until(lambda: benches[1].journal.durable_seq)
        benches[1].journal.stall()
        await flood.send(*(shop.message("0200", "210000", 1_000, card=card) for _ in range(150)))
        await benches[1].wait_until(lambda: benches[1].gate.statistics()["pending"] == 150)

        old = shop.message("0200", "210000", 1_000, card=card, at=shop.local_at(-40))
        await late.send(old, shop.message("0200", "210000", 1_000, card=card, stan=9_999))
        await benches[1].wait_until(lambda: benches[1].gate.statistics()["stale"] == 1)
        benches[1].journal.go_on()
        reply = await late.reply()
        await late.stream.send_eof()
        ended = await late.wait_end()
        waiting = peers_of(benches[0])[1]["waiting"]
        codes = Counter([(await flood.reply())[39] for _ in range(150)])

    assert known[39] == "00"
    assert (reply[11], reply[39]) == ("009999", "00")
    assert ended == b"", "a connection that still waited for the dropped one would have stayed"
    assert waiting == 0
    assert codes == {"00": 150}


async def test_forwarded_reversals_wait_for_the_owners_room_and_requests_do_not() -> None:
    async with serving_shards(pending_max=15) as benches:
        asking, undoing = [await benches[0].connect() for _ in range(2)]
        shop, card = benches[0].shop, card_of(benches[0], 1)
        await benches[1].wait_until(lambda: benches[1].journal.durable_seq)
        benches[1].journal.stall()
        await asking.send(*(shop.message("0200", "210000", 1_000, card=card) for _ in range(20)))
        refused = [await asking.reply() for _ in range(10)]

        await undoing.send(*(shop.message("0400", card=card) for _ in range(40)))
        await benches[1].wait_until(lambda: benches[1].gate.statistics()["postponed"])
        benches[1].journal.go_on()
        done = Counter([(await undoing.reply())[39] for _ in range(40)])
        approved = Counter([(await asking.reply())[39] for _ in range(10)])

    assert Counter(reply[39] for reply in refused) == {"91": 10}
    assert done == {"00": 40}
    assert approved == {"00": 10}
