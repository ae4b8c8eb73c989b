"""A key and a PIN that are dropped are gone from memory, not only from Python's sight.

Method: a child makes random ones, which reach its parent without ever being Python objects there (a
key from C memory into a pipe, a PIN sealed under a key that the parent knows). The parent reads all
of the child's memory: it finds them while they are in use, and not after.

Not shown, for nothing in Python can help it: `bytes` and `str` from which somebody made a key or
PIN (`Key.of`, `Pin.of`, what was typed at a console), the kernel's socket buffers, swap.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hsm_sim._keys import Key
from hsm_sim._pins import FORMATS, open_block
from tests.source_tree import ROOT

TDES, AES = 0, 1
ACCOUNT = b"400123456790"
SEALING = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
CHILD = """
import gc, os, sys
from hsm_sim._keys import Key
from hsm_sim._macs import cmac
from hsm_sim._pins import FORMATS, Pin, seal_block

out = sys.stdout.fileno()
sealing = Key.of(0, bytes.fromhex(sys.argv[1]))
key, tdes, pin = Key.random(1, 32), Key.random(0, 24), Pin.random(12)
for one in (key, tdes):
    one.encrypt_ecb(bytes(16)), one.decrypt_ecb(bytes(16)), cmac(one, b"message")
    one.write_to(out)
os.write(out, seal_block(sealing, pin, FORMATS["ISO-0"], sys.argv[2].encode()))
sys.stdin.readline()
del key, tdes, pin, one
gc.collect()
os.write(out, b"!")
sys.stdin.readline()
"""


def memory_of(pid: int) -> bytes:
    """Give all that a process has in memory that it may write."""
    found = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            place, rights, *_ = line.split()
            if "w" not in rights:
                continue
            start, end = (int(part, 16) for part in place.split("-"))
            memory.seek(start)
            try:
                found.append(memory.read(end - start))
            except OSError:
                continue  # a guard page, or the kernel's own
    return b"".join(found)


@contextmanager
def child() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", CHILD, SEALING.hex(), ACCOUNT.decode()]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, bufsize=0
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_all(descriptor: int, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = os.read(descriptor, count - len(found))
        assert part, "the child ended"
        found += part
    return found


@pytest.mark.slow
def test_a_dropped_key_and_a_dropped_pin_are_gone_from_memory() -> None:
    with child() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = read_all(process.stdout.fileno(), 32 + 24 + 8)
        pin = open_block(Key.of(TDES, SEALING), told[-8:], FORMATS["ISO-0"], ACCOUNT).revealed()
        numbers = bytes(digit - 48 for digit in pin)
        secrets = {"AES key": told[:32], "half of it": told[16:32], "TDES key": told[32:56]}

        used = memory_of(process.pid)
        process.stdin.write(b"\n")
        assert read_all(process.stdout.fileno(), 1) == b"!"
        dropped = memory_of(process.pid)

    assert [name for name, secret in secrets.items() if secret in used] == list(secrets)
    assert pin in used or numbers in used
    assert [name for name, secret in secrets.items() if secret in dropped] == []
    assert pin not in dropped
    assert numbers not in dropped
    block = (int(f"0C{pin.decode()}FF", 16) ^ int(ACCOUNT, 16)).to_bytes(8, "big")
    assert block not in dropped
    assert block[1:] not in dropped
