"""Instalments in plain Python, from what the terms say: the witness of `switch._schedule`.

Counts instalments from 1, as people do, takes its days from `tests.model.calendars` and its
roundings from fractions. Slow and right.
"""

from collections.abc import Collection
from datetime import timedelta
from fractions import Fraction
from math import floor
from typing import NamedTuple

from switch.instalments import PROFIT, QARZ, FeeKind, Instalment, Rest, Terms
from tests.model import calendars

BPS = 10_000
FRIDAY_ONLY = 64  # bits of weekdays, bit 0 is Saturday


class Debt(NamedTuple):
    """What is due by a day and has not been paid."""

    principal_minor: int
    fee_minor: int


class Settlement(NamedTuple):
    """What ends a debt early: principal + fee - rebate.

    `fee_ahead_minor` is what was paid already for time that has not begun: it stays paid, unless a
    programme gives it back.
    """

    principal_minor: int
    fee_minor: int
    rebate_minor: int
    fee_ahead_minor: int


class FeePart(NamedTuple):
    """What a fee comes to for a time, and the day before that begins; None: it is owed at once."""

    day_before: int | None
    fee_minor: int


def bps(amount_minor: int, share_bps: int, *, years: Fraction = Fraction(1)) -> int:
    """Give a share, or a rate for some years, rounded down."""
    return floor(Fraction(amount_minor * share_bps, BPS) * years)


def months_due(terms: Terms, number: int) -> int:
    """Give how many months after the purchase an instalment is due."""
    return terms.first_due_months + (number - 1) * terms.months_between


def first_of_year(number: int) -> bool:
    """Whether a year of qarz-al-hasaneh begins: numbers 1, 13, 25 and so on."""
    return number % 12 == 1


def payers(terms: Terms) -> list[int]:
    """Give the numbers of the instalments that pay principal."""
    numbers = range(1, terms.count + 1)
    if terms.fee is FeeKind.QARZ_11:
        return [number for number in numbers if not first_of_year(number)]
    return [number for number in numbers if number > terms.grace_count]


def spread(terms: Terms, whole_minor: int) -> dict[int, int]:
    """Split an amount over the instalments that pay principal."""
    numbers = payers(terms)
    each = floor(Fraction(whole_minor, len(numbers) * terms.multiple_minor)) * terms.multiple_minor
    parts = dict.fromkeys(numbers, each)
    carrier = numbers[0] if terms.rest is Rest.FIRST else numbers[-1]
    parts[carrier] += whole_minor - sum(parts.values())
    return parts


def fee_of(terms: Terms, principal_minor: int, number: int, left_minor: int) -> int:
    """Give an instalment's fee; `left_minor` is the principal before it is paid."""
    before = months_due(terms, number - 1) if number > 1 else 0
    months = Fraction(months_due(terms, number) - before, 12)
    rate = terms.rate_bps
    match terms.fee:
        case FeeKind.NONE:
            return 0
        case FeeKind.FLAT_SPREAD:
            return spread(terms, bps(principal_minor, rate)).get(number, 0)
        case FeeKind.FLAT_FIRST:
            return bps(principal_minor, rate) if number == 1 else 0
        case FeeKind.PROFIT_DECLINING:
            return bps(left_minor, rate, years=months)
        case FeeKind.PROFIT_FLAT:
            return bps(principal_minor, rate, years=months)
        case FeeKind.QARZ_11 | FeeKind.QARZ_12:
            in_year = min(12, terms.count - number + 1)
            return (
                bps(left_minor, rate, years=Fraction(in_year, 12)) if first_of_year(number) else 0
            )


def schedule(terms: Terms, principal_minor: int, anchor_day: int) -> list[Instalment]:
    """Give the instalments."""
    parts = spread(terms, principal_minor)
    left = principal_minor
    rows = []
    for number in range(1, terms.count + 1):
        due = calendars.months_after(terms.calendar, anchor_day, months_due(terms, number))
        fee = fee_of(terms, principal_minor, number, left)
        rows.append(Instalment(due, parts.get(number, 0), fee))
        left -= parts.get(number, 0)
    return rows


def unpaid(rows: list[Instalment], paid_minor: int) -> list[Instalment]:
    """Give what is left of each instalment: the oldest is paid first, its fee before the rest."""
    left = []
    for row in rows:
        to_fee = min(paid_minor, row.fee_minor)
        to_principal = min(paid_minor - to_fee, row.principal_minor)
        paid_minor -= to_fee + to_principal
        left.append(
            Instalment(row.due_day, row.principal_minor - to_principal, row.fee_minor - to_fee)
        )
    assert paid_minor == 0
    return left


def owed(rows: list[Instalment], paid_minor: int, day: int) -> Debt:
    """Give what is due and not paid."""
    due = [row for row in unpaid(rows, paid_minor) if row.due_day <= day]
    return Debt(sum(row.principal_minor for row in due), sum(row.fee_minor for row in due))


def fee_parts(terms: Terms, rows: list[Instalment], number: int, anchor_day: int) -> list[FeePart]:
    """Give an instalment's fee by the times that it is for: profit month by month."""
    row = rows[number - 1]
    if terms.fee in QARZ:
        return [FeePart(rows[number - 2].due_day if number > 1 else anchor_day, row.fee_minor)]
    if terms.fee not in PROFIT:
        return [FeePart(None, row.fee_minor)]
    principal = sum(each.principal_minor for each in rows)
    if terms.fee is FeeKind.PROFIT_DECLINING:
        principal -= sum(each.principal_minor for each in rows[: number - 1])
    months = range(months_due(terms, number - 1) if number > 1 else 0, months_due(terms, number))
    so_far = [
        bps(principal, terms.rate_bps, years=Fraction(count, 12))
        for count in range(len(months) + 1)
    ]
    return [
        FeePart(calendars.months_after(terms.calendar, anchor_day, month), after - before)
        for month, before, after in zip(months, so_far, so_far[1:], strict=False)
    ]


def fee_begun(terms: Terms, rows: list[Instalment], number: int, anchor_day: int, day: int) -> int:
    """Give how much of an instalment's fee is for what has begun by a day."""
    return sum(
        part.fee_minor
        for part in fee_parts(terms, rows, number, anchor_day)
        if part.day_before is None or part.day_before < day
    )


def settlement(
    terms: Terms, rows: list[Instalment], anchor_day: int, paid_minor: int, day: int
) -> Settlement:
    """Give what ends a debt early."""
    left = unpaid(rows, paid_minor)
    fee_paid = sum(row.fee_minor for row in rows) - sum(row.fee_minor for row in left)
    numbers = range(1, terms.count + 1)
    fee_due = sum(fee_begun(terms, rows, number, anchor_day, day) for number in numbers)
    late = any(row.due_day < day and (row.principal_minor or row.fee_minor) for row in left)
    early = sum(row.principal_minor for row in left if row.due_day > day)
    return Settlement(
        sum(row.principal_minor for row in left),
        max(0, fee_due - fee_paid),
        0 if late else bps(early, terms.rebate_bps),
        max(0, fee_paid - fee_due),
    )


def late(terms: Terms, overdue_minor: int, pay_by: int, day: int) -> int:
    """Give the charge for being late: all days count once the tolerance has passed."""
    days = day - pay_by
    if days <= terms.late_tolerance_days:
        return 0
    charge = bps(overdue_minor, terms.late_rate_bps, years=Fraction(days, 365))
    return min(charge, bps(overdue_minor, terms.late_cap_bps))


def pay_by(due_day: int, holidays: Collection[int], weekdays: int = FRIDAY_ONLY) -> int:
    """Give the first day that is neither a holiday nor such a weekday; bit 0 is Saturday."""
    while due_day in holidays or weekdays >> _weekday(due_day) & 1:
        due_day += 1
    return due_day


def _weekday(day: int) -> int:
    """Give the day of the week, counted from Saturday = 0."""
    return ((calendars.EPOCH + timedelta(days=day)).weekday() + 2) % 7
