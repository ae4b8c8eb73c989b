"""The gate of one shard among several. See `_shard_gate.pyx`."""

from libc.stdint cimport int32_t

from switch._fastpath cimport Gate
from switch._frames cimport Frame
from switch._gathering cimport Gathered
from switch._peers cimport Peers, PeerTable
from switch._routing cimport Route

cdef class ShardGate(Gate):
    cdef Peers peers_kept       # keeps `peers` alive
    cdef PeerTable *peers
    cdef void pass_reply(self, const Route *route, const Frame *frame) noexcept nogil
    cdef void finish_gathered(self, Gathered *kept, int standing) noexcept nogil
    cdef void finish_all(self, int32_t number, bint held, int standing) noexcept nogil
    cdef void lose_trunk(self, int32_t trunk) noexcept nogil
