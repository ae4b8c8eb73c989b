"""The plots of one run: what happened from second to second, and the whole run's latency.

Owns which figures there are and what each shows. Must not know how they are drawn.
"""

from collections.abc import Callable, Sequence

from acquirers.terminal.texts import Text
from loadtest.report import words
from loadtest.report.columns import (
    Line,
    percentile_line,
    rows_a_commit,
    thinned,
    uses_of_processes,
)
from loadtest.report.plot import Axis, Hover, Mark, Plot, Series
from loadtest.report.scale import Scale, linear_scale, log_scale, time_scale
from loadtest.report.writer import Writer
from loadtest.result import Interval, RunResult

LOOKS = ("c1", "c2", "c3", "c4", "c5")
PERCENTILES = (("50", "p50_ms"), ("90", "p90_ms"), ("99", "p99_ms"), ("99.9", "p999_ms"))
Reader = Callable[[Interval], float | None]
SECONDS_NAMED_MAX = 180  # longer runs have minutes at their axis
MINUTES_NAMED_MAX = 7_200  # and these, hours


def plots_of(result: RunResult, writer: Writer, target_p99_ms: float | None) -> list[Plot]:
    """Give the plots that this run has the data for."""
    plots: list[Plot] = []
    if result.intervals:
        intervals, of_each = thinned(result.intervals)
        figures = RunFigures(result, intervals, of_each, writer)
        plots += [figures.throughput(), figures.latency(target_p99_ms), figures.waiting()]
    shape = percentile_line(result.histogram)
    if shape:
        plots.append(percentile_plot(shape, writer))
    commits = rows_a_commit(result.commits)
    if any(y is not None for _, y in commits):
        plots.append(
            _plain(words.COMMITS, words.ROWS, {writer.say(words.ROWS): commits}, result, writer)
        )
    uses = uses_of_processes(result.processes)
    if uses:
        cores = {writer.quote(use.name): use.cores for use in uses}
        plots.append(_plain(words.CPU, words.CORES, cores, result, writer))
        memory = {writer.quote(use.name): use.mebibytes for use in uses}
        plots.append(_plain(words.MEMORY, words.MEBIBYTES, memory, result, writer))
    return plots


class RunFigures:
    """The figures that are made of intervals."""

    def __init__(
        self, result: RunResult, intervals: Sequence[Interval], of_each: int, writer: Writer
    ) -> None:
        self._result = result
        self._intervals = intervals
        self._writer = writer
        self._x = time_axis(max(result.seconds, _end(intervals[-1])), writer)
        self._note = (
            writer.say(words.WORST_OF).format(count=writer.number(of_each)) if of_each > 1 else ""
        )

    def throughput(self) -> Plot:
        """Due, sent and answered a second."""
        seconds = self._result.seconds or 1.0
        lines = [
            (words.DUE, "c0", "due"),
            (words.SENT, "c2", "sent"),
            (words.ANSWERED, "c1", "answered"),
        ]
        series = [
            Series(
                name=self._writer.say(name),
                look=look,
                points=self._points(_rate_of(field)),
                figure=self._writer.number(getattr(self._result.counts, field) / seconds),
            )
            for name, look, field in lines
        ]
        writer = self._writer
        hovers = self._hovers(
            lambda one: ", ".join(
                f"{writer.say(name)} {writer.number(getattr(one.counts, field) / one.seconds)}"
                for name, _, field in lines
            )
        )
        return Plot(
            title=writer.say(words.THROUGHPUT),
            x=self._x,
            y=linear_axis(words.MESSAGES_PER_SECOND, _heights(series), writer),
            series=series,
            hovers=hovers,
        )

    def latency(self, target_p99_ms: float | None) -> Plot:
        """Percentiles and the longest, second by second."""
        writer, whole = self._writer, self._result.latency
        lines = [(percentile_name(percent, writer), field) for percent, field in PERCENTILES]
        lines.append((writer.say(words.LONGEST), "max_ms"))
        series = [
            Series(
                name=name,
                look=look,
                points=self._points(_latency_of(field)),
                figure=writer.figures(getattr(whole, field)),
            )
            for (name, field), look in zip(lines, LOOKS, strict=True)
        ]
        heights = _heights(series)
        marks = []
        if target_p99_ms is not None:
            heights.append(target_p99_ms)
            marks.append(target_mark(target_p99_ms, writer))
        hovers = self._hovers(
            lambda one: ", ".join(
                f"{name} {writer.figures(getattr(one.latency, field))}" for name, field in lines
            )
        )
        return Plot(
            title=writer.say(words.LATENCY),
            x=self._x,
            y=log_axis(words.LATENCY_MS, heights, writer),
            series=series,
            marks=marks,
            hovers=hovers,
            note=self._note,
        )

    def waiting(self) -> Plot:
        """What is on its way, and what should be."""
        writer = self._writer
        series = [
            Series(
                name=writer.say(name),
                look=look,
                points=self._points(_state_of(field)),
            )
            for name, look, field in (
                (words.OUTSTANDING, "c1", "outstanding"),
                (words.BACKLOG, "c3", "backlog"),
            )
        ]
        return Plot(
            title=writer.say(words.WAITING),
            x=self._x,
            y=linear_axis(words.MESSAGES, _heights(series), writer),
            series=series,
        )

    def _points(self, read: Reader) -> Line:
        return [((one.at_s + _end(one)) / 2, read(one)) for one in self._intervals]

    def _hovers(self, say: Callable[[Interval], str]) -> list[Hover]:
        return [
            Hover(
                first=one.at_s,
                last=_end(one),
                text=f"{self._writer.number(one.at_s)} s: {say(one)}"
                if not self._writer.is_persian
                else f"ثانیه {self._writer.number(one.at_s)}: {say(one)}",
            )
            for one in self._intervals
            if one.seconds > 0
        ]


def percentile_plot(line: Line, writer: Writer) -> Plot:
    """The whole run's latency; the axis of shares stretches what is rare (1 / (1 - share))."""
    rarest = max(x for x, _ in line)
    names = ("0", "50", "90", "99", "99.9", "99.99", "99.999", "99.9999", "99.99999")
    places = (1.0, 2.0, 10.0, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7)
    sign = "٪" if writer.is_persian else "%"
    ticks = [
        (place, writer.number(float(name), len(name.partition(".")[2])) + sign)
        for name, place in zip(names, places, strict=True)
        if place <= rarest
    ]
    heights = [y for _, y in line if y is not None]
    return Plot(
        title=writer.say(words.SHAPE),
        x=Axis(
            label=writer.say(words.SHAPE_X),
            scale=Scale(low=1.0, high=max(rarest, 10.0), log=True),
            ticks=ticks,
        ),
        y=log_axis(words.LATENCY_MS, heights, writer),
        series=[Series(name=writer.say(words.ANSWERED), look="c1", points=line, form="area")],
    )


def percentile_name(percent: str, writer: Writer) -> str:
    """Name a percentile: p99.9."""
    digits = len(percent.partition(".")[2])
    return writer.say(words.PERCENTILE).format(percent=writer.number(float(percent), digits))


def target_mark(p99_ms: float, writer: Writer) -> Mark:
    """The line that p99 is to stay below."""
    label = writer.say(words.TARGET_MARK).format(milliseconds=writer.figures(p99_ms, 1))
    return Mark(at=p99_ms, label=label)


def linear_axis(label: Text, heights: Sequence[float], writer: Writer) -> Axis:
    """Give an axis from 0."""
    scale, ticks = linear_scale(heights)
    step = ticks[1]
    digits = 0 if step == int(step) else 1 if step * 10 == int(step * 10) else 2
    return Axis(
        label=writer.say(label),
        scale=scale,
        ticks=[(tick, writer.number(tick, digits)) for tick in ticks],
    )


def log_axis(label: Text, heights: Sequence[float], writer: Writer) -> Axis:
    """Give a logarithmic axis."""
    scale, ticks = log_scale(heights)
    return Axis(
        label=writer.say(label),
        scale=scale,
        ticks=[(tick, writer.figures(tick, 1)) for tick in ticks],
    )


def time_axis(seconds: float, writer: Writer) -> Axis:
    """Give the axis of a run's time, in seconds, minutes or hours."""
    scale, ticks = time_scale(seconds)
    if seconds <= SECONDS_NAMED_MAX:
        label, of_unit = words.TIME_S, 0
    elif seconds <= MINUTES_NAMED_MAX:
        label, of_unit = words.TIME_MINUTES, 60
    else:
        label, of_unit = words.TIME_HOURS, 3_600

    def name(tick: float) -> str:
        if not of_unit:
            return writer.number(tick)
        rest = int(tick) % of_unit * 60 // of_unit
        tens = writer.number(rest // 10) + writer.number(rest % 10)
        return f"{writer.number(int(tick) // of_unit)}:{tens}"

    return Axis(label=writer.say(label), scale=scale, ticks=[(tick, name(tick)) for tick in ticks])


def _plain(
    title: Text,
    unit: Text,
    lines: dict[str, Line],  # by names that are ready for HTML
    result: RunResult,
    writer: Writer,
) -> Plot:
    series = []
    for index, (name, line) in enumerate(lines.items()):
        known = [y for _, y in line if y is not None]
        mean = sum(known) / len(known) if known else 0.0
        series.append(
            Series(
                name=name,
                look=LOOKS[index % len(LOOKS)],
                points=[(max(x, 0.0), y) for x, y in line],
                figure=f"{writer.say(words.MEAN)} {writer.figures(mean)}",
            )
        )
    last = max((x for one in series for x, _ in one.points), default=0.0)
    return Plot(
        title=writer.say(title),
        x=time_axis(max(result.seconds, last), writer),
        y=linear_axis(unit, _heights(series), writer),
        series=series,
    )


def _rate_of(field: str) -> Reader:
    return lambda one: getattr(one.counts, field) / (one.seconds or 1.0)


def _latency_of(field: str) -> Reader:
    return lambda one: getattr(one.latency, field) if one.latency.count else None


def _state_of(field: str) -> Reader:
    return lambda one: float(getattr(one, field))


def _heights(series: Sequence[Series]) -> list[float]:
    return [y for one in series for _, y in one.points if y is not None]


def _end(interval: Interval) -> float:
    return interval.at_s + interval.seconds
