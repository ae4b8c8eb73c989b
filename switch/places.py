"""Where a switch stands: how far the clocks of a place are ahead of UTC.

Owns that one question. Must not know what time it is.
"""

from datetime import datetime
from zoneinfo import ZoneInfo


def utc_offset_seconds(timezone: ZoneInfo, now_s: float) -> int:
    """Give how far a place's clocks are ahead of UTC at a Unix time."""
    offset = datetime.fromtimestamp(now_s, timezone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())
