"""`bashgah hsm serve`: the process, and what it refuses to be."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from bashgah import hsm_server
from bashgah.hsm_server import Door, HsmOptions, door_of, make_hsm
from hsm_sim.audit import TRAIL_FILE, verify_audit
from hsm_sim.ceremony import Gathering
from hsm_sim.custodians import Custodians
from hsm_sim.framing import framed
from switch.errors import OperatingError
from tests.support.certificates import Authority

ROOT = Path(__file__).parents[2]
LOOPBACK = Door(host="127.0.0.1", port=0)


@contextmanager
def running(*options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run an HSM; the process and its line that says it is ready."""
    command = [sys.executable, "-m", "bashgah", "hsm", "serve", "--listen", "127.0.0.1:0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            lines: list[dict[str, Any]] = []
            while not lines or lines[-1]["event"] != "hsm_ready":
                lines.append(json.loads(process.stdout.readline()))
            yield process, {**lines[-1], "before": lines[:-1]}
        finally:
            process.kill()


def ask(port: int, message: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(framed(b"HEAD", message))
        return connection.recv(65_536)[6:]


@pytest.mark.slow
def test_the_process_serves_counts_and_ends_well() -> None:
    with running("--lmk", "variant-test", "--disable", "NO, B2", "--metrics", "127.0.0.1:0") as (
        process,
        ready,
    ):
        port = int(ready["listen"][0].rpartition(":")[2])
        url = ready["before"][0]["url"]

        diagnosis, disabled = ask(port, b"NC"), ask(port, b"NO00")
        with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
            metrics = answer.read().decode()
        process.send_signal(signal.SIGTERM)

        assert process.wait(5) == 0
    assert diagnosis[:4] == b"ND00"
    assert diagnosis[4:20].decode() == ready["lmks"][0]
    assert disabled == b"NP68"
    assert 'bashgah_hsm_commands_total{command="NC"} 1.0' in metrics
    assert 'bashgah_hsm_commands_total{command="NO"} 1.0' in metrics


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (HsmOptions(lmks=["test"], environment="production"), "test: everybody knows this LMK"),
        (
            HsmOptions(lmks=["variant-test"], environment="production", plain=LOOPBACK),
            "variant-test: everybody knows this LMK",
        ),
        (
            HsmOptions(
                lmks=["site.lmk"], environment="production", plain=Door(host="0.0.0.0", port=1500)
            ),
            r"production: 0\.0\.0\.0:1500 would be without TLS",
        ),
        (HsmOptions(lmks=[]), "1 to 20 LMKs"),
        (HsmOptions(lmks=["test"], disabled=frozenset(("CC", "??"))), r"to disable: .*\?\?"),
    ],
)
def test_what_must_not_be_is_refused(options: HsmOptions, why: str) -> None:
    with pytest.raises(OperatingError, match=why):
        make_hsm(options)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("hsm.example", False),
    ],
)
def test_only_loopback_is_loopback(host: str, loopback: bool) -> None:
    assert Door(host=host, port=1500).is_loopback == loopback


def test_addresses_are_read_and_shown() -> None:
    assert str(door_of("127.0.0.1:1500")) == "127.0.0.1:1500"
    assert str(door_of("[::1]:1500")) == "[::1]:1500"
    assert door_of(":1500") == Door(host="0.0.0.0", port=1500)
    for wrong in ("", "1500", "host:", "host:x", "host:70000"):
        with pytest.raises(OperatingError, match="is not HOST:PORT"):
            door_of(wrong)


@pytest.mark.slow
async def test_the_console_authorises_and_a_host_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hsm_server, "CONSOLE_SECONDS", 0.01)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    hsm = make_hsm(HsmOptions(lmks=["test"]))
    state, trail = hsm_server._console_of(hsm, home)
    custodians = Custodians(home / "custodians.json")
    for name in ("ann", "ben"):
        custodians.add(name, f"the long passphrase of {name}")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hsm_server._follow_console, hsm, state, trail)
        gathering = Gathering("authorise", custodians, trail)
        for name in ("ann", "ben"):
            gathering.join(name, f"the long passphrase of {name}")
        state.begin(gathering, 60)
        await trio.sleep(0.1)
        authorised = hsm.authorised

        hsm.execute(b"RA")
        await trio.sleep(0.1)

        nursery.cancel_scope.cancel()
    assert authorised
    assert not hsm.authorised
    assert not state.holds()
    assert verify_audit(home / TRAIL_FILE).difference is None


@pytest.mark.slow
def test_the_tls_door_opens_with_files(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "Test CA")
    ours, theirs = authority.issue("hsm", for_servers=True), authority.issue("switch")
    with running(
        *("--lmk", "variant-test", "--lmk", "test", "--tls-listen", "127.0.0.1:0"),
        *("--tls-cert", str(ours.certificate), "--tls-key", str(ours.key)),
        *("--tls-client-ca", str(authority.pem)),
    ) as (_, ready):
        address = ready["listen"][1]
        done = subprocess.run(
            [
                *(sys.executable, "-m", "bashgah", "hsm", "selftest", "--connect", address),
                *("--tls-ca", str(authority.pem)),
                *("--tls-cert", str(theirs.certificate), "--tls-key", str(theirs.key)),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )

    assert done.stderr == ""
    assert done.returncode == 0, done.stdout
