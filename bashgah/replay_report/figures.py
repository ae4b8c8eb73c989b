"""The plots of a replay: month by month, members by their difference, and who bought how much.

Owns which figures there are and what each shows. Must not know how they are drawn.
"""

from collections.abc import Callable, Sequence

from acquirers.terminal.texts import Text
from bashgah.replay_report import words
from bashgah.replay_report.money import POINT_UNITS, RIAL_UNITS, Units, axis, signed, unit_for
from bashgah.replay_result import Month, Report
from loadtest.report.plot import Axis, Hover, Mark, Plot, Series
from loadtest.report.scale import Scale
from loadtest.report.writer import Writer

HAPPENED, DRAFT, WON, LOST = "c0", "c1", "c2", "c5"
MONTHS_NAMED_MAX = 12


def month_plots(report: Report, writer: Writer) -> list[Plot]:
    """Give what there is of points and discounts, month by month."""
    found = []
    has_points = any(
        month.points_owed.happened or month.points_owed.draft for month in report.months
    )
    if has_points or report.happened["points_earned"] or report.draft["points_earned"]:
        found.append(
            _month_plot(
                words.OWED_PLOT,
                report,
                POINT_UNITS,
                lambda month: (month.points_owed.happened, month.points_owed.draft),
                writer,
            )
        )
    figures: tuple[tuple[str, Text, Units], ...] = (
        ("points_earned", words.EARNED_PLOT, POINT_UNITS),
        ("points_redeemed", words.REDEEMED_PLOT, POINT_UNITS),
        ("points_expired", words.EXPIRED_PLOT, POINT_UNITS),
        ("discount_minor", words.DISCOUNT_PLOT, RIAL_UNITS),
        ("discount_club_minor", words.DISCOUNT_CLUB_PLOT, RIAL_UNITS),
    )
    for name, title, units in figures:
        if report.happened[name] or report.draft[name]:

            def read(month: Month, name: str = name) -> tuple[int, int]:
                return month.happened[name], month.draft[name]

            found.append(_month_plot(title, report, units, read, writer))
    return found


def _month_plot(
    title: Text,
    report: Report,
    units: Units,
    read: Callable[[Month], tuple[int, int]],
    writer: Writer,
) -> Plot:
    pairs = [read(month) for month in report.months]
    factor, unit = unit_for([value for pair in pairs for value in pair], units)
    lines = [[pair[world] / factor for pair in pairs] for world in (0, 1)]
    hovers = []
    for at, (month, pair) in enumerate(zip(report.months, pairs, strict=True)):
        said = (
            f"{_month_name(month, writer)}: {writer.say(words.HAPPENED)} "
            f"{writer.figures(pair[0] / factor)}, {writer.say(words.DRAFT)} "
            f"{writer.figures(pair[1] / factor)}"
        )
        hovers.append(Hover(first=at - 0.5, last=at + 0.5, text=said))
    return Plot(
        title=writer.say(title),
        x=_month_axis(report.months, writer),
        y=axis(writer.say(unit), [*lines[0], *lines[1]], writer),
        series=[
            _line(words.HAPPENED, HAPPENED, lines[0], writer),
            _line(words.DRAFT, DRAFT, lines[1], writer),
        ],
        hovers=hovers,
    )


def _line(name: Text, look: str, values: Sequence[float], writer: Writer) -> Series:
    return Series(
        name=writer.say(name),
        look=look,
        points=[(float(at), value) for at, value in enumerate(values)],
        form="dots",
    )


def _month_axis(months: Sequence[Month], writer: Writer) -> Axis:
    each = -(-len(months) // MONTHS_NAMED_MAX)
    return Axis(
        label=writer.say(words.MONTH_AXIS),
        scale=Scale(low=-0.5, high=len(months) - 0.5),
        ticks=[
            (float(at), _month_name(month, writer))
            for at, month in enumerate(months)
            if at % each == 0
        ],
    )


def _month_name(month: Month, writer: Writer) -> str:
    """Give a month as it is written: digits and a slash need no direction of their own."""
    year, of_year = month.month.split("/")
    written = writer.number(int(of_year))
    if not writer.is_persian:
        return f"{year}/{of_year}"
    return f"{writer.number(int(year)).replace('٬', '')}/{written.rjust(2, '۰')}"


def spread_plot(report: Report, writer: Writer) -> Plot | None:
    """Give how many members win and lose how much; None when nobody does."""
    bins = report.histogram
    if not bins:
        return None
    factor, unit = unit_for([bins[0].from_minor, bins[-1].to_minor], RIAL_UNITS)
    won = [one for one in bins if one.from_minor >= 0]
    lost = [one for one in bins if one.from_minor < 0]
    series = []
    for name, look, some in ((words.LOSERS, LOST, lost), (words.WINNERS, WON, won)):
        steps: list[tuple[float, float | None]] = []
        for one in some:
            steps.append((one.from_minor / factor, float(one.members)))
            steps.append((one.to_minor / factor, float(one.members)))
        if steps:
            series.append(Series(name=writer.say(name), look=look, points=steps, form="area"))
    label = writer.say(words.SPREAD_AXIS).format(unit=writer.say(unit))
    edges = [bins[0].from_minor / factor, bins[-1].to_minor / factor]
    return Plot(
        title=writer.say(words.SPREAD_PLOT),
        x=axis(label, edges, writer, count=8),
        y=axis(writer.say(words.MEMBERS), [float(one.members) for one in bins], writer),
        series=series,
        marks=[Mark(at=0.0, label="", vertical=True)],
        hovers=[
            Hover(
                first=one.from_minor / factor,
                last=one.to_minor / factor,
                text=f"{signed(one.from_minor, writer, factor)} … "
                f"{signed(one.to_minor, writer, factor)}: {writer.number(one.members)}",
            )
            for one in bins
        ],
        note=writer.say(words.BEYOND),
    )


def decile_plot(report: Report, writer: Writer) -> Plot | None:
    """Give the mean difference of members by how much they bought."""
    deciles = [one for one in report.segments if one.by == "sales" and one.gains.count]
    if not deciles or not any(one.gains.sum_minor for one in deciles):
        return None
    means = [one.gains.sum_minor / one.gains.count for one in deciles]
    factor, unit = unit_for(means, RIAL_UNITS)
    heights = [mean / factor for mean in means]
    return Plot(
        title=writer.say(words.DECILE_PLOT),
        x=Axis(
            label=writer.say(words.DECILE_AXIS),
            scale=Scale(low=0.5, high=10.5),
            ticks=[(float(at), writer.number(at)) for at in range(1, 11)],
        ),
        y=axis(writer.say(words.EACH_MEMBER).format(unit=writer.say(unit)), heights, writer),
        series=[
            Series(
                name=writer.say(words.DIFFERENCE),
                look=DRAFT,
                points=[
                    (float(one.name), height) for one, height in zip(deciles, heights, strict=True)
                ],
                form="dots",
            )
        ],
        marks=[Mark(at=0.0, label="")] if min(heights) < 0 else [],
    )
