"""`bashgah migrate`: bring the journal's database to the schema of this version."""

from pathlib import Path
from typing import Annotated

import typer

from switch.config import ConfigError, load_config, read_dsn
from switch.ledger.migrate import migrate

ConfigPath = Annotated[
    Path, typer.Option("--config", "-c", help="The TOML file with [database].", show_default=True)
]
Dsn = Annotated[str | None, typer.Option(help="This database, instead of the file's.")]


def command(config: ConfigPath = Path("bashgah.toml"), dsn: Dsn = None) -> None:
    """Bring the database to the schema of this version; changes nothing when it is there already.

    Migrations go forward only, each in one transaction, and two of these at once take turns. An
    embedded PostgreSQL (`[postgres]`) is migrated by `bashgah up` itself.

    Example: bashgah migrate --config bashgah.toml
    """
    applied = migrate(dsn or _configured_dsn(config))
    for name in applied:
        typer.echo(f"applied {name}")
    if not applied:
        typer.echo("nothing to do")


def _configured_dsn(path: Path) -> str:
    config = load_config(path)
    if config.postgres.enabled:
        raise ConfigError(f"{path}: `bashgah up` migrates its own - at $.postgres.enabled")
    return read_dsn(config.database)
