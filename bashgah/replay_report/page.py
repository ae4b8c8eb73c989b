"""The page of a replay: one HTML file with everything in it.

Owns the order of the parts. Must not know how a part is made. Like a load run's report it forbids
itself the network, has no script, and is well-formed XML.
"""

from datetime import date, timedelta
from importlib.resources import files

from acquirers.terminal.persian import jalali_day
from acquirers.terminal.texts import Language, Text
from bashgah.replay_report import words
from bashgah.replay_report.figures import decile_plot, month_plots, spread_plot
from bashgah.replay_report.money import POINT_UNITS, RIAL_UNITS, amount, signed, unit_for
from bashgah.replay_report.tables import (
    MERCHANTS_SHOWN_MAX,
    declines_table,
    merchants_table,
    rules_table,
    segments_table,
    tiers_table,
    totals_table,
)
from bashgah.replay_result import Report
from loadtest.report.page import POLICY
from loadtest.report.plot import Plot, draw
from loadtest.report.writer import Writer

EPOCH = date(1970, 1, 1)


def render(report: Report, language: Language = Language.PERSIAN) -> str:
    """Give the page of a replay as the text of an HTML file (UTF-8)."""
    writer = Writer(language)
    people = [plot for plot in (spread_plot(report, writer), decile_plot(report, writer)) if plot]
    months = month_plots(report, writer)
    parts = [
        _head(report, writer),
        _verdict(report, writer),
        _key_figures(report, writer),
        _title(words.MONEY, writer),
        totals_table(report, writer),
        _method(words.COST_MADE_OF, writer),
    ]
    if months:
        parts += [_title(words.OVER_TIME, writer), _plots(months, writer)]
    parts += [_title(words.WHO, writer), _plots(people, writer) if people else ""]
    parts += [segments_table(report, writer), _method(words.GAIN_MADE_OF, writer)]
    if report.tiers is not None:
        parts += [_title(words.LEVELS, writer), tiers_table(report, writer)]
        parts.append(_method(words.LEVELS_READ, writer))
    parts += [_title(words.SHOPS, writer), _of_shops(report, writer)]
    if report.merchants:
        parts.append(merchants_table(report, writer))
    if report.rules:
        parts += [_title(words.RULES, writer), rules_table(report, writer)]
    parts += [_title(words.DECLINES, writer), declines_table(report, writer)]
    parts += [_title(words.ASSUMED, writer), _assumptions(report, writer)]
    parts += [_title(words.METHOD, writer), _how(report, writer)]
    return _page("".join(parts), report, writer)


def _page(body: str, report: Report, writer: Writer) -> str:
    style = files("loadtest.report").joinpath("report.css").read_text("utf-8")
    style += files("bashgah.replay_report").joinpath("replay.css").read_text("utf-8")
    return (
        "<!DOCTYPE html>\n"
        f'<html lang="{writer.language}" dir="{writer.direction}">\n<head>\n'
        '<meta charset="utf-8"/>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>{writer.say(words.TITLE)}: {_name(report, writer)}</title>\n"
        f"<style>\n{style}</style>\n</head>\n"
        f"<body>\n{body}</body>\n</html>\n"
    )


def _name(report: Report, writer: Writer) -> str:
    return writer.quote(report.name_fa if writer.is_persian else report.name)


def _head(report: Report, writer: Writer) -> str:
    first, last = (_day(day, writer) for day in (report.first_day, report.last_day))
    under = [
        writer.say(words.VERSION).format(
            draft=writer.number(report.draft_version), live=writer.number(report.live_version)
        ),
        writer.say(words.WINDOW).format(first=first, last=last),
    ]
    return (
        f"<header><h1>{writer.say(words.TITLE)}: <bdi>{_name(report, writer)}</bdi></h1>"
        + "".join(f'<p class="under">{part}</p>' for part in under)
        + "</header>\n"
    )


def _day(day: int, writer: Writer) -> str:
    """Give a local day: Jalali, or ISO 8601."""
    at = EPOCH + timedelta(days=day)
    return jalali_day(at) if writer.is_persian else at.isoformat()


def _verdict(report: Report, writer: Writer) -> str:
    """What comes of it in one line, and the sentences below it."""
    more = report.cost_minor.draft - report.cost_minor.happened
    differs = report.counts["differing"] > 0
    if not differs:
        word = writer.say(words.NOTHING_CHANGES)
    elif more == 0:
        word = writer.say(words.COSTS_THE_SAME)
    else:
        said = words.COSTS_MORE if more > 0 else words.COSTS_LESS
        word = writer.say(said).format(amount=amount(abs(more), writer))
    gains = report.gains
    sentences = [
        writer.say(words.OF_MEMBERS).format(
            members=writer.number(gains.count),
            winners=writer.number(gains.winners),
            losers=writer.number(gains.losers),
            same=writer.number(gains.same),
        )
    ]
    if report.tiers is not None:
        sentences.append(
            writer.say(words.OF_TIERS).format(changed=writer.number(report.tiers.changed))
        )
    counts = report.counts
    if counts["now_declined"] or counts["now_approved"]:
        sentences.append(
            writer.say(words.OF_DECLINES).format(
                more=writer.number(counts["now_declined"]),
                fewer=writer.number(counts["now_approved"]),
            )
        )
    told = "".join(f"<p>{sentence}</p>" for sentence in sentences)
    return f'<section class="verdict replay"><p class="word">{word}</p>{told}</section>\n'


def _key_figures(report: Report, writer: Writer) -> str:
    """The draft's figures, each with its distance from what happened."""
    happened, draft = report.happened, report.draft
    cards = [
        (words.KEY_COST, report.cost_minor.happened, report.cost_minor.draft, RIAL_UNITS),
        (words.DISCOUNT_PLOT, happened["discount_minor"], draft["discount_minor"], RIAL_UNITS),
        (words.KEY_EARNED, happened["points_earned"], draft["points_earned"], POINT_UNITS),
        (words.KEY_REDEEMED, happened["points_redeemed"], draft["points_redeemed"], POINT_UNITS),
        (words.KEY_OWED, report.points_owed.happened, report.points_owed.draft, POINT_UNITS),
        (
            words.KEY_LIABILITY,
            report.liability_minor.happened,
            report.liability_minor.draft,
            RIAL_UNITS,
        ),
    ]
    shown = []
    for name, was, would_be, units in cards:
        if was == would_be == 0:
            continue
        factor, unit = unit_for([would_be - was], units)
        distance = f"{signed(would_be - was, writer, factor)} {writer.say(unit)}"
        shown.append(
            f"<div><dt>{writer.say(name)}</dt><dd>{_short(would_be, writer, units)}"
            f"<br/><small>{distance}</small></dd></div>"
        )
    return f'<dl class="key-figures">{"".join(shown)}</dl>\n' if shown else ""


def _short(value: int, writer: Writer, units: object) -> str:
    text = amount(value, writer, POINT_UNITS if units is POINT_UNITS else RIAL_UNITS)
    number, _, unit = text.partition(" ")
    return f"{number} <small>{unit}</small>"


def _of_shops(report: Report, writer: Writer) -> str:
    gains = report.merchant_gains
    said = writer.say(words.OF_SHOPS).format(
        count=writer.number(gains.count),
        winners=writer.number(gains.winners),
        losers=writer.number(gains.losers),
        same=writer.number(gains.same),
    )
    told = f"<p>{said}</p>\n"
    if gains.count > MERCHANTS_SHOWN_MAX:
        first = writer.say(words.FIRST_SHOPS).format(count=writer.number(MERCHANTS_SHOWN_MAX))
        told += f'<p class="method">{first}</p>\n'
    return told


def _assumptions(report: Report, writer: Writer) -> str:
    items = "".join(
        f"<li>{writer.say(words.ASSUMPTIONS[name])}</li>" for name in report.assumptions
    )
    return f'<ul class="assumed">{items}</ul>\n'


def _how(report: Report, writer: Writer) -> str:
    speed = report.speed
    sentences = [
        writer.say(words.METHOD_TEXT).format(
            rows=writer.number(speed.rows),
            workers=writer.number(speed.workers),
            before=writer.number(speed.rows_before),
            purchases=writer.number(speed.purchases),
            speed=writer.number(speed.purchases_per_core_second),
            seconds=writer.number(speed.seconds, 1),
        ),
        writer.say(words.MOVES_DIFFER).format(
            differing=writer.number(report.counts["differing"]),
            exchanges=writer.number(report.counts["exchanges"]),
        ),
    ]
    if report.versions_in_between:
        named = "، " if writer.is_persian else ", "
        versions = named.join(writer.number(version) for version in report.versions_in_between)
        sentences.append(writer.say(words.WENT_LIVE).format(versions=versions))
    return "".join(f'<p class="method">{sentence}</p>\n' for sentence in sentences)


def _title(text: Text, writer: Writer) -> str:
    return f"<h2>{writer.say(text)}</h2>\n"


def _method(text: Text, writer: Writer) -> str:
    return f'<p class="method">{writer.say(text)}</p>\n'


def _plots(plots: list[Plot], writer: Writer) -> str:
    return f'<div class="plots">{"".join(draw(plot, writer) for plot in plots)}</div>\n'
