"""Python face of `_counters`: the bounds of what a gate counts."""

LATENCY_BOUNDS_US: tuple[int, ...]
"""Upper bounds of the latency buckets; one more bucket is behind the last."""
