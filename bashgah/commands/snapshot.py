"""`bashgah snapshot`: make a snapshot of the books from the journal, without a switch."""

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from switch.config import load_config, read_dsn
from switch.ledger.database import Database
from switch.recovery import replaying_core, write_snapshot

NICENESS = 10  # the switch has the processor first

ConfigPath = Annotated[
    Path, typer.Option("--config", "-c", help="The switch's TOML file.", show_default=True)
]


def command(config: ConfigPath = Path("bashgah.toml")) -> None:
    """Make a snapshot of the books, so that the switch recovers quickly.

    It is made of the snapshot before and the journal since then, whose chain is checked on the way:
    exit code 2 and a line that names the row when it does not hold. A switch that serves makes
    snapshots of its own memory, every `switch.snapshot_every_entries` rows: this is for a switch
    that does not. After a change of `memory.exchange_entries_max` run it once before the switch
    starts again: older snapshots don't fit that memory, and recovery would begin at the first row.

    Example: bashgah snapshot --config bashgah.toml
    """
    os.nice(NICENESS)
    settings = load_config(config)
    shard = settings.switch.shard
    core_factory = partial(replaying_core, shard, settings.memory.exchange_entries_max)
    with Database(read_dsn(settings.database)) as database:
        made = database.call_sync(write_snapshot, shard, core_factory)
    if made is None:
        typer.echo("nothing to do: the newest snapshot has every row")
    else:
        typer.echo(f"shard {shard}: row {made.seq}, {made.body_bytes / 1e6:.1f} MB")
