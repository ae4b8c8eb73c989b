"""A site of two processes that speaks TLS, a person's terminal, and certificates after a SIGHUP."""

import functools
import os
import signal
from pathlib import Path

import pytest
import trio
from cryptography import x509

from bashgah.cli import run
from bashgah.site import Site as Served
from bashgah.tls_listeners import open_tls
from switch.config import Config, Listener, ListenerTls
from switch.errors import OperatingError
from tests.support.certificates import Pair, Site
from tests.support.site import running_site

CONNECTIONS = 12  # some for each process


def listener_tls(site: Site) -> ListenerTls:
    return ListenerTls(
        certificate=site.switch.certificate,
        key=site.switch.key,
        client_ca=site.authority.pem,
        names=("terminal",),
    )


def words(site: Site, shown: Pair, served: Served, state: Path) -> list[str]:
    """Give the command of a purchase over TLS."""
    return [
        "terminal", "purchase", "--card=1", "--amount=1000", "--repeats=0",
        f"--port={served.config.listener[0].port}", f"--state={state}",
        f"--tls-ca={site.authority.pem}",
        f"--tls-cert={shown.certificate}", f"--tls-key={shown.key}",
    ]  # fmt: skip


async def serials_seen(site: Site, port: int) -> set[int]:
    """Give the serial numbers that the switch shows to some newcomers."""
    seen = set()
    for _ in range(CONNECTIONS):
        stream = await trio.open_ssl_over_tcp_stream(
            "127.0.0.1", port, ssl_context=site.context(site.terminal)
        )
        await stream.do_handshake()
        shown = stream.getpeercert(binary_form=True)
        assert isinstance(shown, bytes)
        seen.add(x509.load_der_x509_certificate(shown).serial_number)
        await trio.aclose_forcefully(stream)
    return seen


async def hang_up_on(served: Served, said: str) -> None:
    """Send SIGHUP to every process and wait until each has said something of it in its log."""
    before = [log_of(path).count(said) for path in served.config_paths]
    for switch in served.switches:
        os.kill(switch.pid, signal.SIGHUP)
    with trio.fail_after(10):
        for path, count in zip(served.config_paths, before, strict=True):
            wanted = count + len(served.config.listener)
            while log_of(path).count(said) < wanted:  # noqa: ASYNC110 - a file
                await trio.sleep(0.02)


def log_of(config_path: Path) -> str:
    return config_path.with_suffix(".log").read_text()


@pytest.mark.slow
async def test_a_terminal_pays_over_tls_and_certificates_are_renewed_without_a_dropped_connection(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = Site(tmp_path)
    stranger = site.authority.issue("stranger")
    async with running_site(lambda line: None, shards=2, tls=listener_tls(site)) as served:
        port = served.config.listener[0].port
        state = tmp_path / "terminal.json"
        for shown, status in ((site.terminal, 0), (stranger, 2)):
            command = functools.partial(run, words(site, shown, served, state))
            assert await trio.to_thread.run_sync(command) == status, capsys.readouterr()
        old = await trio.open_ssl_over_tcp_stream(
            "127.0.0.1", port, ssl_context=site.context(site.terminal)
        )
        await old.do_handshake()

        renewed = site.authority.issue("switch", for_servers=True)
        await hang_up_on(served, "certificates_read")
        number = x509.load_pem_x509_certificate(
            await trio.Path(renewed.certificate).read_bytes()
        ).serial_number
        assert await serials_seen(site, port) == {number}

        site.authority.issue("switch", for_servers=True)
        await trio.Path(site.switch.key).chmod(0o644)
        await hang_up_on(served, "certificates_kept")
        assert "mode 0644 lets others read a secret" in log_of(served.config_paths[0])
        assert await serials_seen(site, port) == {number}

        with trio.move_on_after(0.1) as waited:
            await old.receive_some()
        assert waited.cancelled_caught, "an open connection ended"
        await trio.aclose_forcefully(old)
        assert all(switch.running for switch in served.switches)


def test_a_key_that_others_can_read_stops_the_start(tmp_path: Path) -> None:
    site = Site(tmp_path)
    listener = Listener(name="pos", port=0, profile="pos-binary", tls=listener_tls(site))
    site.switch.key.chmod(0o604)

    with pytest.raises(
        OperatingError, match=r"listener pos: .*switch\.key: mode 0604 .* chmod 600"
    ):
        open_tls(Config(listener=(listener,)))


@pytest.mark.parametrize("missing", ["--tls-ca", "--tls-cert", "--tls-key"])
def test_a_terminal_needs_all_three_files(
    tmp_path: Path, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site = Site(tmp_path)
    given = {
        "--tls-ca": site.authority.pem,
        "--tls-cert": site.terminal.certificate,
        "--tls-key": site.terminal.key,
    }
    options = [f"{option}={path}" for option, path in given.items() if option != missing]

    status = run(["terminal", "echo", *options])

    assert status == 2
    assert "TLS needs all of" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--tls-ca", "--tls-cert", "--tls-key"])
def test_a_terminal_names_the_file_that_it_cannot_use(
    tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site = Site(tmp_path)
    broken = tmp_path / "broken.pem"
    broken.write_text("no PEM")
    given = {
        "--tls-ca": site.authority.pem,
        "--tls-cert": site.terminal.certificate,
        "--tls-key": site.terminal.key,
    } | {option: broken}

    status = run(["terminal", "echo", *(f"{name}={path}" for name, path in given.items())])

    assert status == 2
    assert str(broken) in capsys.readouterr().err
