"""The tables of a report: declines, kinds, processes, setting.

Owns their columns and rows. Must not know the page around them.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from acquirers.terminal.texts import CODES, Text
from loadtest.report import words
from loadtest.report.columns import uses_of_processes
from loadtest.report.writer import Writer
from loadtest.result import Counts, Percentiles, ProcessSample, RunResult

HALF_A_LOOK_S = 0.5
NUMBER = ' class="n"'
MICROSECONDS_A_SECOND = 1_000_000


class Column(Struct, frozen=True):
    """A column's head: our words, or HTML that is ready. `number`: aligned at its end."""

    head: Text | str
    number: bool = False


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], writer: Writer) -> str:
    """Give a table of cells that are ready for HTML; a cell that begins with <td is taken whole."""
    heads = "".join(
        f"<th{NUMBER if column.number else ''}>"
        f"{writer.say(column.head) if isinstance(column.head, Text) else column.head}</th>"
        for column in columns
    )
    body = "".join(
        "<tr>"
        + "".join(
            cell if cell.startswith("<td") else f"<td{NUMBER if column.number else ''}>{cell}</td>"
            for column, cell in zip(columns, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
        "</div>\n"
    )


def declines_table(result: RunResult, writer: Writer) -> str:
    """Declines by response code, the most frequent first, each with a bar."""
    total = sum(result.declines.values())
    if not total:
        return f"<p>{writer.say(words.NO_DECLINES)}</p>"
    most = max(result.declines.values())
    rows = []
    for code, count in sorted(result.declines.items(), key=lambda item: (-item[1], item[0])):
        meaning = CODES.get(code)
        bar = f'<span class="bar" style="width:{count / most * 100:.1f}%"></span>'
        rows.append(
            (
                f'<td><span class="given">{writer.quote(code)}</span></td>',
                writer.say(meaning) if meaning is not None else "",
                writer.number(count),
                writer.share(count / total),
                f'<td class="bars">{bar}</td>',
            )
        )
    columns = (
        Column(words.CODE),
        Column(words.MEANING),
        Column(words.COUNT, number=True),
        Column(words.OF_DECLINES, number=True),
        Column(""),
    )
    return table(columns, rows, writer)


def kinds_table(result: RunResult, writer: Writer) -> str:
    """Counts and latency by kind of message, and of all together."""
    rows = [
        _kind_row(writer.quote(kind), counts, result.kind_latency.get(kind), writer)
        for kind, counts in sorted(result.kinds.items(), key=lambda item: -item[1].due)
    ]
    rows.append(_kind_row(f"<b>{writer.say(words.ALL)}</b>", result.counts, result.latency, writer))
    columns = (
        Column(words.KIND),
        *(
            Column(head, number=True)
            for head in (
                words.DUE, words.ANSWERED, words.APPROVED, words.DECLINED, words.TIMED_OUT_SHORT,
                words.REPEATED, "p50", "p99", "p99.9", words.LONGEST,
            )
        ),
    )  # fmt: skip
    if writer.is_persian:
        named = [
            Column(writer.say(words.PERCENTILE).format(percent=writer.number(p, d)), number=True)
            for p, d in ((50, 0), (99, 0), (99.9, 1))
        ]
        columns = (*columns[:7], *named, columns[10])
    return table(columns, rows, writer)


def _kind_row(
    name: str, counts: Counts, latency: Percentiles | None, writer: Writer
) -> tuple[str, ...]:
    figures = ("", "", "", "")
    if latency is not None and latency.count:
        figures = (
            writer.figures(latency.p50_ms),
            writer.figures(latency.p99_ms),
            writer.figures(latency.p999_ms),
            writer.figures(latency.max_ms),
        )
    return (
        name,
        writer.number(counts.due),
        writer.number(counts.answered),
        writer.number(counts.approved),
        writer.number(counts.declined),
        writer.number(counts.timed_out),
        writer.number(counts.repeated),
        *figures,
    )


def processes_table(result: RunResult, writer: Writer) -> str:
    """CPU and memory of each process; nothing when none was watched."""
    answered = result.counts.answered
    rows = []
    for use in uses_of_processes(_while_measured(result)):
        cores = [y for _, y in use.cores if y is not None]
        memory = [y for _, y in use.mebibytes if y is not None]
        per_second = result.answered_per_second
        cost_us = use.cores_mean / per_second * MICROSECONDS_A_SECOND if answered else 0.0
        rows.append(
            (
                writer.quote(use.name),
                writer.number(use.cores_mean, 2),
                writer.number(max(cores, default=0.0), 2),
                writer.figures(cost_us),
                writer.figures(memory[0]),
                writer.figures(memory[-1]),
                writer.figures(max(memory)),
            )
        )
    if not rows:
        return ""
    heads = (
        words.CORES_MEAN, words.CORES_MOST, words.CPU_A_MESSAGE,
        words.MEMORY_FIRST, words.MEMORY_LAST, words.MEMORY_MOST,
    )  # fmt: skip
    columns = (Column(words.PROCESS), *(Column(head, number=True) for head in heads))
    return table(columns, rows, writer)


def _while_measured(result: RunResult) -> list[ProcessSample]:
    """The looks of the measured time: warm-up and drain would make a message look cheaper."""
    if not result.intervals:
        return list(result.processes)
    last = result.intervals[-1]
    first_s, last_s = result.intervals[0].at_s, last.at_s + last.seconds
    return [
        sample
        for sample in result.processes
        if first_s - HALF_A_LOOK_S <= sample.at_s <= last_s + HALF_A_LOOK_S
    ]


def setting_list(result: RunResult, writer: Writer) -> str:
    """What was run and on what, so that it can be run again."""
    setting = result.setting

    def given(text: str) -> str:
        return f'<span class="given">{writer.quote(text)}</span>'

    sent = max(result.counts.sent, 1)
    rows: list[tuple[str, str]] = [
        ("command", given(setting.command)),
        ("host", given(setting.host)),
        ("target", given(setting.target)),
        ("workload", given(setting.workload)),
        ("arrival", given(setting.arrival)),
        ("loop", writer.say(words.OPEN if setting.open_loop else words.CLOSED)),
        ("seed", given(str(setting.seed))),
        ("connections", writer.number(setting.connections)),
        ("window", writer.number(setting.window)),
        ("began_at", writer.moment(setting.began_at)),
        ("seconds", writer.figures(result.seconds)),
        ("warmup_seconds", writer.figures(result.warmup_seconds)),
        (
            "generator",
            writer.figures(result.generator_cpu_seconds / sent * MICROSECONDS_A_SECOND),
        ),
        ("slip", writer.figures(result.slip_p99_ms)),
        *((name, given(value)) for name, value in setting.machine.items()),
    ]
    items = "".join(
        f"<dt>{writer.say(words.SETTINGS[name]) if name in words.SETTINGS else writer.quote(name)}"
        f"</dt><dd>{value}</dd>"
        for name, value in rows
    )
    return f'<dl class="setting">{items}</dl>\n'
