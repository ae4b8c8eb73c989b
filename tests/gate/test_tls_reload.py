"""Certificates that are renewed while terminals talk: nobody is hung up on, newcomers see the new.

Also what a listener's files must be: each fault has its sentence, a broken file changes nothing.
"""

import ssl
from pathlib import Path

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from switch._tls import Tls
from switch.errors import OperatingError
from tests.support.certificates import Authority, Pair, Site, new_key
from tests.support.gate_bench import DIALECTS, Bench, Link, serving


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def serial_seen(link: Link) -> int:
    """Give the serial number of the certificate that the switch showed."""
    assert isinstance(link.channel, trio.SSLStream)
    shown = link.channel.getpeercert(binary_form=True)
    assert isinstance(shown, bytes)
    return x509.load_der_x509_certificate(shown).serial_number


def serial_of(pair: Pair) -> int:
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes()).serial_number


async def keep_asking(bench: Bench, link: Link, counts: list[int], number: int) -> None:
    """Ask until cancelled; every answer must come."""
    while True:
        reply = await link.ask(bench.shop.message("0200", "210000", 1_000))
        assert reply[39] == "00"
        counts[number] += 1


@pytest.mark.slow
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_renewed_certificates_are_seen_by_newcomers_and_disturb_nobody(
    site: Site, version: ssl.TLSVersion
) -> None:
    tls = site.tls()
    context = site.context(site.terminal, only=version)
    counts = [0] * 8
    async with serving(framings={"secure": DIALECTS["binary"]}, tls={"secure": tls}) as bench:
        links = [await bench.connect("secure", tls=context) for _ in counts]
        first = serial_of(site.switch)
        async with trio.open_nursery() as nursery:
            for number, link in enumerate(links):
                nursery.start_soon(keep_asking, bench, link, counts, number)
            for _ in range(20):
                renewed = site.authority.issue("switch", for_servers=True)
                tls.reload()
                newcomer = await bench.connect("secure", tls=context)
                assert serial_seen(newcomer) == serial_of(renewed) != first
                assert (await newcomer.ask(bench.shop.message("0200", "210000")))[39] == "00"
                await newcomer.channel.aclose()
            before = list(counts)
            await trio.sleep(0.1)
            nursery.cancel_scope.cancel()

        assert all(after > count > 0 for after, count in zip(counts, before, strict=True))
        assert [serial_seen(link) for link in links] == [first] * 8
        assert set(bench.closed_because()) == {"by_peer"}
        assert len(bench.closed_because()) == 20


async def test_an_authority_that_is_replaced_lets_its_clients_in_no_more(
    site: Site, tmp_path: Path
) -> None:
    tls = site.tls()
    another = Authority(tmp_path, "another")
    stranger = another.issue("stranger")
    async with serving(framings={"secure": DIALECTS["binary"]}, tls={"secure": tls}) as bench:
        of_old, of_new = site.context(site.terminal), site.context(stranger)
        old = await bench.connect("secure", tls=of_old)

        another.pem.replace(tls.client_ca)
        tls.reload()
        new = await bench.connect("secure", tls=of_new)
        gone = await bench.connect("secure", tls=of_old)

        for link in (old, new):
            assert (await link.ask(bench.shop.message("0200", "210000")))[39] == "00"
        assert await gone.wait_end() == b""
        await bench.wait_until(lambda: bench.gate.statistics()["handshakes_failed"] == 1)


def lose(path: Path, site: Site) -> None:
    path.unlink()


def empty(path: Path, site: Site) -> None:
    path.write_bytes(b"")


def break_it(path: Path, site: Site) -> None:
    path.write_bytes(path.read_bytes().replace(b"M", b"!", 3))


def encrypt(path: Path, site: Site) -> None:
    path.write_bytes(
        new_key(False).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )


def replace(path: Path, site: Site) -> None:
    path.write_bytes(site.terminal.key.read_bytes())


@pytest.mark.parametrize(
    ("which", "spoil", "told"),
    [
        ("certificate", lose, "No such file"),
        ("certificate", empty, "not a certificate in PEM"),
        ("certificate", break_it, "not a certificate in PEM"),
        ("key", lose, "No such file"),
        ("key", empty, "not an unencrypted key in PEM"),
        ("key", encrypt, "not an unencrypted key in PEM"),
        ("key", replace, "mismatch"),
        ("client_ca", lose, "No such file"),
        ("client_ca", empty, "not certificates in PEM"),
        ("client_ca", break_it, "not certificates in PEM"),
    ],
)
async def test_a_broken_file_is_named_and_keeps_what_was(
    site: Site, which: str, spoil: object, told: str
) -> None:
    tls = site.tls()
    context = site.context(site.terminal)
    path = Path(getattr(tls, which))
    assert callable(spoil)

    spoil(path, site)

    with pytest.raises(OperatingError, match=told) as caught:
        tls.reload()
    assert str(caught.value).startswith(f"{path}: ")
    with pytest.raises(OperatingError, match=told):
        Tls(tls.certificate, tls.key, tls.client_ca)
    async with serving(framings={"secure": DIALECTS["binary"]}, tls={"secure": tls}) as bench:
        link = await bench.connect("secure", tls=context)
        assert (await link.ask(bench.shop.message("0200", "210000")))[39] == "00"
