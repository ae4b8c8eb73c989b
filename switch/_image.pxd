"""A shard's state as parts of bytes. See `_image.pyx`; `_snapshot` loads them.

The parts are arrays of C structs, so `layout` names every struct's size: bytes of another layout
are not read. What other parts imply (indexes, when holds end) is rebuilt. Equal journals make equal
bytes, whether their rows were decided or replayed.
"""

from libc.stdint cimport int64_t, uint8_t

from switch._core cimport Core
from switch._shard cimport Shard

cdef enum:                      # parts, in the order of `PARTS`; the first eight are arrays
    AT_CLUBS = 0
    AT_ACQUIRERS = 1
    AT_MERCHANTS = 2
    AT_TERMINALS = 3
    AT_CARDS = 4
    AT_VOUCHERS = 5
    AT_ACCOUNTS = 6
    AT_LOTS = 7
    AT_EXCHANGES = 8
    AT_HEAD = 9

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
    int64_t vouchers
    int64_t exchanges
    int64_t forgotten_s
    uint8_t chain[32]

cdef enum:
    REMEMBERED_SHARE = 4        # a snapshot has the exchanges of capacity / 4 rows

cdef struct Place:              # where the bytes of a part are or go
    char *data
    size_t record_bytes
    size_t bytes
    size_t filled

cdef class Image:
    cdef Core core
    cdef uint8_t *data          # how many bytes were written (8 bytes), then rows
    cdef size_t bytes
    cdef int64_t last_seq

cdef size_t EXCHANGE_BYTES

cdef int image_write(Shard *shard, uint8_t *data, size_t bytes) noexcept nogil
cdef Place place_of(Shard *shard, int at) noexcept nogil
