"""Python face of `_lab`: one worker's part of a replay of a draft over the past."""

from array import array
from collections.abc import Callable
from typing import Literal, final

from switch._core import Core

SUMS: int
"""How many figures there are; `switch.lab.SUMS` names them."""
BLOCK: int
"""So many cards that follow each other are one worker's."""

_Said = Literal["event", "clock", "day"]

@final
class Lab:
    """Two books that begin equal: 0 is what happened, 1 (the core's) what the draft decides."""

    def __init__(
        self,
        core: Core,
        *,
        programme: int,
        month_days: list[int],
        offsets: list[tuple[int, int]],
    ) -> None:
        """Begin with a core that has replayed everything before the first row.

        `month_days`: the first local day of each month that figures are kept of. `offsets`: from
        which Unix second on the clocks are how far ahead of UTC, oldest first.
        """

    def set_worker(self, worker: int, worker_count: int) -> None:
        """Say which cards are this worker's: blocks of `BLOCK`, in turn."""

    def set_plan(self, plan_row: int, *, wants_days: bool) -> None:
        """From here on the draft's plan is in that row; `wants_days`: each new day is told."""

    def follow(self) -> None:
        """Take over what events have added to the core: accounts, cards, merchants."""

    def keep(self, seqs: list[int]) -> None:
        """Keep these exchanges when they come, because later rows name them."""

    def remember(self, rows: bytes, outcomes: dict[int, tuple[int, int]]) -> None:
        """Keep exchanges of before the first row: a COPY stream, and by sequence (state, undone).

        Call `keep` with their sequences first, and `set_plan` before that.
        """

    def take(self, data: bytes, on_row: Callable[[_Said, int, bytes], object]) -> None:
        """Carry out and decide again the rows of a piece of a COPY stream, cut anywhere.

        `on_row("event" or "clock", seq, JSON)` is called when a row's moves are done, in the world
        that happened; `on_row("day", local day, b"")` before the first row of a day. Raises
        JournalBroken.
        """

    def as_it_was(self) -> None:
        """Let the row that `on_row` was called for happen in the draft's world as it did."""

    def end_lots(
        self,
        world: int,
        endings: list[tuple[int, int, bool]],
        *,
        first_card: int,
        end_card: int,
        until_s: int,
        used_before_day: int | None = None,
    ) -> None:
        """Let what has ended by `until_s` leave our cards: (slot, account it enters, owed too).

        With `used_before_day` whatever is there ends, of cards that were used and not since.
        """

    def open_lots(
        self,
        slot: int,
        account: int,
        amount: int,
        *,
        until_s: int,
        first_card: int,
        end_card: int,
    ) -> None:
        """Give each of our cards that is not closed a lot, in the draft's world."""

    @property
    def wants_days(self) -> bool:
        """Whether days are told."""

    @property
    def last_s(self) -> int:
        """Unix second of the last row; 0 before the first."""

    def counts(self) -> dict[str, int]:
        """Give counts of rows, exchanges, purchases, and what became of them."""

    def months(self, world: int) -> list[list[int]]:
        """Give the figures of each month."""

    def merchants(self, world: int) -> list[list[int]]:
        """Give the figures of each merchant, by its row."""

    def declined(self, world: int) -> dict[int, int]:
        """Give how many messages each reason of a programme's declined."""

    def rules(self) -> list[tuple[int, int, int]]:
        """Give (times, minor units of discount, points) of each rule of the draft."""

    def cards(self) -> dict[str, array[int]]:
        """Give columns of our cards, in their order."""

    def holdings(self, world: int, slots: list[int], *, now_s: int) -> tuple[int, int]:
        """Give what our cards have in these accounts, and how much of it is not open yet."""

    def tiers(self, world: int, slot: int, bounds: list[int], *, now_s: int) -> bytes:
        """Give the level of each of our cards, in their order."""

    def account(self, world: int, number: int) -> tuple[int, list[tuple[int, int, int, int]]]:
        """Give balance and lots of an account."""
