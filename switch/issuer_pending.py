"""Which answers a bank still owes: what was sent on a link, by what the answer has to say.

Owns the matching of answers to what they answer, late ones included. Knows neither sockets nor what
an answer means.
"""

from collections import OrderedDict

import msgspec
import trio

from switch._issuer_messages import IssuerReply

LATE_KEPT = 10_000
"""Questions that were given up, to tell a late answer from one to nothing."""

Key = tuple[int, int, int]
"""MTI of the answer, STAN, DE 7."""


class Waiting:
    """One message under way. `reply` is None when the link was lost first."""

    __slots__ = ("answered", "reply")

    def __init__(self) -> None:
        self.answered = trio.Event()
        self.reply: IssuerReply | None = None


class Counts(msgspec.Struct):
    """Of one link, since the process started."""

    answered: int = 0
    timed_out: int = 0
    late: int = 0
    unknown: int = 0  # answers to nothing


class Pending:
    """What was sent on a link and is not answered."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._waiting: dict[Key, Waiting] = {}
        self._late: OrderedDict[Key, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def expect(self, key: Key) -> Waiting:
        """Wait for an answer from here on."""
        assert key not in self._waiting, "two messages with one name"
        waiting = Waiting()
        self._waiting[key] = waiting
        return waiting

    def give_up(self, key: Key) -> None:
        """Nobody waits for it any more; when it comes, it is late."""
        if self._waiting.pop(key, None) is not None:
            self.counts.timed_out += 1
            self._late[key] = None
            if len(self._late) > LATE_KEPT:
                self._late.popitem(last=False)

    def take(self, reply: IssuerReply) -> None:
        """Hand an answer to who waits for it."""
        key = (reply.mti, reply.stan, reply.sent_at)
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            self.counts.answered += 1
            waiting.reply = reply
            waiting.answered.set()
        elif key in self._late:
            del self._late[key]
            self.counts.late += 1
        else:
            self.counts.unknown += 1

    def lose(self) -> None:
        """The link is gone: no answer comes on it any more."""
        for waiting in self._waiting.values():
            waiting.answered.set()
        self._waiting.clear()
