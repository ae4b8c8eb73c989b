"""The demo's tills for its other products: each card of each product, round after round.

Owns the rounds, over a real socket. Some orders are declined, as they should be; what was approved
is counted from the switch's journal. Must not know how the switch was started.
"""

from collections.abc import Callable
from datetime import datetime
from itertools import count
from zoneinfo import ZoneInfo

import trio

from acquirers.terminal.client import Address, open_client
from acquirers.terminal.orders import compose
from acquirers.terminal.parties import STAN_MAX, Card, Station, Trace
from acquirers.terminal.wire import wire_of
from bashgah.demo import PRODUCT_TILLS
from bashgah.demo_products import PRODUCTS

ROUND_SECONDS = 1.0
TIMEZONE = ZoneInfo("Asia/Tehran")


class ProductTills:
    """Trade with every product's cards. `token_of` is the site's: guests' cards depend on it."""

    def __init__(self, address: tuple[str, int], token_of: Callable[[str], bytes]) -> None:
        self._address = Address(host=address[0], port=address[1])
        self._cards = {product.name: product.cards_of_site(token_of) for product in PRODUCTS}
        self._stans = count(1)

    async def one_round(self, number: int = 0) -> None:
        """Have each product's orders carried out once with each of its cards.

        Raises NotConnectedError, NoReplyError.
        """
        async with open_client(self._address, wire_of("pos-binary")) as client:
            for product in PRODUCTS:
                for at, named in enumerate(self._cards[product.name]):
                    station = Station(
                        terminal_id=PRODUCT_TILLS[at % len(PRODUCT_TILLS)][0],
                        merchant_id=PRODUCT_TILLS[at % len(PRODUCT_TILLS)][1],
                    )
                    card = Card(pan=named.pan, expiry=named.expiry)
                    for order in product.orders(number):
                        request = compose(order, station, self._next_trace(), card)
                        await client.ask_until_answered(request)

    async def go_on(self) -> None:
        """Trade until cancelled. Raises NotConnectedError, NoReplyError."""
        for number in count(1):
            await trio.sleep(ROUND_SECONDS)
            await self.one_round(number)

    def _next_trace(self) -> Trace:
        stan = (next(self._stans) - 1) % STAN_MAX + 1
        return Trace(stan=stan, local_at=datetime.now(TIMEZONE))
