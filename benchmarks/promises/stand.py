"""A test stand: PostgreSQL, the club of the table, and a real switch process on it.

Owns their lifetimes in a directory that is removed in the end, and how a load is put on the switch.
Everything but what a `Stand` is told is the switch's default configuration. Must not know what is
measured.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import trio

from bashgah.bootstrap import Owned, append_waiting, own_shard
from bashgah.demo_site import HOST, free_port, write_pan_key
from bashgah.site import Site
from benchmarks.hsm_process import RunningHsm, running_hsm
from benchmarks.promises import club
from benchmarks.promises.cpu import CpuWatch
from benchmarks.promises.secrets import Secrets
from hsm_sim.lmk_files import load_lmk
from issuers.purse import purse
from loadtest.arrival import Timetable, closed
from loadtest.run import Outcome, RunPlan, Watch, run_load
from loadtest.target import Target, load_target
from loadtest.workload import Workload, load_workload
from switch.config import (
    Config,
    Hsm,
    Http,
    Journal,
    Keys,
    Listener,
    Log,
    Memory,
    Postgres,
    Switch,
    read_dsn,
    read_pan_key,
)
from switch.events import Event
from switch.ledger.database import Database
from switch.ledger.tenures import application_name
from switch.places import utc_offset_seconds

HERE = Path(__file__).parent
PROFILE = "pos-binary"
EVENTS_PER_COMMIT = 20  # of ten thousand cards each: a few megabytes
REPLY_SECONDS = 10.0
POLL_SECONDS = 0.02
NEVER = 1 << 40  # entries until the next snapshot
WRITER_PID = "SELECT pid FROM pg_stat_activity WHERE application_name = :'name'"

Token = Callable[[str], bytes]


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How a load arrives: over how many connections, with how many outstanding on each."""

    connections: int
    window: int = 1
    arrival: Timetable = closed()


LINKS = Shape(connections=16, window=256)
TERMINALS = Shape(connections=1_000)
MANY_TERMINALS = Shape(connections=10_000)
LONELY = Shape(connections=1)


def bench_target(*, cards: int | None = None, terminals: int | None = None) -> Target:
    """Give the club's target, with other numbers of cards and terminals than the file's."""
    target, folder = load_target(str(HERE / "target.toml"))
    assert target.pin_blocks is not None, "the file says how"
    assert target.mac is not None, "the file says how"
    # Found from wherever the bench is run.
    pins_key, mac_key = folder / target.pin_blocks.key_file, folder / target.mac.key_file
    target = msgspec.structs.replace(
        target,
        pin_blocks=msgspec.structs.replace(target.pin_blocks, key_file=str(pins_key)),
        mac=msgspec.structs.replace(target.mac, key_file=str(mac_key)),
    )
    if cards is not None:
        good = msgspec.structs.replace(target.cards["good"], count=cards)
        target = msgspec.structs.replace(target, cards={**target.cards, "good": good})
    if terminals is not None:
        rows = msgspec.structs.replace(target.terminals, count=terminals)
        target = msgspec.structs.replace(target, terminals=rows)
    return target


def echo_target(target: Target) -> Target:
    """Give a target for the echo server that gets the very messages of `target`."""
    kinds = {
        name: msgspec.structs.replace(kind, reply_type=kind.message_type)
        for name, kind in target.kinds.items()
    }
    reply = msgspec.structs.replace(target.reply, code=0, told=None)
    framing = msgspec.structs.replace(target.framing, tpdu_reply="same")
    return msgspec.structs.replace(target, name="echo", reply=reply, framing=framing, kinds=kinds)


class Stand:
    """A running switch, and the load that it gets. Each run has a seed of its own."""

    def __init__(self, site: Site, target: Target, hsm: RunningHsm | None) -> None:
        self.site = site
        self.target = target
        self.hsm = hsm
        self.workload: Workload = load_workload(str(HERE / "purchase.toml"))
        self.address = f"{HOST}:{site.config.listener[0].port}"
        self._seed = 0
        self._ended_s = 0

    @property
    def switch_pid(self) -> int:
        """The switch's process."""
        return self.site.switch.pid

    @property
    def postmaster_pid(self) -> int:
        """PostgreSQL's first process; all others are its children."""
        assert self.site.cluster is not None, "a stand embeds its database"
        return self.site.cluster.primary.pid

    def cpu_watch(self) -> CpuWatch:
        """Give what looks at everybody's CPU during one run."""
        assert self.site.cluster is not None, "a stand embeds its database"
        name = application_name(self.site.config.switch.shard)
        writer_pid = self.site.cluster.psql(WRITER_PID, name=name)
        return CpuWatch(self.switch_pid, self.postmaster_pid, int(writer_pid))

    def run(
        self,
        shape: Shape,
        seconds: float,
        *,
        warmup_seconds: float = 0.0,
        watch: Watch | None = None,
        keep_records: bool = False,
        workload: Workload | None = None,
    ) -> Outcome:
        """Put a load on the switch. Raises `LoadtestError`.

        Every run counts its STANs from the same one: in the second in which the last run ended,
        those would be duplicates of that run's.
        """
        while int(time.time()) <= self._ended_s:
            time.sleep(POLL_SECONDS)
        outcome = self._run(self.target, self.address, shape, seconds, warmup_seconds, watch,
                            keep_records, workload)  # fmt: skip
        self._ended_s = int(time.time())
        return outcome

    def run_echo(
        self, address: str, shape: Shape, seconds: float, warmup_seconds: float = 0.0
    ) -> Outcome:
        """Put the same load on an echo server."""
        target = echo_target(self.target)
        return self._run(target, address, shape, seconds, warmup_seconds, None, False)

    def _run(
        self,
        target: Target,
        address: str,
        shape: Shape,
        seconds: float,
        warmup_seconds: float,
        watch: Watch | None,
        keep_records: bool,
        workload: Workload | None = None,
    ) -> Outcome:
        self._seed += 1
        plan = RunPlan(
            target=target,
            workload=workload or self.workload,
            arrival=shape.arrival,
            address=address,
            seed=self._seed,
            connections=shape.connections,
            window=shape.window,
            seconds=seconds,
            warmup_seconds=warmup_seconds,
            reply_seconds=REPLY_SECONDS,
            drain_seconds=REPLY_SECONDS,
            keep_records=keep_records,
        )
        return run_load(plan, watch=watch)


@contextmanager
def running_stand(
    target: Target,
    *,
    make_purse: club.Purse = purse,
    more: Callable[[Token], Iterator[Event]] = lambda token_of: iter(()),
    journal: Journal | None = None,
    memory: Memory | None = None,
    snapshot_every_entries: int | None = None,
    lmk: str = "",
    macs: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[Stand]:
    """Give a stand whose switch is ready; stops and removes it in the end. Main thread only.

    `lmk`: of an HSM that is started beside it; the club's cards then have PINs, and with `macs`
    every message of its terminals has to have a MAC. `more`: events behind those of the club.
    """
    # Not below a directory of ours: `nobody`, who may run the database, may not enter its parents.
    data_dir = Path(tempfile.mkdtemp(prefix="bashgah-stand-"))
    switch = Switch()
    if snapshot_every_entries is not None:
        switch = Switch(snapshot_every_entries=snapshot_every_entries)
    with ExitStack() as resources:
        resources.callback(shutil.rmtree, data_dir)
        hsm = resources.enter_context(running_hsm(lmk)) if lmk else None
        secrets = Secrets(load_lmk(lmk), target, macs=macs) if lmk else None
        config = _config(data_dir, switch, journal or Journal(), memory or Memory(), hsm)
        site = Site(data_dir=data_dir, config=config, say=say)
        try:
            club_events = partial(club.events, target, make_purse=make_purse, secrets=secrets)
            trio.run(_start, site, lambda token_of: chain(club_events(token_of), more(token_of)))
            yield Stand(site, target, hsm)
        finally:
            trio.run(site.stop)


def _config(
    data_dir: Path, switch: Switch, journal: Journal, memory: Memory, hsm: RunningHsm | None
) -> Config:
    return Config(
        hsm=() if hsm is None else (Hsm(host=HOST, port=hsm.port),),
        switch=switch,
        journal=journal,
        listener=(Listener(name=PROFILE, host=HOST, port=free_port(), profile=PROFILE),),
        memory=memory,
        keys=Keys(pan_key_file=data_dir / "pan.key"),
        http=Http(host=HOST, port=free_port()),
        log=Log(exchanges="off"),
        postgres=Postgres(enabled=True, data_dir=data_dir / "postgres", replica=False),
    )


Events = Callable[[Token], Iterator[Event]]
"""Gives what makes a club, when told how a card number becomes its token."""


async def _start(site: Site, events_of: Events) -> None:
    await site.start_database()
    with site.step("club"):
        await _load_club(site.config, events_of)
    await site.start_switch()


async def _load_club(config: Config, events_of: Events) -> None:
    key_file = config.keys.pan_key_file
    assert key_file is not None, "a stand writes its own key"
    write_pan_key(key_file)
    now_s = time.time()
    offset_s = utc_offset_seconds(ZoneInfo(config.switch.timezone), now_s)
    now_us = int(now_s * 1_000_000)
    with Database(read_dsn(config.database)) as database:
        owned: Owned = await own_shard(
            database, config, read_pan_key(key_file), now_us=now_us, utc_offset_s=offset_s
        )
        for number, event in enumerate(events_of(owned.core.token_of)):
            owned.directory.record(event, now_us=now_us, utc_offset_s=offset_s)
            if number % EVENTS_PER_COMMIT == EVENTS_PER_COMMIT - 1:
                await append_waiting(owned)
        await append_waiting(owned)
