"""What one entry of the journal moves of a card, and what it sees there, in plain Python.

Owns posting and taking back, and lots of the entry's own names. What an operation does with a card
is `tests.model.entry` and what that calls.
"""

from switch.programme import Programme
from tests.model.book import Account, PlainBook, Posting
from tests.model.debts import Debts
from tests.model.late import Holidays, LateCharges
from tests.model.owed import Owed
from tests.model.pricing import Place

MARKED = 1 << 59  # names of lots from here on are marked
KEPT_MARK = 1
PAID_MARK = 2
FLOAT: Account = ("club", 0, "float")
REDEEMED: Account = ("club", 0, "points redeemed")
DISCOUNTS: Account = ("club", 0, "discounts")


class Moves:
    """Its postings are in the book at once; `cancel` takes them out again.

    `held_s`: of a completion, when the hold was made: what was open then can be spent.
    """

    def __init__(
        self,
        book: PlainBook,
        programme: Programme,
        *,
        card: int,
        linked: int | None,
        place: Place,
        now_s: int,
        seq: int,
        live_from_lot: int,
        holidays: Holidays,
        held_s: int | None = None,
    ) -> None:
        self.book, self.programme, self.card, self.linked = book, programme, card, linked
        self.place, self.now_s = place, now_s
        self.spent_s = now_s if held_s is None else held_s
        self._live_from_lot = live_from_lot
        self.seq, self._next_lot = seq, seq * 16
        self.postings: list[Posting] = []
        credit = programme.credit
        terms = [plan.terms for plan in credit.plans] if credit is not None else []
        owed = Owed(book, card, self.post, terms, place.local_day, place.utc_offset_s)
        wallet = self.wallet(credit.wallet if credit is not None else "")
        self.debts = Debts(owed, LateCharges(owed, wallet, holidays), wallet)

    # --- moving -----------------------------------------------------------------------------------

    @property
    def shop(self) -> Account:
        return ("merchant", 0, self.place.merchant)

    def wallet(self, name: str) -> Account:
        return ("card", self.card, name)

    def post(self, posting: Posting) -> None:
        if posting.amount:
            self.book.post(posting)
            self.postings.append(posting)

    def cancel(self) -> None:
        for posting in reversed(self.postings):
            self.book.post(posting.back(posting.amount))
        self.postings = []

    def spend(self, name: str, target: Account, amount: int) -> None:
        for posting in self.book.spend(self.wallet(name), target, amount, self.spent_s):
            self.post(posting)

    def put(
        self,
        amount: int,
        source: Account,
        target: Account,
        terms: tuple[int, int] = (0, 0),
        *,
        any_version: bool = False,
        marks: int = 0,
    ) -> None:
        """Move into a lot of these terms: one that is there (earned under this version), or new.

        Of lots that are marked as paid for each is of its own.
        """
        if not amount:
            return
        oldest = marks * MARKED + (0 if any_version else self._live_from_lot)
        new = marks * MARKED + self._next_lot
        joined = [
            name
            for name, lot in self.book.in_order(target)
            if (lot.available_at, lot.expires_at) == terms
            and oldest <= name < (marks + 1) * MARKED
            and not marks & PAID_MARK
        ]
        name = joined[0] if joined else new
        self._next_lot += name == new
        self.post(Posting(source, target, amount, name, *terms))

    # --- looking ----------------------------------------------------------------------------------

    def spendable(self, name: str) -> int:
        return self.book.spendable(self.wallet(name), self.spent_s)

    def count(self, name: str) -> int:
        return self.book.counted(self.wallet(name), self.now_s)

    def level(self) -> str:
        """The highest level that the best open period reaches."""
        tiers = self.programme.tiers
        if tiers is None:
            return ""
        lots = self.book.in_order(self.wallet("tier"))
        most = max((lot.remaining for _, lot in lots if lot.is_open(self.now_s)), default=0)
        return [level.name for level in tiers.levels if level.at <= max(most, 0)][-1]

    def last_end(self, name: str) -> int:
        """When the last of a counter's lots ends; 0: there is none, or it never does."""
        lots = self.book.in_order(self.wallet(name))
        return lots[-1][1].expires_at if lots else 0
