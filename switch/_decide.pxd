"""The one synchronous step: a request becomes a decision, its moves are in the book, or nothing is.

Owns the order of the checks. Must not know where the request came from, how the answer is written,
or what any programme is.
"""

from libc.stdint cimport int64_t

from switch._plan cimport Moment
from switch._shard cimport Decision, Request, Shard

cdef int decide(Shard *shard, const Request *request, const Moment *now,
                Decision *decision) noexcept nogil
cdef int decide_hold_expiry(Shard *shard, int64_t seq, const Moment *now,
                            Decision *decision) noexcept nogil
cdef int recognise(Shard *shard, const Request *request, const Moment *now,
                   Decision *decision) noexcept nogil
cdef void decline(Shard *shard, Decision *decision, int reason) noexcept nogil
