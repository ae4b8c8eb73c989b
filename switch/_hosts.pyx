"""What the directory tells a shard of other banks' cards, and what their rows tell the directory.

Owns the table of prefixes and the hand-over of events that stand on rows. See `_hosts.pyi`.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memcpy

from switch._core cimport Core
from switch._shard cimport HOST_PREFIXES_MAX, Shard


def set_host(Core core, int32_t plan_row, *, bint remote, prefixes):
    """Say whether a programme's cards are another bank's, and how their numbers begin."""
    cdef Shard *shard = &core.shard
    cdef int32_t i
    cdef int32_t kept = 0
    assert 0 <= plan_row < shard.plan_count
    for i in range(shard.host_count):
        if shard.hosts[i].plan_row != plan_row:
            shard.hosts[kept] = shard.hosts[i]
            kept += 1
    if kept + len(prefixes) > HOST_PREFIXES_MAX:
        raise ValueError(f"more than {HOST_PREFIXES_MAX} prefixes of card numbers")
    for prefix in prefixes:
        shard.hosts[kept].prefix = int(prefix)
        shard.hosts[kept].divisor = int("1" + "0" * (8 - len(prefix)))
        shard.hosts[kept].plan_row = plan_row
        kept += 1
    shard.host_count = kept
    shard.plans[plan_row].host = remote


def take_row_events(Core core):
    """Give the events on rows that were decided since the last call."""
    cdef uint64_t head[2]
    cdef size_t at = 0
    if core.shard.unheard.bytes == 0:
        return []
    found = []
    while at < core.shard.unheard.bytes:
        memcpy(head, core.shard.unheard.data + at, sizeof(head))
        at += sizeof(head)
        found.append((head[0], PyBytes_FromStringAndSize(
            <char *> core.shard.unheard.data + at, <Py_ssize_t> head[1])))
        at += head[1]
    core.shard.unheard.bytes = 0
    return found
