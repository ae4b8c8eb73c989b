"""Who may enter the HSM's TLS door: real handshakes, with a CA of the test's own."""

import socket
import ssl
from pathlib import Path

import pytest
import structlog
import trio

from hsm_sim.server import HsmServer, listen, port_of
from hsm_sim.tls import server_context
from switch.errors import HsmUnavailable
from switch.hsm_client import HsmAddress, open_hsm, tls_context
from tests.support.certificates import Authority, Pair
from tests.support.hsm import published_hsm


class Site:
    """A CA, and an HSM whose certificate is of it."""

    def __init__(self, directory: Path, *, server_name: str = "127.0.0.1") -> None:
        self.ours = Authority(directory, "Test CA")
        self.theirs = Authority(directory, "Another CA")
        dns = () if server_name == "127.0.0.1" else (server_name,)
        issued = self.ours.issue("hsm", dns=dns, for_servers=True)
        self.context = server_context(issued.certificate, issued.key, self.ours.pem)
        self.server = HsmServer(published_hsm())

    def client(self, issued: Pair, ca: Authority | None = None) -> ssl.SSLContext:
        trusted = (ca or self.ours).pem
        return tls_context(str(trusted), str(issued.certificate), str(issued.key))

    async def ask(self, tls: ssl.SSLContext) -> bytes:
        """Connect, send one command, give the response."""
        answer: bytes | HsmUnavailable
        with structlog.testing.capture_logs() as self.lines:
            async with trio.open_nursery() as nursery:
                listeners = await listen("127.0.0.1", 0, self.context)
                await nursery.start(self.server.serve, listeners)
                address = HsmAddress(host="127.0.0.1", port=port_of(listeners[0]), tls=tls)
                try:
                    async with open_hsm(address) as session:
                        answer = await session.command(b"B20003abc")
                except HsmUnavailable as error:
                    answer = error
                # The server sees a refused handshake later than the client.
                await trio.testing.wait_all_tasks_blocked(0.02)
                self.server.stop()
        if isinstance(answer, HsmUnavailable):
            raise answer
        return answer


async def test_who_has_a_certificate_of_the_ca_is_answered(tmp_path: Path) -> None:
    site = Site(tmp_path)

    assert await site.ask(site.client(site.ours.issue("switch"))) == b"B300abc"

    assert site.server.statistics().handshakes_failed == 0


async def test_who_has_no_certificate_is_refused(tmp_path: Path) -> None:
    site = Site(tmp_path)
    nobody = ssl.create_default_context(cafile=str(site.ours.pem))

    await refused(site, nobody)


async def test_a_certificate_of_another_ca_is_refused(tmp_path: Path) -> None:
    site = Site(tmp_path)

    await refused(site, site.client(site.theirs.issue("switch")))


async def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    site = Site(tmp_path)

    await refused(site, site.client(site.ours.issue("switch", days=-2)))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
async def test_tls_1_1_is_refused(tmp_path: Path) -> None:
    site = Site(tmp_path)
    old = site.client(site.ours.issue("switch"))
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")  # else OpenSSL would not even try

    await refused(site, old)


async def test_tls_1_2_with_a_suite_that_does_not_authenticate_is_refused(tmp_path: Path) -> None:
    site = Site(tmp_path)
    cbc = site.client(site.ours.issue("switch"))
    cbc.maximum_version = ssl.TLSVersion.TLSv1_2
    cbc.set_ciphers("ECDHE-ECDSA-AES128-SHA256")

    await refused(site, cbc)


async def test_tls_1_2_is_taken(tmp_path: Path) -> None:
    site = Site(tmp_path)
    modern = site.client(site.ours.issue("switch"))
    modern.maximum_version = ssl.TLSVersion.TLSv1_2

    assert await site.ask(modern) == b"B300abc"


async def test_a_client_refuses_an_hsm_of_another_ca(tmp_path: Path) -> None:
    site = Site(tmp_path)

    await refused(site, site.client(site.ours.issue("switch"), site.theirs))


async def test_a_client_refuses_an_hsm_of_another_name(tmp_path: Path) -> None:
    site = Site(tmp_path, server_name="127.0.0.2")

    await refused(site, site.client(site.ours.issue("switch")))


async def test_who_does_not_shake_hands_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hsm_sim.server.HANDSHAKE_SECONDS_MAX", 0.05)
    site = Site(tmp_path)
    with structlog.testing.capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            listeners = await listen("127.0.0.1", 0, site.context)
            await nursery.start(site.server.serve, listeners)
            port = port_of(listeners[0])
            with trio.fail_after(5):
                async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                    assert stream.socket.family == socket.AF_INET
                    assert await stream.receive_some(1) == b""
            site.server.stop()
    assert [line["reason"] for line in lines] == ["handshakes_failed"]


async def refused(site: Site, tls: ssl.SSLContext) -> None:
    with pytest.raises(HsmUnavailable):
        await site.ask(tls)

    assert site.server.statistics().commands == 0
    assert site.server.statistics().handshakes_failed == 1
    assert [line["reason"] for line in site.lines] == ["handshakes_failed"]
