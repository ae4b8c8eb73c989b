"""A club and its plain model, side by side: time, clock work, versions, restarts.

Owns what is done without a message, and counts what was reached. What is said at tills is
`tests.support.paired_shop`.
"""

from collections import Counter
from typing import NamedTuple

import pytest

from issuers.purse import purse
from switch._core import Core
from switch._snapshot import Loading, dump
from switch.clock_work import ClockWork
from switch.directory import Directory, EventError
from switch.events import (
    CardsLinked,
    CardStatusChanged,
    CreditLimitSet,
    HolidaysSet,
    OrganisationAdded,
    ProgrammeLive,
)
from switch.operations import CardStatus
from switch.programme import Programme
from tests.ledger.rows_model import Row, decode_rows, encode_rows
from tests.model.clock import PlainClock, Slice
from tests.model.late import Holidays, LateCharges, dearer
from tests.model.pricing import Place
from tests.model.switch import PlainSwitch
from tests.support.programmes import MEMBERS, ORGANISATION
from tests.support.shop import (
    BOOKS,
    CAFE,
    TEHRAN_S,
    Shop,
    cards_added,
    new_core,
    replay_into,
    state_of,
)
from tests.support.voucher_programmes import STOCKS, VOUCHER_KEYS

SHOPS = {"T0000001": (CAFE, 5812), "T0000003": (BOOKS, 5942)}
JUNE_S = 1_780_259_400  # 2026-06-01 00:00 in Tehran, when card 5 has expired
YEAR_2031_S = 1_924_979_400  # 2031-01-01 00:00 in Tehran: all others
MEMBER_PAN, MEMBER = "9364001234567899", 7
UNUSED = 6  # the card of another club, whose programme is 9
FIRST_VOUCHER = 8  # cards from here on are vouchers
GUESTS = (0, 1)  # linked to the member's card; the others of programme 1 are not


class Reached(NamedTuple):
    """Something that was done, what became of it, and how many wallets had paid."""

    what: str
    outcome: str
    wallets: int = 0


class PairedClub:
    """Cards and products, and what time and the club do to them."""

    def __init__(self, programme: Programme) -> None:
        """Open it with a programme of the cards 0 to 5."""
        members = purse(MEMBERS, 1, 1)
        abroad = purse(9, 1, 2)
        earlier = (members, *STOCKS)
        self.shop = Shop(programme, earlier=earlier, before=(_organisation(),))
        seq = self.shop.core.last_seq
        self.model = PlainSwitch(
            programme,
            live_from_seq=seq - 3,
            cards=UNUSED,
            earlier=[(each, seq - 3 - len(earlier) + at) for at, each in enumerate(earlier)],
        )
        self.model.go_live(abroad, seq - 2)
        self.model.add_card(abroad.programme)
        self.model.add_card(MEMBERS)
        for plain in self.model.cards:
            plain.expires_at = YEAR_2031_S
        self.model.cards[5].expires_at = JUNE_S
        self.shop.record(cards_added(self.shop.core, MEMBERS, [MEMBER_PAN], [3012]))
        for event in VOUCHER_KEYS:
            self.shop.record(event)
        if programme.referral is not None:
            self.shop.record(CardsLinked(cards=GUESTS, to_card=MEMBER))
            for card in GUESTS:
                self.model.cards[card].linked = MEMBER
        self.reached: Counter[Reached] = Counter()
        self.clock = PlainClock(self.model, 64)
        self.work = ClockWork(self.shop.core, self.shop.directory, cards_max=64)
        self.tenure = 1
        self._rows: dict[int, Row] = {}
        self._batches_read = 0
        self._restarted = ""  # from what, the last time
        self._known_late: set[int] = set()  # cards that were charged before a holiday was known

    def note(self, what: str, outcome: str, wallets: int = 0) -> None:
        self.reached[Reached(what, outcome, wallets)] += 1

    def note_then(self, what: str, outcome: str) -> None:
        """Count what comes of something that was there before, also before a restart."""
        self.note(what, outcome)
        if self._restarted:
            self.note(what, f"{outcome}, restarted from {self._restarted}")

    def place(self, terminal: str) -> Place:
        local_s = self.shop.now_s + TEHRAN_S
        day = local_s // 86_400
        merchant, category = SHOPS[terminal]
        number = (CAFE, BOOKS).index(merchant)
        hour = local_s % 86_400 // 3_600
        return Place(merchant, category, day, (day + 5) % 7, hour, TEHRAN_S, number)

    @property
    def next_seq(self) -> int:
        return self.shop.core.last_seq + 1

    def remember(self, seqs: list[int]) -> None:
        """Give the shard what a snapshot does not hold: the journal's rows of these sequences."""
        batches = self.shop.journal()
        for stream in batches[self._batches_read :]:
            for row in decode_rows(stream):
                assert isinstance(row["seq"], int)
                self._rows[row["seq"]] = row
        self._batches_read = len(batches)
        if seqs:
            self.shop.core.remember(encode_rows([self._rows[seq] for seq in sorted(seqs)]), {})
            self.note("recall", "from the journal")

    def row(self, seq: int) -> Row:
        """Give a row of the journal."""
        self.remember([])
        return self._rows[seq]

    # --- time, versions, restarts -----------------------------------------------------------------

    def pass_to(self, now_s: int) -> None:
        self.shop.now_s = max(self.shop.now_s, now_s)

    def keep_house(self, slices: int) -> None:
        """Let the clock do so many slices of what is due."""
        for _ in range(slices):
            done = self.clock.step(self.next_seq, self.shop.now_s, TEHRAN_S)
            found = self.work.step(now_us=self.shop.now_s * 1_000_000, utc_offset_s=TEHRAN_S)
            assert found == (None if done is None else (done.cards, done.seq))
            if done is None:
                return
            if done.moves:
                whole = done.cards == len(self.model.cards)
                self.note(done.task, "all cards at once" if whole else "some of the cards")
            self._note_seen(done)

    def _note_seen(self, done: Slice) -> None:
        for card, what in done.seen:
            self.note_then(done.task, what)
            if card in self._known_late and what == "taken back, less is owed":
                self._known_late.discard(card)
                self.note_then(done.task, "taken back for a holiday")

    def restart_clock(self, cards_max: int) -> None:
        """As a process that has just started: what moved nothing is looked at again."""
        self.clock.restart(cards_max)
        self.work = ClockWork(self.shop.core, self.shop.directory, cards_max=cards_max)

    def late_charges(self, card: int) -> LateCharges:
        return self.model.entry(0, card, self.place("T0000001"), self.shop.now_s).debts.late

    def due_days(self, card: int) -> list[int]:
        """Give the days on which something of a card is due."""
        lots = self.model.book.in_order(("card", card, "due"))
        return [(lot.expires_at + TEHRAN_S) // 86_400 - 1 for _, lot in lots]

    def set_holidays(self, days: tuple[int, ...], weekdays: int) -> None:
        """Know the club's holidays from now on, those of days that are over, too."""
        cards = range(len(self.model.cards))
        before = [self.late_charges(card).standings() for card in cards]
        self.shop.record(HolidaysSet(club=1, days=days, weekdays=weekdays))
        self.model.holidays = Holidays(days, weekdays)
        self.note("holidays", "set")
        for card, standings in enumerate(before):
            after = self.late_charges(card).standings()
            if any(
                is_now.left > 0 and is_now.should < is_now.charged <= was.should
                for was, is_now in zip(standings, after, strict=True)
            ):
                self._known_late.add(card)

    def learn_of_holidays(self, card: int, days_more: int, weekdays: int) -> None:
        """Nobody pays on days on which a card's debts were or will be due, nor some days after."""
        due = self.due_days(card)[:3]
        days = {day + at for day in due for at in range(days_more)}
        self.set_holidays(tuple(sorted(days)), weekdays)

    def go_live(self, programme: Programme) -> None:
        """Let a version decide from here on, if the cards have room for its counters."""
        if self._is_dearer(programme):
            with pytest.raises(EventError, match="would cost more"):
                self.shop.record(ProgrammeLive(definition=programme))
            self.note("version", "a debt would cost more")
            return
        if self._shifts_ends(programme):
            with pytest.raises(EventError, match="days of grace"):
                self.shop.record(ProgrammeLive(definition=programme))
            self.note("version", "memberships would end on other days")
            return
        known = self.model.accounts[1]
        new = [name for name in programme.counters() if name not in known]
        if len(new) > known.count(""):
            before = self.shop.state()
            with pytest.raises(EventError, match="no spare counter"):
                self.shop.record(ProgrammeLive(definition=programme))
            assert self.shop.state() == before
            self.note("version", "no room for its counters")
            return
        self.model.go_live(programme, self.shop.record(ProgrammeLive(definition=programme)))
        self.note("version", "live")

    def _is_dearer(self, programme: Programme) -> bool:
        """Would anybody pay more, by whatever version he owes?"""
        if programme.credit is None:
            return False
        new = [plan.terms for plan in programme.credit.plans]
        olds = (one.credit.plans for one in self.model.lived[1] if one.credit is not None)
        return any(dearer(new, [plan.terms for plan in old]) for old in olds)

    def _shifts_ends(self, programme: Programme) -> bool:
        """Is anybody a member with other days of grace?"""
        if programme.membership is None:
            return False
        olds = [one.membership for one in self.model.lived[1] if one.membership is not None]
        return any(old.grace_days != programme.membership.grace_days for old in olds)

    def set_limit(self, card: int, limit_minor: int) -> None:
        event = CreditLimitSet(card=card, limit_minor=limit_minor)
        if self.model.set_limit(card, limit_minor):
            self.shop.record(event)
            self.note("credit limit", "set")
        else:
            with pytest.raises(EventError, match="gives no credit"):
                self.shop.record(event)

    def set_status(self, card: int, status: CardStatus) -> None:
        self.shop.record(CardStatusChanged(card=card, status=status))
        self.model.cards[card].status = status

    def go_on_from_the_journal(self, cards_max: int) -> None:
        """The journal alone gives the same shard; what comes now is decided by that one."""
        core = new_core()
        core.watch_floors()
        directory = replay_into(core, self.shop.journal())
        self._go_on_with(core, directory, cards_max)
        self._restarted = "the journal"
        self.note("restart", "from the journal")

    def go_on_from_a_snapshot(self, cards_max: int) -> None:
        """A snapshot, too, and what is in it is written again in the same words."""
        core = new_core()
        loading = Loading(core)
        for part, row in dump(self.shop.core):
            loading.take(part, row)
        loading.finish()
        directory = Directory(core)
        directory.load(self.shop.directory.dump())
        assert list(dump(core)) == list(dump(self.shop.core))
        self.shop.journal()  # what waits to be written is written by whoever decided it
        self._go_on_with(core, directory, cards_max)
        self._restarted = "a snapshot"
        self.note("restart", "from a snapshot")

    def _go_on_with(self, core: Core, directory: Directory, cards_max: int) -> None:
        assert state_of(core) == self.shop.state()
        assert directory.dump() == self.shop.directory.dump()
        self.tenure += 1
        self.shop.go_on_with(core, directory, tenure=self.tenure)
        self.restart_clock(cards_max)


def _organisation() -> OrganisationAdded:
    return OrganisationAdded(organisation=ORGANISATION, club=1, name="Works", name_fa="کارخانه")
