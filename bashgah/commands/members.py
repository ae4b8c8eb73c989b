"""`bashgah members`: whose membership ends and whose level falls, read from the journal.

Owns the options and what is printed: a JSON object a line, for whoever writes to members. It reads
only: a replica will do, and a switch that serves does not notice.
"""

import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer

from switch.config import load_config, read_dsn
from switch.ledger.database import Database
from switch.places import utc_offset_seconds
from switch.recovery import Recovery, rebuild, replaying_core
from switch.standing import Ends, Falls, levels_falling, memberships_ending
from switch.verify import find_shards

app = typer.Typer(no_args_is_help=True, help="List members who are to be told something.")

Number = Annotated[int, typer.Argument(metavar="PROGRAMME", help="The programme's number.")]
ConfigPath = Annotated[
    Path, typer.Option("--config", "-c", help="The switch's TOML file.", show_default=True)
]
Dsn = Annotated[str | None, typer.Option(help="This database (a replica), not the file's.")]

CONFIG = Path("bashgah.toml")
EPOCH = date(1970, 1, 1)
SECONDS_A_DAY = 86_400

Question = Callable[[Recovery, int, int], Iterator[Ends | Falls]]
"""Of a shard, a local day and the place's seconds ahead of UTC."""


@app.command("ending")
def ending_command(
    programme: Number,
    within: Annotated[int, typer.Option(min=0, max=366, help="So many days from today.")] = 30,
    config: ConfigPath = CONFIG,
    dsn: Dsn = None,
) -> None:
    """List the cards whose membership ends soon; grace is not counted.

    Example: bashgah members ending 4 --within 30 -c bashgah.toml
    """

    def ask(shard: Recovery, today: int, offset_s: int) -> Iterator[Ends | Falls]:
        return memberships_ending(
            shard.core, shard.directory, programme, today=today, days=within, utc_offset_s=offset_s
        )

    _print(config, dsn, ask)


@app.command("falling")
def falling_command(programme: Number, config: ConfigPath = CONFIG, dsn: Dsn = None) -> None:
    """List the cards whose level is lower when this period is over, and what would keep it.

    Example: bashgah members falling 1 -c bashgah.toml
    """

    def ask(shard: Recovery, today: int, offset_s: int) -> Iterator[Ends | Falls]:
        return levels_falling(
            shard.core, shard.directory, programme, today=today, utc_offset_s=offset_s
        )

    _print(config, dsn, ask)


def _print(config: Path, dsn: str | None, ask: Question) -> None:
    settings = load_config(config)
    now_s = time.time()
    offset_s = utc_offset_seconds(ZoneInfo(settings.switch.timezone), now_s)
    today = int(now_s + offset_s) // SECONDS_A_DAY
    with Database(dsn or read_dsn(settings.database), read_only=True) as database:
        for number in database.call_sync(find_shards):
            core_factory = partial(replaying_core, number, settings.memory.exchange_entries_max)
            shard = database.call_sync(rebuild, number, core_factory, lambda last, end: None)
            for found in ask(shard, today, offset_s):
                said = msgspec.structs.asdict(found)
                said["last_day"] = (EPOCH + timedelta(days=found.last_day)).isoformat()
                sys.stdout.write(msgspec.json.encode({"shard": number, **said}).decode() + "\n")
