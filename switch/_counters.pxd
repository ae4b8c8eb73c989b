"""What a gate counts, since the process started."""

from libc.stdint cimport int64_t, uint64_t

cdef enum:
    LATENCY_BUCKETS = 16

cdef struct GateCounters:
    uint64_t accepted
    uint64_t refused            # no place was free
    uint64_t accepts_failed     # descriptors or memory ran out
    uint64_t frames             # of requesters; what other shards send is counted by link
    uint64_t fast
    uint64_t slow
    uint64_t ignored
    uint64_t hopeless
    uint64_t undeliverable      # the connection was gone when the reply could leave
    uint64_t log_lines_dropped
    uint64_t latency[16]
    uint64_t latency_sum_us

cdef void counters_note_latency(GateCounters *counters, int64_t elapsed_us) noexcept nogil
cdef dict counters_dict(const GateCounters *counters)
