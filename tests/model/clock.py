"""What time does to many cards, in plain Python: when each task is due, and how far it has got.

A task (`tests.model.clock_tasks`) goes over the cards once in each of its periods, some cards at a
time; what was done is remembered by rows, and a row is written by what moves something. Knows no
clock.
"""

from typing import NamedTuple

from switch.programme import Programme
from tests.model.clock_tasks import TASKS, Sight, Span, Task
from tests.model.endings import start_of
from tests.model.switch import PlainSwitch

MOVES_MAX = 512


class Slice(NamedTuple):
    """What a task has done at once. `seq` 0: nothing moved, so there is no row.

    `seen`: what happened to which card, for whoever counts it.
    """

    task: str
    cards: int
    seq: int
    moves: int
    seen: tuple[tuple[int, str], ...]


class PlainClock:
    """The clock work of a switch. `rows` outlives the process, `reached` does not."""

    def __init__(self, switch: PlainSwitch, cards_max: int) -> None:
        self._switch, self._cards_max = switch, cards_max
        self._rows: dict[tuple[str, int], tuple[int, int]] = {}
        self._reached: dict[tuple[str, int], tuple[int, int]] = {}

    def restart(self, cards_max: int) -> None:
        """Begin again with what rows say."""
        self._cards_max = cards_max
        self._reached = {}

    def step(self, seq: int, now_s: int, utc_offset_s: int) -> Slice | None:
        """Do what is due of some cards; None: nothing is."""
        day = (now_s + utc_offset_s) // 86_400
        for number, programme in self._switch.programmes.items():
            for task in TASKS:
                span = task.span(programme, day)
                if span is None:
                    continue
                key = (task.name, number)
                # Of what rows and memory say the later period counts, then the further card.
                known = max(self._rows.get(key, (0, 0)), self._reached.get(key, (0, 0)))
                if known[0] > span[0]:
                    continue  # a later period has begun already
                first = known[1] if known[0] == span[0] else 0
                if first < len(self._switch.cards):
                    return self._go(task, programme, span, first, seq, now_s, utc_offset_s)
        return None

    def _go(
        self,
        task: Task,
        programme: Programme,
        span: Span,
        first: int,
        seq: int,
        now_s: int,
        utc_offset_s: int,
    ) -> Slice:
        following = min(len(self._switch.cards), first + self._cards_max)
        begins_s, ends_s = (start_of(day, utc_offset_s) for day in span)
        moves, seen = 0, []
        for card in range(first, following):
            if self._switch.cards[card].programme != programme.programme:
                continue
            sight = Sight(
                self._switch,
                programme,
                card,
                span[0],
                begins_s,
                ends_s,
                now_s,
                utc_offset_s,
                seq,
                [],
            )
            moves += task.go(sight)
            seen += [(card, what) for what in sight.seen if what]
        assert moves <= MOVES_MAX, "more than a row has room for: the model knows no such slice"
        key = (task.name, programme.programme)
        self._reached[key] = span[0], following
        if moves:
            self._rows[key] = span[0], following
        return Slice(task.name, following - first, seq if moves else 0, moves, tuple(seen))
