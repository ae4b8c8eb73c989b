"""Which shard of a site a connection has reached: the kernel chooses, this finds out.

Owns the reading of the shards' metrics. For tests that need a message to come in at a shard that
does not own its card.
"""

import hmac
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client.parser import text_string_to_metric_families

from acquirers.terminal.wire import Wire
from bashgah import demo
from bashgah.site import Site
from switch.config import read_pan_key, slot_owners
from switch.iso8583 import Message, encode
from switch.slots import slot_of
from tests.golden.line import REPLY_SECONDS_MAX, Line

ATTEMPTS_MAX = 200


def metric(url: str, name: str, **labels: str) -> float:
    """Give the sum of a metric's samples that have these labels."""
    with urllib.request.urlopen(url, timeout=5) as response:
        text: str = response.read().decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


@contextmanager
def connected_through(url: str, port: int, wire: Wire) -> Iterator[Line]:
    """Give a line to the shard whose metrics are at `url`, at a port that it shares."""
    for _ in range(ATTEMPTS_MAX):
        before = metric(url, "bashgah_connections_accepted_total")
        with socket.create_connection(("127.0.0.1", port), timeout=REPLY_SECONDS_MAX) as sock:
            line = Line(sock, wire)
            line.send(_echo(wire))
            line.receive()  # once it is answered the connection has been counted
            if metric(url, "bashgah_connections_accepted_total") > before:
                yield line
                return
    raise AssertionError(f"no connection reached the shard of {url}")


def _echo(wire: Wire) -> bytes:
    at = time.strftime("%m%d%H%M%S", time.gmtime())
    elements = {7: at, 11: "000001", 41: demo.TERMINALS[0][0], 70: "301"}
    return encode(Message("0800", elements), wire.spec)


def owner_of(site: Site, pan: str) -> int:
    """Give the shard of a site that owns a card."""
    assert site.config.keys.pan_key_file is not None
    key = read_pan_key(site.config.keys.pan_key_file)
    token = hmac.digest(key, pan.encode("ascii"), "sha256")[:16]
    return slot_owners(site.config.switch)[slot_of(token)]
