"""Bring a database to the schema this code needs: numbered SQL files, forward only.

It owns the table `migrations` and the rule that an applied file never changes. It must not know
what the files create.
"""

import hashlib
import re
from pathlib import Path

import msgspec

from switch.errors import OperatingError
from switch.ledger.database import Database
from switch.ledger.session import Session

SQL_DIRECTORY = Path(__file__).parent / "sql"
FILE_NAME = re.compile(r"(?P<number>\d{4})_[a-z0-9]+(_[a-z0-9]+)+\.sql")
LOCK_KEY = 0x6261_7368_6761_68  # "bashgah": two migrations of one database take turns

CREATE_MIGRATIONS = """
CREATE TABLE IF NOT EXISTS migrations (
    number      INTEGER NOT NULL CONSTRAINT migrations_one_row_per_number PRIMARY KEY,
    name        TEXT NOT NULL,
    checksum    TEXT NOT NULL,
    applied_at  TIMESTAMPTZ NOT NULL DEFAULT now()
)
"""


class MigrationError(OperatingError):
    """The files and the database disagree, or the files are not a proper sequence."""


class Migration(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One SQL file; `checksum` is the SHA-256 of its bytes in hexadecimal."""

    number: int
    name: str
    checksum: str
    script: str


def migrate(dsn: str, directory: Path = SQL_DIRECTORY) -> list[str]:
    """Apply what is missing, each file in a transaction of its own; return the names applied.

    Blocks; safe to run again and by several processes at once. Raises MigrationError when an
    applied file was edited or is missing, DatabaseUnavailable, or StatementRefused when a file
    fails (the files before it stay applied).
    """
    migrations = read_migrations(directory)
    with Database(dsn) as database:
        return database.call_sync(_apply_missing, migrations)


def read_migrations(directory: Path) -> list[Migration]:
    """Read the directory's files in order: 0001, 0002, … without a gap or a stray name."""
    migrations = []
    for number, path in enumerate(sorted(directory.glob("*.sql")), start=1):
        match = FILE_NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"{path.name}: a migration is named NNNN_verb_noun.sql")
        if int(match["number"]) != number:
            raise MigrationError(f"{path.name}: expected number {number:04d} here")
        body = path.read_bytes()
        checksum = hashlib.sha256(body).hexdigest()
        migrations.append(
            Migration(number=number, name=path.stem, checksum=checksum, script=body.decode())
        )
    return migrations


async def _apply_missing(session: Session, migrations: list[Migration]) -> list[str]:
    await session.execute(f"SELECT pg_advisory_lock({LOCK_KEY})")
    try:
        await session.execute(CREATE_MIGRATIONS)
        rows = await session.fetch("SELECT number, name, checksum FROM migrations ORDER BY number")
        applied = {row["number"]: (row["name"], row["checksum"]) for row in rows}
        _check_applied(applied, migrations)
        missing = [migration for migration in migrations if migration.number not in applied]
        for migration in missing:
            await _apply(session, migration)
    finally:
        if not session.closed:
            await session.execute(f"SELECT pg_advisory_unlock({LOCK_KEY})")
    return [migration.name for migration in missing]


def _check_applied(applied: dict[int, tuple[str, str]], migrations: list[Migration]) -> None:
    known = {migration.number: migration for migration in migrations}
    for number, (name, checksum) in applied.items():
        if number not in known:
            raise MigrationError(f"the database has {name}, which this version does not know")
        if known[number].checksum != checksum:
            raise MigrationError(
                f"{known[number].name}.sql was edited after it was applied; "
                "restore it and put the change into a new file"
            )
    if applied and max(applied) != len(applied):
        raise MigrationError("the table migrations has a gap: it was changed by hand")


async def _apply(session: Session, migration: Migration) -> None:
    async with session.transaction():
        await session.execute(migration.script)
        await session.fetch(
            "INSERT INTO migrations (number, name, checksum) VALUES ($1, $2, $3)",
            migration.number,
            migration.name,
            migration.checksum,
        )
