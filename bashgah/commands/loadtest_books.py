"""The ledger around a run: where it was before, and whether it is right afterwards.

Owns the way from the switch's configuration and a club's declaration to the verdict in a result.
What is compared is `loadtest.ledger_check`'s business.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from loadtest.club_file import load_club
from loadtest.errors import LoadtestError
from loadtest.journal_check import read_heads
from loadtest.ledger_check import check_ledger
from loadtest.result import BooksVerdict, RunResult
from loadtest.run import Outcome
from loadtest.run_evidence import evidence_of
from switch.config import load_config, read_dsn


class LedgerWatch:
    """A ledger as it is now; `judge` a run that was made since."""

    def __init__(self, config_path: Path, club: str) -> None:
        """Read the shards' heads. Raises `OperatingError`, `OSError`, `asyncpg.PostgresError`."""
        self._dsn = read_dsn(load_config(config_path).database)
        self._club = load_club(club)
        self._heads = read_heads(self._dsn)

    def judge(self, outcome: Outcome) -> RunResult:
        """Give the run's result with the verdict on the books. Raises as the above."""
        if len(outcome.records) < outcome.result.counts.sent:
            raise LoadtestError("the books need a record of every message: no --no-records")
        verdict = check_ledger(self._dsn, self._heads, self._club, evidence_of(outcome))
        return msgspec.structs.replace(outcome.result, books=verdict.books)


def books_summary(books: BooksVerdict) -> Iterator[str]:
    """Yield the verdict on the books in lines for people."""
    if books.differences:
        yield f"books: {books.differences:,} differences, {books.accounts:,} accounts compared"
        yield from books.examples
    else:
        yield f"books: {books.accounts:,} accounts are as the model says"
