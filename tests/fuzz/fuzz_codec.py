"""Fuzzing the codec: seeded changes of whole messages in every shipped spec, beside pyiso8583.

    python -m tests.fuzz.fuzz_codec --seconds 60 --seed 1

Holds, for any bytes: decoding ends in a message or a `DecodeError`; what is decoded is encoded to
the same bytes; what is described shows no PAN; frames are the same however the stream is cut; what
we take in pyiso8583's spec pyiso8583 takes alike. Prints the seed and the bytes of a failure.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator

import iso8583
import iso8583.specs

from switch.iso8583 import (
    NEED_DATA,
    DecodeError,
    Frame,
    FrameReader,
    Framing,
    FramingError,
    Message,
    Spec,
    compile_spec,
    decode,
    describe,
    encode,
    named,
)
from switch.iso8583.specs import SPECS

PAN = "6037991234567893"
PLAIN = iso8583.specs.default
ELEMENTS = {
    2: PAN, 3: "000000", 4: "000000150000", 7: "0722143000", 11: "123456", 32: "581672",
    35: f"{PAN}D28121010000012300000", 37: "620414123456", 41: "TERM0001", 42: "MERCHANT0000001",
    52: "0123456789ABCDEF", 64: "FEDCBA9876543210", 66: "1", 102: "1234567890",
}  # fmt: skip
NESTED = {"48.PR": "points", "48.AB": "", "55.9F26": "0011223344556677", "55.5A": PAN, "60.X1": "y"}
FRAMINGS = (
    Framing(),
    Framing(length="ascii4"),
    Framing(length="bcd2", tpdu=True),
    Framing(length="binary4", length_includes_itself=True),
)


def targets() -> list[tuple[str, Spec, bytes]]:
    """Name, spec and a whole message to mutate."""
    found = []
    for name in SPECS:
        elements = {n: v for n, v in ELEMENTS.items() if n != 66 or name != "iso1993-ascii"}
        message = Message("0200", {**elements, **NESTED})
        found.append((name, named(name), encode(message, named(name))))
    plain = compile_spec(PLAIN, "pyiso8583 default")
    found.append(("plain", plain, encode(Message("0200", ELEMENTS), plain)))
    return found


def mutated(source: bytes, chance: random.Random) -> bytes:
    """The bytes with one to four changes; now and then noise instead."""
    if chance.random() < 0.02:
        return chance.randbytes(chance.randrange(120))
    data = bytearray(source)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data)) if data else 0
        kind = chance.randrange(6)
        if kind == 0 or not data:
            data.insert(at, chance.randrange(256))
        elif kind == 1:
            del data[at]
        elif kind == 2:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 3:
            data[at] = chance.choice(b" 0159_+-AFaf\x00\x99\xf0\xf9\xff")
        elif kind == 4:
            del data[at : at + chance.randint(1, 8)]
        else:
            end = at + chance.randint(1, 8)
            data[at:at] = data[at:end]
    return bytes(data)


def check_message(name: str, spec: Spec, data: bytes) -> bool:
    """Hold everything that is true of any bytes; whether they were a message."""
    assert PAN not in describe(data, spec), "a PAN was shown"
    try:
        message = decode(data, spec)
    except DecodeError:
        return False
    assert encode(message, spec) == data, "not written as it was read"
    if name == "plain":
        theirs = iso8583.decode(data, PLAIN)[0]
        ours = {"t": message.mti, **{key: message[key] for key in message}}
        assert ours == {key: theirs[key] for key in theirs if key not in ("p", "1")}
    return True


def check_stream(stream: bytes, framing: Framing, chance: random.Random) -> None:
    """Frames, and where the framing is lost, don't depend on how the bytes came."""
    pieces = []
    at = 0
    while at < len(stream):
        size = chance.randint(1, 40)
        pieces.append(stream[at : at + size])
        at += size
    assert list(frames(framing, [stream])) == list(frames(framing, pieces))


def frames(framing: Framing, pieces: list[bytes]) -> Iterator[Frame | str]:
    """The frames of a stream, and the word "lost" where it breaks."""
    reader = FrameReader(framing, frame_bytes_max=512)
    for piece in pieces:
        reader.receive_data(piece)
        try:
            while (frame := reader.next_frame()) is not NEED_DATA:
                yield frame
        except FramingError:
            yield "lost"
            return


def fuzz(seconds: float, seed: int) -> dict[str, int]:
    """Run for so long; how many inputs there were and how many were whole. Raises on a fault."""
    chance = random.Random(seed)
    sources = targets()
    counts = {"inputs": 0, "whole": 0, "streams": 0}
    end_ns = time.monotonic_ns() + int(seconds * 1e9)
    while time.monotonic_ns() < end_ns:
        name, spec, source = chance.choice(sources)
        data = mutated(source, chance)
        try:
            counts["whole"] += check_message(name, spec, data)
            counts["inputs"] += 1
            if chance.random() < 0.2:
                framing = chance.choice(FRAMINGS)
                tpdu = bytes.fromhex("6000030001") if framing.tpdu else b""
                stream = framing.frame(source, tpdu) * 3
                data = mutated(stream, chance)
                check_stream(data, framing, chance)
                counts["streams"] += 1
        except BaseException:
            print(f"seed {seed}, {name}: {data.hex()}", file=sys.stderr)
            raise
    return counts


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Fuzz the ISO 8583 codec.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    print(f"seed {seed}, {options.seconds:g} s")
    print(fuzz(options.seconds, seed))


if __name__ == "__main__":
    main()
