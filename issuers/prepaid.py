"""The purchase card: a named, prepaid purse.

Its holder tops it up, at a till or with a voucher's PIN, and pays with it, up to a bound each
Jalali month. Whether what is left may be taken out again at a till is the club's policy. Data only.
"""

from switch.operations import Operation
from switch.programme import Programme
from switch.rules import Cap, Fund, Limits, Security, Vouchers, Wallet

PIN_IF_SENT = Security(pin="if_sent")


def prepaid(
    programme: int,
    version: int,
    club: int,
    *,
    withdrawal: bool = True,
    security: Security = PIN_IF_SENT,
    vouchers: int = 0,
) -> Programme:
    """Give the purchase card as a club's programme. `security`: how its holder is known.

    `vouchers`: the programme whose vouchers it takes; 0 = none's.
    """
    operations: tuple[Operation, ...] = (
        Operation.LOAD,
        Operation.PURCHASE,
        Operation.BALANCE,
        Operation.HOLD,
        Operation.PREAUTHORISATION,
    )
    if withdrawal:
        operations += (Operation.WITHDRAWAL,)
    if vouchers:
        operations += (Operation.VOUCHER_REDEMPTION,)
    return Programme(
        programme=programme,
        version=version,
        club=club,
        name="Purchase card",
        name_fa="کارت خرید",
        operations=operations,
        wallets=(Wallet(name="money", unit="money", held=True, account_type=0),),
        funding=(Fund(wallet="money"),),
        caps=(Cap(name="month-spent", of="spent", most=200_000_000),),
        limits=Limits(transaction_minor_max=100_000_000, balance_minor_max=500_000_000),
        security=security,
        vouchers=Vouchers(programme=vouchers, money="money") if vouchers else None,
    )
