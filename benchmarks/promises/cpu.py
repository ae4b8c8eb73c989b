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
WRITER = "PostgreSQL: the journal's writer"
READERS = "PostgreSQL: indexes of full partitions, snapshots"
SERVERS = "PostgreSQL: WAL writer, checkpointer and others"
PARTS = (DECIDING, DATABASE, SNAPSHOTS, WRITER, READERS, SERVERS)


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

    def __init__(self, switch_pid: int, postmaster_pid: int, writer_pid: int) -> None:
        """`writer_pid`: the backend that the switch's batches go to."""
        self._switch_pid = switch_pid
        self._postmaster_pid = postmaster_pid
        self._writer_pid = writer_pid
        self._before: dict[tuple[str, int], Spent] = {}
        self.spent: dict[str, Spent] = {}

    @property
    def seconds(self) -> float:
        """All of it, snapshots included."""
        return sum(part.both for part in self.spent.values())

    @property
    def deciding_seconds(self) -> float:
        """What every authorisation takes: the switch's own threads, and the journal's writer."""
        return sum(self.spent[part].both for part in (DECIDING, DATABASE, WRITER))

    def start(self, began_ns: int) -> None:
        """Look the first time."""
        self._before = self._look()

    def stop(self) -> tuple[tuple[ProcessSample, ...], tuple[CommitSample, ...]]:
        """Look the last time; there is nothing for the run's result."""
        after = self._look()
        spent = dict.fromkeys(PARTS, Spent())
        for part, number in {**self._before, **after}:
            # What has ended since is in the time of its parent's children, from its start on.
            now = after.get((part, number), Spent())
            was = self._before.get((part, number), Spent())
            spent[part] = Spent(
                user=spent[part].user + now.user - was.user,
                system=spent[part].system + now.system - was.system,
            )
        self.spent = {
            part: Spent(user=max(0.0, round(both.user, 2)), system=max(0.0, round(both.system, 2)))
            for part, both in spent.items()
        }
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
        found[READERS, 0] = _spent(PROC / str(self._postmaster_pid), of_children=True)
        for child in _children(self._postmaster_pid):
            found[self._part(child), child] = _spent(PROC / str(child))
        return found

    def _part(self, child: int) -> str:
        """Say which part one of PostgreSQL's processes is."""
        if child == self._writer_pid:
            return WRITER
        title = _title(child)
        return READERS if " [local] " in title or "parallel worker" in title else SERVERS


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


def _spent(directory: Path, *, of_children: bool = False) -> Spent:
    """Give what a thread or process has used, or its children that have ended."""
    first = 13 if of_children else 11
    try:
        fields = (directory / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return Spent()
    user, system = int(fields[first]), int(fields[first + 1])
    return Spent(user=user / TICKS_PER_SECOND, system=system / TICKS_PER_SECOND)
