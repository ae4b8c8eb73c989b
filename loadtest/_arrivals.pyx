"""When arrival k of an open loop is due, in nanoseconds from the beginning. Reads no clock.

Owns the arithmetic of rates. A replay's moments come from outside, sorted.
"""

cimport cython
from libc.math cimport log, sqrt
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from loadtest._dice cimport dice_mix

cdef int64_t NEVER = 0x7FFFFFFFFFFFFFFF


@cython.final
cdef class Schedule:
    """The moments of one run. Made from `loadtest.arrival.Timetable`."""

    def __cinit__(self, rows, uint64_t seed):
        cdef Arrivals *arrivals = &self.arrivals
        cdef double begin_s = 0.0
        cdef double before = 0.0
        cdef int i
        memset(arrivals, 0, sizeof(Arrivals))
        arrivals.form = rows.form
        arrivals.seed = dice_mix(seed ^ 0x647565)
        arrivals.rate = rows.rate
        arrivals.burst_count = rows.burst_count
        arrivals.burst_every_s = rows.burst_every_s
        arrivals.stage_count = len(rows.stages)
        arrivals.moment_count = len(rows.moments_s)
        arrivals.stages = <Stage *> calloc(arrivals.stage_count + 1, sizeof(Stage))
        arrivals.moments_s = <double *> calloc(arrivals.moment_count + 1, sizeof(double))
        if arrivals.stages == NULL or arrivals.moments_s == NULL:
            raise MemoryError
        for i, (from_rate, to_rate, seconds) in enumerate(rows.stages):
            arrivals.stages[i] = Stage(begin_s, from_rate, to_rate, seconds, before)
            begin_s += seconds
            before += (from_rate + to_rate) / 2 * seconds
        for i, moment_s in enumerate(rows.moments_s):
            arrivals.moments_s[i] = moment_s

    def __dealloc__(self):
        free(self.arrivals.stages)
        free(self.arrivals.moments_s)

    def take(self):
        """Give the next moment in seconds, None when there is none any more."""
        cdef int64_t due_ns = take_due_ns(&self.arrivals)
        return None if due_ns == NEVER else due_ns / 1e9


cdef int64_t take_due_ns(Arrivals *arrivals) noexcept nogil:
    """The next arrival's moment; the largest number when no more come."""
    cdef int64_t k = arrivals.next
    cdef double at_s = 0.0
    arrivals.next += 1
    if arrivals.form == ARRIVE_CONSTANT:
        at_s = k / arrivals.rate
    elif arrivals.form == ARRIVE_POISSON:
        # 53 bits of chance, never 0.
        at_s = ((dice_mix(arrivals.seed + <uint64_t> k) >> 11) + 1) / 9007199254740993.0
        at_s = arrivals.at_s - log(at_s) / arrivals.rate
        arrivals.at_s = at_s
    elif arrivals.form == ARRIVE_BURST:
        at_s = k // arrivals.burst_count * arrivals.burst_every_s
    elif arrivals.form == ARRIVE_REPLAY:
        if k >= arrivals.moment_count:
            return NEVER
        at_s = arrivals.moments_s[k]
    else:
        at_s = stage_moment_s(arrivals, k)
        if at_s < 0:
            return NEVER
    return <int64_t> (at_s * 1e9)


cdef double stage_moment_s(Arrivals *arrivals, int64_t k) noexcept nogil:
    """Solve from * t + (to - from) * t * t / (2 * seconds) = k for t, in the stage that holds k."""
    cdef Stage *stage = &arrivals.stages[arrivals.stage]
    cdef double own, slope, after
    while arrivals.stage + 1 < arrivals.stage_count and (
            k >= arrivals.stages[arrivals.stage + 1].before):
        arrivals.stage += 1
        stage = &arrivals.stages[arrivals.stage]
    own = k - stage.before
    after = own - (stage.from_rate + stage.to_rate) / 2 * stage.seconds
    if after > 0:       # only behind the last stage
        return stage.begin_s + stage.seconds + after / stage.to_rate if stage.to_rate > 0 else -1
    slope = (stage.to_rate - stage.from_rate) / stage.seconds
    if slope == 0:
        return stage.begin_s + own / stage.from_rate
    # The numerically steady form of the root: no difference of two nearly equal numbers.
    return stage.begin_s + 2 * own / (
        stage.from_rate + sqrt(max(0.0, stage.from_rate * stage.from_rate + 2 * slope * own)))
