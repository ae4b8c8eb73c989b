"""Python face of `_voucher_moves`: a voucher goes from shard to shard with its value.

`move_out` and `move_in` change the book; `switch._clock.write_row` has to follow at once, nothing
may be decided in between. `card` is the voucher's number among the cards.
"""

from switch._core import Core
from switch.events import WhyRefused

def find(core: Core, digest: bytes) -> int | None:
    """Give the card of the voucher with this digest (32 bytes), or None."""

def fault(
    core: Core, card: int, programme: int, now_us: int, utc_offset_s: int
) -> WhyRefused | None:
    """Say why a voucher gives nothing now; None: it does."""

def hop(core: Core, card: int) -> int:
    """Give how often a voucher has gone from shard to shard, as far as is known here."""

def worth(core: Core, card: int) -> tuple[int, int]:
    """Give what a till takes for a voucher, and its points (0: it is worth that)."""

def note(core: Core, card: int, hop: int, *, here: bool) -> None:
    """Keep where a voucher is: here, to be redeemed, or in another shard."""

def move_out(core: Core, card: int, now_us: int, utc_offset_s: int) -> int:
    """Let a voucher's value leave for the club's accounts; gives the second of its end."""

def move_in(core: Core, card: int, ends_s: int) -> None:
    """Let a voucher have what it is worth from the club's accounts, until a second; 0 = for ever.

    Where it has never been, that it is sold comes with it.
    """

def plan_row_of(core: Core, card: int) -> int:
    """Give the row of a voucher's programme."""
