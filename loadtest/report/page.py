"""The page: one HTML file with everything in it.

Owns the order of the parts. Must not know how a part is made. The page forbids itself the network
(a content security policy), has no script, and is well-formed XML, so that any parser can check it.
"""

from importlib.resources import files

from acquirers.terminal.texts import Language, Text
from loadtest.limit import LimitResult
from loadtest.report import words
from loadtest.report.over_time import plots_of
from loadtest.report.plot import Plot, draw
from loadtest.report.saturation import curve_plots, limit_sentence, probes_table
from loadtest.report.tables import (
    declines_table,
    kinds_table,
    processes_table,
    setting_list,
)
from loadtest.report.verdict import cautions_part, key_figures, verdict_part
from loadtest.report.writer import Writer
from loadtest.result import RunResult
from loadtest.sweep import SweepResult

POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render(
    result: RunResult,
    *,
    curve: SweepResult | None = None,
    limit: LimitResult | None = None,
    language: Language = Language.ENGLISH,
) -> str:
    """Give the report of a run as the text of an HTML file (UTF-8)."""
    writer = Writer(language)
    target_p99_ms = limit.target.p99_ms if limit is not None else None
    parts = [
        _head(result, writer),
        verdict_part(result, writer),
        cautions_part(result, writer),
        key_figures(result, writer),
        _findings(result, writer),
    ]
    if limit is not None or curve is not None:
        parts.append(_title(words.LIMIT, writer))
    if limit is not None:
        parts.append(f"<p>{limit_sentence(limit, writer)}</p>\n")
    if curve is not None:
        parts.append(_plots(curve_plots(curve, writer, target_p99_ms), writer))
    plots = plots_of(result, writer, target_p99_ms)
    if plots:
        parts += [_title(words.OVER_TIME, writer), _plots(plots, writer)]
    method = words.METHOD_OPEN if result.setting.open_loop else words.METHOD_CLOSED
    parts += [
        _title(words.KINDS, writer),
        kinds_table(result, writer),
        f'<p class="method">{writer.say(method)}</p>\n',
        _title(words.DECLINE_MIX, writer),
        declines_table(result, writer),
    ]
    processes = processes_table(result, writer)
    if processes:
        parts += [_title(words.PROCESSES, writer), processes]
        parts.append(f'<p class="method">{writer.say(words.METHOD_MEMORY)}</p>\n')
    if limit is not None:
        parts += [_title(words.PROBES, writer), probes_table(limit, writer)]
    parts += [_title(words.SETTING, writer), setting_list(result, writer)]
    return _page("".join(parts), result, writer)


def _page(body: str, result: RunResult, writer: Writer) -> str:
    style = files("loadtest.report").joinpath("report.css").read_text("utf-8")
    title = f"{writer.say(words.TITLE)}: {writer.quote(result.setting.workload)}"
    return (
        "<!DOCTYPE html>\n"
        f'<html lang="{writer.language}" dir="{writer.direction}">\n<head>\n'
        '<meta charset="utf-8"/>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n{body}</body>\n</html>\n"
    )


def _head(result: RunResult, writer: Writer) -> str:
    setting = result.setting
    under = [
        f'<span class="given">{writer.quote(setting.host)}</span>',
        f'<span class="given">{writer.quote(setting.arrival)}</span>',
        writer.moment(setting.began_at),
    ]
    return (
        f"<header><h1>{writer.say(words.TITLE)}: "
        f'<span dir="auto">{writer.quote(setting.workload)}</span></h1>'
        f'<p class="under">{" · ".join(under)}</p></header>\n'
    )


def _findings(result: RunResult, writer: Writer) -> str:
    examples = result.books.examples if result.books is not None else ()
    found = [*result.findings, *examples]
    if not found:
        return ""
    items = "".join(f"<li>{writer.quote(text)}</li>" for text in found)
    return f'{_title(words.FINDINGS, writer)}<ol class="findings" dir="ltr">{items}</ol>\n'


def _title(text: Text, writer: Writer) -> str:
    return f"<h2>{writer.say(text)}</h2>\n"


def _plots(plots: list[Plot], writer: Writer) -> str:
    return f'<div class="plots">{"".join(draw(plot, writer) for plot in plots)}</div>\n'
