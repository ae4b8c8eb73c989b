"""`bashgah programme replay`: a draft over what really happened, before anybody promises it.

Owns the options, the progress that is shown, and which files are written.
"""

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer

from bashgah.programme_files import read_day, read_definition
from bashgah.replay_processes import Past, replay_past
from bashgah.replay_report import Language, render, summary
from bashgah.replay_result import report_of
from switch.config import ConfigError, load_config, read_dsn
from switch.errors import OperatingError
from switch.events import ProgrammeDrafted, decode_event
from switch.lab_history import newest_draft
from switch.ledger.database import Database
from switch.programme import Programme

CONFIG = Path("bashgah.toml")
EPOCH = date(1970, 1, 1)
BAR_CELLS = 30
REDRAW_SECONDS = 0.2
LINE_SECONDS = 5.0
DOING = {"before": "the time before", "window": "the window"}


def replay_command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="DRAFT",
            help="A .toml or .json file, module:function, or the number of a programme: its draft.",
        ),
    ],
    months: Annotated[int, typer.Option(help="So many Jalali months, this one among them.")] = 6,
    programme: Annotated[int, typer.Option(help="For a function: the number.")] = 1,
    version: Annotated[int, typer.Option(help="For a function: the version.")] = 1,
    club: Annotated[int, typer.Option(help="For a function: the club.")] = 1,
    until: Annotated[str, typer.Option(help="The last day: 1405/03/01 or 2026-05-22.")] = "",
    workers: Annotated[int, typer.Option(help="Processes; 0 = one for each core.")] = 0,
    out: Annotated[Path, typer.Option(help="Files: OUT.json, OUT.html, OUT.en.html.")] = Path(
        "replay"
    ),
    language: Annotated[
        str, typer.Option(help="fa or en: the page in this language alone, as OUT.html.")
    ] = "",
    primary: Annotated[
        bool, typer.Option("--primary", help="Read from a primary, if there is no replica.")
    ] = False,
    dsn: Annotated[str | None, typer.Option(help="This database, instead of the file's.")] = None,
    config: Annotated[
        Path, typer.Option("--config", "-c", help="The TOML file; its replica_dsn is read.")
    ] = CONFIG,
) -> None:
    """Run a draft over the journal's last months, by its compiled plan, on all cores.

    What really happened is held against what the draft would have decided of the same messages:
    cost, points owed, winners and losers by segment and shop, levels. Nothing is written to the
    database. The page lists what is taken for granted.

    Example: bashgah programme replay cheaper.toml --months 6 --out cheaper
    """
    if language not in ("", "fa", "en"):
        raise OperatingError("--language: fa or en")
    zone, found_dsn = _settings(config, dsn)
    draft = _definition(source, found_dsn, programme=programme, version=version, club=club)
    today = datetime.fromtimestamp(time.time(), UTC).astimezone(zone)
    last_day = read_day(until) if until else (today.date() - EPOCH).days
    shown = Shown()
    try:
        past = replay_past(
            found_dsn,
            draft,
            months=months,
            last_day=last_day,
            zone=zone,
            workers=workers or len(os.sched_getaffinity(0)),
            primary=primary,
            on_progress=shown,
        )
    finally:
        shown.end()
    _write(past, draft, out, language)


def _write(past: Past, draft: Programme, out: Path, language: str) -> None:
    report = report_of(past, draft)
    pages = {f"{out}.html": Language.PERSIAN, f"{out}.en.html": Language.ENGLISH}
    if language:
        pages = {f"{out}.html": Language(language)}
    out.parent.mkdir(parents=True, exist_ok=True)
    Path(f"{out}.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2))
    for path, written_in in pages.items():
        Path(path).write_text(render(report, written_in), "utf-8")
    for line in summary(report):
        typer.echo(line)
    typer.echo(f"written: {out}.json, {', '.join(pages)}")


def _settings(config: Path, dsn: str | None) -> tuple[ZoneInfo, str]:
    """Give the place's clocks and the database that is read."""
    if dsn is not None and not config.exists():
        return ZoneInfo("Asia/Tehran"), dsn
    loaded = load_config(config)
    zone = ZoneInfo(loaded.switch.timezone)
    if dsn is not None:
        return zone, dsn
    if loaded.postgres.enabled:
        raise ConfigError(f"{config}: `bashgah up` runs its own database; name one with --dsn")
    return zone, loaded.database.replica_dsn or read_dsn(loaded.database)


def _definition(source: str, dsn: str, *, programme: int, version: int, club: int) -> Programme:
    if not source.isdigit():
        return read_definition(source, programme=programme, version=version, club=club)
    with Database(dsn, read_only=True) as database:
        body = database.call_sync(newest_draft, int(source))
    if body is None:
        raise OperatingError(f"programme {source} has no draft in this journal")
    event = decode_event(body)
    assert isinstance(event, ProgrammeDrafted)
    return event.definition


class Shown:
    """A bar on a terminal; elsewhere a line every few seconds. On standard error."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._is_terminal = sys.stderr.isatty()
        self._shown_at = clock()
        self._drawn = False

    def __call__(self, doing: str, done: int, whole: int) -> None:
        now = self._clock()
        pause = REDRAW_SECONDS if self._is_terminal else LINE_SECONDS
        if now - self._shown_at < pause and done < whole:
            return
        self._shown_at = now
        share = done / whole if whole else 1.0
        said = f"{DOING[doing]}: {share:4.0%} of {whole:,} rows"
        if self._is_terminal:
            full = round(share * BAR_CELLS)
            bar = "#" * full + "." * (BAR_CELLS - full)
            sys.stderr.write(f"\r[{bar}] {said}\x1b[K")
            self._drawn = True
        else:
            sys.stderr.write(said + "\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._drawn:
            sys.stderr.write("\n")
