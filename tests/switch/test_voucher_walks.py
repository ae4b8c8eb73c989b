"""Vouchers at two shards in any order of sales, redemptions, reversals, purchases and lost words.

Property: what has left a shard and not arrived is all that the club's accounts miss, a voucher has
one winner at most, and both shards are rebuilt as they are.
"""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from issuers.prepaid import prepaid
from switch._voucher_moves import find, hop
from tests.support.shop import Said
from tests.support.voucher_pair import HERE, THERE, Pair
from tests.support.voucher_shop import PRICE_MINOR, VOUCHERS, VoucherShop, digest_of, number_of

replace = msgspec.structs.replace
SERIALS = (1, 2)
Step = tuple[str, int, int, int]
"""What, at which shard, voucher, card."""

STEPS = st.tuples(
    st.sampled_from(
        (
            "redeem",
            "redeem",
            "redeem",
            "undo",
            "bring",
            "bring",
            "lose",
            "buy",
            "cut",
            "unsell",
            "sell",
        )
    ),
    st.sampled_from((HERE, THERE)),
    st.sampled_from(SERIALS),
    st.sampled_from((0, 1)),
)


class Walk:
    """Carries steps out, and remembers what was approved."""

    def __init__(self) -> None:
        definition = prepaid(1, 1, 1, vouchers=VOUCHERS)
        assert definition.vouchers is not None
        patient = replace(definition.vouchers, tries_max=100, terminal_tries_max=10_000)
        self.pair = Pair(replace(definition, vouchers=patient))
        self.sold: dict[int, Said] = {}
        for serial in SERIALS:
            self.sold[serial] = self.pair.there.sell(serial)
        self.stands: dict[int, list[tuple[int, int, Said]]] = {serial: [] for serial in SERIALS}

    def step(self, what: str, shard: int, serial: int, card: int) -> None:
        shop = self.pair.both()[shard]
        getattr(self, f"_{what}")(shop, shard, serial, card)

    def _sell(self, shop: VoucherShop, shard: int, serial: int, card: int) -> None:
        said = self.pair.there.sell(serial)
        assert (said.code == "00") == (serial not in self.sold)
        if said.code == "00":
            self.sold[serial] = said

    def _redeem(self, shop: VoucherShop, shard: int, serial: int, card: int) -> None:
        said = shop.redeem(f"pin{serial}", card=card)
        if said.code == "00":
            assert said.tag("VR") == str(PRICE_MINOR)
            assert serial in self.sold
            assert self.stands[serial] == []
            self.stands[serial].append((shard, card, said))

    def _undo(self, shop: VoucherShop, shard: int, serial: int, card: int) -> None:
        for at, by, said in list(self.stands[serial]):
            undone = self.pair.both()[at].undo(said, card=by)
            assert undone.code in ("00", "51")
            if undone.code == "00":
                assert undone.reason == ""
                self.stands[serial].clear()

    def _unsell(self, shop: VoucherShop, shard: int, serial: int, card: int) -> None:
        if serial in self.sold:
            said = self.pair.there.undo(self.sold[serial], card=number_of(serial))
            if said.code == "00":
                assert self.stands[serial] == []
                del self.sold[serial]

    def _buy(self, shop: VoucherShop, shard: int, serial: int, card: int) -> None:
        assert shop.send(amount_minor=PRICE_MINOR // 2, card=card).code in ("00", "51", "65")

    def _lose(self, shop: VoucherShop, shard: int, serial: int, card: int) -> None:
        """Let a voucher go to a shard that never hears of it, for now."""
        self.pair.hand_over(digest_of(f"pin{serial}"), shop, 1 - shard)

    def _bring(self, shop: VoucherShop, shard: int, serial: int, card: int) -> None:
        """Say all again that was ever said to a shard."""
        for sought in self.pair.asked:
            if sought.event is not None and sought.event.to_shard == shard:
                self.pair.bring(sought, shop)

    def _cut(self, shop: VoucherShop, shard: int, serial: int, card: int) -> None:
        self.pair.cut = not self.pair.cut

    def in_transit(self) -> int:
        """Give what has left and not arrived."""
        total = 0
        for shop in self.pair.both():
            for event in shop.directory.travelling.owed.values():
                other = self.pair.both()[event.to_shard].core
                card = find(other, bytes.fromhex(event.digest))
                if card is None or hop(other, card) < event.hop:
                    total += event.price_minor
        return total

    def expect_sound(self) -> None:
        floats = [shop.core.account(shop.core.club_account(1, 0))[4] for shop in self.pair.both()]
        assert sum(floats) == self.in_transit()
        assert all(shop.core.imbalances() == [] for shop in self.pair.both())
        for shop in self.pair.both():
            for card in range(2):
                assert shop.money(card) >= 0


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.lists(STEPS, min_size=12, max_size=30))
def test_nothing_is_lost_or_made_on_the_way(steps: Sequence[Step]) -> None:
    walk = Walk()

    for step in steps:
        walk.step(*step)
        walk.expect_sound()

    walk.pair.expect_rebuilt()
