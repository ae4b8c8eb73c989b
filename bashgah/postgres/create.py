"""Making a primary and a replica, so that whatever is interrupted is simply made again."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from bashgah.postgres import passwords, settings
from bashgah.postgres.errors import LaunchError
from bashgah.postgres.identity import Identity

SLOT = "replica"

# \gexec runs each row of the result as a statement: CREATE has no IF NOT EXISTS for these. The
# first line keeps a cluster with synchronous commits from waiting for a replica it has not got yet.
BOOTSTRAP = """\
SET synchronous_commit TO local;
SELECT 'CREATE ROLE bashgah LOGIN CREATEDB'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bashgah') \\gexec
SELECT 'CREATE ROLE replicator LOGIN REPLICATION'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'replicator') \\gexec
ALTER ROLE bashgah PASSWORD :'owner_password';
ALTER ROLE replicator PASSWORD :'replicator_password';
GRANT pg_monitor, pg_signal_backend TO bashgah;
SELECT 'CREATE DATABASE bashgah OWNER bashgah'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'bashgah') \\gexec
"""

# A slot that fell behind max_slot_wal_keep_size is `lost`: its replica can only be made anew.
SLOT_USABLE = f"SELECT wal_status <> 'lost' FROM pg_replication_slots WHERE slot_name = '{SLOT}'"
DROP_SLOT = f"""\
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{SLOT}'
"""


def create_primary(identity: Identity, bin_dir: Path, data_dir: Path, passfile: Path) -> None:
    """Run initdb into `data_dir` (checksums, scram for every connection, UTF-8, byte order)."""
    fresh = _fresh(data_dir)
    superuser_password = passwords.read_passwords(passfile)[passwords.SUPERUSER]
    with tempfile.TemporaryDirectory(dir=data_dir.parent, prefix="initdb.") as directory:
        pwfile = Path(directory) / "password"
        passwords.write_secret(pwfile, superuser_password)
        # initdb is one of "us" only as `identity`, and reads the password as it.
        for path in (pwfile, Path(directory)):
            os.chown(path, identity.uid, identity.gid)
        run_program(
            identity.command(
                bin_dir / "initdb",
                *("-D", str(fresh), "-U", passwords.SUPERUSER, "--pwfile", str(pwfile)),
                *("-A", "scram-sha-256", "--data-checksums", "--encoding=UTF8", "--locale=C"),
            )
        )
    settings.include_settings(fresh)
    fresh.rename(data_dir)


def create_replica(identity: Identity, bin_dir: Path, data_dir: Path, replicator_dsn: str) -> None:
    """Copy the running primary into `data_dir` and make it a standby on the slot `replica`."""
    fresh = _fresh(data_dir)
    run_program(
        identity.command(
            bin_dir / "pg_basebackup",
            *("-d", replicator_dsn, "-D", str(fresh), "-R", "-C", "-S", SLOT),
            # The primary is idle or ours: a spread checkpoint would only make the user wait.
            *("-X", "stream", "--checkpoint=fast"),
        )
    )
    fresh.rename(data_dir)


def run_program(command: list[str], text: str = "") -> str:
    """Run a PostgreSQL program with `text` as its input; return its output.

    Raises `LaunchError` with the last line of what it complained about.
    """
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, cwd="/", check=False
        )
    except OSError as error:
        raise LaunchError(f"{command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        program = next(word for word in command if "/bin/" in word).rpartition("/")[2]
        raise LaunchError(f"{program}: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return done.stdout


def _fresh(data_dir: Path) -> Path:
    fresh = data_dir.with_name(data_dir.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    return fresh
