"""`bashgah switch`: one shard of the switch on a PostgreSQL that is already there.

Owns the command's options. Everything else is `bashgah.bootstrap`.
"""

from pathlib import Path
from typing import Annotated

import trio
import typer

from bashgah.bootstrap import run_switch
from switch.config import load_config
from switch.logs import configure_logs


def command(
    config: Annotated[Path, typer.Option("--config", "-c", help="The TOML file.")],
) -> None:
    """Run the switch until SIGTERM or Ctrl-C.

    SIGHUP: the listeners' certificates are read again; open connections go on.

    The database must have been migrated (`bashgah migrate`). The switch takes its shard over from
    whoever had it, recovers, and serves when /readyz says so. Exit code 2 with one line when
    another process takes the shard, or when the database or the configuration cannot be used.

    Example: bashgah switch --config bashgah.toml
    """
    loaded = load_config(config)
    configure_logs(loaded.log.level)
    trio.run(run_switch, loaded)
