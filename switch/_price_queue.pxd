"""Messages that wait to be priced in Python, in the order in which they came. Knows no socket.

What comes on a connection behind such a message waits behind it, whatever it needs itself: a load
may pay for it, a reversal may be of it.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from switch._connections cimport Connection
from switch._frames cimport Frame
from switch._kept cimport Kept
from switch._shard cimport Recall

cdef struct Waiting:
    Kept kept
    Recall recall               # what was fetched for it before

cdef struct PriceQueue:
    Waiting *ring
    uint64_t first
    uint64_t end

cdef int queue_open(PriceQueue *queue) noexcept nogil
cdef void queue_clear(PriceQueue *queue) noexcept nogil
cdef bint queue_put(PriceQueue *queue, Connection *connection, int32_t place, const Frame *frame,
                    uint8_t envelope_bytes, int64_t received_us,
                    const Recall *recall) noexcept nogil
cdef bint queue_take(PriceQueue *queue, Waiting *waiting) noexcept nogil
cdef bint queue_released(const Waiting *waiting, Connection *connection) noexcept nogil


cdef inline int64_t queue_count(const PriceQueue *queue) noexcept nogil:
    return <int64_t> (queue.end - queue.first)
