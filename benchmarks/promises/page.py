"""docs/performance.md: rendered from the rows, whatever they say.

Owns the words and the order of the page. Must not know how anything was measured beyond what the
rows say themselves.
"""

import json
from pathlib import Path

from benchmarks.promises.stages import MEMORY, SHARE, STAGE, NextLimit, next_limit
from benchmarks.table import Row

INTRODUCTION = """\
# Performance

Rendered by `make bench` from `build/bench.json`: change `benchmarks/promises/page.py` instead.

Load generator, switch and PostgreSQL share this one machine. Every figure of the table is of a
real switch process, configured by default unless said, on a real PostgreSQL with `fsync` and
`synchronous_commit` on, and of purchases that go the whole way: strict scan, duplicates, limits,
discount, earning, double entry, hash chain, the full journal row, reply after the commit. The load
generator compares every reply with its request; one fault, or one decline, and a case is not met.
What is compared takes turns, and the median round counts.
"""

TABLE = """\
## What we promise

`ratio` is how many times better than its baseline a value is (for a time, less is better); a case
is met when that is at least `wanted`. Where a figure of its own is wanted, that is the baseline.

| case | value | baseline | ratio | wanted | dream | |
| --- | --: | --: | --: | --: | --: | --- |
"""

METHOD = """\
## How to read them

- The limit is what 16 links with 256 outstanding each hold in a closed loop, the table's first row.
- A closed loop counts from sending; the open loop counts from the moment at which a message was
  due, however long it waited for its turn.
- `generator` is the load generator's own CPU for a message, `slip` how late a message left for
  reasons of the generator: where that is near the latency, the generator was measured.
- With a PIN, every purchase waits for an HSM, a process that shares the cores, to verify the PIN
  under the terminal's key; with MACs it also checks the message's and makes the reply's.
- CPU is /proc's, of the switch's threads and PostgreSQL's processes. perf's samples only divide
  the switch's share by stage.
"""


def render(rows: list[Row], soak: list[Row]) -> str:
    """Give the page's text."""
    promised = [row for row in rows if row["at_least"] is not None]
    parts = [INTRODUCTION, _setting(rows), TABLE + "".join(map(_table_line, promised))]
    parts += [_not_met(rows), _facts(promised), _soak(soak), _time(rows), _limit(rows)]
    parts.append(_pieces(rows))
    parts += [METHOD, _commands(rows)]
    return "\n".join(part for part in parts if part)


def read_soak(path: Path) -> list[Row]:
    """Give the rows of the last `make soak`, none when there was none."""
    try:
        rows: list[Row] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return []
    return rows


def _setting(rows: list[Row]) -> str:
    found: dict[str, str] = next((row["setting"] for row in rows if row.get("setting")), {})
    lines = [f"| {name} | {value} |" for name, value in found.items() if value]
    moments = sorted(row["at"] for row in rows if row.get("at"))
    if moments:
        lines.append(f"| began | {moments[0]} |")
    return "## The machine\n\n| | |\n| --- | --- |\n" + "\n".join(lines) + "\n"


def _table_line(row: Row) -> str:
    dream = f"{row['dream']:g} x" if row.get("dream") else ""
    verdict = "met" if row["met"] else "**not met**"
    return (
        f"| {row['case']} | {_figure(row['value'], row['unit'])} "
        f"| {_figure(row['baseline'], row['unit'])} | {row['ratio']:.2f} x "
        f"| {row['at_least']:g} x | {dream} | {verdict} |\n"
    )


def _figure(value: float | None, unit: str) -> str:
    return (
        "" if value is None else f"{value:,g} {unit}" if value < 1_000 else f"{value:,.0f} {unit}"
    )


def _not_met(rows: list[Row]) -> str:
    lines = [f"- {row['case'].strip()}: {_why(row)}" for row in rows if not row["met"]]
    return "## Not met\n\n" + "\n".join(lines) + "\n" if lines else ""


def _why(row: Row) -> str:
    if "could_not_run" in row:
        return f"could not run ({row['could_not_run']})."
    kinds = row.get("fault_kinds") or {}
    found = [f"{count:,} {name}" for name, count in kinds.items()]
    found.append(f"{row['declined']:,} declined" if row.get("declined") else "")
    if row["ratio"] is not None and row["ratio"] < row["at_least"]:
        found.append(f"{row['ratio']:.2f} of {row['at_least']:g} x {row['baseline_is']}")
    return (", ".join(filter(None, found)) or "what was measured was not right") + "."


def _facts(rows: list[Row]) -> str:
    lines = ["## Beside the figures\n"]
    for row in rows:
        said = [
            f"baseline: {row['baseline_is']}" if row.get("baseline_is") else "",
            row.get("beside") or "",
            f"p50 {row['p50_ms']:g} ms, p99 {row['p99_ms']:g} ms" if row.get("p50_ms") else "",
            f"faults {row['faults']}" if "faults" in row else "",
            f"generator {row['generator_cpu_us']:g} us" if row.get("generator_cpu_us") else "",
            f"slip p99 {row['slip_p99_ms']:g} ms" if row.get("slip_p99_ms") else "",
            _rounds(row),
        ]
        lines.append(f"- {row['case']}: {'; '.join(filter(None, said))}.")
    return "\n".join(lines) + "\n"


def _rounds(row: Row) -> str:
    for name in ("rounds_us", "rounds_ms", "rounds"):
        if row.get(name):
            ours = ", ".join(
                f"{value:,g}" if value < 1_000 else f"{value:,}" for value in row[name]
            )
            theirs = ", ".join(f"{value:,g}" for value in row.get("rounds_baseline", ()))
            return f"rounds {ours}" + (f" (baseline {theirs})" if theirs else "")
    return ""


def _soak(rows: list[Row]) -> str:
    lines = [
        f"- {row['case']}: {_figure(row['value'], row['unit'])}, "
        f"{'flat' if row['met'] else '**not flat**'} (at most {row['baseline']:g} counts as that); "
        f"{row['beside']}. `{row['command']}`, {row['at']}, commit {row['setting']['commit']}."
        for row in rows
    ]
    return "## The long soak\n\n" + "\n".join(lines) + "\n" if lines else ""


def _time(rows: list[Row]) -> str:
    parts = [row for row in rows if row.get("kind") == SHARE]
    if not parts:
        return ""
    lines = ["## Where the time goes\n", "Nanoseconds of CPU for a message, at full load.\n"]
    lines += ["| who | all | user | system |", "| --- | --: | --: | --: |"]
    for row in parts:
        split = f"{row['user_ns']:,} | {row['system_ns']:,}" if "user_ns" in row else " | "
        lines.append(f"| {row['case']} | {row['value']:,.0f} | {split} |")
    stages = [row for row in rows if row.get("kind") == STAGE]
    if stages:
        lines += ["", "The switch's own threads, by stage (perf's samples):", ""]
        lines += ["| stage | ns |", "| --- | --: |"]
        lines += [f"| {row['case']} | {row['value']:,.0f} |" for row in stages]
    else:
        lines += ["", "Without perf on this machine there is no split by stage."]
    lines += [
        f"\nFor comparison, {row['case']}, without sockets and database: {row['value']:,.0f} ns."
        for row in rows
        if row.get("kind") == MEMORY
    ]
    return "\n".join(lines) + "\n"


def _limit(rows: list[Row]) -> str:
    cores = next((int(row["setting"]["cores"]) for row in rows if row.get("setting")), 1)
    found = next_limit(rows, cores)
    if found is None:
        return ""
    return "## What the next limit is\n\n" + _limit_text(found, cores)


def _limit_text(found: NextLimit, cores: int) -> str:
    alone = [
        ("the deciding thread", found.deciding),
        ("the journal's writer in PostgreSQL", found.writer),
    ]
    first, second = sorted(alone, key=lambda each: each[1])
    text = (
        f"With {cores} cores for everybody, generator included, the sum above allows "
        f"{found.together:,.0f} messages a second. "
    )
    if found.together < first[1]:
        text += (
            "That is the limit here: the cores are shared out. With cores to spare the next is "
            f"{first[0]}, which one core holds up to {first[1]:,.0f}/s; then {second[0]}, at "
            f"{second[1]:,.0f}/s."
        )
    else:
        text += (
            f"Before that {first[0]} is full: one core of it holds {first[1]:,.0f}/s; then comes "
            f"{second[0]}, at {second[1]:,.0f}/s."
        )
    if found.largest:
        text += f" The switch's largest stage is “{found.largest}”."
    return text + "\n"


def _pieces(rows: list[Row]) -> str:
    found = [row for row in rows if row["at_least"] is None and "kind" not in row]
    found = [row for row in found if "could_not_run" not in row]
    if not found:
        return ""
    lines = ["## Also measured, nothing promised\n", "| case | value | beside | ratio |"]
    lines.append("| --- | --: | --: | --: |")
    for row in found:
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f} x"
        lines.append(
            f"| {row['group']}: {row['case'].strip()} | {_figure(row['value'], row['unit'])} "
            f"| {_figure(row['baseline'], row['unit'])} | {ratio} |"
        )
    return "\n".join(lines) + "\n"


def _commands(rows: list[Row]) -> str:
    commands = {row["command"]: row.get("took_seconds") for row in rows if row.get("command")}
    lines = [
        f"- `{command}`" + (f" ({seconds} s here)" if seconds is not None else "")
        for command, seconds in commands.items()
    ]
    return (
        "## Commands\n\n`make bench` is all of these in one run; `make soak` is the long soak.\n\n"
        + "\n".join(lines)
        + "\n"
    )
