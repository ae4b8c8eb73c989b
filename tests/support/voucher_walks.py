"""Weighted random steps with vouchers, among everything else that cards are used for.

Owns what a step with a voucher can be; which club walks, and what walks have to get to, is their
tests'.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

from switch.operations import CardStatus, Operation
from tests.model.vouchers import MISTYPED
from tests.support.paired_shop import PairedShop
from tests.support.paired_vouchers import NO_PIN, UNKNOWN, Typed, VoucherDesk, pin_of
from tests.support.product_walks import DAY_S, NewVersion, Step, Walk
from tests.support.shop import TEHRAN_S
from tests.support.voucher_programmes import SHORT
from tests.support.voucher_shop import VOUCHERS

VOUCHERS_MAX = 18
PRICES = (1, 40_000, 300_000, 300_000, 2_000_000)
POINTS = (1, 30, 700)


def month_on_cards(now_s: int, more: int) -> int:
    """Give YYMM, as it is printed on a card, of this month or a later one."""
    today = datetime.fromtimestamp(now_s + TEHRAN_S, UTC)
    months = today.year % 100 * 12 + today.month - 1 + more
    return months // 12 * 100 + months % 12 + 1


class VoucherWalk(Walk):
    """Half of what it does is about vouchers; card 0 redeems most of them."""

    def __init__(self, pair: PairedShop, chance: Random, version: NewVersion) -> None:
        super().__init__(pair, chance, version)
        self.desk = VoucherDesk(pair)
        for programme in (VOUCHERS, VOUCHERS, SHORT):
            self.load(programme)
            self.sell()

    def steps(self) -> list[Step]:
        others = [(max(1, weight // 3), step) for weight, step in super().steps()]
        return [*others, *self._at_tills(), *self._by_guessers(), *self._by_the_club()]

    # --- chance -----------------------------------------------------------------------------------

    def card(self) -> int:
        return self.chance.choice([0] * 8 + [1, 1, 2])

    def voucher(self, some: Sequence[int]) -> int:
        """Give one of these, of any if there are none."""
        return self.chance.choice(some or self.desk.all())

    def typed(self, pin: str) -> Typed:
        return Typed(pin, self.card(), self.till())

    def any_pin(self) -> str:
        return self.chance.choice([UNKNOWN, UNKNOWN, MISTYPED, NO_PIN, pin_of(self.voucher(()))])

    # --- the club ---------------------------------------------------------------------------------

    def load(self, programme: int = 0, *, of_points: bool | None = None) -> None:
        """Load one or two, or such as have the PIN of another one."""
        if len(self.desk.all()) >= VOUCHERS_MAX or (self.desk.all() and self.seldom()):
            self.desk.load_a_known_pin(self.voucher(()))
            return
        programme = programme or self.chance.choice([VOUCHERS, VOUCHERS, SHORT])
        of_points = programme == VOUCHERS and (self.half() if of_points is None else of_points)
        soon = month_on_cards(self.pair.shop.now_s, self.chance.choice([0, 1]))
        self.desk.load(
            self.chance.choice([1, 2]),
            price_minor=self.chance.choice(PRICES),
            points=self.chance.choice(POINTS) if of_points else 0,
            programme=programme,
            expires_yymm=self.chance.choice([3012, 3012, 3012, soon]),
        )

    def void(self) -> None:
        voucher = self.voucher(self.chance.choice([self.desk.good(), self.desk.unsold()]))
        self.desk.void(voucher, self.chance.choice([*CardStatus]))
        self.redeem_that(voucher)
        if self.half():
            self.desk.sell(voucher)
        self.desk.void(voucher, self.chance.choice([CardStatus.BLOCKED, CardStatus.ACTIVE]))

    def next_day(self) -> None:
        """There are tries again."""
        self.pair.pass_to(self.pair.shop.now_s + DAY_S)

    def let_end(self) -> None:
        """Wait until those end that were sold for three weeks."""
        self.pair.pass_to(self.pair.shop.now_s + self.chance.choice([19, 20, 21, 370]) * DAY_S)
        self.redeem_that(self.voucher(self.desk.good()))
        self.pair.keep_house(60)
        self.desk.note_breakage()

    def _by_the_club(self) -> list[Step]:
        return [
            (6, self.load),
            (3, self.void),
            (3, self.let_end),
            (8, self.next_day),
            (2, lambda: self.desk.forgive(self.card())),
            (3, self.kill),
        ]

    # --- tills and holders ------------------------------------------------------------------------

    def sell(self) -> None:
        voucher = self.voucher(self.desk.unsold() if self.chance.random() < 0.8 else ())
        self.desk.sell(voucher, self.chance.choice([0] * 6 + [-1, 1]), self.till())
        if self.chance.random() < 0.2:
            self.undo_that()

    def good(self) -> int:
        """Give one that card 0 can redeem; if need be it is loaded and sold first."""
        taken, model = self.pair.model.programme.vouchers, self.pair.model
        if taken is not None and not self.desk.good():
            if len(self.desk.all()) < VOUCHERS_MAX:
                self.load(taken.programme, of_points=not taken.money)
            self.desk.sell(self.voucher(self.desk.unsold()))
        entry = model.entry(0, 0, self.pair.place("T0000001"), self.pair.shop.now_s)
        if entry.not_valid(member=True) and self.chance.random() < 0.8:
            self.pair.say(Operation.ACTIVATION, self.amount(), 0)
        return self.voucher(self.desk.good())

    def redeem(self) -> None:
        self.redeem_that(self.good())
        if self.chance.random() < 0.2:
            self.undo_that()

    def redeem_that(self, voucher: int) -> None:
        self.desk.redeem(self.typed(pin_of(voucher)))

    def redeem_again(self) -> None:
        """By whoever has redeemed it, or by somebody else."""
        self.redeem_that(self.voucher(self.desk.redeemed()))

    def redeem_and_use(self) -> None:
        """What was used of it, were it a rial or a point, is not given back with a reversal."""
        self.desk.redeem(Typed(pin_of(self.good()), 0, self.till()))
        wants = self.chance.choice([Operation.PURCHASE, Operation.POINTS_PAYMENT, Operation.HOLD])
        self.buy_across(wants)
        self.undo_that()

    def use_the_number(self) -> None:
        """By its own number it is sold and looked up, and nothing else."""
        operations = (Operation.PURCHASE, Operation.BALANCE, Operation.LOAD, Operation.WITHDRAWAL)
        self.pair.say(self.chance.choice(operations), self.amount(), self.voucher(()))

    def undo(self) -> None:
        found = self.desk.undoable()
        if found:
            self.desk.undo(self.chance.choice(found), self.chance.choice([None, None, 0.0, 0.4]))

    def undo_that(self) -> None:
        """Reverse what was sold or redeemed last, if it stands."""
        found = self.desk.undoable()
        if found:
            self.desk.undo(found[-1])

    def _at_tills(self) -> list[Step]:
        return [
            (14, self.sell),
            (14, self.redeem),
            (6, self.redeem_again),
            (8, self.redeem_and_use),
            (3, self.use_the_number),
            (8, self.undo),
        ]

    # --- guessers ---------------------------------------------------------------------------------

    def guess(self) -> None:
        self.desk.redeem(self.typed(self.any_pin()))

    def guess_at_once(self) -> None:
        """Many are asked for before the first is decided; the last one is perhaps right."""
        card, till = self.card(), self.till()
        count = self.chance.choice([2, 4, 8])
        pins = [self.any_pin() for _ in range(count)]
        pins[0] = pin_of(self.good())
        self.desk.redeem(*(Typed(pin, card, till) for pin in pins))

    def race(self) -> None:
        """Several cards have one voucher's PIN at once."""
        pin = pin_of(self.good())
        self.desk.redeem(*(self.typed(pin) for _ in range(3)))

    def _by_guessers(self) -> list[Step]:
        return [(8, self.guess), (3, self.guess_at_once), (3, self.race)]
