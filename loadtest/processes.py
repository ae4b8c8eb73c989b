"""CPU and memory of processes, read from /proc: one process, or one with all that it started.

Owns the reading of Linux's files. Must not know what the processes are for. Nothing here raises for
a process that is gone: it has no usage.

Theory of operation. CPU of a tree is what its living processes used, threads included, and what
those that ended used and their parents waited for (`cutime`, `cstime`): it never falls when
PostgreSQL's backends come and go. Memory of a tree counts what is shared once: private pages are
summed, of mapped files and shared memory (PostgreSQL's buffers stand in every backend's figure) the
largest is taken. Source: proc(5), proc_pid_stat(5), proc_pid_status(5).
"""

import os
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

PROCESSES_MAX = 4_096  # of one tree; stops a walk through a tree that grows while it is walked

TRIES_MAX = 3  # of a look at a tree in which something ended meanwhile

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_MEMORY_LINES = {"RssAnon:": 0, "RssFile:": 1, "RssShmem:": 2}


class _Look(NamedTuple):
    own_ticks: int
    ended_ticks: int  # of children that ended and were waited for
    private_bytes: int
    file_bytes: int
    shared_bytes: int


class Usage(Struct, frozen=True, kw_only=True):
    """CPU seconds since the start, and bytes that are in memory now."""

    cpu_seconds: float
    resident_bytes: int


def usage_alone(pid: int, proc: Path = Path("/proc")) -> Usage | None:
    """Give the usage of one process with all its threads, None when it is gone."""
    look = _look(pid, proc)
    if look is None:
        return None
    return Usage(
        cpu_seconds=look.own_ticks / _TICKS_PER_SECOND,
        resident_bytes=look.private_bytes + look.file_bytes + look.shared_bytes,
    )


def usage_of_tree(
    pid: int, *, without: frozenset[int] = frozenset(), proc: Path = Path("/proc")
) -> Usage | None:
    """Give the usage of a process and its descendants; None when it is gone itself.

    `without`: where the walk ends, because those are looked at on their own.
    """
    looks: list[_Look] = []
    for _ in range(TRIES_MAX):
        root = _look(pid, proc)
        if root is None:
            return None
        below = (_look(descendant, proc) for descendant in _descendants(pid, proc, without))
        looks = [root, *(look for look in below if look is not None)]
        # A child that ended after the look at its parent and before its own is in neither.
        again = _look(pid, proc)
        if again is None or again.ended_ticks == root.ended_ticks:
            break
    ticks = sum(look.own_ticks + look.ended_ticks for look in looks)
    return Usage(
        cpu_seconds=ticks / _TICKS_PER_SECOND,
        resident_bytes=sum(look.private_bytes for look in looks)
        + max(look.file_bytes for look in looks)
        + max(look.shared_bytes for look in looks),
    )


def _descendants(pid: int, proc: Path, without: frozenset[int]) -> list[int]:
    found: list[int] = []
    waiting = [pid]
    while waiting and len(found) < PROCESSES_MAX:
        for child in _children(waiting.pop(), proc):
            if child not in without:
                found.append(child)
                waiting.append(child)
    return found


def _children(pid: int, proc: Path) -> list[int]:
    # A child belongs to the thread that started it.
    children: list[int] = []
    try:
        for thread in os.listdir(proc / str(pid) / "task"):
            text = (proc / str(pid) / "task" / thread / "children").read_text("ascii")
            children += map(int, text.split())
    except OSError:
        return children  # it ended while we looked
    return children


def _look(pid: int, proc: Path) -> _Look | None:
    try:
        stat = (proc / str(pid) / "stat").read_text("utf-8", "replace")
        status = (proc / str(pid) / "status").read_text("utf-8", "replace")
    except OSError:
        return None
    # The name stands in parentheses and may hold any character: what follows the last one counts.
    fields = stat.rpartition(")")[2].split()
    own_user, own_system, ended_user, ended_system = map(int, fields[11:15])
    memory = [0, 0, 0]
    for line in status.splitlines():
        words = line.split()
        if words and words[0] in _MEMORY_LINES:
            memory[_MEMORY_LINES[words[0]]] = int(words[1]) * 1024
    return _Look(own_user + own_system, ended_user + ended_system, *memory)
