"""What the clock does with each card of a programme, as steps.

Owns what is done; over which cards and when is `switch.clock_work`. A card with which there is
nothing to do is declined, for whatever reason, and nothing of it is written.
"""

from collections.abc import Callable

from switch.machine import ClockEntry, Op
from switch.plan_sales import Sale
from switch.programme import Programme


def has_work(programme: Programme, entry: ClockEntry) -> bool:
    """Say whether a programme has such clock work."""
    return programme.credit is not None and programme.credit.charges_late()


def _charge_late(sale: Sale) -> None:
    """What is overdue is charged until today."""
    sale.writer.step(Op.CHARGE_LATE)


CLOCK_WORK: dict[ClockEntry, Callable[[Sale], None]] = {
    ClockEntry.LATE: _charge_late,
}
