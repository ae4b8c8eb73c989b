"""Programmes of vouchers that are always there, and random parts by which cards take them.

Knows no card.
"""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from issuers.voucher import voucher
from switch.events import Event, TerminalKeysSet
from switch.operations import Operation
from switch.programme import Programme
from switch.rules import Activation, Ending, Vouchers, VoucherStock, Wallet
from tests.support.shop import TERMINALS
from tests.support.voucher_shop import SEALED, VOUCHERS, digest_key

SHORT = 6
"""Vouchers of money alone that are good for three weeks."""
STOCKS = (
    voucher(VOUCHERS, 1, 1),
    Programme(
        programme=SHORT,
        version=1,
        club=1,
        name="Short voucher",
        name_fa="کارت شارژ کوتاه",
        operations=(Operation.ACTIVATION, Operation.BALANCE),
        wallets=(Wallet(name="value", unit="money", dated=True, account_type=0),),
        funding=(),
        activation=Activation(wallet="value", ends=Ending(after_days=20)),
        stock=VoucherStock(),
    ),
)
VOUCHER_KEYS: tuple[Event, ...] = (
    *(digest_key(stock.programme) for stock in STOCKS),
    *(TerminalKeysSet(terminal=at, data=SEALED) for at in range(len(TERMINALS))),
)


@st.composite
def voucher_part(
    draw: st.DrawFn, wallets: Sequence[Wallet], endings: st.SearchStrategy[Ending]
) -> dict[str, Any]:
    """Give which vouchers a card takes; mostly both kinds, seldom none."""
    own = [wallet for wallet in wallets if wallet.funder == "club"]
    money, points = (
        draw(st.sampled_from([*names, *names, ""]))
        for unit in ("money", "points")
        for names in [[wallet.name for wallet in own if wallet.unit == unit]]
    )
    if not (money or points) or draw(st.integers(0, 7)) == 0:
        return {"vouchers": None}
    return {
        "vouchers": Vouchers(
            programme=draw(st.sampled_from([VOUCHERS, VOUCHERS, VOUCHERS, SHORT])),
            money=money,
            points=points,
            ends=draw(st.one_of(endings, st.just(Ending()))),
            tries_max=draw(st.sampled_from([1, 3, 5])),
            terminal_tries_max=draw(st.sampled_from([2, 6, 50])),
        )
    }
