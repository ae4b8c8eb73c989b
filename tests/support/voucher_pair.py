"""Two shards of which one has the vouchers: what one has to know of the other can be lost.

Owns `Pair`. Each shard takes all cards of its own for its own. Knows no sockets.
"""

from switch._peers import Peers
from switch._snapshot import dump
from switch.programme import Programme
from switch.voucher_travel import Moment, Sought, hand_over, take_in
from tests.support.products import assert_rebuilt
from tests.support.voucher_shop import VOUCHERS, VoucherShop

HERE, THERE = 0, 1


def moment(shop: VoucherShop) -> Moment:
    return Moment(now_us=shop.now_s * 1_000_000, utc_offset_s=shop.utc_offset_s)


class Pair:
    """Two shards. Vouchers are loaded in the one that is `there`; cards 0 to 4 are in both."""

    def __init__(self, programme: Programme | None = None) -> None:
        self.here = VoucherShop(programme, shard=HERE, loaded=False)
        self.there = VoucherShop(programme, shard=THERE)
        self.cut = False  # nobody hears anybody
        self.asked: list[Sought] = []
        for number, shop in enumerate((self.here, self.there)):
            Peers(shop.core, owners=[number] * 4096, count=2, greeting=bytes(32))
        self.here.seek = lambda digest: self._seek(self.here, self.there, digest)
        self.there.seek = lambda digest: self._seek(self.there, self.here, digest)

    def _seek(self, asker: VoucherShop, other: VoucherShop, digest: bytes) -> int:
        if self.cut:
            return 2
        sought = self.hand_over(digest, other, number=THERE if asker is self.there else HERE)
        if sought.state == "under way":
            return 2
        if sought.event is not None:
            self.bring(sought, asker)
        return 1

    def hand_over(self, digest: bytes, shop: VoucherShop, number: int) -> Sought:
        sought = hand_over(shop.core, shop.directory, digest, VOUCHERS, number, moment(shop))
        self.asked.append(sought)
        return sought

    def bring(self, sought: Sought, to: VoucherShop) -> None:
        assert sought.event is not None
        number = THERE if to is self.there else HERE
        take_in(
            to.core,
            to.directory,
            sought.event,
            sought.row,
            from_shard=1 - number,
            slot=0,
            at=moment(to),
        )

    def expect_sound(self) -> None:
        """Both balance, are the same when they are rebuilt, and nothing is on its way."""
        self.expect_rebuilt()
        floats = [shop.core.account(shop.core.club_account(1, 0))[4] for shop in self.both()]
        assert sum(floats) == 0

    def expect_rebuilt(self) -> None:
        """Replay and snapshots give the same."""
        for shop in self.both():
            assert_rebuilt(shop)
            assert list(dump(shop.replayed())) == list(dump(shop.core))

    def both(self) -> tuple[VoucherShop, VoucherShop]:
        return self.here, self.there
