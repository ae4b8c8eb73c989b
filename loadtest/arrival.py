"""How arrivals are asked for: a short text such as "poisson 4000", made into a timetable.

Owns the words and their check. Must not know messages; the arithmetic is `loadtest._arrivals`.

    constant RATE                 one every 1/RATE seconds
    poisson RATE                  exponential gaps, as many independent customers make them
    ramp FROM TO SECONDS          the rate changes evenly, then stays
    step RATE:SECONDS,…           one rate after the other; the last one stays
    burst COUNT EVERY_SECONDS     COUNT at once, every so many seconds
    replay FILE                   moments in seconds, one a line, and the kinds if it has them:
                                  CSV "at_s,kind", or JSONL {"at_s": 0.5, "kind": "purchase"}
    closed [THINK_MS]             no schedule: each connection sends when it was answered
"""

import csv
from pathlib import Path

import msgspec

from loadtest.errors import LoadtestError

CONSTANT, POISSON, STAGES, BURST, REPLAY = range(5)  # ArrivalForm of _arrivals.pxd


class ArrivalError(LoadtestError):
    """An arrival that cannot be meant; the text says which word is wrong."""


class Timetable(msgspec.Struct, frozen=True, kw_only=True):
    """When messages are due. `text` is what people read; a closed loop has no moments."""

    text: str
    form: int = CONSTANT
    is_open: bool = True
    think_ms: float = 0.0
    rate: float = 0.0
    burst_count: int = 1
    burst_every_s: float = 1.0
    stages: tuple[tuple[float, float, float], ...] = ()  # from, to, seconds
    moments_s: tuple[float, ...] = ()
    kinds: tuple[str, ...] = ()  # of a replay, beside its moments; "": chance decides

    @property
    def rate_max(self) -> float:
        """The highest rate that it asks for, 0 where that cannot be said."""
        if self.stages:
            return max(max(begin, end) for begin, end, _seconds in self.stages)
        return self.burst_count / self.burst_every_s if self.form == BURST else self.rate


def closed(think_ms: float = 0.0) -> Timetable:
    """Give a closed loop."""
    text = f"closed, {think_ms:g} ms of thought" if think_ms else "closed"
    return Timetable(text=text, is_open=False, think_ms=think_ms)


def constant(rate: float) -> Timetable:
    """Give a constant rate, in arrivals a second."""
    return Timetable(text=f"constant {rate:g}/s", form=CONSTANT, rate=rate)


def poisson(rate: float) -> Timetable:
    """Give independent arrivals at a mean rate."""
    return Timetable(text=f"poisson {rate:g}/s", form=POISSON, rate=rate)


def ramp(from_rate: float, to_rate: float, seconds: float) -> Timetable:
    """Give a rate that changes evenly for `seconds` and then stays."""
    return Timetable(
        text=f"ramp {from_rate:g}/s to {to_rate:g}/s in {seconds:g} s",
        form=STAGES,
        stages=((from_rate, to_rate, seconds),),
    )


def steps(rates: tuple[tuple[float, float], ...]) -> Timetable:
    """Give one rate after the other, each for its seconds; the last one stays."""
    return Timetable(
        text="step " + ", ".join(f"{rate:g}/s for {seconds:g} s" for rate, seconds in rates),
        form=STAGES,
        stages=tuple((rate, rate, seconds) for rate, seconds in rates),
    )


def burst(count: int, every_s: float) -> Timetable:
    """Give `count` arrivals at one moment, every so many seconds."""
    return Timetable(
        text=f"burst {count} every {every_s:g} s",
        form=BURST,
        burst_count=count,
        burst_every_s=every_s,
    )


def replay(path: Path) -> Timetable:
    """Give the moments in a file, whatever their order. Raises `ArrivalError`, `OSError`."""
    moments = sorted(_moments(path), key=lambda moment: moment.at_s)
    if not moments:
        raise ArrivalError(f"replay {path}: no moments in it")
    return Timetable(
        text=f"replay {path.name}",
        form=REPLAY,
        moments_s=tuple(moment.at_s - moments[0].at_s for moment in moments),
        kinds=tuple(moment.kind for moment in moments),
    )


def parse_arrival(text: str) -> Timetable:
    """Read one of the forms above. Raises `ArrivalError`, and `OSError` for a replay's file."""
    word, *rest = text.split()
    if word == "replay" and rest:
        return replay(Path(text.split(maxsplit=1)[1]))
    if word == "step" and rest:
        pairs = [part.split(":") for part in "".join(rest).split(",")]
        if any(len(pair) != 2 for pair in pairs):
            raise ArrivalError(f"arrival {text!r}: step is RATE:SECONDS,RATE:SECONDS,…")
        return steps(tuple((_rate(text, pair[0]), _rate(text, pair[1])) for pair in pairs))
    numbers = [_rate(text, part, zero=word in ("closed", "ramp")) for part in rest]
    match word, numbers:
        case "constant", [rate]:
            return constant(rate)
        case "poisson", [rate]:
            return poisson(rate)
        case "ramp", [begin, end, seconds] if seconds > 0 and begin + end > 0:
            return ramp(begin, end, seconds)
        case "burst", [count, every_s]:
            return burst(max(1, int(count)), every_s)
        case "closed", []:
            return closed()
        case "closed", [think_ms]:
            return closed(think_ms)
    raise ArrivalError(
        f"arrival {text!r}: known are constant RATE, poisson RATE, ramp FROM TO SECONDS, "
        "step RATE:SECONDS,…, burst COUNT EVERY_SECONDS, replay FILE, closed [THINK_MS]"
    )


def _rate(text: str, part: str, *, zero: bool = False) -> float:
    try:
        number = float(part.removesuffix("/s"))
    except ValueError:
        raise ArrivalError(f"arrival {text!r}: {part!r} is no number") from None
    if number < 0 or (number == 0 and not zero):
        raise ArrivalError(f"arrival {text!r}: {part!r} must be above zero")
    return number


class _Moment(msgspec.Struct, frozen=True):
    at_s: float
    kind: str = ""


def _moments(path: Path) -> list[_Moment]:
    try:
        if path.suffix == ".jsonl":
            lines = [line for line in path.read_bytes().splitlines() if line.strip()]
            return [msgspec.json.decode(line, type=_Moment) for line in lines]
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file) if row]
        if rows and rows[0][0].strip() == "at_s":
            rows = rows[1:]
        return [_Moment(float(row[0]), row[1].strip() if len(row) > 1 else "") for row in rows]
    except ValueError as error:
        raise ArrivalError(f"replay {path}: {error}") from None
