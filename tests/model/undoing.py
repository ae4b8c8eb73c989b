"""How much of each posting of a message is undone when a part of it is, in plain Python.

Pure; knows no message. Who undoes what is `tests.model.switch`.
"""

from collections.abc import Sequence

from tests.model.book import Account, Posting
from tests.model.owed import DEBTS


def undone_of(postings: Sequence[Posting], undone_minor: int, approved_minor: int) -> list[int]:
    """Give how much of each posting is undone when so much of the whole is.

    Its share; but of what one message put into a debt the last instalments go first, until the
    share of all of it has gone.
    """
    shares = [
        0 if posting.stays else _share(posting, undone_minor, approved_minor)
        for posting in postings
    ]
    debts: dict[tuple[Account, int], list[int]] = {}
    for at, posting in enumerate(postings):
        if posting.target[0] == "card" and posting.target[2] in DEBTS:
            debts.setdefault((posting.target, posting.lot), []).append(at)
    for parts in debts.values():
        to_go = sum(postings[at].amount for at in parts) * undone_minor // approved_minor
        for at in reversed(parts):
            shares[at] = min(to_go, postings[at].amount)
            to_go -= shares[at]
    return shares


def _share(posting: Posting, undone_minor: int, approved_minor: int) -> int:
    """Give what is undone of a posting: earned points rounded up, all else rounded down."""
    if posting.source[2] == "points issued":
        return -(-posting.amount * undone_minor // approved_minor)
    return posting.amount * undone_minor // approved_minor
