"""The demo's tills for its other products: each card of each product, round after round.

Owns the rounds, over a real socket. Some orders are declined, as they should be; what was approved
is counted from the switch's journal. Must not know how the switch was started.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import count
from time import time
from zoneinfo import ZoneInfo

import trio

from acquirers.terminal.client import Address, TerminalClient, open_client
from acquirers.terminal.orders import Order, compose
from acquirers.terminal.parties import STAN_MAX, Card, Station, Trace
from acquirers.terminal.wire import wire_of
from bashgah import demo_vouchers
from bashgah.demo import EXPIRY, PRODUCT_TILLS, TestCard
from bashgah.demo_products import PRODUCTS

ROUND_SECONDS = 1.0
TIMEZONE = ZoneInfo("Asia/Tehran")


class ProductTills:
    """Trade with every product's cards that have documented numbers."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = Address(host=address[0], port=address[1])
        self._vouchers = count(int(time()))  # another start does not begin with the same ones
        self._stans = count(1)

    async def one_round(self, number: int = 0) -> None:
        """Have each product's orders carried out once with each of its cards.

        Raises NotConnectedError, NoReplyError.
        """
        async with open_client(self._address, wire_of("pos-binary")) as client:
            for product in PRODUCTS:
                for at, named in enumerate(product.cards):
                    for order in product.orders(number):
                        await self._carry_out(client, at, order, named.pan)
                if product.takes_vouchers:
                    await self._trade_in_vouchers(client, product.cards, number)

    async def _trade_in_vouchers(
        self, client: TerminalClient, cards: Sequence[TestCard], number: int
    ) -> None:
        """Sell a voucher and redeem it; the last card's holder guesses, until nobody listens."""
        place = demo_vouchers.FOR_PEOPLE + next(self._vouchers) % demo_vouchers.FOR_TILLS
        await self._carry_out(client, 0, demo_vouchers.sale(), demo_vouchers.serial(place))
        at = place % (len(cards) - 1)
        await self._carry_out(client, at, demo_vouchers.redemption(place), cards[at].pan)
        guess = demo_vouchers.guess(number)
        if guess is not None:
            await self._carry_out(client, len(cards) - 1, guess, cards[-1].pan)

    async def _carry_out(self, client: TerminalClient, at: int, order: Order, pan: str) -> None:
        """Have an order answered, at one of the tills."""
        terminal_id, merchant_id = PRODUCT_TILLS[at % len(PRODUCT_TILLS)]
        station = Station(terminal_id=terminal_id, merchant_id=merchant_id)
        card = Card(pan=pan, expiry=EXPIRY)
        await client.ask_until_answered(compose(order, station, self._next_trace(), card))

    async def go_on(self) -> None:
        """Trade until cancelled. Raises NotConnectedError, NoReplyError."""
        for number in count(1):
            await trio.sleep(ROUND_SECONDS)
            await self.one_round(number)

    def _next_trace(self) -> Trace:
        stan = (next(self._stans) - 1) % STAN_MAX + 1
        return Trace(stan=stan, local_at=datetime.now(TIMEZONE))
