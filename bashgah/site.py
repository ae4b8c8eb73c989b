"""A site: PostgreSQL, when the configuration embeds it, and one switch on it, in one directory.

    data_dir/
      postgres/     the embedded cluster (`bashgah.postgres`)
      switch.toml   what the switch is started with: the configuration, with the cluster's DSN
      switch.log    what the switch process wrote

Owns their order: the database is up and migrated before the switch starts and stops after it.
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
from bashgah.postgres import Cluster
from bashgah.switch_process import SwitchProcess
from switch.config import Config, Database, Postgres, read_dsn
from switch.ledger.migrate import migrate

Say = Callable[[str], None]


class Site:
    """Start in order: `start_database`, `start_switch`. `stop` is safe at any moment."""

    def __init__(self, *, data_dir: Path, config: Config, say: Say) -> None:
        self.data_dir = data_dir
        self._say = say
        self.config = config
        self.config_path = data_dir / "switch.toml"
        self.cluster: Cluster | None = None
        base_url = f"http://{config.http.host}:{config.http.port}"
        self.metrics_url = f"{base_url}/metrics"
        self.switch = SwitchProcess(self.config_path, base_url, data_dir / "switch.log")

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
        # Nobody else's business, although it holds no secret but paths.
        descriptor = os.open(self.config_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(config_text(self.config))

    async def start_switch(self) -> None:
        """Start the switch and wait until it is ready. Raises `SwitchProcessError`."""
        with self.step("switch: recovery"):
            self.switch.start()
            await self.switch.wait_ready()

    async def stop_switch(self) -> None:
        """Have the switch drain and end. Raises `SwitchProcessError`."""
        if self.switch.running:
            with self.step("switch: drained"):
                await self.switch.stop()

    async def stop(self) -> None:
        """Stop whatever still runs, the database last."""
        try:
            await self.stop_switch()
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
