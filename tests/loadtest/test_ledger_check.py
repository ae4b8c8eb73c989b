"""Goal: a ledger that differs from what was told is found, and named. Method: a real journal.

A day of messages goes through the real lane into PostgreSQL. Then a row is changed as a switch that
is wrong inside would have written it, and the comparison must say which account and message it was.
"""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from loadtest.books import CLUB_NAMES, Role
from loadtest.journal_check import read_heads
from loadtest.ledger_check import LedgerVerdict, check_ledger
from switch.ledger import partitions
from switch.ledger._batches import CopyBody
from switch.ledger.database import Database
from switch.ledger.session import Session
from tests.support.journaled_shop import JournaledShop, cards_added, new_core, pan_of
from tests.support.told_run import CLUB, FIRST_RRN, ToldRun

CARDS = 5
ROW_OF = "SELECT seq FROM journal WHERE rrn = $1"

FORGET_THE_LAST_MOVE = """
UPDATE journal SET
    moves = trim_array(moves, 1)
 WHERE rrn = $1
"""
BOOK_ONE_MORE = "UPDATE journal SET moves[1][3] = moves[1][3] + 1 WHERE rrn = $1"
BOOK_ANOTHER_CARD = """
UPDATE journal SET moves[1][1] = moves[1][1] + 4, card = card + 1 WHERE rrn = $1
"""
BOOK_FOR_NOBODY = "UPDATE journal SET rrn = '999999999999' WHERE rrn = $1"
LOSE = "DELETE FROM journal WHERE rrn = $1"
ANSWER_OTHERWISE = "UPDATE journal SET reply = reply || '\\x20' WHERE rrn = $1"


class Day:
    """A committed day, and the way to spoil it."""

    def __init__(self, dsn: str, run: ToldRun, heads: dict[int, int]) -> None:
        self.dsn = dsn
        self.run = run
        self.heads = heads

    def execute(self, statement: str, number: int) -> None:
        """Change the row of a message."""

        async def execute() -> str:
            connection = await asyncpg.connect(self.dsn)
            try:
                return await connection.execute(statement, f"{FIRST_RRN + number:012d}")
            finally:
                await connection.close()

        assert asyncio.run(execute()).endswith(" 1")

    def verdict(self) -> LedgerVerdict:
        return check_ledger(self.dsn, self.heads, CLUB, self.run.evidence())

    def some(self, role: Role, *, earned: bool = False) -> int:
        """Give the number of an approved message that nothing refers to."""
        named = {told.original for told in self.run.told}
        return next(
            told.number
            for told in self.run.told
            if told.role is role
            and told.approved
            and told.number not in named
            and (told.points_earned or not earned)
        )


@pytest.fixture
def day(database: str) -> Iterator[Day]:
    with Database(database) as opened:
        shop = JournaledShop(opened, new_core()).open(cards=CARDS)
        heads = read_heads(database)
        run = ToldRun(shop)
        run.day(300, CARDS)
        shop.commit()
        yield Day(database, run, heads)


def masked(card: int) -> str:
    return f"{pan_of(card)[:6]}******{pan_of(card)[-4:]}"


@pytest.mark.slow
def test_a_right_ledger_is_equal_account_by_account(day: Day) -> None:
    verdict = day.verdict()

    assert verdict.books.examples == ()
    assert verdict.books.differences == 0
    # Four accounts of each card, the merchant's, the club's six.
    assert verdict.books.accounts == 4 * CARDS + 1 + len(CLUB_NAMES)
    assert verdict.journal.acknowledged == len(day.run.told)
    roles = {told.role for told in day.run.told if told.approved}
    assert roles == set(Role) - {Role.OTHER}


@pytest.mark.slow
def test_a_forgotten_leg_is_named_with_its_accounts_and_its_message(day: Day) -> None:
    number = day.some(Role.PURCHASE, earned=True)
    told = day.run.told[number]
    day.execute(FORGET_THE_LAST_MOVE, number)

    books = day.verdict().books

    assert books.differences == 2
    assert f"card {masked(told.card)} points changed by " in books.examples[0]
    wrong = f"first by message {number} (purchase, rrn {FIRST_RRN + number}): 0"
    assert f"{wrong}, not {told.points_earned}" in books.examples[0]
    assert "club points issued changed by" in books.examples[1]
    assert f"{wrong}, not {-told.points_earned}" in books.examples[1]
    assert pan_of(told.card) not in str(books)


@pytest.mark.slow
def test_another_amount_than_was_told_is_named(day: Day) -> None:
    number = day.some(Role.PURCHASE)
    told = day.run.told[number]
    day.execute(BOOK_ONE_MORE, number)

    books = day.verdict().books

    assert books.differences == 2
    wrong = f"{-told.money_minor - 1}, not {-told.money_minor}"
    assert f"card {masked(told.card)} money changed by" in books.examples[0]
    assert books.examples[0].endswith(f"(purchase, rrn {FIRST_RRN + number}): {wrong}")
    assert "merchant MERCHANT0000001 money changed by" in books.examples[1]


@pytest.mark.slow
def test_money_of_another_card_is_named_twice(day: Day) -> None:
    number = next(
        told.number
        for told in day.run.told
        if told.role is Role.PURCHASE and told.approved and told.card == 1
    )
    day.execute(BOOK_ANOTHER_CARD, number)

    books = day.verdict().books

    assert f"message {number}: booked for the card of another message" in books.examples
    accounts = [example for example in books.examples if " money changed by " in example]
    assert [account[:21] for account in accounts] == [f"card {masked(1)}", f"card {masked(2)}"]


@pytest.mark.slow
def test_what_moved_for_nobody_is_a_difference(day: Day) -> None:
    number = day.some(Role.PURCHASE)
    day.execute(BOOK_FOR_NOBODY, number)

    verdict = day.verdict()

    assert "1 journal rows moved something for nobody of this run" in verdict.books.examples
    assert verdict.journal.missing == 1


@pytest.mark.slow
def test_an_acknowledged_reply_without_its_row_is_missing(day: Day) -> None:
    number = day.some(Role.PURCHASE)
    day.execute(LOSE, number)

    verdict = day.verdict()

    assert verdict.journal.missing == 1
    assert verdict.journal.examples == (str(FIRST_RRN + number),)
    assert verdict.books.differences >= 3  # the reply, the card's money, the merchant's


@pytest.mark.slow
def test_a_reply_with_other_bytes_than_the_journal_has_is_missing(day: Day) -> None:
    number = day.some(Role.LOAD)
    day.execute(ANSWER_OTHERWISE, number)

    verdict = day.verdict()

    assert verdict.journal.missing == verdict.books.differences == 1


@pytest.mark.slow
def test_a_message_without_an_answer_is_as_the_journal_says(day: Day) -> None:
    """Every third reply is lost; some of the requests, on their own, never arrived either."""
    named = {told.original for told in day.run.told}
    for number in range(CARDS + 1, len(day.run.told), 3):
        day.run.silence(number)
        if number % 2 and number not in named and day.run.told[number].original < 0:
            day.execute(LOSE, number)

    verdict = day.verdict()

    assert verdict.books.examples == ()
    assert verdict.journal.acknowledged == sum(map(bool, day.run.digests))


@pytest.mark.slow
def test_an_unanswered_message_is_held_to_the_rules_too(day: Day) -> None:
    number = day.some(Role.PURCHASE, earned=True)
    earned = day.run.told[number].points_earned
    day.run.silence(number)
    day.execute("UPDATE journal SET points_earned = points_earned + 1 WHERE rrn = $1", number)

    books = day.verdict().books

    assert f"{earned + 1} points earned, should be {earned}" in books.examples[0]


class SecondShard(JournaledShop):
    """The same club on shard 1 of the same database, with cards of its own."""

    def __init__(self, opened: Database, first_card: int, cards: int) -> None:
        self._opened = opened
        super().__init__(None, new_core(shard=1))
        self.open(cards=1)  # a card that nobody uses: numbers here are not those of the run
        self.record(cards_added(self.core, first_card, cards))
        self.commit()
        opened.call_sync(_own_second_shard)

    def commit(self) -> None:
        while (batch := self.core.cut_batch()) is not None:
            self._opened.call_sync(_append_to_second_shard, batch[0], batch[1], batch[3])


async def _own_second_shard(session: Session) -> None:
    await session.fetch("INSERT INTO shard_heads (shard, epoch, owner) VALUES (1, 1, 'test')")


async def _append_to_second_shard(
    session: Session, first_seq: int, last_seq: int, body: CopyBody
) -> None:
    await partitions.cover(session, 1, first_seq, last_seq)
    assert await session.copy_rows("journal", body) == last_seq - first_seq + 1


@pytest.mark.slow
def test_shards_are_added_up_and_a_fault_on_one_is_found(database: str) -> None:
    """The merchant and the club have accounts on each; cards have numbers of their own there."""
    with Database(database) as opened:
        shop = JournaledShop(opened, new_core()).open(cards=CARDS)
        second = SecondShard(opened, CARDS, CARDS)
        heads = read_heads(database)
        run = ToldRun(shop, second, cards_each=CARDS)
        run.day(300, 2 * CARDS)
        shop.commit()
        second.commit()
    day = Day(database, run, heads)

    books = day.verdict().books

    assert books.examples == ()
    assert books.accounts == 4 * 2 * CARDS + 1 + len(CLUB_NAMES)
    number = next(
        told.number for told in run.told if told.card > CARDS and told.role is Role.PURCHASE
    )
    day.execute(BOOK_ONE_MORE, number)
    examples = day.verdict().books.examples
    assert examples[0].startswith(f"card {masked(run.told[number].card)} money changed by")
    assert f"first by message {number} (purchase" in examples[1]
