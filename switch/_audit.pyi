"""Python face of `_audit`: sums over a core's book, for the auditor."""

from switch._core import Core

def open_holds(core: Core) -> list[tuple[int, int, int]]:
    """Give (sequence, approved minor units, undone minor units) of every open hold."""

def held_balances(core: Core) -> dict[int, int]:
    """Give the balances of the cards' held accounts that are not zero, by account number."""

def below_floor(core: Core) -> list[tuple[int, int, int]]:
    """Give (account, balance, floor) of the accounts that are below their floor."""

def points_of_merchants(core: Core) -> dict[int, int]:
    """Give by club the points on cards whose lots say that a merchant pays for them, or a share."""

def points(core: Core) -> list[tuple[int, int, int, int, int, int]]:
    """Give (club, issued, redeemed, expired, on cards, in lots) of every club, in points.

    "On cards" is the sum of the cards' balances, held ones included; "in lots" the sum of the lots.
    """
