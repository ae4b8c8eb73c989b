"""A whole site for tests: PostgreSQL, the demo club, the switch as a process, in a directory.

Owns its ports and that nothing is left behind. For tests that kill things; those that only need a
switch share one.
"""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import trio

from bashgah.demo_loader import Purse
from bashgah.demo_site import HOST, demo_config, free_port, free_ports, load_demo
from bashgah.site import Site
from issuers.purse import purse
from switch.config import Config, Hsm, Http, Issuer, ListenerTls, Postgres, SlotRange


def site_config(
    data_dir: Path,
    snapshot_every_entries: int | None = None,
    shards: int = 1,
    tls: ListenerTls | None = None,
    hsms: tuple[Hsm, ...] = (),
    issuers: tuple[Issuer, ...] = (),
    slots: tuple[SlotRange, ...] = (),
) -> Config:
    """Give the demo's configuration on free ports, without replica and without shared sockets."""
    config = demo_config(data_dir, shards=shards)
    switch = msgspec.structs.replace(config.switch, slots=slots)
    if snapshot_every_entries is not None:
        switch = msgspec.structs.replace(switch, snapshot_every_entries=snapshot_every_entries)
    return msgspec.structs.replace(
        config,
        switch=switch,
        hsm=hsms,
        issuer=issuers,
        listener=tuple(
            msgspec.structs.replace(listener, port=free_port(), tls=tls)
            for listener in config.listener
        ),
        http=Http(host=HOST, port=free_ports(0, shards)),
        postgres=Postgres(enabled=True, data_dir=data_dir / "postgres", replica=False),
    )


@asynccontextmanager
async def running_site(
    say: Callable[[str], None],
    *,
    make_purse: Purse = purse,
    snapshot_every_entries: int | None = None,
    shards: int = 1,
    tls: ListenerTls | None = None,
    hsms: tuple[Hsm, ...] = (),
    issuers: tuple[Issuer, ...] = (),
    slots: tuple[SlotRange, ...] = (),
) -> AsyncIterator[Site]:
    """Give a site whose switch is ready, with the demo club; stops and removes it in the end."""
    # Not pytest's tmp_path: its parents are closed to `nobody`, who may run the database.
    data_dir = Path(tempfile.mkdtemp(prefix="bashgah-site-"))
    config = site_config(data_dir, snapshot_every_entries, shards, tls, hsms, issuers, slots)
    site = Site(data_dir=data_dir, config=config, say=say)
    try:
        try:
            await site.start_database()
            await load_demo(site, make_purse)
            await site.start_switch()
            yield site
        finally:
            with trio.CancelScope(shield=True):
                await site.stop()
    finally:
        shutil.rmtree(data_dir)


@contextmanager
def standing_site(say: Callable[[str], None]) -> Iterator[Site]:
    """Give the same to code without Trio, e.g. to a fixture that many tests share."""
    data_dir = Path(tempfile.mkdtemp(prefix="bashgah-site-"))
    site = Site(data_dir=data_dir, config=site_config(data_dir), say=say)

    async def start() -> None:
        await site.start_database()
        await load_demo(site)
        await site.start_switch()

    try:
        try:
            trio.run(start)
            yield site
        finally:
            trio.run(site.stop)
    finally:
        shutil.rmtree(data_dir)
