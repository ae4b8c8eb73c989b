"""Vouchers of a shop and of its plain model: loaded, sold, voided, redeemed, guessed at, undone.

Owns these, the HSM that digests what is typed, and what is always true of vouchers. What a card
does else is `tests.support.paired_shop`; chance is the caller's.
"""

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

import pytest

from switch._core import Core
from switch._security import voucher as voucher_of
from switch._security import voucher_tries
from switch.directory import EventError
from switch.events import PinTriesReset
from switch.operations import CardStatus, ExchangeState, Operation
from switch.reasons import Reason
from tests.model.book import Lot
from tests.model.pricing import Ask
from tests.model.switch import Answer, PlainSwitch
from tests.model.vouchers import MISTYPED, Tries, Voucher
from tests.support.paired_checks import balances, check_limits, check_told
from tests.support.paired_club import FIRST_VOUCHER, SHOPS
from tests.support.paired_shop import PairedShop, Past, pan_of
from tests.support.products import tehran_s
from tests.support.shop import TERMINALS, Said, Verdict
from tests.support.voucher_shop import VOUCHER_PIN, VOUCHERS, digest_of, vouchers_added

UNKNOWN = "nobody's"
NO_PIN = ""
REFUSING = (Reason.VOUCHER_REFUSED, Reason.VOUCHER_REDEEMED)
SHOWN = ("3", "39", "48", "54")  # what a guesser could learn from


class Typed(NamedTuple):
    """A PIN that somebody types, for a card, at a terminal."""

    pin: str
    card: int
    terminal: str = "T0000001"


def pin_of(voucher: int) -> str:
    return f"pin of {voucher}"


def first_second_after(expires_yymm: int) -> int:
    """Give when a month that is printed on a card is over."""
    months = expires_yymm // 100 * 12 + expires_yymm % 100
    return tehran_s(2000 + months // 12, months % 12 + 1, 1, 0)


class VoucherDesk:
    """What is done with vouchers: by the club, tills, holders of cards, and guessers."""

    def __init__(self, pair: PairedShop) -> None:
        self.pair = pair
        self._told: dict[str, dict[str, str | None]] = {}  # of a PIN that is refused, by dialect
        self._tenures: dict[tuple[str, int], int] = {}  # in which something was done

    @property
    def model(self) -> PlainSwitch:
        return self.pair.model

    def all(self) -> list[int]:
        return list(self.model.vouchers.of_card)

    def good(self) -> list[int]:
        """Give those whose PIN is good for card 0, and that enter a wallet of it."""
        taken, vouchers = self.model.programme.vouchers, self.model.vouchers
        return [
            voucher
            for voucher, worth in vouchers.of_card.items()
            if taken is not None
            and (taken.points if worth.points else taken.money)
            and not vouchers.faults(voucher, taken.programme, self.pair.shop.now_s)
        ]

    def unsold(self) -> list[int]:
        return [one for one in self.all() if not self._sales(one)]

    def _sales(self, voucher: int) -> list[tuple[int, Lot]]:
        return self.model.book.in_order(("card", voucher, "activated"))

    def redeemed(self) -> list[int]:
        of_card = self.model.vouchers.of_card
        return [one for one in self.all() if of_card[one].redeemed_by is not None]

    # --- the club ---------------------------------------------------------------------------------

    def load(
        self,
        count: int,
        *,
        price_minor: int,
        points: int = 0,
        programme: int = VOUCHERS,
        expires_yymm: int = 3012,
    ) -> None:
        """Load vouchers of one worth."""
        first = len(self.model.cards)
        numbers = range(first, first + count)
        self.pair.shop.record(
            vouchers_added(
                self.pair.shop,
                {number: pin_of(number) for number in numbers},
                price_minor=price_minor,
                points=points,
                expires_yymm=expires_yymm,
                programme=programme,
            )
        )
        for number in numbers:
            self.model.add_card(programme, expires_at=first_second_after(expires_yymm))
            worth = Voucher(programme, price_minor, points)
            self.model.vouchers.load(number, pin_of(number), worth)
        self.pair.note("vouchers", "loaded of points" if points else "loaded of money")

    def load_a_known_pin(self, voucher: int) -> None:
        """What has the PIN of another one is not loaded, and nothing with it."""
        first = len(self.model.cards)
        pins = {first: pin_of(first), first + 1: pin_of(voucher)}
        event = vouchers_added(self.pair.shop, pins, price_minor=1_000)
        before = self.pair.shop.state()
        with pytest.raises(EventError, match="PIN of another one"):
            self.pair.shop.record(event)
        assert self.pair.shop.state() == before
        self.pair.note("vouchers", "not loaded: a PIN of another one")

    def void(self, voucher: int, status: CardStatus) -> None:
        self.pair.set_status(voucher, status)

    def forgive(self, card: int) -> None:
        """Let an operator count a card's wrong PINs anew."""
        self.pair.shop.record(PinTriesReset(card=card))
        self.model.vouchers.forgive(card)

    # --- tills ------------------------------------------------------------------------------------

    def sell(self, voucher: int, beside_minor: int = 0, terminal: str = "T0000001") -> None:
        """Sell a voucher for its price, or for more or less."""
        worth = self.model.vouchers.of_card[voucher]
        amount_minor = max(0, worth.price_minor + beside_minor)
        self.pair.say(Operation.ACTIVATION, amount_minor, voucher, terminal)
        reason = self.pair.past[-1].said.reason
        kind = "points" if worth.points else "money"
        self.pair.note("sale", reason or f"of {kind}")
        if not reason:
            self._tenures["sold", voucher] = self.pair.tenure

    def undo(self, past: Past, share: float | None = None) -> None:
        """Reverse a sale or a redemption, wholly or down to a share."""
        is_sale = past.exchange.operation is Operation.ACTIVATION
        voucher = past.exchange.card if is_sale else past.exchange.postings[0].source[1]
        self.pair.reverse(past, share)
        what = "sale" if is_sale else "redemption"
        reason = self.pair.past[-1].said.reason
        self.pair.note(what, f"not undone: {reason}" if reason else "undone")
        self._note_restart("sold" if is_sale else "redeemed", voucher, f"a {what} and its reversal")

    def undoable(self) -> list[Past]:
        """Give sales and redemptions that stand."""
        of_card = self.model.vouchers.of_card
        return [
            past
            for past in self.pair.past
            if past.exchange.state is ExchangeState.APPROVED
            and past.exchange.operation in (Operation.ACTIVATION, Operation.VOUCHER_REDEMPTION)
            and (past.exchange.card in of_card) == (past.operation == "activation")
        ]

    # --- holders and guessers ---------------------------------------------------------------------

    def redeem(self, *typed: Typed) -> None:
        """Enter a PIN; others are entered one after the other while the HSM still looks at it.

        So all of them are asked for at once, and the last one is decided first.
        """
        (pin, card, terminal), *meanwhile = typed
        pair, shop = self.pair, self.pair.shop
        ask = Ask(0, pin=pin, terminal=terminal)
        wanted = self.model.wants_digest(card, pair.place(terminal), shop.now_s, ask)
        sent = sha256(pin.encode()).hexdigest()[:48].upper() if pin else None
        message = shop.message(
            "0200", "730000", None, card=pan_of(card), terminal=terminal, extra={"48.VP": sent}
        )
        before, had = shop.state(), balances(shop.core)

        def digest(asked: int, again: int) -> Verdict:
            nonlocal before, had
            assert (asked, again) == (VOUCHER_PIN, 0)
            if meanwhile:
                self.redeem(*meanwhile)
                before, had = shop.state(), balances(shop.core)
            if pin == MISTYPED:
                return (asked, 0, asked, 0, 0)
            return (asked, asked, 0, 0, 0, 0, digest_of(pin))

        shop.hsm = digest
        said = pair.send(message, terminal)
        answer = self.model.authorise(
            said.seq,
            Operation.VOUCHER_REDEMPTION,
            card,
            pair.place(terminal),
            shop.now_s,
            ask,
        )
        assert said.asked == ((VOUCHER_PIN,) if wanted else ())
        pair.compare(message, said, terminal, card, answer, before)
        check_told(self.model, said, answer, card, pair.place("T0000001"), shop.now_s)
        check_limits(shop.core, had)
        self._check_row(said, typed[0], answer)
        self._note(typed[0], answer, at_once=wanted)
        if meanwhile and not wanted:
            self.redeem(*meanwhile)

    def _check_row(self, said: Said, typed: Typed, answer: Answer) -> None:
        """An operator sees which voucher it was and why; a terminal only that it is refused."""
        voucher = self.model.vouchers.card_of(typed.pin)
        event = self.pair.row(said.seq)["event"]
        if voucher is None or answer.reason not in REFUSING:
            assert event is None
        else:
            taken = self._taken(typed.card)
            assert isinstance(event, str)
            found = json.loads(event)
            faults = self.model.vouchers.faults(voucher, taken, self.pair.shop.now_s)
            assert found == {"type": "voucher_refused", "voucher": voucher, "why": found["why"]}
            assert found["why"] in faults
            self.pair.note("no good", found["why"])
        if answer.reason is Reason.VOUCHER_REFUSED:
            shown = {name: said.elements.get(name) for name in SHOWN}
            assert shown == self._told.setdefault(typed.terminal, shown)

    def _taken(self, card: int) -> int:
        taken = self.model.programmes[self.model.cards[card].programme].vouchers
        return taken.programme if taken is not None else 0

    def _note(self, typed: Typed, answer: Answer, *, at_once: bool) -> None:
        """Count what became of it, and what it took."""
        vouchers, pair, now_s = self.model.vouchers, self.pair, self.pair.shop.now_s
        voucher = vouchers.card_of(typed.pin)
        entry = self.model.entry(0, typed.card, pair.place(typed.terminal), now_s)
        if answer.reason is Reason.NONE:
            assert voucher is not None
            exchange = self.model.exchanges[-1]
            wallet = exchange.postings[-1].target
            dated = "dated" if self.model.book.keeps_lots(wallet) else "plain"
            unit = "points" if vouchers.of_card[voucher].points else "money"
            pair.note("redemption", f"{unit} into a {dated} wallet")
            self._note_restart("sold", voucher, "a sale and its redemption")
            if ("redeemed", voucher) in self._tenures:
                pair.note("redemption", "again, after it was undone")
            self._tenures["redeemed", voucher] = pair.tenure
        elif answer.reason is Reason.VOUCHER_TRIES_EXCEEDED:
            of_card, at_terminal = vouchers.tries_left(entry, typed.terminal)
            whose = "card" if of_card < 1 else "terminal"
            assert min(of_card, at_terminal) < 1
            seen = "when it was asked for" if not at_once else "at the verdict"
            pair.note("redemption", f"no tries of the {whose} are left, {seen}")
            self._note_restart("tried", typed.card, "wrong PINs and the bound on them")
        else:
            pair.note("redemption", answer.reason.name.lower())
            if answer.reason is Reason.VOUCHER_REDEEMED and voucher is not None:
                self._note_restart("redeemed", voucher, "a redemption and the next one")
            if answer.reason is Reason.VOUCHER_REFUSED:
                pair.note("refused", "a PIN of nobody's" if voucher is None else "a voucher's PIN")
                self._tenures["tried", typed.card] = pair.tenure

    def _note_restart(self, what: str, number: int, between: str) -> None:
        if self._tenures.get((what, number), self.pair.tenure) != self.pair.tenure:
            self.pair.note("restart", f"between {between}")

    def note_breakage(self) -> None:
        """Count vouchers that were sold, and whose value has ended and left them."""
        for voucher, worth in self.model.vouchers.of_card.items():
            unit, wallet = ("points", "points") if worth.points else ("money", "value")
            left = self.model.book.in_order(("card", voucher, wallet))
            if self._sales(voucher) and worth.redeemed_by is None and not left:
                self.pair.note("breakage", f"of {unit}")


# --- what is always true --------------------------------------------------------------------------


def check_vouchers(core: Core, model: PlainSwitch) -> None:
    """Each voucher is worth what it was loaded for, has its winner, and tries are counted."""
    vouchers = model.vouchers
    for card in range(len(model.cards)):
        found, plain = voucher_of(core, card), vouchers.of_card.get(card)
        assert (plain is None) == (found is None)
        if plain is not None:
            assert found == (plain.price_minor, plain.points, plain.redeemed_by)
            _check_value(model, card, plain)
    terminals: Sequence[str] = [*TERMINALS]
    for terminal in SHOPS:
        at = terminals.index(terminal)
        for card in range(FIRST_VOUCHER):
            assert voucher_tries(core, card, at) == (
                vouchers.of_card_tries.get(card, Tries()),
                vouchers.at_terminal.get(terminal, Tries()),
            )


def _check_value(model: PlainSwitch, card: int, voucher: Voucher) -> None:
    """A voucher has all of its value or nothing: nothing before its sale and after redemption."""
    lots = model.book.in_order(("card", card, "points" if voucher.points else "value"))
    worth = [lot.remaining for _, lot in lots]
    sold = bool(model.book.in_order(("card", card, "activated")))
    if voucher.redeemed_by is not None or not sold:
        assert worth == []
    else:
        assert worth in ([], [voucher.points or voucher.price_minor])
