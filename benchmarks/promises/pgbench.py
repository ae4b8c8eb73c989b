"""pgbench's TPC-B on the stand's own PostgreSQL: a ledger in plain SQL, at its best.

Owns its databases, one for each scale, and the search for the scale and the number of clients with
which it does most. Must not know the switch.
"""

import re
from pathlib import Path

import msgspec

from bashgah.postgres import Cluster, LaunchError
from bashgah.postgres.create import run_program

THREADS_MAX = 2
TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """How pgbench is run."""

    scale: int
    clients: int

    @property
    def threads(self) -> int:
        """Of pgbench itself."""
        return min(THREADS_MAX, self.clients)

    @property
    def text(self) -> str:
        """For people."""
        return f"pgbench -M prepared -s {self.scale} -c {self.clients} -j {self.threads}"


def make_tables(cluster: Cluster, scales: tuple[int, ...]) -> None:
    """Make a database for each scale. Raises `LaunchError`."""
    for scale in scales:
        cluster.psql(f"CREATE DATABASE {_database(scale)} OWNER bashgah")
        _pgbench(cluster, scale, "-i", "-q", "-s", str(scale))


def drop_tables(cluster: Cluster, scales: tuple[int, ...]) -> None:
    """Remove what `make_tables` made."""
    for scale in scales:
        cluster.psql(f"DROP DATABASE {_database(scale)}")


def find_best(
    cluster: Cluster, scales: tuple[int, ...], clients: tuple[int, ...], seconds: int
) -> Setting:
    """Try every scale with every number of clients; give what did most."""
    settings = [Setting(scale=scale, clients=count) for scale in scales for count in clients]
    return max(settings, key=lambda setting: per_second(cluster, setting, seconds))


def per_second(cluster: Cluster, setting: Setting, seconds: int) -> float:
    """Run TPC-B for some seconds; transactions a second."""
    said = _pgbench(
        cluster,
        setting.scale,
        *("-n", "-M", "prepared", "-T", str(seconds)),
        *("-c", str(setting.clients), "-j", str(setting.threads)),
    )
    found = TPS.search(said)
    if found is None:
        raise LaunchError(f"pgbench: no figure in what it said: {said[-200:]!r}")
    return float(found[1])


def _database(scale: int) -> str:
    return f"pgbench_{scale}"


def _pgbench(cluster: Cluster, scale: int, *arguments: str) -> str:
    program: Path = cluster.primary.paths.bin_dir / "pgbench"
    return run_program([str(program), *arguments, cluster.dsn(_database(scale))])
