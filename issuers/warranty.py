"""Warranty: things with serial numbers, registered on a card at the till where they are bought.

The term begins on the day of registration. Until its end a thing is looked up and claimed at any
terminal of the club. The card moves neither money nor points. Data only.
"""

from switch.operations import Operation
from switch.programme import Programme
from switch.rules import Ending, Items


def warranty(
    programme: int, version: int, club: int, *, months: int = 18, claims: int = 3
) -> Programme:
    """Give warranty as a club's programme: how long (Jalali months) and how often it serves."""
    return Programme(
        programme=programme,
        version=version,
        club=club,
        name="Warranty",
        name_fa="ضمانت",
        operations=(
            Operation.ITEM_REGISTRATION,
            Operation.ITEM_INQUIRY,
            Operation.ITEM_CLAIM,
        ),
        wallets=(),
        funding=(),
        items=Items(term=Ending(after_months=months), claims=claims),
    )
