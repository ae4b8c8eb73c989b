"""The report's part on load against what comes of it: the saturation curve and the search's probes.

Owns its plots and its table. Must not know how either was measured.
"""

from loadtest.limit import LimitResult, Outcome, Probe
from loadtest.report import words
from loadtest.report.over_time import (
    LOOKS,
    PERCENTILES,
    linear_axis,
    log_axis,
    percentile_name,
    target_mark,
)
from loadtest.report.plot import Mark, Plot, Series
from loadtest.report.tables import Column, table
from loadtest.report.writer import Writer
from loadtest.sweep import SweepResult


def curve_plots(curve: SweepResult, writer: Writer, target_p99_ms: float | None) -> list[Plot]:
    """Give goodput and latency against the rate.

    A rate counts arrivals, as the limit does; with follow-ups (reversals, completions) more
    messages than arrivals are offered, so "all that is offered" is a line of its own.
    """
    points = sorted(curve.points, key=lambda point: point.rate)
    if not points:
        return []
    offered = [point.offered_per_second for point in points]
    x = linear_axis(words.RATE_AXIS, [point.rate for point in points], writer)
    limit = Mark(
        at=curve.limit_per_second,
        label=writer.say(words.LIMIT_MARK).format(rate=writer.number(curve.limit_per_second)),
        vertical=True,
    )
    goodput = Plot(
        title=writer.say(words.CURVE),
        x=x,
        y=linear_axis(words.MESSAGES_PER_SECOND, offered, writer),
        series=[
            Series(
                name=writer.say(words.IDEAL),
                look="c0",
                points=[(0.0, 0.0), *((point.rate, point.offered_per_second) for point in points)],
            ),
            Series(
                name=writer.say(words.GOODPUT),
                look="c1",
                points=[(point.rate, point.goodput_per_second) for point in points],
                form="dots",
            ),
        ],
        marks=[limit],
    )
    series = [
        Series(
            name=percentile_name(percent, writer),
            look=look,
            points=[(point.rate, getattr(point.latency, field) or None) for point in points],
            form="dots",
        )
        for (percent, field), look in zip(PERCENTILES, LOOKS, strict=False)
    ]
    heights = [y for one in series for _, y in one.points if y is not None]
    marks = [limit]
    if target_p99_ms is not None:
        heights.append(target_p99_ms)
        marks.append(target_mark(target_p99_ms, writer))
    latency = Plot(
        title=writer.say(words.CURVE_LATENCY),
        x=x,
        y=log_axis(words.LATENCY_MS, heights, writer),
        series=series,
        marks=marks,
    )
    return [goodput, latency]


def probes_table(limit: LimitResult, writer: Writer) -> str:
    """Give every probe of a search, and why it failed."""
    rows = [_probe_row(probe, writer) for probe in limit.probes]
    columns = (
        Column(words.PHASE),
        Column(words.RATE, number=True),
        Column(words.SECONDS, number=True),
        Column(words.ANSWERED, number=True),
        Column(percentile_name("50", writer), number=True),
        Column(percentile_name("99", writer), number=True),
        Column(words.RESULT),
    )
    return table(columns, rows, writer)


def limit_sentence(limit: LimitResult, writer: Writer) -> str:
    """Say what the search found."""
    if limit.outcome is Outcome.NEVER_HELD:
        return writer.say(words.LIMIT_NONE)
    if limit.outcome is Outcome.NOT_CONFIRMED:
        return writer.say(words.LIMIT_NOT_CONFIRMED)
    found = writer.say(words.LIMIT_FOUND).format(
        rate=f"<b>{writer.number(limit.limit_per_second)}</b>",
        milliseconds=writer.figures(limit.target.p99_ms, 1),
        share=writer.share(limit.target.answered_share),
        seconds=writer.number(limit.search.confirmation_seconds),
    )
    if limit.outcome is Outcome.ABOVE_MAXIMUM:
        return f"{found} {writer.say(words.LIMIT_ABOVE)}"
    return found


def _probe_row(probe: Probe, writer: Writer) -> tuple[str, ...]:
    if probe.held:
        verdict = f'<td class="ok">✓ {writer.say(words.HELD)}</td>'
    else:
        why = "; ".join(writer.quote(failure) for failure in probe.failures)
        verdict = f'<td class="no">✗ <span dir="ltr">{why}</span></td>'
    return (
        writer.say(words.PHASES[probe.phase]),
        writer.number(probe.rate),
        writer.number(probe.seconds),
        writer.number(probe.answered_per_second),
        writer.figures(probe.latency.p50_ms),
        writer.figures(probe.latency.p99_ms),
        verdict,
    )
