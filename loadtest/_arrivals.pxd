"""When arrival k of an open loop is due: a generator of moments, a function of seed and k."""

from libc.stdint cimport int64_t, uint64_t

cdef enum:
    ARRIVE_CONSTANT = 0
    ARRIVE_POISSON = 1
    ARRIVE_STAGES = 2       # ramps and steps: pieces in which the rate changes evenly
    ARRIVE_BURST = 3
    ARRIVE_REPLAY = 4

cdef struct Stage:
    double begin_s
    double from_rate
    double to_rate
    double seconds          # the last one goes on at its end's rate
    double before           # arrivals before it

cdef struct Arrivals:
    int form
    uint64_t seed
    int64_t next            # k of the next one
    double rate
    double at_s             # of the last one: Poisson's gaps add up
    int64_t burst_count
    double burst_every_s
    int64_t stage_count
    int64_t stage
    Stage *stages
    int64_t moment_count
    double *moments_s

cdef class Schedule:
    cdef Arrivals arrivals

cdef int64_t take_due_ns(Arrivals *arrivals) noexcept nogil
