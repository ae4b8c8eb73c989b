"""A shard's state as parts of bytes, and back. See `_snapshot.pyx`.

The parts are arrays of C structs as they are, so `layout` names every struct's size: bytes of
another layout are not read. What other parts imply (indexes, when holds end) is rebuilt.
"""

from libc.stdint cimport int64_t, uint8_t

from switch._core cimport Core
from switch._shard cimport Shard

cdef struct Head:               # part "head": every count that the other parts are checked against
    int64_t last_seq
    int64_t epoch
    int64_t shard
    int64_t accounts
    int64_t lots                # slots, free ones included
    int64_t lot_free
    int64_t lots_open
    int64_t clubs
    int64_t acquirers
    int64_t merchants
    int64_t terminals
    int64_t cards
    int64_t exchanges
    int64_t forgotten_s
    uint8_t chain[32]

cdef struct Place:              # where the bytes of a part go
    char *data
    size_t bytes
    size_t filled

cdef class Loading:
    cdef Core core
    cdef Head head
    cdef Place places[8]        # by part, but for the exchanges
    cdef bytearray rest         # bytes that make no whole head or exchange yet
    cdef int64_t exchanges_left
    cdef bint begun
    cdef int make_room(self) except -1
    cdef int take_exchanges(self) except -1
