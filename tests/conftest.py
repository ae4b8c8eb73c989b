"""What every test may use: one real PostgreSQL for the session, a database of its own per test.

The cluster is set up by the first test that asks for it, never before. Fixtures are synchronous:
a Trio fixture lives as long as one test, a server must not.
"""

import itertools
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import tests.support.profiles  # noqa: F401 (loading it is what it is for)
from bashgah.postgres import Cluster

TEMPLATE = "migrated"

_database_number = itertools.count(1)


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A running embedded PostgreSQL without replica, the same for the whole session.

    A test that stops, kills or pauses its server starts a `Cluster` of its own instead.
    """
    # Not pytest's tmp_path: its parents are closed to `nobody`, who runs the servers in containers
    # without user namespaces.
    data_dir = Path(tempfile.mkdtemp(prefix="bashgah-tests-"))
    try:
        with Cluster(data_dir, on_progress=lambda line: _say(request.config, line)) as running:
            yield running
    finally:
        shutil.rmtree(data_dir)


@pytest.fixture(scope="session")
def migrated_template(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    """The name of a database with the whole schema and no rows, for CREATE DATABASE … TEMPLATE."""
    # Imported here, so that tests without a database neither need nor wait for the ledger.
    from switch.ledger.migrate import migrate  # noqa: PLC0415 (the reason is the line above)

    cluster.psql(f"CREATE DATABASE {TEMPLATE} OWNER bashgah")
    began_at = time.monotonic()
    applied = migrate(cluster.dsn(TEMPLATE))
    _say(request.config, f"migrations: {len(applied)} in {time.monotonic() - began_at:.2f} s")
    return TEMPLATE


@pytest.fixture
def database(cluster: Cluster, migrated_template: str) -> Iterator[str]:
    """The DSN of a fresh, migrated, empty database of this test alone."""
    yield from _database(cluster, template=migrated_template)


@pytest.fixture
def empty_database(cluster: Cluster) -> Iterator[str]:
    """The DSN of a fresh database without any schema of ours."""
    yield from _database(cluster, template="template0")


def _database(cluster: Cluster, *, template: str) -> Iterator[str]:
    name = f"test_{next(_database_number)}"
    cluster.psql(f"CREATE DATABASE {name} OWNER bashgah TEMPLATE {template}")
    yield cluster.dsn(name)
    # FORCE: a test that fails may leave a connection behind, and must not fail the next one.
    cluster.psql(f"DROP DATABASE {name} WITH (FORCE)")


def _say(config: pytest.Config, line: str) -> None:
    """Write `line` to the terminal even while pytest captures output: set-up takes seconds."""
    capture = config.pluginmanager.getplugin("capturemanager")
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if capture is None or reporter is None:
        return
    with capture.global_and_fixture_disabled():
        # Not behind the dots of the tests that have passed.
        reporter.write("\n")
        reporter.write_line(line)
