"""The gate: one epoll set, drained by one call. See `_fastpath.pyx`."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from switch._frames cimport Frame
from switch._hsm_stage cimport APPROVED_ELSEWHERE, FRESH, UNFETCHED
from switch._pressure cimport Pressure
from switch._pricing cimport Pricer
from switch._slow_stage cimport SlowStage
from switch._sockets cimport epoll_event

cdef class Gate(SlowStage):
    cdef list lanes
    cdef list doors             # `Tls` of those listeners that have one
    cdef readonly Pricer pricer
    cdef int64_t pricing_us     # spent in the slow lane's turns
    cdef int64_t greeted_us     # when handshakes had their last turn
    cdef int32_t connections_max    # of requesters
    cdef int32_t trunk_count
    cdef uint8_t *read_room
    cdef int32_t utc_offset_s
    cdef bint available
    cdef int watch_listener(self, int number) except -1
    cdef void drain_ready(self) noexcept nogil
    cdef void serve_events(self, const epoll_event *events, int count,
                           int64_t now_us) noexcept nogil
    cdef void accept_ready(self, int number, int64_t now_us) noexcept nogil
    cdef void serve_due(self) noexcept nogil
    cdef void greet_some(self) noexcept nogil
    cdef void greet(self, int32_t place, int64_t now_us) noexcept nogil
    cdef void read_ready(self, int32_t place) noexcept nogil
    cdef void serve_frames(self, int32_t place, size_t bytes, int64_t now_us) noexcept nogil
    cdef void postpone(self, int32_t place) noexcept nogil
    cdef void go_on(self) noexcept nogil
    cdef void leave_unanswered(self, int32_t place, const Frame *frame, int status) noexcept nogil
    # What `_shard_gate` does otherwise:
    cdef int forward(self, int32_t place, const Frame *frame, int64_t received_us,
                     Pressure *pressure) noexcept nogil
    cdef bint take_trunk_frame(self, int32_t place, const Frame *frame) noexcept nogil
