"""The bon (بن): what an organisation gives its people each month, for some shops, never as cash.

Data only. The clock opens each card's lot with the Jalali month and takes what is left back at its
end (`switch.clock_work`); a card that is added in between gets the whole month's.
"""

from typing import Literal

from switch.operations import Operation
from switch.programme import Programme
from switch.rules import Allowance, Fund, Wallet, When

ACCOUNT_TYPE = 10
"""DE 54's account type of the bon: savings, beside the purse's 00 (default)."""


def bon(
    programme: int,
    version: int,
    club: int,
    *,
    organisation: int,
    monthly_minor: int,
    merchants: tuple[str, ...] = (),
    categories: tuple[int, ...] = (),
    rest: Literal["cash", "purse", "declined"] = "cash",
) -> Programme:
    """Give the bon of an organisation as a club's programme.

    It pays at `merchants` and shops of `categories`; neither named: everywhere in the club. What it
    does not pay is paid in cash at the till, from a purse on the same card, or not at all.
    """
    wallets = [
        Wallet(
            name="bon",
            unit="money",
            dated=True,
            held=True,
            account_type=ACCOUNT_TYPE,
            funder="organisation",
        )
    ]
    funding = [
        Fund(wallet="bon", when=When(merchants=merchants, categories=categories), earns=False)
    ]
    operations = [
        Operation.PURCHASE,
        Operation.BALANCE,
        Operation.HOLD,
        Operation.PREAUTHORISATION,
    ]
    if rest == "purse":
        wallets.append(Wallet(name="money", unit="money", held=True, account_type=0))
        funding.append(Fund(wallet="money"))
        operations.append(Operation.LOAD)
    return Programme(
        programme=programme,
        version=version,
        club=club,
        name="Bon",
        name_fa="بن ماهانه",
        operations=tuple(operations),
        wallets=tuple(wallets),
        funding=tuple(funding),
        purse="money" if rest == "purse" else "",
        cash=rest == "cash",
        organisation=organisation,
        allowance=Allowance(wallet="bon", amount_minor=monthly_minor),
    )
