"""What the core is told besides tables (address, framing, window, times), and what it gives back.

Plain numbers only.
"""

import msgspec

LENGTH_FORMS = ("binary2", "ascii4", "bcd2", "binary4")
"""In the order of switch/_frames.pxd."""

LatencySummary = tuple[int, int, int, int, int, int, int]
"""How many, their sum, the largest, and p50, p90, p99, p99.9, in microseconds."""


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times are nanoseconds; those of the run count from its beginning."""

    address: int  # IPv4, host order
    port: int
    length_form: int
    length_includes_itself: bool
    has_tpdu: bool
    tpdu: bytes
    kinds: int
    window: int
    is_open: bool
    warm_ns: int
    end_ns: int
    reply_ns: int
    think_ns: int
    drain_ns: int
    keeps_records: bool
