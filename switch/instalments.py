"""Terms of paying in instalments, as data, and what follows from them, as values.

Owns the shape and its validation; `switch._schedule` computes. Amounts are in minor units, shares
and rates in basis points, days are days since 1970-01-01. Must not know a card, a programme or a
clock.
"""

from enum import IntEnum
from typing import NamedTuple

import msgspec

from switch.calendar import Calendar
from switch.limits import AMOUNT_MINOR_MAX
from switch.units import BPS

INSTALMENTS_MAX = 120  # as the core's arrays
MONTHS_BETWEEN_MAX = 12
MONTHS_MAX = 600  # from the purchase to the last instalment: 50 years
TOLERANCE_DAYS_MAX = 366


class FeeKind(IntEnum):
    """What paying later costs, and when that is paid. What rounding cuts off is the payer's."""

    NONE = 0
    FLAT_SPREAD = 1  # a share of the principal, spread as the principal is
    FLAT_FIRST = 2  # the same, with the first instalment
    PROFIT_DECLINING = 3  # a yearly rate on what is left, for the months since the one before
    PROFIT_FLAT = 4  # a yearly rate on the whole principal, for the same months
    QARZ_11 = 5  # qarz-al-hasaneh: a year is one instalment of fee and 11 of principal
    QARZ_12 = 6  # the older way: the year's fee is added to its first of 12 instalments


QARZ = (FeeKind.QARZ_11, FeeKind.QARZ_12)
PROFIT = (FeeKind.PROFIT_DECLINING, FeeKind.PROFIT_FLAT)


class Rest(IntEnum):
    """Which instalment of principal carries what rounding left."""

    LAST = 0
    FIRST = 1


class TermsError(ValueError):
    """Terms that cannot be right; the text names the field."""


class ScheduleError(ValueError):
    """No schedule: the principal or a day does not fit the terms."""


class Terms(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """How a purchase is paid in instalments.

    Instalment i (from 0) is due `first_due_months + i * months_between` months after the purchase;
    0 = the first is paid at once. In the first `grace_count` only profit is paid. Every part of the
    principal is a multiple of `multiple_minor` but the one of `rest`. `rate_bps` is a share of the
    principal where the fee is flat and a rate a year where it is profit or qarz-al-hasaneh.
    `rebate_bps` of what is paid before it is due is the good payer's who settles early.
    `late_rate_bps` a year is charged on overdue principal, nothing within `late_tolerance_days`,
    and never more than `late_cap_bps` of that principal.
    """

    count: int
    calendar: Calendar = Calendar.JALALI
    months_between: int = 1
    first_due_months: int = 1
    grace_count: int = 0
    multiple_minor: int = 1
    rest: Rest = Rest.LAST
    fee: FeeKind = FeeKind.NONE
    rate_bps: int = 0
    rebate_bps: int = 0
    late_rate_bps: int = 0
    late_tolerance_days: int = 0
    late_cap_bps: int = 0

    def __post_init__(self) -> None:
        """Raise TermsError for what no schedule could follow. `terms_hold` in the core is equal."""
        if not 1 <= self.count <= INSTALMENTS_MAX:
            raise TermsError(f"count: 1 to {INSTALMENTS_MAX} instalments")
        if not 1 <= self.months_between <= MONTHS_BETWEEN_MAX:
            raise TermsError(f"months_between: 1 to {MONTHS_BETWEEN_MAX}")
        if not 0 <= self.first_due_months <= MONTHS_MAX:
            raise TermsError(f"first_due_months: 0 to {MONTHS_MAX}")
        if self.first_due_months + (self.count - 1) * self.months_between > MONTHS_MAX:
            raise TermsError(f"the last instalment is due {MONTHS_MAX} months later at most")
        if not 1 <= self.multiple_minor <= AMOUNT_MINOR_MAX:
            raise TermsError("multiple_minor: an amount above zero")
        for share in ("rate_bps", "rebate_bps", "late_rate_bps", "late_cap_bps"):
            if not 0 <= getattr(self, share) <= BPS:
                raise TermsError(f"{share}: from 0 to {BPS}")
        self._check_fee()
        self._check_late()

    def _check_fee(self) -> None:
        if (self.fee is FeeKind.NONE) != (self.rate_bps == 0):
            raise TermsError("rate_bps: none without a fee, and no fee without a rate")
        if self.grace_count and self.fee not in PROFIT:
            raise TermsError("grace_count: only profit is paid in grace; without it, be due later")
        if not 0 <= self.grace_count < self.count:
            raise TermsError("grace_count: at least one instalment pays principal")
        if self.fee in QARZ and self.months_between != 1:
            raise TermsError("months_between: a year of qarz-al-hasaneh has twelve instalments")
        if self.fee is FeeKind.QARZ_11 and self.count % 12 == 1:
            raise TermsError("count: a year's only instalment would be a fee on nothing")

    def _check_late(self) -> None:
        if not 0 <= self.late_tolerance_days <= TOLERANCE_DAYS_MAX:
            raise TermsError(f"late_tolerance_days: 0 to {TOLERANCE_DAYS_MAX}")
        if (self.late_rate_bps == 0) != (self.late_cap_bps == 0):
            raise TermsError("late_cap_bps: what is charged for being late has a bound")


class Instalment(NamedTuple):
    """One row of a schedule."""

    due_day: int
    principal_minor: int
    fee_minor: int
