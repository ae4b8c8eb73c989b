"""A message that is kept until somebody has fetched, priced, gathered or proven what it needs.

Owns a copy of its bytes and where they came from. Who keeps it, and why, is the keeper's:
`_parking`, `_price_queue`, `_gathering`, `_questions`.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from switch._connections cimport Connection
from switch._frames cimport Frame
from switch._routing cimport ROUTE_BYTES

cdef struct Kept:
    uint8_t *body               # NULL = nothing is kept
    size_t body_bytes
    uint8_t envelope_bytes
    uint8_t envelope[ROUTE_BYTES]
    int32_t place               # of its connection
    uint32_t generation
    int64_t received_us

cdef bint kept_put(Kept *kept, int32_t place, uint32_t generation, const Frame *frame,
                   uint8_t envelope_bytes, int64_t received_us) noexcept nogil
cdef void kept_frame(const Kept *kept, Frame *frame) noexcept nogil
cdef void kept_forget(Kept *kept) noexcept nogil


cdef inline bint kept_is_wanted(const Kept *kept, const Connection *connection) noexcept nogil:
    """Is the connection still there that it came from?"""
    return connection.fd >= 0 and connection.generation == kept.generation
