"""The half of a gate that keeps messages for the slow lane, and serves them again.

Owns their tickets. What the fast lane cannot answer alone is parked: `take_parked` hands it to the
slow lane with what it needs, and `resume`, `abandon` or `answer` serves it again on the same path.
What a message of another bank's card says to that bank is written here too, because only the gate
has the message; a card's number never becomes a Python text. Must not know how anything is fetched.
"""

from libc.stdint cimport int32_t, int64_t

from switch._frames cimport Frame
from switch._hsm_stage cimport HsmStage
from switch._parking cimport Parking
from switch._price_queue cimport PriceQueue
from switch._shard cimport IssuerAnswer, Recall

cdef class SlowStage(HsmStage):
    cdef Parking parking
    cdef PriceQueue to_price    # see `_slow_lane`
    cdef bint park(self, int32_t place, const Frame *frame, int64_t received_us,
                   const Recall *recall) noexcept nogil
    cdef int serve_parked(self, int32_t ticket, bint fetched, const IssuerAnswer *answer) except -1
    # What `_fastpath` does:
    cdef void serve_postponed(self) noexcept nogil
