"""The voucher and the charge PIN: money or points for whoever has the PIN, into a card of theirs.

Sold at a till by its serial number, for exactly what it was loaded with; worth nothing before.
Whoever scratches the PIN free enters it once, with a card of a programme that takes these vouchers
(`switch.rules.Vouchers`), within twelve Jalali months. Its own number pays for nothing. Data only.
"""

from switch.operations import Operation
from switch.programme import Programme
from switch.rules import Activation, Ending, VoucherStock, Wallet


def voucher(programme: int, version: int, club: int) -> Programme:
    """Give vouchers of money and of points as a club's programme."""
    return Programme(
        programme=programme,
        version=version,
        club=club,
        name="Voucher",
        name_fa="کارت شارژ",
        operations=(Operation.ACTIVATION, Operation.BALANCE),
        wallets=(
            Wallet(name="value", unit="money", dated=True, account_type=0),
            Wallet(name="points", unit="points", dated=True, account_type=60),
        ),
        funding=(),
        activation=Activation(wallet="value", ends=Ending(after_months=12)),
        stock=VoucherStock(points="points"),
    )
