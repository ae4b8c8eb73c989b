"""The tables of a replay: figures, segments, merchants, levels, rules, declines.

Owns their columns and rows. Must not know the page around them.
"""

from collections.abc import Sequence

from acquirers.terminal.texts import Text
from bashgah.replay_report import words
from bashgah.replay_report.money import (
    POINT_UNITS,
    RIAL_UNITS,
    signed,
    signless,
    unit_for,
    unit_for_difference,
    unit_of_most,
)
from bashgah.replay_result import Gains, Merchant, Report, Segment
from loadtest.report.tables import Column, table
from loadtest.report.writer import Writer

MERCHANTS_SHOWN_MAX = 30
PLAIN, OK, NO = ' class="n"', ' class="n ok"', ' class="n no"'


def totals_table(report: Report, writer: Writer) -> str:
    """Every figure that is not zero in both, with its difference."""
    rows = []
    for name, text, units in _figures():
        happened, draft = _pair(report, name)
        if happened == draft == 0:
            continue
        factor, unit = unit_for_difference([happened, draft], draft - happened, units)
        said = "" if units is NO_UNITS else f" <small>{writer.say(unit)}</small>"
        rows.append(
            (
                f"{writer.say(text)}{said}",
                signless(happened, writer, factor),
                signless(draft, writer, factor),
                signed(draft - happened, writer, factor),
                _share(happened, draft, writer),
            )
        )
    columns = (
        Column(""),
        Column(words.HAPPENED, number=True),
        Column(words.DRAFT, number=True),
        Column(words.DIFFERENCE, number=True),
        Column(words.SHARE, number=True),
    )
    return table(columns, rows, writer)


NO_UNITS = ((1, words.MEMBERS),)


def _figures() -> list[tuple[str, Text, Sequence[tuple[int, Text]]]]:
    units = {
        "purchases": NO_UNITS,
        "declined": NO_UNITS,
        "points_owed": POINT_UNITS,
        "points_pending": POINT_UNITS,
        "points_earned": POINT_UNITS,
        "points_redeemed": POINT_UNITS,
        "points_expired": POINT_UNITS,
    }
    return [(name, text, units.get(name, RIAL_UNITS)) for name, text in words.TOTALS.items()]


def _pair(report: Report, name: str) -> tuple[int, int]:
    """Give a figure of both worlds."""
    pairs = {
        "cost": report.cost_minor,
        "liability": report.liability_minor,
        "points_owed": report.points_owed,
        "points_pending": report.points_pending,
        "money_on_cards": report.money_on_cards_minor,
    }
    if name in pairs:
        return pairs[name].happened, pairs[name].draft
    worlds = (report.happened, report.draft)
    if name == "discount_merchant":
        borne = [world["discount_minor"] - world["discount_club_minor"] for world in worlds]
        return borne[0], borne[1]
    return worlds[0][name], worlds[1][name]


def _share(happened: int, draft: int, writer: Writer) -> str:
    """Give a change in per cent, where there was something to change."""
    if happened <= 0 or happened == draft:
        return ""
    percent = (draft - happened) * 100 / happened
    return f'<bdi dir="ltr">{signed(percent, writer)}{"٪" if writer.is_persian else "%"}</bdi>'


def segments_table(report: Report, writer: Writer) -> str:
    """Members by level, purchases and last day; all of them first."""
    everybody = Segment(by="all", name="", gains=report.gains)
    shown = [one for one in (everybody, *report.segments) if one.gains.count]
    factor, unit = unit_for([one.gains.sum_minor for one in shown], RIAL_UNITS)
    each_factor, each_unit = unit_of_most(
        [value for one in shown for value in one.gains.quantiles_minor.values()], RIAL_UNITS
    )
    rows = [_segment_row(one, writer, factor, each_factor) for one in shown]

    def head(text: Text, name: Text) -> str:
        return f"{writer.say(text)}<br/><small>{writer.say(name)}</small>"

    columns = (
        Column(words.SEGMENT),
        Column(words.MEMBER_COUNT, number=True),
        Column(words.WINNERS, number=True),
        Column(words.LOSERS, number=True),
        Column(head(words.SUM, unit), number=True),
        Column(head(words.LOW, each_unit), number=True),
        Column(head(words.MEDIAN, each_unit), number=True),
        Column(head(words.HIGH, each_unit), number=True),
        Column(""),
    )
    return table(columns, rows, writer)


def _segment_row(
    segment: Segment, writer: Writer, factor: int, each_factor: int
) -> tuple[str, ...]:
    gains = segment.gains

    def each(name: str) -> str:
        return signed(gains.quantiles_minor[name], writer, each_factor)

    return (
        _segment_name(segment, writer),
        writer.number(gains.count),
        f"<td{OK if gains.winners else PLAIN}>{writer.number(gains.winners)}</td>",
        f"<td{NO if gains.losers else PLAIN}>{writer.number(gains.losers)}</td>",
        signed(gains.sum_minor, writer, factor),
        each("0.1"),
        each("0.5"),
        each("0.9"),
        f'<td class="bars">{_balance(gains)}</td>',
    )


def _balance(gains: Gains) -> str:
    """Give winners, untouched and losers as one bar."""
    parts = (("won", gains.winners), ("even", gains.same), ("lost", gains.losers))
    return (
        '<span class="balance">'
        + "".join(
            f'<i class="{look}" style="width:{count / gains.count * 100:.2f}%"></i>'
            for look, count in parts
            if count
        )
        + "</span>"
    )


def _segment_name(segment: Segment, writer: Writer) -> str:
    if segment.by == "all":
        return f"<b>{writer.say(words.ALL_MEMBERS)}</b>"
    if segment.by == "recency":
        return writer.say(words.RECENCY[segment.name])
    if segment.by == "sales":
        return writer.say(words.BY_SALES).format(name=writer.number(int(segment.name)))
    name = f"<bdi>{writer.quote(segment.name)}</bdi>"
    return writer.say(words.BY_TIER).format(name=name)


def merchants_table(report: Report, writer: Writer) -> str:
    """The shops with the largest differences."""
    shown = report.merchants[:MERCHANTS_SHOWN_MAX]
    factor, unit = unit_of_most(
        [one.income_minor.draft - one.income_minor.happened for one in shown], RIAL_UNITS
    )

    def told(value: int) -> str:
        return signless(value, writer, factor)

    rows = [
        (
            _merchant_name(one, writer),
            told(one.sales_minor.happened),
            told(one.income_minor.happened),
            told(one.income_minor.draft),
            _difference(one, writer, factor),
            signed(
                one.discount_borne_minor.draft - one.discount_borne_minor.happened, writer, factor
            ),
        )
        for one in shown
    ]
    columns = (
        Column(f"{writer.say(words.SHOP)}<br/><small>{writer.say(unit)}</small>"),
        *(
            Column(head, number=True)
            for head in (
                words.SALES,
                words.GETS,
                words.WOULD_GET,
                words.DIFFERENCE,
                words.BORNE,
            )
        ),
    )
    return table(columns, rows, writer)


def _merchant_name(one: Merchant, writer: Writer) -> str:
    name = one.name_fa if writer.is_persian else one.name
    return (
        f"<bdi>{writer.quote(name or one.merchant)}</bdi>"
        f' <small class="given">{writer.quote(one.merchant)}</small>'
    )


def _difference(one: Merchant, writer: Writer, factor: int) -> str:
    value = one.income_minor.draft - one.income_minor.happened
    look = OK if value > 0 else NO if value < 0 else PLAIN
    return f"<td{look}>{signed(value, writer, factor)}</td>"


def tiers_table(report: Report, writer: Writer) -> str:
    """How many members go from which level to which; empty when one world has none."""
    tiers = report.tiers
    if tiers is None:
        return ""
    columns = (
        Column(f"{writer.say(words.HAPPENED)} \N{RIGHTWARDS ARROW} {writer.say(words.DRAFT)}"),
        *(Column(f"<bdi>{writer.quote(name)}</bdi>", number=True) for name in tiers.after),
    )
    rows = []
    for was, counts in zip(tiers.before, tiers.members, strict=True):
        whole = sum(counts) or 1
        cells = []
        for would_be, count in zip(tiers.after, counts, strict=True):
            look = "same" if was == would_be else "moved"
            shade = f"{count / whole * 60:.0f}%" if count else "0%"
            cells.append(
                f'<td class="n level {look}" style="--share:{shade}">'
                f"{writer.number(count) if count else '·'}</td>"
            )
        rows.append((f"<bdi>{writer.quote(was)}</bdi>", *cells))
    return table(columns, rows, writer)


def rules_table(report: Report, writer: Writer) -> str:
    """What each rule of the draft gave; empty without rules."""
    if not report.rules:
        return ""
    factor, unit = unit_for([rule.discount_minor for rule in report.rules], RIAL_UNITS)
    columns = (
        Column(words.RULE),
        Column(words.TIMES, number=True),
        Column(f"{writer.say(words.DISCOUNT)}<br/><small>{writer.say(unit)}</small>", number=True),
        Column(words.EARNED_POINTS, number=True),
    )
    rows = [
        (
            f'<span class="given">{writer.quote(rule.name)}</span>',
            writer.number(rule.times),
            signless(rule.discount_minor, writer, factor),
            writer.number(rule.points),
        )
        for rule in report.rules
    ]
    return table(columns, rows, writer)


def declines_table(report: Report, writer: Writer) -> str:
    """Declines by reason in both worlds."""
    if not report.declines:
        return f"<p>{writer.say(words.NO_DECLINES)}</p>\n"
    columns = (
        Column(words.REASON),
        Column(words.HAPPENED, number=True),
        Column(words.DRAFT, number=True),
        Column(words.DIFFERENCE, number=True),
    )
    rows = [
        (
            f'<span class="given">{writer.quote(one.reason)}</span>',
            writer.number(one.happened),
            writer.number(one.draft),
            signed(one.draft - one.happened, writer),
        )
        for one in report.declines
    ]
    return table(columns, rows, writer)
