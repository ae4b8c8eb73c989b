"""Units of the ledger and the named roundings between amounts.

Owns which integer stands for which unit and how a share of an amount is rounded. Amounts are whole
minor units (the rial has none smaller: 1 minor unit = 1 rial) or whole points; no float, ever.
"""

RIAL = 364
"""ISO 4217 numeric code of the Iranian rial; a currency's unit number is its ISO code."""

POINTS_BASE = 10_000
"""Unit numbers from here on are points: one unit for each club, so that clubs never mix."""

BPS = 10_000
"""Basis points in a whole."""


COUNTS_BASE = 40_000
"""Unit numbers from here on are counts (uses, memberships, caps): one unit for each club."""


def points_of(club: int) -> int:
    """Give the unit number of a club's points."""
    return POINTS_BASE + club


def counts_of(club: int) -> int:
    """Give the unit number of a club's counts."""
    return COUNTS_BASE + club


def bps_of_floor(amount_minor: int, share_bps: int) -> int:
    """Give `share_bps` of an amount, rounded down."""
    return amount_minor * share_bps // BPS


def bps_of_ceil(amount_minor: int, share_bps: int) -> int:
    """Give `share_bps` of an amount, rounded up."""
    return -(-amount_minor * share_bps // BPS)
