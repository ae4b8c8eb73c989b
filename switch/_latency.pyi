"""Python face of `_latency`: the bounds of its buckets."""

LATENCY_BOUNDS_US: tuple[int, ...]
"""Upper bounds of the latency buckets; one more bucket is behind the last."""
