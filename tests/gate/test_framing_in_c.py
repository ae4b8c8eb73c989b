"""The gate frames as `switch.iso8583.framing` does: every kind of length, TPDU, length with itself.

Method: the same bytes, whole and broken, cut at any place, go to a real gate and to `FrameReader`.
Both must find the same frames before the same breach. A frame is seen from outside by the reply to
the echo test that it carries.
"""

import random
import time
from contextlib import suppress

import pytest
import trio

from switch.iso8583 import (
    NEED_DATA,
    DecodeError,
    FrameReader,
    Framing,
    FramingError,
    Message,
    decode,
    encode,
)
from switch.iso8583.framing import TPDU_BYTES
from switch.limits import FRAME_BYTES_MAX
from tests.support.gate_bench import Bench, serving
from tests.support.shop import spec

FRAMINGS = {
    f"{length}{'-tpdu' if tpdu else ''}{'-itself' if itself else ''}": Framing(
        length=length, tpdu=tpdu, length_includes_itself=itself
    )
    for length in ("binary2", "ascii4", "bcd2", "binary4")
    for tpdu in (False, True)
    for itself in (False, True)
}
STREAMS_PER_FRAMING = 12


def echo(stan: int) -> Message:
    """Build an echo test; what a terminal would say of the time is near enough for it."""
    at = time.strftime("%m%d%H%M%S", time.gmtime())
    return Message("0800", {7: at, 11: f"{stan:06d}", 41: "T0000001", 70: "301"})


def random_stream(framing: Framing, chance: random.Random) -> bytes:
    """Give some echoes, framed; in two of three streams something is wrong somewhere."""
    frames = [
        framing.frame(
            encode(echo(stan), spec("ascii")),
            b"\x60" + chance.randbytes(4) if framing.tpdu else b"",
        )
        for stan in range(1, chance.randint(2, 6))
    ]
    stream = bytearray(b"".join(frames))
    fault = chance.randrange(6)
    if fault == 0:
        at = chance.randrange(len(frames)) * len(frames[0])
        stream[at + chance.randrange(framing.length_bytes)] = chance.randrange(256)
    elif fault == 1 and framing.tpdu:
        stream[framing.length_bytes] = chance.choice([0x00, 0x61, 0x06])
    elif fault == 2:
        stream += (FRAME_BYTES_MAX + TPDU_BYTES + 10).to_bytes(2, "big") + bytes(8)
    elif fault == 3:
        del stream[chance.randrange(1, len(stream)) :]
    return bytes(stream)


def frames_in_python(framing: Framing, stream: bytes) -> tuple[list[tuple[bytes, bytes]], bool]:
    """Give (TPDU, STAN) of each frame that carries an echo, and whether the framing was lost.

    Ends at a frame whose length is possible and wrong: what both sides find then is no message.
    """
    reader = FrameReader(framing)
    reader.receive_data(stream)
    found = []
    try:
        while (frame := reader.next_frame()) is not NEED_DATA:
            found.append((frame.tpdu, decode(frame.body, spec("ascii"))[11].encode()))
    except FramingError:
        return found, True
    except DecodeError:
        return found, False
    return found, False


async def frames_in_c(
    bench: Bench, name: str, stream: bytes, cuts: list[int]
) -> tuple[list[tuple[bytes, bytes]], bool]:
    """Give the same of the gate, from its replies: their TPDU is the request's turned round."""
    link = await bench.connect(name)
    closed_before = len(bench.closed_because())
    for first, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        if first < end:
            try:
                await link.stream.send_all(stream[first:end])
            except trio.BrokenResourceError:
                break
            await trio.lowlevel.checkpoint()
    await trio.sleep(0.002)
    with suppress(trio.BrokenResourceError):
        await link.stream.send_eof()
    received = await link.wait_end()
    reader = FrameReader(FRAMINGS[name])
    reader.receive_data(received)
    found = []
    while (frame := reader.next_frame()) is not NEED_DATA:
        tpdu = frame.tpdu[:1] + frame.tpdu[3:] + frame.tpdu[1:3]
        found.append((tpdu, decode(frame.body, spec("ascii"))[11].encode()))
    assert reader.unfinished_bytes == 0
    await bench.wait_until(lambda: len(bench.closed_because()) > closed_before)
    why = bench.closed_because()[closed_before]
    return found, why in ("lost_framing", "not_iso_8583")


@pytest.mark.slow
@pytest.mark.parametrize("name", FRAMINGS)
async def test_the_gate_and_python_find_the_same_frames(name: str) -> None:
    chance = random.Random(name)
    lost_count = 0
    async with serving(framings={name: ("ascii", FRAMINGS[name])}) as bench:
        for _ in range(STREAMS_PER_FRAMING):
            stream = random_stream(FRAMINGS[name], chance)
            cuts = sorted(chance.sample(range(len(stream) + 1), min(3, len(stream))))

            in_python, lost_in_python = frames_in_python(FRAMINGS[name], stream)
            in_c, lost_in_c = await frames_in_c(bench, name, stream, cuts)

            seed = f"{name}: {stream.hex()} cut at {cuts}"
            assert in_c[: len(in_python)] == in_python, seed
            assert not lost_in_python or (lost_in_c and in_c == in_python), seed
            lost_count += lost_in_python
        assert 0 < lost_count < STREAMS_PER_FRAMING, "both kinds of stream were tried"


async def test_the_largest_body_passes_and_one_byte_more_does_not() -> None:
    listeners = {name: ("ascii", framing) for name, framing in FRAMINGS.items()}
    async with serving(framings=listeners) as bench:
        for name, framing in FRAMINGS.items():
            largest, larger = await bench.connect(name), await bench.connect(name)
            tpdu = bytes.fromhex("6000000000") if framing.tpdu else b""

            await largest.stream.send_all(framing.frame(b"x" * FRAME_BYTES_MAX, tpdu))
            await largest.wait_end()
            await larger.stream.send_all(framing.frame(b"x" * (FRAME_BYTES_MAX + 1), tpdu)[:4])
            await larger.wait_end()

            assert bench.closed_because()[-2:] == ["not_iso_8583", "lost_framing"], name
