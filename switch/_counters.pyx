"""What a gate counts. See `_counters.pxd`. Must not know what for."""

LATENCY_BOUNDS_US = (250, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000,
                     500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000)

cdef int64_t latency_bounds[15]
for _at, _bound in enumerate(LATENCY_BOUNDS_US):
    latency_bounds[<int> _at] = _bound


cdef void counters_note_latency(GateCounters *counters, int64_t elapsed_us) noexcept nogil:
    """Count how long a message took, from its arrival to its reply's leaving."""
    cdef int bucket = 0
    while bucket < LATENCY_BUCKETS - 1 and elapsed_us > latency_bounds[bucket]:
        bucket += 1
    counters.latency[bucket] += 1
    counters.latency_sum_us += <uint64_t> elapsed_us


cdef dict counters_dict(const GateCounters *counters):
    """Give the counters by name."""
    return {
        "accepted": counters.accepted,
        "refused": counters.refused,
        "accepts_failed": counters.accepts_failed,
        "frames": counters.frames,
        "fast": counters.fast,
        "slow": counters.slow,
        "ignored": counters.ignored,
        "hopeless": counters.hopeless,
        "undeliverable": counters.undeliverable,
        "log_lines_dropped": counters.log_lines_dropped,
        "latency": [counters.latency[i] for i in range(LATENCY_BUCKETS)],
        "latency_sum_us": counters.latency_sum_us,
    }
