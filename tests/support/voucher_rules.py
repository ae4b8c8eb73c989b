"""What the machine over all products does with vouchers, in whatever order Hypothesis finds.

Owns rules; the machine that has them owns the shop, and what is always true.
"""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from switch.operations import CardStatus, Operation
from tests.model.vouchers import MISTYPED
from tests.support.paired_vouchers import NO_PIN, UNKNOWN, Typed, VoucherDesk, pin_of
from tests.support.voucher_programmes import SHORT
from tests.support.voucher_shop import VOUCHERS

PRICES = st.sampled_from([1, 40_000, 300_000, 2_500_000])
VOUCHERS_MAX = 12
AT = st.integers(0, 1 << 16)
CARDS = st.sampled_from([0, 0, 0, 1, 2, 5])
TERMINALS = st.sampled_from(["T0000001", "T0000003"])


class VoucherRules(RuleBasedStateMachine):
    """`desk` is there once the shop is open."""

    desk: VoucherDesk

    def has_vouchers(self) -> bool:
        return bool(self.desk.all())

    def has_stock(self) -> bool:
        return len(self.desk.all()) < VOUCHERS_MAX

    def has_undoable(self) -> bool:
        return bool(self.desk.undoable())

    def voucher(self, at: int, some: list[int]) -> int:
        """Give one of these, or of any if there are none."""
        found = some or self.desk.all()
        return found[at % len(found)]

    def pin(self, at: int) -> str:
        """Give a PIN: mostly a good one, else one that is known, unknown or none."""
        if at % 16 < 3:
            return (UNKNOWN, MISTYPED, NO_PIN)[at % 16]
        return pin_of(self.voucher(at // 16, [] if at % 16 < 8 else self.desk.good()))

    @precondition(has_stock)
    @rule(
        programme=st.sampled_from([VOUCHERS, VOUCHERS, SHORT]),
        price=PRICES,
        points=st.sampled_from([0, 0, 30, 700]),
        expires=st.sampled_from([3012, 3012, 2605]),
        sold=st.booleans(),
    )
    def load_vouchers(
        self, programme: int, price: int, points: int, expires: int, *, sold: bool
    ) -> None:
        self.desk.load(
            2,
            price_minor=price,
            points=points if programme == VOUCHERS else 0,
            programme=programme,
            expires_yymm=expires,
        )
        if sold:
            self.desk.sell(self.desk.all()[-1])

    @precondition(has_vouchers)
    @rule(at=AT, beside=st.sampled_from([0, 0, 0, 0, -1, 1]), terminal=TERMINALS)
    def sell_a_voucher(self, at: int, beside: int, terminal: str) -> None:
        some = self.desk.unsold() if at % 4 else []
        self.desk.sell(self.voucher(at // 4, some), beside, terminal)

    @precondition(has_vouchers)
    @rule(
        ats=st.one_of(AT.map(lambda at: [at]), st.lists(AT, min_size=1, max_size=6)),
        card=CARDS,
        terminal=TERMINALS,
    )
    def redeem_vouchers(self, ats: list[int], card: int, terminal: str) -> None:
        """One PIN, or several while the HSM looks at the first."""
        self.desk.redeem(*(Typed(self.pin(at), card, terminal) for at in ats))

    @precondition(has_undoable)
    @rule(at=AT, share=st.sampled_from([None, None, 0.0, 0.4]))
    def undo_with_a_voucher(self, at: int, share: float | None) -> None:
        found = self.desk.undoable()
        self.desk.undo(found[-1 - at % len(found)], share)

    @precondition(has_vouchers)
    @rule(at=AT, status=st.sampled_from([CardStatus.ACTIVE, CardStatus.ACTIVE, *CardStatus]))
    def void_a_voucher(self, at: int, status: CardStatus) -> None:
        self.desk.void(self.voucher(at, []), status)

    @precondition(has_vouchers)
    @rule(
        at=AT,
        operation=st.sampled_from([Operation.PURCHASE, Operation.BALANCE, Operation.LOAD]),
        known=st.booleans(),
    )
    def use_a_vouchers_number(self, at: int, operation: Operation, *, known: bool) -> None:
        """By its own number it pays for nothing; its PIN is nobody else's."""
        voucher = self.voucher(at, [])
        if known:
            self.desk.load_a_known_pin(voucher)
        else:
            self.desk.pair.say(operation, 1_000, voucher)

    @rule(card=CARDS)
    def forgive_wrong_pins(self, card: int) -> None:
        self.desk.forgive(card)
