"""The Python face of a shard. See `_core.pyx`."""

from libc.stdint cimport int64_t, uint8_t, uint16_t

from switch._shard cimport Decision, Shard
from switch.ledger._rows cimport Row

cdef class Core:
    cdef Shard shard
    cdef Decision decision          # the one being made; too large for a stack that may nest
    cdef bytearray replay_rest      # bytes of a COPY stream that make no whole row yet
    cdef bint replay_begun
    cdef bint floors_watched
    cdef uint8_t tenure_chain[32]   # before the tenure's first row
    cdef int64_t open_account(self, int64_t owner, uint8_t owner_kind, uint8_t slot, uint16_t unit,
                              bint keeps_lots, int64_t floor=?) except -1
    cdef int check_row(self, const Row *row, int fault, bint chained) except -1
    cdef int check_floors(self, const Row *row) except -1
