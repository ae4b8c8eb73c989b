"""Options of the commands that reach a running switch: which one, and who asks."""

import getpass
import re
from pathlib import Path
from typing import Annotated

import typer

from bashgah.control_client import Shards
from switch.config import Config, load_config

ConfigPath = Annotated[
    Path, typer.Option("--config", "-c", help="The TOML file that the switch runs with.")
]
By = Annotated[str, typer.Option(help="Who asks; else the login name. It is logged.")]
Why = Annotated[str, typer.Option(help="Why; it is kept in the journal. No card data.")]
CONFIG = Path("bashgah.toml")


def open_shards(config: Path, by: str) -> tuple[Config, Shards]:
    """Give the configuration and its shards, which the caller enters. Raises OperatingError."""
    name = re.sub("[^A-Za-z0-9._@-]", "_", by or getpass.getuser())[:64]
    loaded = load_config(config)
    return loaded, Shards(loaded, name)
