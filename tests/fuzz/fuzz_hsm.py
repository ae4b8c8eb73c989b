"""Fuzzing the HSM: random and mutated commands, in process, through framing and execution.

    python -m tests.fuzz.fuzz_hsm --frames 1000000 --seed 1

Holds, whatever is sent: no exception but an answered error; the header, the right reply code, and
two characters that are an error code. A mutated command starts as one that works: published ones,
and all that the self-test sends. Prints the seed and the bytes of a failure.
"""

import argparse
import random
import sys
import time
from collections import Counter

from hsm_sim.errors import ErrorCode
from hsm_sim.framing import FrameReader, framed
from hsm_sim.hsm import Hsm
from hsm_sim.selftest import published
from tests.fuzz.fuzz_codec import mutated
from tests.support.hsm import played, published_hsm

CODES = frozenset(code.value.encode("ascii") for code in ErrorCode)
FRAMES = 1_000_000
HEADER_BYTES = 4
HEX, DIGITS = b"0123456789ABCDEF", b"0123456789"
PLAIN = (b"NC", b"NO00", b"NO01", b"B20003abc", b"N0016", b"JK", b"J2", b"J4", b"J8", b"RA",
         b"NK0020009B20003abc0004NO01", b"A0000U", b"A0001U#", b"A0FFFS%01#P0T2E00E00",
         b"IA", b"HC")  # fmt: skip


def sources() -> list[bytes]:
    """Give commands that work: every command that a recipe of the self-test sends, and more."""
    hsm = published_hsm()
    hsm.authorised = True
    sent = [command for vector in published() for command in played(hsm, vector)[1]]
    return sorted({*PLAIN, *sent})


def broken(found: list[bytes], codes: list[bytes], chance: random.Random) -> bytes:
    """Give a message of at least two bytes: noise, or a command with something wrong."""
    kind = chance.randrange(10)
    source = chance.choice(found)
    if kind == 0:
        message = chance.randbytes(chance.randrange(2, 120))
    elif kind == 1:
        message = chance.choice(codes) + chance.randbytes(chance.randrange(120))
    elif kind == 2:  # only characters that fields are made of
        alphabet = chance.choice((HEX, DIGITS, b"0123456789ABCDEFNSUTXYZ;%#\x19"))
        message = chance.choice(codes) + bytes(chance.choices(alphabet, k=chance.randrange(200)))
    elif kind == 3:  # another command's fields
        message = chance.choice(codes) + source[2:]
    elif kind == 4:  # cut short
        message = source[: chance.randrange(2, len(source) + 1)]
    elif kind == 5:  # a digit or letter that may stand there, but does not
        at = chance.randrange(2, len(source)) if len(source) > 2 else 2
        message = source[:at] + bytes([chance.choice(HEX)]) + source[at + 1 :]
    elif kind == 6:  # the end of another
        other = chance.choice(found)
        cut = chance.randrange(len(source))
        message = source[:cut] + other[min(cut, len(other)) :]
    else:
        message = source[:2] + mutated(source[2:], chance)
    return message if len(message) >= 2 else b"NC"


def check(hsm: Hsm, header: bytes, message: bytes) -> bytes:
    """Hold what is true of every answer; its error code."""
    frames, lost = FrameReader(HEADER_BYTES).receive(framed(header, message))
    assert not lost
    assert frames == [(header, message)]
    response = framed(header, hsm.execute(message))
    assert response[2:6] == header
    known = message[:2].decode("latin-1") in hsm.commands
    if known:
        assert response[6:8] == bytes((message[0], message[1] + 1)), "the reply code"
    assert response[8:10] in CODES, "the error code"
    if response[8:10] == b"ZZ":
        assert not known, "a command that is there"
    return response[8:10]


def fuzz(frame_count: int, seed: int) -> dict[str, int]:
    """Send so many; how they were answered. Raises on a fault."""
    chance = random.Random(seed)
    hsm = published_hsm()
    found = sources()
    codes = [code.encode("ascii") for code in hsm.commands]
    answered: Counter[str] = Counter()
    for number in range(frame_count):
        message = broken(found, codes, chance)
        # Half of the time everything is allowed; RA among the frames would end that soon.
        hsm.authorised = number % 2 == 0
        try:
            code = check(hsm, chance.randbytes(HEADER_BYTES), message)
        except Exception:
            print(f"seed {seed}, frame {number}: {message.hex()}", file=sys.stderr)
            raise
        answered[code.decode("ascii")] += 1
    return {"frames": frame_count, "sources": len(found), **dict(sorted(answered.items()))}


def main() -> None:
    """Fuzz, and say what was tried."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.fuzz_hsm", description=__doc__)
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--seed", type=int, default=None, help="default: by the clock")
    arguments = parser.parse_args()
    seed = time.time_ns() % 1_000_000 if arguments.seed is None else arguments.seed
    print(f"fuzzing {arguments.frames:,} commands, seed {seed}", flush=True)
    counts = fuzz(arguments.frames, seed)
    print(", ".join(f"{name} {count:,}" for name, count in counts.items()))


if __name__ == "__main__":
    main()
