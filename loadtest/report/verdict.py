"""The top of a report: whether the host was right, what to be careful about, and the key figures.

Owns the order: faults first, speed after. Must not know the plots.
"""

import msgspec

from acquirers.terminal.texts import Text
from loadtest.report import words
from loadtest.report.columns import rows_a_commit
from loadtest.report.over_time import percentile_name
from loadtest.report.writer import Writer
from loadtest.result import RunResult

SLIP_MS_MAX = 1.0  # a generator later than this has a part in what it measures
SLIP_SHARE_MAX = 0.1  # … if that is more than this of the p99


def verdict_part(result: RunResult, writer: Writer) -> str:
    """Faults, big, in red or green, and the books."""
    answered = writer.number(result.counts.answered)
    look = "good" if result.good else "bad"
    items = [
        (writer.number(count), writer.say(words.FAULT_NAMES[name]))
        for name, count in msgspec.structs.asdict(result.faults).items()
        if count
    ]
    books = result.books
    sentence = ""
    if books is None:
        sentence = writer.say(words.BOOKS_UNKNOWN)
    elif books.differences:
        differ = writer.say(words.BOOKS_DIFFER).format(accounts=writer.number(books.accounts))
        items.append((writer.number(books.differences), differ))
    else:
        sentence = writer.say(words.BOOKS_AGREE).format(accounts=writer.number(books.accounts))
    if result.good:
        word = f"✓ {writer.say(words.NO_FAULT)} {writer.say(words.IN_ANSWERS)}"
    elif result.faults.total:
        faults = f"{writer.number(result.faults.total)} {writer.say(words.FAULTS)}"
        word = f"✗ {writer.say(words.FAILED)}: {faults}"
    else:
        word = f"✗ {writer.say(words.FAILED)}"
    listed = "".join(f"<li><b>{count}</b>{what}</li>" for count, what in items)
    return (
        f'<section class="verdict {look}"><p class="word">{word.format(answered=answered)}</p>'
        + (f"<ul>{listed}</ul>" if listed else "")
        + (f"<p>{sentence}</p>" if sentence else "")
        + "</section>\n"
    )


def cautions_part(result: RunResult, writer: Writer) -> str:
    """What a reader of the figures must know; nothing when there is nothing."""
    counts = result.counts
    cautions = []

    def caution(text: Text, **figures: str) -> None:
        cautions.append(writer.say(text).format(**figures))

    if not result.setting.open_loop:
        caution(words.CLOSED_LOOP)
    if counts.timed_out:
        count, late = writer.number(counts.timed_out), writer.number(counts.late)
        caution(words.TIMED_OUT, count=count, late=late)
    if counts.unavailable:
        caution(words.UNAVAILABLE, count=writer.number(counts.unavailable))
    backlog = result.intervals[-1].backlog if result.intervals else 0
    if backlog * 100 > counts.due:
        caution(words.BEHIND, count=writer.number(backlog))
    slip_ms = result.slip_p99_ms
    if slip_ms > SLIP_MS_MAX and slip_ms > SLIP_SHARE_MAX * result.latency.p99_ms:
        caution(words.SLIPPED, slip=writer.figures(slip_ms))
    items = "".join(f"<li>{text}</li>" for text in cautions)
    return f'<ul class="cautions">{items}</ul>\n' if items else ""


def key_figures(result: RunResult, writer: Writer) -> str:
    """The figures that are asked for first."""
    counts, latency = result.counts, result.latency
    milliseconds = writer.say(words.MILLISECONDS)
    figures = [
        (
            writer.say(words.ANSWERED_PER_SECOND),
            writer.number(result.answered_per_second),
            writer.say(words.PER_SECOND),
        ),
        (writer.say(words.MEDIAN), writer.figures(latency.p50_ms), milliseconds),
        (percentile_name("99", writer), writer.figures(latency.p99_ms), milliseconds),
        (percentile_name("99.9", writer), writer.figures(latency.p999_ms), milliseconds),
        (writer.say(words.LONGEST), writer.figures(latency.max_ms), milliseconds),
    ]
    answered = counts.answered or 1
    figures.append((writer.say(words.APPROVED), writer.share(counts.approved / answered), ""))
    figures.append((writer.say(words.DECLINED), writer.share(counts.declined / answered), ""))
    figures.append((writer.say(words.TIMED_OUT_SHORT), writer.number(counts.timed_out), ""))
    batches = [y for _, y in rows_a_commit(result.commits) if y is not None]
    if batches:
        mean = sum(batches) / len(batches)
        figures.append((writer.say(words.ROWS_A_COMMIT), writer.figures(mean), ""))
    items = "".join(
        f"<div><dt>{name}</dt><dd>{figure}{f' <small>{unit}</small>' if unit else ''}</dd></div>"
        for name, figure, unit in figures
    )
    return f'<dl class="key-figures">{items}</dl>\n'
