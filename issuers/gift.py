"""The gift card: whoever holds it pays with it, as often as it lasts.

Worth nothing until a till sells it; the amount that was paid for it is on it from then on, for
twelve Jalali months. It earns no points, neither when bought nor when spent, and asks for no PIN:
it has no name. Whether it may be charged again is the club's choice. Data only.
"""

from switch.operations import Operation
from switch.programme import Programme
from switch.rules import Activation, Ending, Fund, Limits, Wallet

AMOUNT_MINOR_MAX = 50_000_000


def gift(programme: int, version: int, club: int, *, top_up: bool = False) -> Programme:
    """Give the gift card as a club's programme. `top_up`: it may be charged after its sale."""
    operations = (
        Operation.ACTIVATION,
        Operation.PURCHASE,
        Operation.BALANCE,
        Operation.HOLD,
        Operation.PREAUTHORISATION,
    )
    return Programme(
        programme=programme,
        version=version,
        club=club,
        name="Gift card",
        name_fa="کارت هدیه",
        operations=(*operations, Operation.LOAD) if top_up else operations,
        wallets=(Wallet(name="gift", unit="money", dated=True, held=True, account_type=0),),
        funding=(Fund(wallet="gift", earns=False),),
        activation=Activation(
            wallet="gift", ends=Ending(after_months=12), most_minor=AMOUNT_MINOR_MAX
        ),
        limits=Limits(balance_minor_max=AMOUNT_MINOR_MAX),
    )
