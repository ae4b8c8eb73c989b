"""`bashgah why`: say why a message was answered as it was."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from bashgah.commands.verify import AsJson, ConfigPath, Dsn, configured_dsn
from bashgah.explaining import Why, explain
from switch.ledger.database import Database


def command(
    seq: Annotated[int, typer.Argument(help="The row's sequence in the journal.", min=1)],
    shard: Annotated[int, typer.Option(help="Of which shard.")] = 0,
    config: ConfigPath = Path("bashgah.toml"),
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Say why a message was answered as it was: rules, bounds, amounts and every move.

    The rules are those of the version that decided, as members were told of them. Reads only.
    Exit code 1 when the journal has no such row.

    Examples: bashgah why 1207 --config bashgah.toml
              bashgah why 1207 --shard 1 --json --dsn postgresql:///bashgah
    """
    with Database(dsn or configured_dsn(config), read_only=True) as database:
        found = database.call_sync(explain, shard, seq)
    if found is None:
        typer.echo(f"shard {shard} has no row {seq}", err=True)
        raise typer.Exit(1)
    typer.echo(msgspec.json.encode(found).decode() if as_json else _text(found))


def _text(why: Why) -> str:
    what = why.operation or why.kind
    answer = f" {why.response_code}" if why.response_code else ""
    reason = f" ({why.reason})" if why.reason not in (None, "none") else ""
    lines = [f"row {why.seq} of shard {why.shard}: {what}{answer}{reason}"]
    if why.programme is not None:
        lines.append(f"  programme {why.programme}, version {why.version}")
    if why.amount_minor:
        lines.append(f"  asked {why.amount_minor:,}, approved {why.approved_minor or 0:,}")
    lines += [f"  {one.tag}: {one.name}: {one.en}" for one in why.because]
    if why.told:
        lines.append("  told: " + " ".join(f"{tag}={value}" for tag, value in why.told.items()))
    for move in why.moves:
        paid = " (a merchant pays)" if move.merchant_funds else ""
        lines.append(f"  {move.units:,}: {move.source} → {move.target}{paid}")
    return "\n".join(lines)
