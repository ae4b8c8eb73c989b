"""How long exchanges took, in buckets that Prometheus reads. Knows no clock."""

from libc.stdint cimport int64_t, uint64_t

cdef enum:
    LATENCY_BUCKETS = 16

cdef struct Latency:
    uint64_t buckets[16]        # by LATENCY_BOUNDS_US, the last one for what is beyond
    uint64_t sum_us

cdef void latency_note(Latency *latency, int64_t elapsed_us) noexcept nogil
