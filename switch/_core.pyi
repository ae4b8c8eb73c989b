"""Python face of `_core`: a shard's memory, what events change, replay, batches, looking inside."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

from switch.ledger._batches import CopyBody

class JournalBroken(ValueError):
    """The journal contradicts itself; the text names the sequence and what is wrong."""

@final
class Core:
    """One shard's state. Not thread-safe: one thread at a time, the one that runs the gate."""

    def __init__(
        self,
        *,
        shard: int,
        pan_key: bytes,
        exchange_entries: int,
        detail_bytes: int,
        batch_rows_max: int,
        batch_bytes_max: int,
        clock_seconds_max: int,
        response_codes: Sequence[str],
        reason_names: Sequence[str],
    ) -> None:
        """Take the memory of exchanges. `pan_key` is the 32-byte secret of card tokens.

        `exchange_entries` messages of the past stay in memory, their moves and replies as far as
        `detail_bytes` hold them; both have to exceed what may wait for the journal. A batch that
        has `batch_rows_max` rows or `batch_bytes_max` bytes takes no further row. The lists are
        indexed by reason: DE 39, and what 48.RC says.
        """
    # the register
    def token_of(self, pan: str) -> bytes:
        """Give the 16-byte token of a PAN: HMAC-SHA-256 under the shard's key, cut to 16 bytes."""

    def add_club(
        self, club: int, currency: int, points_unit: int, counts_unit: int, slots: int
    ) -> None:
        """Add a club and its accounts, `slots` of them: one of an older journal has fewer."""

    def add_acquirer(self, acquirer: int, code: bytes) -> None:
        """Add an acquirer with its DE 32 (up to 11 digits)."""

    def add_merchant(self, merchant_id: bytes, club: int, category: int) -> int:
        """Add a merchant by its DE 42 (15 characters) and open its account; gives its number."""

    def add_organisation(self, organisation: int, club: int) -> int:
        """Open an organisation's account in its club's currency; gives its number."""

    def add_budget(self, club: int, budget: int) -> int:
        """Open an account that counts a budget of a club; gives its number."""

    @property
    def number(self) -> int:
        """Number of the shard."""

    def add_terminal(self, terminal_id: bytes, acquirer: int, merchant_id: bytes) -> int:
        """Add a terminal by its DE 41 (8 characters); gives its number."""

    def add_cards(
        self,
        plan_row: int,
        tokens: bytes,
        expiries: array[int],
        first6: array[int],
        last4: array[int],
    ) -> int:
        """Add cards with their wallets; gives the first one's number.

        `tokens` has 16 bytes for each; the arrays are of type codes H (YYMM), I and H.
        """

    def card_of(self, token: bytes) -> int | None:
        """Give a card's number by its token, or None."""

    def set_card_status(self, card: int, status: int) -> None:
        """Block, unblock or close a card (a `CardStatus`)."""

    def reissue_card(self, card: int, expires_yymm: int, new_chip: bool) -> bool:
        """Give a card a later date, YYMM; a new chip's counters may begin anew.

        False: it is lost, stolen or closed, or good for as long already.
        """

    def set_terminal_status(self, terminal: int, status: int) -> None:
        """Block (1) or unblock (0) a terminal."""

    def set_merchant_status(self, merchant: int, status: int) -> None:
        """Block (1) or unblock (0) a merchant."""

    # the journal
    @property
    def last_seq(self) -> int:
        """Sequence of the last row that was decided or replayed."""

    @property
    def durable_seq(self) -> int:
        """Sequence of the last row that is known to be durable."""

    @property
    def chain(self) -> bytes:
        """Chain of that row: 32 bytes."""

    def begin_tenure(self, epoch: int) -> None:
        """Take an epoch: every row from here on carries it. Nothing may wait for a batch."""

    def journal_event(self, kind: int, now_us: int, utc_offset_s: int, body: bytes) -> int:
        """Append an event (JSON) as a row; gives its sequence. It has taken effect already."""

    def cut_batch(self) -> tuple[int, int, bytes, CopyBody] | None:
        """Take the oldest rows that wait as (first_seq, last_seq, chain, COPY stream), or None.

        The stream of the batch before is gone then; nobody may be reading it.
        """

    def drop_tenure(self) -> None:
        """Forget the tenure's first row: another owner's rows came before it.

        Those are replayed next, then the tenure begins again.
        """

    def replay(self, data: bytes, on_event: Callable[[int, int, bytes], object]) -> int:
        """Carry out the rows of a piece of a COPY stream; gives how many.

        `on_event(seq, kind, body)` is called for rows that carry an event. Raises JournalBroken at
        the first row that does not follow: sequence, chain or a move that cannot be.
        """

    def watch_floors(self) -> None:
        """From here on replay also refuses a row that takes an account below its floor by choice.

        What has to happen (a reversal, refund or completion) may take it there.
        """

    def remember(self, rows: bytes, outcomes: Mapping[int, tuple[int, int]]) -> None:
        """Put rows of the journal (a COPY stream, in order) back among the exchanges.

        `outcomes` says by sequence what later rows made of a row: its state (an `ExchangeState`)
        and undone minor units. They count only when memory has lost it altogether; a row that is
        not named is as it was left.
        """
    # clock work
    def expire_holds(
        self, now_us: int, utc_offset_s: int, entries_max: int
    ) -> tuple[int, list[int]]:
        """Release holds that have ended: (rows written, sequences to recall first)."""
    # looking inside
    @property
    def account_count(self) -> int:
        """How many accounts there are."""

    @property
    def card_count(self) -> int:
        """How many cards there are."""

    def account(self, number: int) -> tuple[int, int, int, int, int, int]:
        """Give (owner_kind, owner, slot, unit, balance, floor) of an account."""

    def lots(self, number: int) -> list[tuple[int, int, int, int]]:
        """Give an account's lots, soonest to expire first.

        Each is (lot, remaining, available_at, expires_at).
        """

    def card(self, number: int) -> tuple[int, int, int, int, str]:
        """Give (first account, status, programme row, expiry YYMM, masked PAN) of a card."""

    def card_limits(self, number: int) -> tuple[int, int, int]:
        """Give (business day, spent, count) of a card's limits."""

    def merchant_account(self, merchant: int) -> int:
        """Give the number of a merchant's account."""

    def club_account(self, club: int, slot: int) -> int:
        """Give the number of a club's account in a slot."""

    def exchange(self, seq: int) -> tuple[int, int, int, int, int] | None:
        """Give (state, approved, undone, operation, hold_expires_s) of a recent exchange."""

    def imbalances(self) -> list[str]:
        """Check the book: what is wrong; empty when every rial is where it belongs."""

    def statistics(self) -> dict[str, Any]:
        """Give the counters, and sizes for the metrics."""
