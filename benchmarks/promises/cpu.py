"""Who used the processors during a run: the switch's threads, its snapshots, PostgreSQL.

Owns the reading of /proc and the names of the parts. Must not know the load: it is a `Watch` of
`loadtest.run`, looking once when a run begins and once when it ends.
"""

import os
from pathlib import Path

import msgspec

from loadtest.processes import usage_of_tree
from loadtest.result import CommitSample, ProcessSample

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

DECIDING = "switch: gate, decisions, group commit"
DATABASE = "switch: database thread and others"
SNAPSHOTS = "switch: snapshots"
BACKENDS = "PostgreSQL: backends"
SERVERS = "PostgreSQL: WAL writer, checkpointer and others"
PARTS = (DECIDING, DATABASE, SNAPSHOTS, BACKENDS, SERVERS)


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """CPU seconds."""

    user: float = 0.0
    system: float = 0.0

    @property
    def both(self) -> float:
        """User and system."""
        return self.user + self.system


class CpuWatch:
    """What a switch and its PostgreSQL used between a run's beginning and its end."""

    def __init__(self, switch_pid: int, postmaster_pid: int) -> None:
        self._switch_pid = switch_pid
        self._postmaster_pid = postmaster_pid
        self._before: dict[tuple[str, int], Spent] = {}
        self.spent: dict[str, Spent] = {}

    @property
    def seconds(self) -> float:
        """All of it, snapshots included."""
        return sum(part.both for part in self.spent.values())

    @property
    def deciding_seconds(self) -> float:
        """The switch's own threads and PostgreSQL's backends, without snapshots."""
        return sum(self.spent[part].both for part in (DECIDING, DATABASE, BACKENDS))

    def start(self, began_ns: int) -> None:
        """Look the first time."""
        self._before = self._look()

    def stop(self) -> tuple[tuple[ProcessSample, ...], tuple[CommitSample, ...]]:
        """Look the last time; there is nothing for the run's result."""
        spent = dict.fromkeys(PARTS, Spent())
        for (part, number), now in self._look().items():
            was = self._before.get((part, number), Spent())
            spent[part] = Spent(
                user=spent[part].user + round(now.user - was.user, 2),
                system=spent[part].system + round(now.system - was.system, 2),
            )
        self.spent = spent
        return (), ()

    def _look(self) -> dict[tuple[str, int], Spent]:
        """Give what each thread and process has used so far."""
        found: dict[tuple[str, int], Spent] = {}
        for thread in _numbers(PROC / str(self._switch_pid) / "task"):
            part = DECIDING if thread == self._switch_pid else DATABASE
            found[part, thread] = _spent(PROC / str(self._switch_pid) / "task" / str(thread))
        tree = usage_of_tree(self._switch_pid)
        if tree is not None:
            own = _spent(PROC / str(self._switch_pid))
            # The kinds of time of those that have ended are not kept apart from here.
            found[SNAPSHOTS, 0] = Spent(user=max(0.0, tree.cpu_seconds - own.both))
        for child in _children(self._postmaster_pid):
            part = BACKENDS if " [local] " in _title(child) else SERVERS
            found[part, child] = _spent(PROC / str(child))
        return found


def _numbers(directory: Path) -> list[int]:
    try:
        return [int(name) for name in os.listdir(directory) if name.isdecimal()]
    except OSError:
        return []  # it has ended


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in (PROC / f"{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _title(pid: int) -> str:
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _spent(directory: Path) -> Spent:
    try:
        fields = (directory / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return Spent()
    return Spent(user=int(fields[11]) / TICKS_PER_SECOND, system=int(fields[12]) / TICKS_PER_SECOND)
