"""A counter, a card and a moment for the terminal's tests."""

from datetime import datetime
from zoneinfo import ZoneInfo

from acquirers.terminal.parties import Card, Station, Trace

TEHRAN = ZoneInfo("Asia/Tehran")
STATION = Station(terminal_id="T0000001", merchant_id="M00000000000001")
CARD = Card(pan="5022290000000017", expiry="2906")
MOMENT = datetime(2026, 11, 22, 9, 50, 7, tzinfo=TEHRAN)


def trace(stan: int = 17) -> Trace:
    """Give the trace of the message with that number at MOMENT."""
    return Trace(stan=stan, local_at=MOMENT)
