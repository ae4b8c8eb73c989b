"""Over TLS everything is as it is without: the same replies, however the bytes come.

Method: the same bench has a plain door and one with TLS. A message that is repeated gets its first
reply byte for byte, so what TLS gives is compared with what the plain door gives.
"""

import socket
import ssl
from pathlib import Path

import pytest
import trio

from switch.iso8583 import Message, decode, encode
from tests.support.certificates import Site
from tests.support.gate_bench import Bench, Link
from tests.support.shard_bench import card_of, serving_shards
from tests.support.tls_bench import record_peer, serving_tls

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
HEADER_BYTES = 5  # of a TLS record


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def asked(bench: Bench) -> list[Message]:
    """Give messages of several kinds, good and bad."""
    shop = bench.shop
    return [
        shop.message("0200", "210000", 5_000),
        shop.message("0200", "000000", 1_000),
        shop.message("0100", "000000", 2_000),
        shop.message("0200", "310000", None),
        shop.message("0200", "000000", 999_999_999_999),
    ]


async def replies(link: Link, count: int) -> list[bytes]:
    return [await link.reply_bytes() for _ in range(count)]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("dialect", ["", "-text"])
async def test_an_exchange_over_tls_is_the_plain_one_byte_for_byte(
    site: Site, version: ssl.TLSVersion, dialect: str
) -> None:
    async with serving_tls(site) as bench:
        await bench.load()
        messages = asked(bench)
        plain = await bench.connect(f"plain{dialect}")
        secure = await bench.connect(
            f"secure{dialect}", tls=site.context(site.terminal, only=version)
        )

        await secure.send(*messages, encode(messages[0], secure.spec)[:-3])
        first = await replies(secure, len(messages) + 1)
        await plain.send(*messages, encode(messages[0], plain.spec)[:-3])
        again = await replies(plain, len(messages) + 1)

        assert isinstance(secure.channel, trio.SSLStream)
        assert secure.channel.version() == {771: "TLSv1.2", 772: "TLSv1.3"}[version]
    assert first == again
    codes = [decode(reply, secure.spec)[39] for reply in first[:-1]]
    assert codes == ["00", "00", "00", "00", "61"]


@pytest.mark.parametrize("version", VERSIONS)
async def test_five_hundred_messages_at_once_get_five_hundred_replies(
    site: Site, version: ssl.TLSVersion
) -> None:
    async with serving_tls(site) as bench:
        link = await bench.connect("secure", tls=site.context(site.terminal, only=version))
        messages = [bench.shop.message("0200", "210000") for _ in range(500)]

        await link.send(*messages)
        got = [await link.reply() for _ in messages]

    assert [reply[11] for reply in got] == [message[11] for message in messages]
    assert {reply[39] for reply in got} == {"00"}


@pytest.mark.parametrize("version", VERSIONS)
async def test_five_hundred_records_in_one_write_are_read_without_another_word(
    site: Site, version: ssl.TLSVersion
) -> None:
    async with serving_tls(site) as bench:
        peer = await record_peer(bench, site.context(site.terminal, only=version))
        messages = [bench.shop.message("0200", "210000") for _ in range(500)]

        await peer.stream.send_all(b"".join(map(peer.record, messages)))
        got = [await peer.reply_bytes() for _ in messages]

    assert len(set(got)) == 500


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_record_may_be_cut_at_every_byte(site: Site, version: ssl.TLSVersion) -> None:
    async with serving_tls(site) as bench:
        peer = await record_peer(bench, site.context(site.terminal, only=version))
        at = 0
        while True:
            at += 1
            message = bench.shop.message("0200", "210000")
            record = peer.record(message)
            if at == len(record):
                break
            before = bench.gate.statistics()["frames"]

            await peer.stream.send_all(record[:at])
            await trio.sleep(0.001)
            assert bench.gate.statistics()["frames"] == before
            await peer.stream.send_all(record[at:])

            assert bytes.fromhex(message[11]) in await peer.reply_bytes(), at

        for byte in record:  # and at all of them
            await peer.stream.send_all(bytes([byte]))
            await trio.lowlevel.checkpoint()
        assert bytes.fromhex(message[11]) in await peer.reply_bytes()
    assert at > 80


async def test_a_frame_may_be_spread_over_many_records(site: Site) -> None:
    async with serving_tls(site) as bench:
        link = await bench.connect("secure")
        await link.stream.aclose()
        peer = await record_peer(bench, site.context(site.terminal))
        message = bench.shop.message("0200", "210000")

        await peer.stream.send_all(
            b"".join(peer.encrypted(bytes([byte])) for byte in link.frame(message))
        )

        assert bytes.fromhex(message[11]) in await peer.reply_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_peer_that_reads_nothing_until_it_has_said_all_loses_nothing(
    site: Site, version: ssl.TLSVersion
) -> None:
    count = 6_000
    async with serving_tls(site, idle_seconds_max=60) as bench:
        peer = await record_peer(bench, site.context(site.terminal, only=version))
        peer.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
        messages = [bench.shop.message("0200", "210000") for _ in range(count)]

        with trio.fail_after(20):
            await peer.stream.send_all(b"".join(map(peer.record, messages)))
            await bench.wait_until(lambda: bench.gate.statistics()["frames"] == count)
            got = [await peer.reply_bytes() for _ in messages]

    stans = [bytes.fromhex(message[11]) for message in messages]
    assert all(stan in reply for stan, reply in zip(stans, got, strict=True))


async def test_what_waits_for_the_journal_is_read_on_when_it_can_be(site: Site) -> None:
    async with serving_tls(site, pending_max=200) as bench:
        peer = await record_peer(bench, site.context(site.terminal))
        await bench.load()
        bench.journal.stall()
        reversals = [bench.shop.message("0420", "000000", 1_000) for _ in range(600)]

        # Reversals are never refused: beyond the reserve they wait, unread, inside OpenSSL too.
        await peer.stream.send_all(b"".join(map(peer.record, reversals)))
        await bench.wait_until(lambda: bench.gate.statistics()["postponed"] > 0)
        bench.journal.go_on()
        got = [await peer.reply_bytes() for _ in reversals]

    assert len(got) == 600


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_peer_that_says_farewell_gets_its_answers_and_then_the_end(
    site: Site, version: ssl.TLSVersion
) -> None:
    async with serving_tls(site, delay_seconds=0.05) as bench:
        peer = await record_peer(bench, site.context(site.terminal, only=version))
        messages = [bench.shop.message("0200", "210000") for _ in range(3)]

        await peer.stream.send_all(b"".join(map(peer.record, messages)) + peer.farewell())
        got = [await peer.reply_bytes() for _ in messages]
        with pytest.raises(trio.EndOfChannel):
            await peer.reply_bytes()
        await bench.wait_until(lambda: bench.gate.statistics()["open"] == 0)

        assert bench.closed_because() == ["by_peer"]
    assert len(set(got)) == 3


async def test_a_peer_that_closes_its_side_of_the_socket_gets_its_answers_too(site: Site) -> None:
    async with serving_tls(site, delay_seconds=0.05) as bench:
        peer = await record_peer(bench, site.context(site.terminal))

        await peer.stream.send_all(peer.record(bench.shop.message("0200", "210000")))
        await peer.stream.send_eof()

        assert await peer.reply_bytes()
        with pytest.raises(trio.EndOfChannel):
            await peer.reply_bytes()


async def test_the_switch_says_farewell_when_it_hangs_up(site: Site) -> None:
    async with serving_tls(site) as bench:
        peer = await record_peer(bench, site.context(site.terminal))

        await peer.stream.send_all(peer.encrypted(b"\xff\xff\xff\xff"))
        with pytest.raises(trio.EndOfChannel):  # a socket's end alone would be an SSLError
            await peer.reply_bytes()

        assert bench.closed_because() == ["lost_framing"]


async def test_a_message_over_tls_is_answered_by_the_shard_that_owns_its_card(site: Site) -> None:
    async with serving_shards(tls={"ascii": site.tls()}) as benches:
        link = await benches[0].connect("ascii", tls=site.context(site.terminal))

        for shard in (0, 1):
            reply = await link.ask(benches[0].shop.message(card=card_of(benches[0], shard)))
            assert reply[39] == "00"
