"""`bashgah verify`: rebuild all books from the journal and say whether they balance."""

import sys
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from switch.config import ConfigError, load_config, read_dsn
from switch.ledger.database import Database
from switch.verify import ShardReport, find_shards, verify_shard

PROGRESS_SECONDS = 1.0

ConfigPath = Annotated[
    Path, typer.Option("--config", "-c", help="The TOML file with [database].", show_default=True)
]
Dsn = Annotated[str | None, typer.Option(help="This database, instead of the file's.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints. `rows` and `last_seq` are sums over the shards."""

    books_balance: bool
    rows: int
    last_seq: int
    first_difference: str | None
    elapsed_seconds: float
    shards: tuple[ShardReport, ...]


def command(
    config: ConfigPath = Path("bashgah.toml"), dsn: Dsn = None, as_json: AsJson = False
) -> None:
    """Rebuild all books from the first row of the journal; exit code 0 when everything holds.

    Checks every row (sequence, epoch, chain, moves, floors), the newest snapshot byte for byte, and
    the book: units sum to zero, lots to balances, held funds to open holds, points to what cards
    hold; all of that for each shard that the journal has. Otherwise exit code 1, and the first
    difference is named. Reads only: a serving switch does not notice, and a replica will do.

    Examples: bashgah verify --config bashgah.toml
              bashgah verify --json --dsn postgresql:///bashgah
    """
    began_at = time.monotonic()
    with Database(dsn or configured_dsn(config), read_only=True) as database:
        shards = tuple(
            database.call_sync(verify_shard, shard, _Progress(shard))
            for shard in database.call_sync(find_shards)
        )
    differences = [
        report.first_difference if len(shards) == 1 else f"shard {report.shard}: {difference}"
        for report in shards
        if (difference := report.first_difference) is not None
    ]
    report = Report(
        books_balance=not differences,
        rows=sum(shard.rows for shard in shards),
        last_seq=sum(shard.last_seq for shard in shards),
        first_difference=differences[0] if differences else None,
        elapsed_seconds=round(time.monotonic() - began_at, 3),
        shards=shards,
    )
    typer.echo(msgspec.json.encode(report).decode() if as_json else _text(report))
    if not report.books_balance:
        raise typer.Exit(1)


class _Progress:
    """One line a second on standard error, so that a long journal shows that it is read."""

    def __init__(self, shard: int) -> None:
        self._shard = shard
        self._shown_at = time.monotonic()

    def __call__(self, last_seq: int, end_seq: int) -> None:
        if time.monotonic() - self._shown_at >= PROGRESS_SECONDS:
            self._shown_at = time.monotonic()
            sys.stderr.write(f"shard {self._shard}: row {last_seq:,} of {end_seq:,}\n")


def _text(report: Report) -> str:
    lines = []
    for shard in report.shards:
        lines.append(
            f"shard {shard.shard}: {shard.rows:,} rows, {shard.cards:,} cards,"
            f" {shard.accounts:,} accounts, {shard.open_holds:,} open holds"
        )
        if shard.snapshot_seq is not None:
            lines.append(f"  compared with the snapshot at row {shard.snapshot_seq:,}")
        lines += [
            f"  club {club.club}: {club.issued:,} points issued, {club.redeemed:,} redeemed,"
            f" {club.expired:,} expired, {club.liability:,} on cards"
            + (f", {club.merchant_funded:,} of them by merchants" if club.merchant_funded else "")
            for club in shard.points
        ]
        if shard.below_floor_count:
            lines.append(f"  {shard.below_floor_count:,} accounts below their floor, by reversals:")
            lines += [f"    {account}" for account in shard.below_floor]
    books = "The books" if len(report.shards) == 1 else f"The books of {len(report.shards)} shards"
    verdict = (
        f"{books} balance."
        if report.books_balance
        else f"{books} do NOT balance. First difference: {report.first_difference}"
    )
    return "\n".join([*lines, f"{verdict} ({report.elapsed_seconds:.1f} s)"])


def configured_dsn(path: Path) -> str:
    """Give the database that a file names. Raises ConfigError where `bashgah up` runs its own."""
    config = load_config(path)
    if config.postgres.enabled:
        raise ConfigError(f"{path}: `bashgah up` runs its own database - at $.postgres.enabled")
    return read_dsn(config.database)
