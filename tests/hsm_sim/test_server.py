"""The server over real sockets."""

import re
from contextlib import AsyncExitStack

import pytest
import structlog
import trio

from hsm_sim.fields import Fields
from hsm_sim.framing import framed
from hsm_sim.hsm import Command, Hsm
from hsm_sim.server import Bounds
from tests.support.hsm import connected, frames, published_hsm, received, served_hsm


async def test_a_diagnosis_is_answered_in_the_form_of_a_payshield() -> None:
    async with served_hsm() as (_, address), connected(address) as stream:
        await stream.send_all(bytes.fromhex("0006 48454144 4e43"))

        answers = await received(stream, 1)

        assert re.fullmatch(rb"HEADND00[0-9A-F]{16}\d{4}-\d{4}", answers[0])
        await stream.aclose()


async def test_a_thousand_commands_in_one_write_are_answered_in_their_order() -> None:
    messages = [b"B20004%04d" % number for number in range(1_000)]
    async with served_hsm() as (server, address), connected(address) as stream:
        await stream.send_all(frames(messages))

        answers = await received(stream, 1_000)

        assert answers == [b"%04dB300%04d" % (number, number) for number in range(1_000)]
        assert server.statistics().commands == 1_000
        await stream.aclose()


async def test_frames_cut_at_every_byte_are_answered() -> None:
    stream_bytes = frames([b"B20003abc", b"NO01"])
    async with served_hsm() as (_, address), connected(address) as stream:
        for cut in range(1, len(stream_bytes)):
            await stream.send_all(stream_bytes[:cut])
            await trio.lowlevel.checkpoint()
            await stream.send_all(stream_bytes[cut:])

            assert await received(stream, 2) == [b"0000B300abc", b"0001NP000"]
        await stream.aclose()


async def test_many_connections_are_served_beside_each_other() -> None:
    async with served_hsm() as (server, address), AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(connected(address)) for _ in range(200)]
        for number, stream in enumerate(streams):
            await stream.send_all(framed(b"%04d" % number, b"B20001x"))

        answers = [(await received(stream, 1))[0] for stream in streams]

        assert answers == [b"%04dB300x" % number for number in range(200)]
        assert server.statistics().open == 200


async def test_headers_have_the_length_that_was_configured() -> None:
    async with (
        served_hsm(published_hsm(header_bytes=12)) as (_, address),
        connected(address) as stream,
    ):
        await stream.send_all(framed(b"\x00\xffcorrelated", b"B20001x"))

        assert await received(stream, 1) == [b"\x00\xffcorrelatedB300x"]
        await stream.aclose()


@pytest.mark.parametrize("start", [b"\x00\x05HEADN", b"\x00\x00", b"\xff\xffHEADNC"])
async def test_a_length_that_cannot_be_closes_the_connection_with_one_line(start: bytes) -> None:
    with structlog.testing.capture_logs() as lines:
        async with served_hsm() as (server, address), connected(address) as stream:
            await stream.send_all(framed(b"HEAD", b"B20001x") + start)

            # What was whole before it is answered; then there is nothing more.
            assert await received(stream, 2) == [b"HEADB300x"]

            assert server.statistics().lost_framing == 1
            assert server.statistics().open == 0
    assert [(line["event"], line["reason"]) for line in lines] == [
        ("hsm_connection_closed", "lost_framing")
    ]


async def test_connections_beyond_the_bound_are_refused() -> None:
    bounds = Bounds(connections_max=2)
    async with served_hsm(bounds=bounds) as (server, address), AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(connected(address)) for _ in range(3)]
        for stream in streams[:2]:
            await stream.send_all(framed(b"HEAD", b"B20001x"))
            assert await received(stream, 1) == [b"HEADB300x"]

        assert await hung_up(streams[2])

        assert server.statistics().refused == 1
        assert server.statistics().accepted == 2


async def test_a_bug_in_a_handler_answers_41_and_disturbs_nobody() -> None:
    with structlog.testing.capture_logs() as lines:
        async with (
            served_hsm(published_hsm(Command("QQ", "A bug", stumble))) as (server, address),
            connected(address) as stream,
        ):
            await stream.send_all(frames([b"B20001a", b"QQ4000001234567899", b"B20001b"]))

            answers = await received(stream, 3)

            assert answers == [b"0000B300a", b"0001QR41", b"0002B300b"]
            assert server.statistics().failed == 1
    assert [line["event"] for line in lines] == ["hsm_command_failed"]
    assert lines[0]["error"] == "KeyError"
    assert lines[0]["at"].startswith("test_server.py:")
    assert "4000001234567899" not in str(lines)


def stumble(hsm: Hsm, fields: Fields) -> bytes:
    raise KeyError(fields.take(fields.left))


async def test_a_response_too_long_for_a_frame_answers_41() -> None:
    with structlog.testing.capture_logs() as lines:
        async with (
            served_hsm(published_hsm(Command("QQ", "Too much", lambda *_: bytes(70_000)))) as (
                _,
                address,
            ),
            connected(address) as stream,
        ):
            await stream.send_all(frames([b"QQ"]))

            assert await received(stream, 1) == [b"0000QR41"]
    assert [line["event"] for line in lines] == ["hsm_command_failed"]


@pytest.mark.slow
async def test_a_silent_connection_is_closed() -> None:
    with structlog.testing.capture_logs() as lines:
        async with (
            served_hsm(bounds=Bounds(idle_seconds_max=0.1)) as (server, address),
            connected(address) as stream,
        ):
            assert await hung_up(stream)

            assert server.statistics().idle == 1
    assert [line["reason"] for line in lines] == ["idle"]


@pytest.mark.slow
async def test_who_does_not_read_is_closed_and_disturbs_nobody() -> None:
    flood = frames([b"N0256"] * 4_000)
    with structlog.testing.capture_logs():
        async with (
            served_hsm(bounds=Bounds(send_seconds_max=0.1)) as (server, address),
            connected(address) as silent,
            connected(address) as other,
        ):
            with trio.move_on_after(0.5):
                while True:
                    await silent.send_all(flood)

            await other.send_all(framed(b"HEAD", b"B20001x"))
            assert await received(other, 1) == [b"HEADB300x"]
            with trio.fail_after(5):
                while server.statistics().unread == 0:  # noqa: ASYNC110 (there is no event)
                    await trio.sleep(0.05)


async def test_what_was_read_is_answered_when_the_server_stops() -> None:
    messages = [b"N0256"] * 1_500
    async with (
        served_hsm() as (server, address),
        connected(address) as stream,
        connected(address) as idle,
    ):
        await stream.send_all(frames(messages))
        answers = await stream.receive_some(1)

        server.stop()
        while chunk := await stream.receive_some(65_536):
            answers += chunk

        count = server.statistics().commands
        assert 0 < count <= 1_500
        assert len(answers) == count * (2 + 4 + 4 + 256)
        assert await hung_up(idle)


async def hung_up(stream: trio.SocketStream) -> bool:
    with trio.fail_after(5):
        try:
            return await stream.receive_some(1) == b""
        except trio.BrokenResourceError:
            return True
