"""How long exchanges took. See `_latency.pxd`."""

LATENCY_BOUNDS_US = (250, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000,
                     500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000)

cdef int64_t bounds_us[15]
for _at, _bound in enumerate(LATENCY_BOUNDS_US):
    bounds_us[<int> _at] = _bound


cdef void latency_note(Latency *latency, int64_t elapsed_us) noexcept nogil:
    """Count one exchange."""
    cdef int bucket = 0
    while bucket < LATENCY_BUCKETS - 1 and elapsed_us > bounds_us[bucket]:
        bucket += 1
    latency.buckets[bucket] += 1
    latency.sum_us += <uint64_t> elapsed_us
