"""Memberships in plain Python: until when one is valid, and how it is carried on.

Owns both; who asks for it, and what else a card can do, is `tests.model.entry`.
"""

from switch.reasons import Reason
from switch.rules import Membership
from tests.model.book import Posting
from tests.model.endings import SECONDS_A_DAY, carried_on_until, start_of
from tests.model.moves import REDEEMED, Moves
from tests.model.owed import COUNTS, FEES
from tests.model.pricing import Priced


def member_until(entry: Moves, days: int) -> int:
    """The membership's end, grace left out, if it is at most so many days away."""
    membership = entry.programme.membership
    last = entry.last_end("membership") if membership is not None else 0
    if membership is None or not last:
        return 0
    ends = last - membership.grace_days * SECONDS_A_DAY
    day = (ends + entry.place.utc_offset_s) // SECONDS_A_DAY
    return ends if day <= entry.place.local_day + days else 0


def renew(entry: Moves) -> Priced | Reason:
    """At a till, which takes the fee; or for points."""
    membership = entry.programme.membership
    if membership is None:
        return Reason.OPERATION_NOT_ALLOWED
    until = _carry_on(entry, membership)
    entry.post(Posting(entry.shop, FEES, membership.fee_minor))
    if membership.fee_points:
        if entry.spendable("points") < membership.fee_points:
            return Reason.INSUFFICIENT_POINTS
        entry.spend("points", REDEEMED, membership.fee_points)
    return Priced(
        0, points=membership.fee_points, told_fee_minor=membership.fee_minor, until_s=until
    )


def renew_by_itself(entry: Moves) -> str:
    """From its last day on, and in grace, if the whole fee is there; says what came of it."""
    membership = entry.programme.membership
    assert membership is not None
    tomorrow_s = start_of(entry.place.local_day + 1, entry.place.utc_offset_s)
    ends = entry.last_end("membership") - membership.grace_days * SECONDS_A_DAY
    if entry.count("membership") < 1 or ends > tomorrow_s:
        return ""
    fee = membership.fee_points or membership.fee_minor
    if entry.spendable(membership.renews_from) < fee:
        return "fee not there"
    _carry_on(entry, membership)
    entry.spend(membership.renews_from, REDEEMED if membership.fee_points else FEES, fee)
    return "done" if ends == tomorrow_s else "done in grace"


def _carry_on(entry: Moves, membership: Membership) -> int:
    """Begin the next one with the end of the last, or today if that is over; gives its end."""
    offset_s = entry.place.utc_offset_s
    grace_s = membership.grace_days * SECONDS_A_DAY
    lots = entry.book.in_order(entry.wallet("membership"))
    begins = today = entry.place.local_day
    if lots:
        ends = lots[-1][1].expires_at - grace_s
        begins = (ends + offset_s) // SECONDS_A_DAY
        if entry.count("membership") < 1:
            begins = max(today, begins)
    opens = start_of(begins, offset_s)
    over = carried_on_until(membership.valid, begins, _row_begins(entry, begins, grace_s))
    assert over is not None
    until = start_of(over if membership.valid.period else over - 1, offset_s)
    entry.put(1, COUNTS, entry.wallet("membership"), (opens, until + grace_s), any_version=True)
    return until


def _row_begins(entry: Moves, day: int, grace_s: int) -> int:
    """Go back from what is over on a day to the first of those that carried each other on."""
    over_s = start_of(day, entry.place.utc_offset_s)
    lots = [lot for _, lot in entry.book.in_order(entry.wallet("membership"))]
    for lot in reversed(lots):
        if lot.expires_at - grace_s != over_s:
            break
        over_s = lot.available_at
    return (over_s + entry.place.utc_offset_s) // SECONDS_A_DAY
