"""Attacks on a gate from a process of its own: `python -m tests.gate.attack KIND PORT`.

Says "attacking" when the attack is under way, attacks until its input ends. It runs at a low
priority: it is the switch's attention that it may take, not the machine's processors, which in
earnest are the attacker's own.
"""

import os
import random
import resource
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

LORIS_COUNT = 200
IDLE_COUNT = 10_000
CHURN_BATCH = 50
FLOOD_BYTES = 9_000

stop = threading.Event()


def connected(port: int) -> socket.socket:
    """Connect to the gate."""
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def garbage(port: int, begun: Callable[[], None]) -> None:
    """Connect, throw noise, be hung up on, again and again."""
    chance = random.Random(1)
    while not stop.is_set():
        with connected(port) as link, suppress(OSError):
            link.sendall(chance.randbytes(FLOOD_BYTES))
            link.recv(1)
        begun()


def slow_loris(port: int, begun: Callable[[], None]) -> None:
    """Keep many frames unfinished, a byte each time round; replace those that are closed."""
    links: list[socket.socket] = []
    while not stop.is_set():
        while len(links) < LORIS_COUNT:
            links.append(connected(port))
            links[-1].sendall(b"\x0f\xff\x60")
        kept = []
        for link in links:
            try:
                link.sendall(b"\x00")
                kept.append(link)
            except OSError:
                link.close()
        links = kept
        begun()
        stop.wait(0.1)
    for link in links:
        link.close()


def churn(port: int, begun: Callable[[], None]) -> None:
    """Open connections and leave them at once."""
    while not stop.is_set():
        for link in [connected(port) for _ in range(CHURN_BATCH)]:
            link.close()
        begun()
        stop.wait(0.01)


def idle(port: int, begun: Callable[[], None]) -> None:
    """Open 10,000 connections and say nothing on any."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, IDLE_COUNT + 500), hard))
    links = [connected(port) for _ in range(IDLE_COUNT)]
    begun()
    stop.wait()
    for link in links:
        link.close()


def greetings(port: int, begun: Callable[[], None]) -> None:
    """Have the switch compute for handshakes that are never gone on with, many at a time."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    outgoing = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="x").do_handshake()
    first_words = outgoing.read()
    while not stop.is_set():
        links = [connected(port) for _ in range(CHURN_BATCH)]
        for link in links:
            link.sendall(first_words)
        for link in links:
            link.recv(1)
            link.close()
        begun()


ATTACKS = {
    "garbage": garbage,
    "slow_loris": slow_loris,
    "churn": churn,
    "idle": idle,
    "greetings": greetings,
}


def main(kind: str, port: int) -> None:
    """Attack until standard input ends."""
    os.nice(10)
    said = threading.Event()

    def begun() -> None:
        if not said.is_set():
            said.set()
            sys.stdout.write("attacking\n")
            sys.stdout.flush()

    attacker = threading.Thread(target=ATTACKS[kind], args=(port, begun))
    attacker.start()
    while sys.stdin.read(1):
        time.sleep(0)
    stop.set()
    attacker.join()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
