"""Whoever may not come, or does not speak TLS, is hung up on, told of and counted; others go on.

Method: a terminal with a good certificate asks before and after each attack, on the same gate.
"""

import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trio

from tests.gate.test_metrics import scrape, value
from tests.support.certificates import Authority, Pair, Site
from tests.support.gate_bench import Bench, Link
from tests.support.tls_bench import record_peer, serving_tls

NAME = "pos.acquirer.example"
TOO_SLOW = 0.3
HOUSE_SECONDS = 2.5  # overdue connections are looked for once a second


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@asynccontextmanager
async def beside_a_good_one(
    site: Site, *names: str, frame_seconds_max: float = 10.0
) -> AsyncIterator[Bench]:
    """Serve, and see that a good terminal's connection has noticed nothing at the end."""
    good = site.authority.issue(NAME, file_name="good")
    async with serving_tls(site, *names, frame_seconds_max=frame_seconds_max) as bench:
        link = await bench.connect("secure", tls=site.context(good))
        assert (await link.ask(bench.shop.message("0200", "210000")))[39] == "00"
        yield bench
        assert (await link.ask(bench.shop.message("0200", "210000")))[39] == "00"
        assert bench.gate.statistics()["open"] == 1


def expect_refused(bench: Bench, why: str, count: int = 1) -> None:
    """Check that so many were hung up on for a reason, as the log and the metrics have it."""
    assert bench.closed_because() == [why] * count
    families = scrape(bench)
    assert value(families, "bashgah_connections_closed_total", cause="tls") == count
    assert value(families, "bashgah_tls_handshakes_total", outcome="failed") == count


async def greeted_in_vain(bench: Bench, context: ssl.SSLContext) -> None:
    """Greet, and be hung up on: with TLS 1.3 the client learns it when it reads."""
    peer = await record_peer(bench, context, greets=False)
    with suppress(ssl.SSLError, trio.EndOfChannel, trio.BrokenResourceError):
        await peer.greet()
        await peer.reply_bytes()
        raise AssertionError("it was answered")
    await bench.wait_until(lambda: bench.gate.statistics()["open"] == 1)


def no_certificate(site: Site, directory: Path) -> Pair | None:
    return None


def of_another_authority(site: Site, directory: Path) -> Pair:
    return Authority(directory, "another").issue("stranger")


def of_one_with_the_same_name(site: Site, directory: Path) -> Pair:
    (directory / "false").mkdir()
    return Authority(directory / "false", "authority").issue("stranger")


def expired(site: Site, directory: Path) -> Pair:
    return site.authority.issue("late", days=-2)


def of_a_server(site: Site, directory: Path) -> Pair:
    return site.switch


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (no_certificate, "tls_no_certificate"),
        (of_another_authority, "tls_unknown_ca"),
        (of_one_with_the_same_name, "tls_bad_certificate"),
        (expired, "tls_expired"),
        (of_a_server, "tls_bad_certificate"),
    ],
)
async def test_a_client_is_refused_with(
    site: Site,
    tmp_path: Path,
    version: ssl.TLSVersion,
    shown: Callable[[Site, Path], Pair | None],
    why: str,
) -> None:
    async with beside_a_good_one(site) as bench:
        await greeted_in_vain(bench, site.context(shown(site, tmp_path), only=version))

        expect_refused(bench, why)


@pytest.mark.parametrize(
    ("subject", "dns"),
    [
        ("terminal", ()),
        (f"x.{NAME}", ()),
        (f"{NAME}.x", ()),
        ("*.acquirer.example", ()),
        ("terminal", ("*.acquirer.example",)),
        (NAME[:-1], (f"a{NAME}",)),
    ],
)
async def test_a_client_of_the_right_authority_with_a_wrong_name_is_refused(
    site: Site, subject: str, dns: tuple[str, ...]
) -> None:
    wrong = site.authority.issue(subject, dns=dns, file_name="wrong")
    async with beside_a_good_one(site, NAME, "other.example") as bench:
        await greeted_in_vain(bench, site.context(wrong))

        expect_refused(bench, "tls_wrong_name")


@pytest.mark.parametrize(
    ("subject", "dns"),
    [
        (NAME, ()),
        (NAME.upper(), ()),
        (NAME, ("another.example",)),
        ("terminal", ("another.example", NAME)),
        ("Acquirer One", ()),
    ],
)
async def test_a_name_counts_as_subject_and_as_dns_name(
    site: Site, subject: str, dns: tuple[str, ...]
) -> None:
    named = site.authority.issue(subject, dns=dns, file_name="named")
    async with serving_tls(site, NAME, "Acquirer One") as bench:
        link = await bench.connect("secure", tls=site.context(named))

        assert (await link.ask(bench.shop.message("0200", "210000")))[39] == "00"


async def test_an_older_version_is_refused(site: Site) -> None:
    context = site.context(site.terminal)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that is what is refused
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with beside_a_good_one(site) as bench:
        await greeted_in_vain(bench, context)

        expect_refused(bench, "tls_old_version")


@pytest.mark.parametrize("ciphers", ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256"])
async def test_a_cipher_without_forward_secrecy_or_authentication_is_refused(
    site: Site, ciphers: str
) -> None:
    context = site.context(site.terminal, only=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(ciphers)
    async with beside_a_good_one(site) as bench:
        await greeted_in_vain(bench, context)

        expect_refused(bench, "tls_no_shared_cipher")


async def test_a_client_that_does_not_trust_the_switch_is_told_of(
    site: Site, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(Authority(tmp_path, "another").pem)
    context.load_cert_chain(site.terminal.certificate, site.terminal.key)
    async with beside_a_good_one(site) as bench:
        await greeted_in_vain(bench, context)

        expect_refused(bench, "tls_refused_by_peer")


def noise(link: Link, bench: Bench) -> bytes:
    return bytes(range(256)) * 8


def noise_in_a_record(link: Link, bench: Bench) -> bytes:
    return bytes.fromhex("1603010020") + bytes(range(100, 132))


def plain_message(link: Link, bench: Bench) -> bytes:
    return link.frame(bench.shop.message())


def web_request(link: Link, bench: Bench) -> bytes:
    return b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (noise, "tls_not_tls"),
        (noise_in_a_record, "tls_broken"),
        (plain_message, "tls_not_tls"),
        (web_request, "tls_not_tls"),
    ],
)
async def test_what_is_no_tls_is_hung_up_on(
    site: Site, said: Callable[[Link, Bench], bytes], why: str
) -> None:
    async with beside_a_good_one(site) as bench:
        link = await bench.connect("secure")

        await link.stream.send_all(said(link, bench))
        await link.wait_end()
        await bench.wait_until(lambda: bench.gate.statistics()["open"] == 1)

        expect_refused(bench, why)


@pytest.mark.parametrize("listener", ["plain", "plain-text"])
async def test_tls_at_a_plain_door_has_lost_its_framing(site: Site, listener: str) -> None:
    async with beside_a_good_one(site) as bench:
        peer = await record_peer(
            bench, site.context(site.terminal), greets=False, listener=listener
        )

        await peer.stream.send_all(peer.first_words())
        with pytest.raises(trio.EndOfChannel):
            await peer.reply_bytes()
        await bench.wait_until(lambda: bench.gate.statistics()["open"] == 1)

        assert bench.closed_because() == ["lost_framing"]


async def test_a_peer_that_leaves_without_a_word_is_no_failed_handshake(site: Site) -> None:
    async with beside_a_good_one(site) as bench:
        link = await bench.connect("secure")
        await link.stream.aclose()
        await bench.wait_until(lambda: bench.gate.statistics()["open"] == 1)

        assert bench.closed_because() == ["by_peer"]
        assert bench.gate.statistics()["handshakes_failed"] == 0


async def test_a_peer_that_leaves_amid_its_handshake_is_one(site: Site) -> None:
    async with beside_a_good_one(site) as bench:
        peer = await record_peer(bench, site.context(site.terminal), greets=False)
        await peer.stream.send_all(peer.first_words()[:40])
        await peer.stream.aclose()
        await bench.wait_until(lambda: bench.gate.statistics()["open"] == 1)

        expect_refused(bench, "tls_cut_short")


@pytest.mark.slow
@pytest.mark.parametrize("byte_count", [0, 3, 5, 40, 10_000])
async def test_a_handshake_that_does_not_end_has_an_end(site: Site, byte_count: int) -> None:
    async with beside_a_good_one(site, frame_seconds_max=TOO_SLOW) as bench:
        peer = await record_peer(bench, site.context(site.terminal), greets=False)

        await peer.stream.send_all(peer.first_words()[:byte_count])
        await bench.wait_until(lambda: bench.gate.statistics()["open"] == 1, HOUSE_SECONDS)

        expect_refused(bench, "tls_slow")


@pytest.mark.slow
@pytest.mark.parametrize("byte_count", [1, 5, 6, 60])
async def test_a_record_that_does_not_end_is_a_slow_frame(site: Site, byte_count: int) -> None:
    async with beside_a_good_one(site, frame_seconds_max=TOO_SLOW) as bench:
        peer = await record_peer(bench, site.context(site.terminal))
        asked = peer.record(bench.shop.message("0200", "210000"))
        cut = peer.record(bench.shop.message("0200", "210000"))[:byte_count]

        await peer.stream.send_all(asked + cut)
        await peer.reply_bytes()
        await bench.wait_until(lambda: bench.gate.statistics()["open"] == 1, HOUSE_SECONDS)

        assert bench.closed_because() == ["slow_frame"]


@pytest.mark.slow
async def test_a_silent_connection_is_not_slow(site: Site) -> None:
    async with beside_a_good_one(site, frame_seconds_max=TOO_SLOW) as bench:
        peer = await record_peer(bench, site.context(site.terminal))
        record = peer.record(bench.shop.message("0200", "210000"))
        await peer.stream.send_all(record[:7])
        await trio.sleep(TOO_SLOW / 3)
        await peer.stream.send_all(record[7:])
        await peer.reply_bytes()

        await trio.sleep(HOUSE_SECONDS)
        await peer.stream.send_all(peer.record(bench.shop.message("0200", "210000")))

        assert await peer.reply_bytes()
        await peer.stream.aclose()
        await bench.wait_until(lambda: bench.gate.statistics()["open"] == 1)


async def test_a_record_that_was_changed_on_its_way_ends_the_connection(site: Site) -> None:
    async with beside_a_good_one(site) as bench:
        before = bench.gate.statistics()["frames"]
        peer = await record_peer(bench, site.context(site.terminal))
        good = peer.record(bench.shop.message("0200", "210000"))
        bad = bytearray(peer.record(bench.shop.message("0200", "210000")))
        bad[-20] ^= 1

        await peer.stream.send_all(good + bytes(bad))
        with suppress(ssl.SSLError, trio.EndOfChannel, trio.BrokenResourceError):
            await peer.reply_bytes()
            await peer.reply_bytes()
            raise AssertionError("it was answered")
        await bench.wait_until(lambda: bench.gate.statistics()["open"] == 1)

        assert bench.closed_because() == ["tls"]
        assert bench.gate.statistics()["frames"] == before + 1
        assert bench.gate.statistics()["handshakes_failed"] == 0


@pytest.mark.parametrize("byte_count", [3, 5, 50])
async def test_a_peer_that_vanishes_amid_a_record_is_gone(site: Site, byte_count: int) -> None:
    async with beside_a_good_one(site) as bench:
        link = await bench.connect("secure", tls=site.context(site.terminal))
        peer = await record_peer(bench, site.context(site.terminal))
        cut = peer.record(bench.shop.message("0200", "210000"))[:byte_count]

        await peer.stream.send_all(cut)
        await peer.stream.aclose()
        link.vanish()
        await bench.wait_until(lambda: bench.gate.statistics()["open"] == 1)

        assert sorted(map(str, bench.closed_because())) == ["by_peer", "error"]
