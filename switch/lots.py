"""What the name of a lot says: the journal row that opened it, who pays for points, a debt's plan.

Owns the name's parts, shared with `switch/_plan.pxd` and `switch/_debts.pxd`. A lot keeps no more
than its name and its two dates: the row has the card, the merchant, the programme's version, and in
its reply the rule.
"""

import msgspec

LOT_KEPT, LOT_PAID = 1, 2
"""Marks: a card's inactivity does not end it; a merchant funds it, or a share of it."""

MARKS_SHIFT = 59
LOTS_A_ROW = 16
PLANS_FROM = 8
"""The number in the row of a debt by the first plan."""


class LotName(msgspec.Struct, frozen=True, kw_only=True):
    """A lot's name, taken apart.

    `seq`: the row that opened it. Others of its version and dates joined it unless a merchant funds
    it: such a lot is of this one purchase, whose merchant, version and rule say who pays what.
    """

    seq: int
    number: int
    kept: bool
    merchant_funds: bool


def name_of(lot: int) -> LotName:
    """Take the name of a lot of points apart."""
    marks, unmarked = lot >> MARKS_SHIFT, lot & ((1 << MARKS_SHIFT) - 1)
    return LotName(
        seq=unmarked // LOTS_A_ROW,
        number=unmarked % LOTS_A_ROW,
        kept=bool(marks & LOT_KEPT),
        merchant_funds=bool(marks & LOT_PAID),
    )


def plan_of(lot: int) -> int:
    """Give the place of a debt's instalment plan in its programme, from 0; below 0 = none."""
    return name_of(lot).number - PLANS_FROM
