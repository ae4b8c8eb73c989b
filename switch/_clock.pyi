"""Python face of `_clock`: clock work over a programme's cards, one journal row a slice.

`end_lots` and `open_lots` change the book and give (next card, moves made): cards below the next
one are done. `write_row` then has to follow at once if there were moves: nothing may be decided in
between. Accounts are references (`switch.machine.Account`) to the club's or the organisation's.
"""

from collections.abc import Sequence

from switch._core import Core

def end_lots(
    core: Core,
    plan_row: int,
    endings: Sequence[tuple[int, int, bool]],
    *,
    first_card: int,
    cards_max: int,
    until_s: int = 0,
    used_before_day: int = ...,
) -> tuple[int, int]:
    """Let lots that have ended by `until_s` leave at most `cards_max` cards from `first_card` on.

    `endings`: slot, target, whether what is owed there is settled, too. With `used_before_day`
    every lot leaves that is not owed, of cards that were used and not since that day.
    """

def open_lots(
    core: Core,
    plan_row: int,
    slot: int,
    reference: int,
    *,
    amount: int,
    until_s: int,
    first_card: int,
    cards_max: int,
) -> tuple[int, int]:
    """Give cards that are not closed a lot each that ends with `until_s`."""

def write_row(
    core: Core, plan_row: int, now_us: int, utc_offset_s: int, body: bytes, *, kind: int = ...
) -> int:
    """Journal the moves of the slice before with its event (JSON); gives the sequence.

    `kind`: a `JournalKind`, the clock's if it is not said.
    """
