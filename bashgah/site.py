"""A site: PostgreSQL, when the configuration embeds it, and a switch on it, in one directory.

    data_dir/
      postgres/     the embedded cluster (`bashgah.postgres`)
      switch.toml   what the switch is started with: the configuration, with the cluster's DSN
      switch.log    what the switch process wrote
      hsm/ hsm.log  of the demo's HSM, where there is one
      shards/       where the shards' sockets are, when there are several; then the two files
                    before are one each: `switch-0.toml`, `switch-0.log` and so on
      control/      where operators reach the switch

Owns their order: the database is up and migrated, and the HSM answers, before the switch starts;
they stop after it.
Must not know who connects.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import trio

from bashgah.config_text import config_text
from bashgah.hsm_process import HsmProcess
from bashgah.postgres import Cluster
from bashgah.shard_links import shard_configs
from bashgah.switch_process import SwitchProcess
from switch.config import Config, Database, Postgres, read_dsn
from switch.ledger.migrate import migrate

Say = Callable[[str], None]


class Site:
    """Start in order: `start_database`, `start_switch`. `stop` is safe at any moment."""

    def __init__(
        self, *, data_dir: Path, config: Config, say: Say, hsm: HsmProcess | None = None
    ) -> None:
        """`hsm`: one that is started and stopped with the switch; `config` has its address."""
        self.data_dir = data_dir
        self.hsm = hsm
        self._say = say
        self.config = config
        self.cluster: Cluster | None = None
        switch = config.switch
        if switch.shards > 1 and switch.peers_dir is None:
            switch = msgspec.structs.replace(switch, peers_dir=data_dir / "shards")
        if switch.control_dir is None:
            switch = msgspec.structs.replace(switch, control_dir=data_dir / "control")
        self.config = msgspec.structs.replace(config, switch=switch)
        urls = [f"http://{one.http.host}:{one.http.port}" for one in shard_configs(self.config)]
        names = [f"switch-{number}" for number in range(len(urls))] if urls[1:] else ["switch"]
        self.metrics_urls = tuple(f"{url}/metrics" for url in urls)
        self.config_paths = tuple(data_dir / f"{name}.toml" for name in names)
        self.switches = tuple(
            SwitchProcess(data_dir / f"{name}.toml", url, data_dir / f"{name}.log")
            for name, url in zip(names, urls, strict=True)
        )

    @property
    def switch(self) -> SwitchProcess:
        """The switch, or its first shard."""
        return self.switches[0]

    @property
    def metrics_url(self) -> str:
        """Where the switch, or its first shard, serves its metrics."""
        return self.metrics_urls[0]

    @property
    def config_path(self) -> Path:
        """The configuration of the switch, or of its first shard."""
        return self.config_paths[0]

    @property
    def dsn(self) -> str:
        """Where the journal is."""
        return read_dsn(self.config.database)

    async def start_database(self) -> None:
        """Start the embedded cluster, if there is one, migrate, write the switch's configuration.

        Raises `LaunchError` or what `migrate` raises.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if self.config.postgres.enabled:
            await self._start_cluster(self.config.postgres)
        with self.step("migrations"):
            await trio.to_thread.run_sync(migrate, self.dsn)
        for path, config in zip(self.config_paths, shard_configs(self.config), strict=True):
            # Nobody else's business, although it holds no secret but paths.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(config_text(config))

    async def start_switch(self) -> None:
        """Start HSM and switch and wait until they are ready. Raises `ChildProgramError`."""
        if self.hsm is not None and not self.hsm.running:
            with self.step("hsm: start"):
                self.hsm.start()
                await self.hsm.wait_ready()
        with self.step("switch: recovery" if not self.switches[1:] else "shards: recovery"):
            for switch in self.switches:
                switch.start()
            for switch in self.switches:
                await switch.wait_ready()

    async def fail_when_a_switch_ends(self) -> None:
        """Wait until the switch, a shard or the HSM ends by itself: raise `ChildProgramError`."""
        async with trio.open_nursery() as nursery:
            if self.hsm is not None:
                nursery.start_soon(self.hsm.fail_when_it_ends)
            for switch in self.switches:
                nursery.start_soon(switch.fail_when_it_ends)

    async def stop_switch(self) -> None:
        """Have the switch drain and end. Raises `ChildProgramError`."""
        if any(switch.running for switch in self.switches):
            with self.step("switch: drained"):
                async with trio.open_nursery() as nursery:
                    for switch in self.switches:
                        nursery.start_soon(switch.stop)

    async def stop(self) -> None:
        """Stop whatever still runs, the database last."""
        try:
            await self.stop_switch()
        finally:
            try:
                if self.hsm is not None and self.hsm.running:
                    await self.hsm.stop()
            finally:
                if self.cluster is not None:
                    with self.step("postgres: stopped"):
                        await trio.to_thread.run_sync(self.cluster.stop)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Say how long a step took, when it has ended well."""
        began_at = time.monotonic()
        yield
        self._say(f"{name}: {time.monotonic() - began_at:.2f} s")

    async def _start_cluster(self, postgres: Postgres) -> None:
        self.cluster = Cluster(
            postgres.data_dir,
            bin_dir=postgres.bin_dir,
            port=postgres.port,
            replica=postgres.replica,
            synchronous=postgres.synchronous,
            on_progress=self._say,
        )
        await trio.to_thread.run_sync(self.cluster.start)
        # The switch is told of a database like any other: it need not know who started that.
        database = Database(
            dsn=self.cluster.dsn(),
            replica_dsn=self.cluster.replica_dsn() if postgres.replica else None,
            connect_seconds_max=self.config.database.connect_seconds_max,
        )
        self.config = msgspec.structs.replace(
            self.config, database=database, postgres=Postgres(enabled=False)
        )
