"""What the generator kept of each message, read afterwards by plain Python.

Owns the layout of a record (Record in `_tally.pxd`) and the words for it. Must not know how it was
filled. The memory is the engine's: `Records` keeps it alive.
"""

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from loadtest._engine import Engine

LAYOUT = Struct("<13qQII4sHBB")
SENT, ANSWERED, LATE, TIMED_OUT = range(4)
STATES = ("sent", "answered", "late", "timed out")


class Record(NamedTuple):
    """One message. Times are microseconds since the run's beginning; amounts minor units.

    `latency_us` counts from `due_us`; 0: unanswered. `second` is the Unix second that its time
    elements show. `digest` is `loadtest._dice.digest_of` the reply's body; 0: unanswered. What the
    reply told (`money_minor` to `discount_minor`) is 0 where it told nothing or declined.
    """

    number: int
    due_us: int
    sent_us: int
    latency_us: int
    second: int
    amount_asked_minor: int
    amount_approved_minor: int
    original: int
    money_minor: int
    points: int
    points_value_minor: int
    points_earned: int
    discount_minor: int
    digest: int
    card: int
    terminal: int
    code: bytes  # padded with zero bytes
    kind: int
    state: int
    measured: int

    @property
    def response_code(self) -> str:
        """The reply's code, "" when there was none."""
        return self.code.rstrip(b"\0").decode("ascii")

    @property
    def answered(self) -> bool:
        """Whether a reply came, in time or late."""
        return self.digest != 0


class Records:
    """All records of a run, in the order of sending. `kinds` names `Record.kind`."""

    def __init__(self, engine: Engine, kinds: tuple[str, ...], tag: int) -> None:
        self._engine = engine
        self.kinds = kinds
        self.tag = tag

    def __len__(self) -> int:
        return self._engine.record_count

    def __iter__(self) -> Iterator[Record]:
        for chunk in self._engine.record_chunks():
            for row in LAYOUT.iter_unpack(chunk):
                yield Record._make(row)

    def rrn(self, number: int) -> str:
        """Give the retrieval reference number of message `number`."""
        return f"{self.tag:03d}{number % 1_000_000_000:09d}"
