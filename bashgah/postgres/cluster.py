"""A primary and, when wanted, its streaming replica, in one directory that is ours alone.

    data_dir/            0700
      lock               held while a launcher lives: two on one directory would ruin it
      pgpass             0600, one random password per role
      socket/            0700, the Unix sockets while the servers run
      primary/           PostgreSQL's own; `primary.log` beside it
      replica/           the same, from pg_basebackup through the slot `replica`
      binaries/          only for root without user namespaces (see `identity`)

Anything half made carries the suffix `.new` and is made again at the next start. Synchronous calls
only: a Trio program calls `start` and `stop` in `trio.to_thread`.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from bashgah.postgres import create, passwords, settings
from bashgah.postgres.binaries import find_bin_dir
from bashgah.postgres.errors import LaunchError
from bashgah.postgres.identity import Identity, choose_identity, use_nobody
from bashgah.postgres.lock import take_lock
from bashgah.postgres.server import Paths, Server
from bashgah.postgres.sockets import make_socket_dir, remove_socket_dir

DATABASE = "bashgah"
DEFAULT_PORT = 5432


class Cluster:
    """An embedded PostgreSQL; a context manager that starts and stops it.

    `port` 0 means Unix sockets only (in a 0700 directory); another one is listened on at 127.0.0.1,
    with `port + 1` for the replica. `synchronous` makes every commit wait for the replica.
    `extra` are further settings for both servers. `on_progress` gets one line per step.
    `namespaces=False` goes past user namespaces, as in a container that forbids them.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        bin_dir: Path | None = None,
        port: int = 0,
        replica: bool = False,
        synchronous: bool = False,
        extra: Mapping[str, str] | None = None,
        namespaces: bool = True,
        on_progress: Callable[[str], None] = lambda line: None,
    ) -> None:
        if synchronous and not replica:
            raise LaunchError("synchronous commits need a replica")
        settings.check_durable(extra or {})
        self.data_dir = Path(os.path.abspath(data_dir))
        self._configured_bin_dir = bin_dir
        self._port = port or DEFAULT_PORT
        self._listen = port != 0
        self._with_replica = replica
        self._synchronous = synchronous
        self._extra = dict(extra or {})
        self._namespaces = namespaces
        self._on_progress = on_progress
        self._lock: int | None = None
        self._primary: Server | None = None
        self._replica: Server | None = None

    @property
    def primary(self) -> Server:
        """The server that takes writes."""
        assert self._primary is not None, "the cluster was not started"
        return self._primary

    @property
    def replica(self) -> Server:
        """The read-only server that follows it."""
        assert self._replica is not None, "the cluster has no replica, or was not started"
        return self._replica

    @property
    def passfile(self) -> Path:
        """The 0600 file with the roles' passwords, in libpq's format."""
        return self.data_dir / "pgpass"

    def dsn(self, database: str = DATABASE, *, user: str = passwords.OWNER) -> str:
        """Return the primary's `postgresql://…` for asyncpg and libpq; it holds no password."""
        return self._dsn(self.primary, database, user)

    def replica_dsn(self, database: str = DATABASE, *, user: str = passwords.OWNER) -> str:
        """Return the replica's DSN; see `dsn`."""
        return self._dsn(self.replica, database, user)

    def start(self) -> None:
        """Create what is missing, start the servers, return when both accept connections.

        Raises `LaunchError`; nothing runs then. Finds its data when there is some, also after a
        crash of the machine, of the servers or of an earlier launcher.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._lock = take_lock(self.data_dir / "lock")
        try:
            # Ours alone from here on: the directory itself, never one above it.
            self.data_dir.chmod(0o700)
            self._start(*self._choose_identity())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop both servers, fast, and give up the directory; safe to repeat."""
        # The primary first: it sends the rest of its WAL to the replica before it ends.
        for server in (self._primary, self._replica):
            if server is not None:
                server.stop()
        if self._primary is not None:
            remove_socket_dir(self._primary.paths.socket_dir)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def psql(self, sql: str, *, database: str = "postgres", **variables: str) -> str:
        """Run `sql` as superuser on the primary; return what it selects, unaligned, tuples only.

        `variables` are psql's, quoted by `:'name'` in `sql`, and travel by standard input: an
        argument would be visible to every user of the machine. Raises `LaunchError`.
        """
        lines = [f"\\set {name} {settings.quoted(value)}" for name, value in variables.items()]
        dsn = self.dsn(database, user=passwords.SUPERUSER)
        program = str(self.primary.paths.bin_dir / "psql")
        command = [program, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", dsn]
        return create.run_program(command, "\n".join([*lines, sql])).strip()

    def _choose_identity(self) -> tuple[Identity, Path]:
        bin_dir = find_bin_dir(self._configured_bin_dir)
        if self._namespaces or os.geteuid() != 0:
            return choose_identity(bin_dir, self.data_dir)
        return use_nobody(bin_dir, self.data_dir)

    def _start(self, identity: Identity, bin_dir: Path) -> None:
        identity.own(self.data_dir)
        primary_dir = self.data_dir / "primary"
        if not primary_dir.exists():
            with self._step("initdb"):
                self.passfile.unlink(missing_ok=True)
                passwords.create_passfile(self.passfile)
                os.chown(self.passfile, identity.uid, identity.gid)
                create.create_primary(identity, bin_dir, primary_dir, self.passfile)
        found = passwords.read_passwords(self.passfile)
        socket_dir = make_socket_dir(self.data_dir, identity)
        with self._step(f"primary start (as {identity.name})"):
            self._primary = self._server("primary", self._port, identity, bin_dir, socket_dir)
            self._primary.start()
            self.psql(
                create.BOOTSTRAP,
                owner_password=found[passwords.OWNER],
                replicator_password=found[passwords.REPLICATOR],
            )
        if self._with_replica:
            self._start_replica(identity, bin_dir, socket_dir)

    def _start_replica(self, identity: Identity, bin_dir: Path, socket_dir: Path) -> None:
        replica_dir = self.data_dir / "replica"
        if not (replica_dir.exists() and self.psql(create.SLOT_USABLE) == "t"):
            with self._step("replica base backup"):
                shutil.rmtree(replica_dir, ignore_errors=True)
                self.psql(create.DROP_SLOT)
                dsn = self.dsn("postgres", user=passwords.REPLICATOR)
                create.create_replica(identity, bin_dir, replica_dir, dsn)
        with self._step("replica start"):
            self._replica = self._server("replica", self._port + 1, identity, bin_dir, socket_dir)
            self._replica.start()

    def _server(
        self, name: str, port: int, identity: Identity, bin_dir: Path, socket_dir: Path
    ) -> Server:
        paths = Paths(
            bin_dir=bin_dir,
            data_dir=self.data_dir / name,
            socket_dir=socket_dir,
            log_file=self.data_dir / f"{name}.log",
        )
        # A replica's name is what it calls itself to the primary (its `cluster_name`).
        standbys = "ANY 1 (replica)" if self._synchronous and name == "primary" else ""
        extra = {"synchronous_standby_names": settings.quoted(standbys), **self._extra}
        return Server(
            name=name, paths=paths, identity=identity, port=port, listen=self._listen, extra=extra
        )

    def _dsn(self, server: Server, database: str, user: str) -> str:
        host = quote(str(server.paths.socket_dir), safe="")
        passfile = quote(str(self.passfile), safe="")
        return (
            f"postgresql://{user}@/{quote(database)}"
            f"?host={host}&port={server.port}&passfile={passfile}"
        )

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        began_at = time.monotonic()
        yield
        self._on_progress(f"postgres: {name}: {time.monotonic() - began_at:.2f} s")
