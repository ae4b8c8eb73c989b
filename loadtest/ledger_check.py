"""The ledger against the model, account by account, and every reply against the journal.

Owns the comparison after a run: what `loadtest.books` makes of the replies, and what the journal's
moves add up to (`loadtest.ledger_reader`). Must not know the switch's memory.

Who is who is found from outside. A card is known to the run by its index and to the journal by a
number; which belong together is learned from the messages, and must then be so for every message,
one to one, with the same first and last digits. Merchants have names in the journal's events.

A message that was never answered may have happened or not: the journal decides, and the model then
takes the journal's word for whether, and for how many points, but still for nothing else. Nobody
else may pay at the same time: what moved for nobody of the run is a difference.
"""

import asyncio
from array import array
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from msgspec import Struct

from loadtest import ledger_reader
from loadtest.books import CARD_NAMES, Account, Books, Role, Told
from loadtest.evidence import Evidence
from loadtest.journal_check import JournalVerdict, Tally
from loadtest.ledger_reader import Owner, Register, Row
from loadtest.result import BooksVerdict
from loadtest.tariff import Club

EXAMPLES_MAX = 20
TRACED_MAX = 3
"""Accounts whose first wrong message is looked for: each costs a pass over the whole run."""

APPROVALS = ("00", "10")


class LedgerVerdict(Struct, frozen=True, kw_only=True):
    """`books.differences` counts everything: accounts, wrong replies, rows missing or too many."""

    books: BooksVerdict
    journal: JournalVerdict


class Outcome(NamedTuple):
    """What the journal says of a message that was not answered."""

    approved: bool
    approved_minor: int
    discount_minor: int
    points_earned: int
    points_redeemed: int


class _Place(NamedTuple):
    """An account in the ledger."""

    shard: int
    account: int


class _Shard(Struct, kw_only=True):
    """What was read of one shard."""

    shard: int
    register: Register
    changes: dict[int, int]


def check_ledger(dsn: str, heads: dict[int, int], club: Club, evidence: Evidence) -> LedgerVerdict:
    """Compare a finished run with the ledger; blocks for some 15 s a million messages.

    `heads` is `read_heads` from before the run. Nothing may be outstanding any more. Raises
    `OSError` or `asyncpg.PostgresError` when the database cannot be read.
    """
    check = _Check(dsn, heads, club, evidence)
    asyncio.run(check.read())
    return check.verdict()


class _Check:
    """One comparison: `read` everything, then `verdict`."""

    def __init__(self, dsn: str, heads: dict[int, int], club: Club, evidence: Evidence) -> None:
        self._dsn = dsn
        self._heads = heads
        self._club = club
        self._evidence = evidence
        count = len(evidence.digests)
        self._tally = Tally(evidence.first_rrn, evidence.digests, evidence.digest_of)
        self._shards: dict[int, _Shard] = {}
        self._at_card = array("q", [-1]) * count  # by number: shard and card of the row
        self._at_merchant = array("i", [-1]) * count
        self._outcomes: dict[int, Outcome] = {}
        self._cards: dict[int, int] = {}  # shard and card of the ledger to the run's index
        self._beside: set[int] = set()  # those of them that the books are not of
        self._strangers = 0
        self._findings: list[str] = []
        self._differences = 0

    # --- reading ----------------------------------------------------------------------------------

    async def read(self) -> None:
        """Read what moved and who asked, side by side: the first is the database's work."""
        programme = self._club.programme.programme
        sums, rows = await ledger_reader.connect(self._dsn), await ledger_reader.connect(self._dsn)
        try:
            for shard in await ledger_reader.shards(rows):
                head = self._heads.get(shard, 0)
                register = await ledger_reader.register_of(rows, shard)
                changes, _ = await asyncio.gather(
                    ledger_reader.changes_after(sums, shard, head, programme),
                    self._read_rows(rows, shard, head),
                )
                self._shards[shard] = _Shard(shard=shard, register=register, changes=changes)
        finally:
            await sums.close()
            await rows.close()

    async def _read_rows(
        self, connection: "ledger_reader.Connection", shard: int, head: int
    ) -> None:
        digests = self._evidence.digests
        async for row in ledger_reader.rows_after(connection, shard, head):
            number = self._tally.note(row.rrn, row.reply)
            if number < 0:
                self._strangers += row.moved
                continue
            if row.card >= 0:
                self._at_card[number] = shard << 48 | row.card
            self._at_merchant[number] = row.merchant
            if not digests[number]:
                self._outcomes[number] = _outcome(row)

    # --- comparing --------------------------------------------------------------------------------

    def verdict(self) -> LedgerVerdict:
        """Compare what was read with what the run knows."""
        books = Books(self._club, self._evidence.referred)
        for told in self._told():
            self._identify(told)
            books.add(told)
        for finding in books.findings:
            self._find(finding, count=0)
        self._differences += books.fault_count
        if self._strangers:
            self._find(f"{self._strangers} journal rows moved something for nobody of this run")
        journal = self._tally.verdict()
        if journal.missing:
            first = ", ".join(journal.examples[:3])
            self._find(
                f"{journal.missing} acknowledged replies are not in the journal: rrn {first}",
                count=journal.missing,
            )
        if journal.journalled_twice:
            self._find(
                f"{journal.journalled_twice} replies stand in the journal twice",
                count=journal.journalled_twice,
            )
        accounts = self._compare(books)
        return LedgerVerdict(
            books=BooksVerdict(
                accounts=accounts,
                differences=self._differences,
                examples=tuple(self._findings[:EXAMPLES_MAX]),
            ),
            journal=journal,
        )

    def _told(self) -> Iterator[Told]:
        """Yield the run's messages, those without an answer as the journal has them."""
        outcomes = self._outcomes
        for told in self._evidence.told():
            outcome = outcomes.get(told.number)
            yield told if outcome is None else resolved(told, outcome, self._club)

    def _identify(self, told: Told) -> None:
        """A message's row must be of the card and the merchant that it was about."""
        place = self._at_card[told.number]
        if place < 0:
            return
        if not told.modelled:
            self._beside.add(place)
        known = self._cards.get(place)
        register = self._shards[place >> 48].register
        if known is None:
            known = self._cards[place] = told.card
            masked = register.masked(place & (1 << 48) - 1)
            if masked != self._evidence.masked(told.card):
                self._find(f"message {told.number}: booked for card {masked}")
        merchant = self._at_merchant[told.number]
        if known != told.card:
            self._find(f"message {told.number}: booked for the card of another message")
        if merchant >= 0 and register.merchants[merchant] != told.merchant:
            self._find(f"message {told.number}: booked for {register.merchants[merchant]}")

    def _compare(self, books: Books) -> int:
        """Hold every account against the model; gives how many there were."""
        found, places = self._ledger_changes()
        expected = dict(books.changes())
        wrong: list[Account] = []
        for account in {**expected, **found}:
            change = expected.get(account)
            least, most = change or (0, 0)
            if not least <= found.get(account, 0) <= most:
                wrong.append(account)
        wrong.sort(key=lambda account: (account.kind != "card", account.kind, str(account.owner)))
        for at, account in enumerate(wrong):
            least, most = expected.get(account) or (0, 0)
            should = str(most) if least == most else f"{least} to {most}"
            finding = f"{self._name(account)} changed by {found.get(account, 0)}, not by {should}"
            if at < TRACED_MAX:
                finding += self._trace(account, places.get(account, []))
            self._find(finding)
        return len({**expected, **found})

    def _ledger_changes(self) -> tuple[dict[Account, int], dict[Account, list[_Place]]]:
        """Add up the shards' accounts under the names that the model has for them."""
        found: dict[Account, int] = {}
        places: dict[Account, list[_Place]] = {}
        for shard in self._shards.values():
            for number, change in shard.changes.items():
                account = self._account(shard, shard.register.owner(number))
                found[account] = found.get(account, 0) + change
                places.setdefault(account, []).append(_Place(shard.shard, number))
        # A card on which the ledger has no move at all still has accounts to be looked at.
        for place, card in self._cards.items():
            if place in self._beside:
                continue
            register = self._shards[place >> 48].register
            for name in CARD_NAMES:
                owner = Owner("card", -1, "", place & (1 << 48) - 1, name)
                if Account("card", card, name) not in places:
                    at = _Place(place >> 48, register.account(owner))
                    places[Account("card", card, name)] = [at]
        return found, places

    def _account(self, shard: _Shard, owner: Owner) -> Account:
        if owner.kind == "card":
            card = self._cards.get(shard.shard << 48 | owner.number)
            if card is not None:
                return Account("card", card, owner.name)
            # Nobody of the run: any change of it is a difference, under the ledger's own name.
            return Account("stranger", f"card {shard.register.masked(owner.number)}", owner.name)
        if owner.kind == "merchant":
            return Account("merchant", owner.merchant_id, owner.name)
        if owner.kind != "club" or owner.club != self._club.programme.club:
            return Account("stranger", f"{owner.kind} of club {owner.club}", owner.name)
        return Account("club", "", owner.name)

    # --- words ------------------------------------------------------------------------------------

    def _trace(self, account: Account, places: list[_Place]) -> str:
        """Name the first message that has not changed an account as it should have."""
        by_rrn: dict[str, int] = asyncio.run(self._read_changes(places))
        books = Books(self._club, self._evidence.referred)
        before = books.change(account) if account.kind != "stranger" else None
        for told in self._told():
            if before is None:
                break
            books.add(told)
            after = books.change(account)
            rrn = self._evidence.rrn(told.number)
            found = by_rrn.pop(rrn, 0)
            least, most = after.least - before.least, after.most - before.most
            if not min(least, most) <= found <= max(least, most):
                role = told.role.name.lower()
                return f"; first by message {told.number} ({role}, rrn {rrn}): {found}, not {most}"
            before = after
        return f"; rrn {next(iter(by_rrn))} has part in it" if by_rrn else ""

    async def _read_changes(self, places: list[_Place]) -> dict[str, int]:
        by_rrn: dict[str, int] = {}
        connection = await ledger_reader.connect(self._dsn)
        try:
            for shard, account in places:
                head = self._heads.get(shard, 0)
                part = await ledger_reader.changes_by_message(
                    connection, shard, head, account, self._club.programme.programme
                )
                for rrn, change in part.items():
                    by_rrn[rrn] = by_rrn.get(rrn, 0) + change
        finally:
            await connection.close()
        return by_rrn

    def _name(self, account: Account) -> str:
        if account.kind == "card":
            assert isinstance(account.owner, int)
            return f"card {self._evidence.masked(account.owner)} {account.name}"
        if account.kind == "stranger":
            return f"{account.owner} {account.name}, of nobody in this run,"
        return f"{account.kind} {account.owner} {account.name}".replace("  ", " ")

    def _find(self, finding: str, *, count: int = 1) -> None:
        self._differences += count
        if len(self._findings) < EXAMPLES_MAX:
            self._findings.append(finding)


def resolved(told: Told, outcome: Outcome, club: Club) -> Told:
    """Give a message that was not answered as the journal says it went.

    What its points paid for and what money paid is worked out here; the rules are held to it.
    """
    paid = outcome.approved_minor - outcome.discount_minor
    tender = club.programme.tender
    worth = paid if told.role is Role.POINTS else 0
    if tender is not None and told.role is not Role.POINTS:
        worth = outcome.points_redeemed * tender.point_value_minor
    pays = told.role in (Role.PURCHASE, Role.MIXED, Role.POINTS, Role.HOLD, Role.COMPLETION)
    return msgspec.structs.replace(
        told,
        approved=outcome.approved,
        approved_minor=outcome.approved_minor,
        money_minor=paid - worth if pays else 0,
        points=outcome.points_redeemed,
        points_value_minor=worth if pays else 0,
        points_earned=outcome.points_earned,
        discount_minor=outcome.discount_minor,
    )


def _outcome(row: Row) -> Outcome:
    return Outcome(
        row.response_code in APPROVALS,
        row.approved_minor,
        row.discount_minor,
        row.points_earned,
        row.points_redeemed,
    )
