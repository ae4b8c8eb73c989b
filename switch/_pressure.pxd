"""How much waits, whose it is, and what may therefore still be decided.

Theory of operation. Rows that are decided and not yet durable wait in one ring. A request (0100,
0200) finds a place in it only while its acquirer's rows are fewer than `SHARE_OF_FREE` times the
places that are free: an acquirer alone may take two thirds of the ring, a second one that comes
finds a third of it free, and a flood of one leaves room for all others (dynamic thresholds, as in
the shared memory of network switches). A connection has a bound of its own. Beyond either the
request gets 91 at once: it is read and refused rather than left in the kernel, where it would only
grow old.

What has to happen (reversals, advices, network messages) is never refused for want of room: it has
a reserve of the ring besides, and when even that is used up it waits, unread, and so does whatever
its connection sent after it.

Under pressure (half of a bound is reached) a request older than its requester waits is dropped
without an answer: nobody would read it. Its age is told by its own time, corrected by how far its
terminal's clock has been ahead of ours, so it counts however long it queued in the kernel or at the
acquirer. A repeat carries its original's time and is never called old.

Knows no sockets, no bytes, and no acquirer by name.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t

from switch._plan cimport Moment
from switch._shard cimport Request, Shard

cdef enum:
    SHARES_MAX = 16             # acquirers that are told apart; one for each listener at most
    SHARE_OF_FREE = 2

cdef struct Pressure:           # what may be decided now, of what one connection sends
    int everything              # Reason why nothing is decided, or REASON_NONE
    int requests                # Reason why no request is decided, or REASON_NONE
    bint full                   # no room at all: what must happen waits
    int32_t stale_seconds       # requests older than this are dropped; 0 = none is

cdef struct Shares:
    uint32_t waiting[16]        # rows not yet durable, by share
    uint32_t all_waiting
    uint32_t requests_max       # of all: requests find no room beyond
    uint32_t all_max            # with the reserve for what must happen

cdef void pressure_of(const Shares *shares, int share, int32_t rows, int32_t reply_seconds,
                      Pressure *pressure) noexcept nogil
cdef bint is_request(const Request *request) noexcept nogil
cdef bint is_stale(const Shard *shard, const Request *request, const Moment *now,
                   int32_t stale_seconds) noexcept nogil
