"""A fork of a real process writes what a replay of the journal would write, and leaves nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from switch._core import Core
from switch._fork import fork_image
from switch._image import Image
from switch._snapshot import dump
from switch.directory import Directory
from switch.ledger.database import Database
from switch.recovery import rebuild, replay_rows, replaying_core
from tests.support.journaled_shop import JournaledShop, new_core, original

ENTRIES = 64  # so few that exchanges leave memory, are recalled and push others out

FORK_AND_SAY = """
import os, socket, sys, time
from switch._fork import fork_image
from switch._image import Image
from tests.support.journaled_shop import JournaledShop, new_core

shop = JournaledShop(None, new_core(exchange_entries=1 << 20)).open(cards=4)
for first in range(0, 200):
    shop.send(amount_minor=1)
shop.core.cut_batch()
listening = socket.create_server(("127.0.0.1", 0))
print(os.getpid(), listening.getsockname()[1], flush=True)
while True:
    image = Image(shop.core)
    print(fork_image(image, 19), flush=True)
    os.wait()
"""

FORK_REFUSED = """
import os, resource, signal
from switch._fork import fork_image
from switch._image import Image
from tests.support.journaled_shop import new_core

image = Image(new_core())
if os.geteuid() == 0:
    os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
try:
    fork_image(image, 5)
except OSError as error:
    print(error, signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""


def forked(core: Core) -> list[tuple[str, bytes]]:
    image = Image(core)
    _, status = os.waitpid(fork_image(image, 5), 0)
    assert status == 0
    return list(image.rows())


@pytest.fixture
def db(database: str) -> Iterator[Database]:
    with Database(database) as opened:
        yield opened


async def trade(shop: JournaledShop, random: Random, count: int) -> None:
    """Whatever terminals do: approved, declined, held, undone in parts, asked for much later."""
    past: list[tuple[int, int, str]] = []
    for _ in range(count):
        shop.now_us += random.randrange(200_000, 3_000_000)
        kind = random.choice(("0200", "0200", "points", "load", "0100", "0400", "0220", "beyond"))
        fields: dict[str, Any] = {"card": random.randrange(4)}
        fields["amount_minor"] = random.randrange(10_000, 400_000)
        if kind in ("0400", "0220"):
            if not past:
                continue
            fields["more"] = {90: original(*random.choice(past))}
        elif kind == "load":
            fields["code"] = "210000"
        elif kind == "points":
            fields["code"] = "006000"
        elif kind == "beyond":
            fields["amount_minor"] = 99_999_999
        mti = kind if kind in ("0100", "0400", "0220") else "0200"
        await shop.talk(shop.request(mti, **fields))
        if mti in ("0100", "0200"):
            past.append((shop.last_stan, shop.now_us // 1_000_000, mti))
        if random.random() < 0.2:
            shop.core.expire_holds(shop.now_us - 60_000_000, 12_600, 10)
        shop.commit()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_a_fork_writes_the_bytes_that_replaying_the_journal_gives(
    db: Database, seed: int
) -> None:
    shop = JournaledShop(db, new_core(exchange_entries=ENTRIES)).open()
    shop.load(50_000_000)
    await trade(shop, Random(seed), 250)
    assert shop.core.statistics()["recalled"] > 0, "recalls change the order of memory"
    assert shop.core.statistics()["lots"] > 0

    live = forked(shop.core)

    core = replaying_core(0, ENTRIES)
    directory = Directory(core)
    db.call_sync(replay_rows, core, directory, 0, shop.core.last_seq, lambda *_: None)
    assert live == list(dump(core)) == list(dump(shop.core))
    assert directory.dump() == shop.directory.dump()


@pytest.mark.slow
async def test_what_a_recovered_switch_writes_is_the_same_too(db: Database) -> None:
    shop = JournaledShop(db, new_core(exchange_entries=ENTRIES)).open()
    shop.load(50_000_000)
    await trade(shop, Random(7), 120)
    found = db.call_sync(rebuild, 0, lambda: new_core(exchange_entries=ENTRIES), lambda *_: None)
    again = JournaledShop(db, found.core, found.directory, epoch=2)
    again.now_us = shop.now_us
    await trade(again, Random(8), 120)

    live = forked(again.core)

    core = replaying_core(0, ENTRIES)
    db.call_sync(replay_rows, core, Directory(core), 0, again.core.last_seq, lambda *_: None)
    assert live == list(dump(core))


def test_a_fork_sees_the_moment_in_which_it_was_made() -> None:
    shop = JournaledShop(None, new_core()).open()
    shop.load(1_000_000)
    before = list(dump(shop.core))
    image = Image(shop.core)

    pid = fork_image(image, 19)
    for _ in range(50):
        shop.send(amount_minor=100)
    os.waitpid(pid, 0)

    assert list(image.rows()) == before != list(dump(shop.core))


def test_a_fork_that_is_killed_leaves_an_image_that_says_so() -> None:
    shop = JournaledShop(None, new_core(exchange_entries=1 << 20)).open()
    image = Image(shop.core)

    pid = fork_image(image, 19)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)

    if os.waitstatus_to_exitcode(status) != 0:  # it may have been quicker
        assert image.used_bytes == 0
        assert list(image.rows()) == []


def test_a_closed_image_is_not_read() -> None:
    image = Image(new_core())
    image.write()
    rows = image.rows()

    image.close()
    image.close()

    with pytest.raises(AssertionError, match="closed"):
        next(rows)


def test_signals_and_children_are_as_before() -> None:
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])

    forked(new_core())

    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == mask
    # A child of the usual kind gets the details' memory again.
    assert subprocess.run([sys.executable, "-c", ""], check=False).returncode == 0


@pytest.mark.slow
def test_without_a_place_for_a_process_it_is_an_error_that_changes_nothing() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FORK_REFUSED], capture_output=True, text=True, check=True
    )

    assert ended.stdout == "[Errno 11] the process could not be forked set()\n"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_nothing_survives_a_killed_switch_neither_process_nor_port(seed: int) -> None:
    random = Random(seed)
    with subprocess.Popen(
        [sys.executable, "-c", FORK_AND_SAY], stdout=subprocess.PIPE, text=True
    ) as switch:
        assert switch.stdout is not None
        pid, port = map(int, switch.stdout.readline().split())
        for _ in range(random.randrange(1, 5)):
            child = int(switch.stdout.readline())
        time.sleep(random.uniform(0, 0.02))
        os.kill(pid, signal.SIGKILL)
        switch.wait()

    # It may have forked once more than it had time to say: that process has to end as well.
    ended_before = time.monotonic() + 2.0
    while (is_alive(child) or is_held(port)) and time.monotonic() < ended_before:
        time.sleep(0.005)
    assert not is_alive(child)
    assert not is_held(port)


@pytest.mark.slow
def test_a_fork_holds_no_descriptor() -> None:
    script = FORK_AND_SAY.replace("fork_image(image, 19)", "look(fork_image(image, 19))").replace(
        "import os, socket, sys, time",
        "import os, socket, sys, time, json\n"
        "def look(pid):\n"
        "    for _ in range(1000):\n"
        "        with open(f'/proc/{pid}/comm') as file:\n"
        "            if file.read() == 'bashgah-image\\n': break\n"
        "    return json.dumps(os.listdir(f'/proc/{pid}/fd'))\n",
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as switch:
        assert switch.stdout is not None
        switch.stdout.readline()
        assert json.loads(switch.stdout.readline()) == []
        switch.kill()


def is_held(port: int) -> bool:
    """Whether somebody listens on a port."""
    try:
        with socket.create_server(("127.0.0.1", port)):
            return False
    except OSError:
        return True


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped (Z) does not."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
