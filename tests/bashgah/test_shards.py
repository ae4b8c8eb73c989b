"""A site of several shards, as processes on one port: what a terminal sees, and what it does not.

Method: the kernel chooses which shard a connection reaches, so the tests connect until they have
one at the shard they want (tests/support/shards.py).
"""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
import trio

from acquirers.terminal.orders import Order, Service, compose
from acquirers.terminal.parties import Card, Station, Trace
from acquirers.terminal.wire import wire_of
from bashgah import demo_vouchers
from bashgah.child_program import ChildProgramError
from bashgah.demo import CROWD_PANS, EXPIRY, TERMINALS
from bashgah.demo_products import CARDS_PER_PRODUCT, LOYALTY, PRODUCTS
from bashgah.demo_site import free_ports, load_demo
from bashgah.site import Site
from switch.config import Hsm, SlotRange
from switch.errors import OperatingError
from switch.iso8583 import decode, encode
from switch.slots import SLOT_COUNT
from tests.golden.demo_switch import demo_cast, go_shopping
from tests.golden.line import Line
from tests.golden.play import TEHRAN, Player
from tests.golden.transcript import transcripts
from tests.support.hsm_process import hsm_process
from tests.support.shards import connected_through, metric, owner_of
from tests.support.site import running_site

WIRE = wire_of("pos-binary")


@pytest.mark.slow
async def test_every_transcript_reads_the_same_through_a_shard_that_does_not_own_the_card(
    tmp_path: Path,
) -> None:
    with hsm_process(tmp_path) as address:
        hsm = Hsm(port=int(address.rpartition(":")[2]))
        async with running_site(lambda line: None, shards=2, hsms=(hsm,)) as site:
            await trio.to_thread.run_sync(_play_through_the_wrong_shard, site)


def _play_through_the_wrong_shard(site: Site) -> None:
    port = site.config.listener[0].port
    cast = demo_cast()
    go_shopping(port, cast)
    owner = owner_of(site, cast.cards["member"].pan)
    # What one card's message says of another's original is the one thing that differs (0020).
    alike = (pan for pan in CROWD_PANS[3:] if owner_of(site, pan) == owner)
    cards = {name: Card(pan=next(alike), expiry=EXPIRY) for name in ("second", "partial")}
    cast = msgspec.structs.replace(cast, cards={**cast.cards, **cards})
    wrong = site.metrics_urls[1 - owner]
    failures = {}
    for name, transcript in transcripts().items():
        if "pos-binary" not in transcript.profiles:
            continue
        with connected_through(wrong, port, WIRE) as line:
            try:
                Player(line, WIRE, cast).play(transcript)
            except AssertionError as error:
                failures[name] = str(error)
    forwarded = metric(wrong, "bashgah_peer_messages_total", direction="out")
    assert failures == {}
    assert forwarded > 100


@pytest.mark.slow
async def test_four_shards_share_the_cards_and_verify_covers_them_all() -> None:
    async with running_site(lambda line: None, shards=4) as site:
        codes = await trio.to_thread.run_sync(_buy_with_every_card, site, CROWD_PANS[:80])
        rows = [metric(url, "bashgah_approvals_total") for url in site.metrics_urls]
        await site.stop_switch()
        report = json.loads(_verify(site, "--json"))
        text = _verify(site)

    assert codes == ["00"] * 80
    assert all(rows), "every shard owned some of them"
    assert report["books_balance"] is True
    assert [shard["shard"] for shard in report["shards"]] == [0, 1, 2, 3]
    products = CARDS_PER_PRODUCT * len(PRODUCTS) + len(LOYALTY.guests) + demo_vouchers.COUNT
    assert sum(shard["cards"] for shard in report["shards"]) == len(CROWD_PANS) + 8 + products
    assert "The books of 4 shards balance" in text


@pytest.mark.slow
async def test_a_killed_shard_takes_only_its_own_cards_with_it() -> None:
    async with running_site(lambda line: None, shards=2) as site:
        own = next(pan for pan in CROWD_PANS if owner_of(site, pan) == 0)
        others = next(pan for pan in CROWD_PANS if owner_of(site, pan) == 1)
        with connected_through(site.metrics_urls[0], site.config.listener[0].port, WIRE) as line:
            before = [_buy(line, pan, stan) for stan, pan in enumerate((own, others), 1)]
            site.switches[1].kill()
            await _wait_for(site.metrics_urls[0], "bashgah_peer_up", 0)
            down = [_buy(line, pan, stan) for stan, pan in enumerate((own, others), 3)]
            site.switches[1].start()
            await site.switches[1].wait_ready()
            after = [_buy(line, pan, stan) for stan, pan in enumerate((own, others), 5)]

    assert before == after == ["00", "00"]
    assert down == ["00", "91"]


@pytest.mark.slow
async def test_a_shard_without_slots_serves_terminals_for_the_others() -> None:
    everything = (SlotRange(first=0, last=SLOT_COUNT - 1, shard=0),)
    async with running_site(lambda line: None, shards=2, slots=everything) as site:
        with connected_through(site.metrics_urls[1], site.config.listener[0].port, WIRE) as line:
            codes = [_buy(line, pan, stan) for stan, pan in enumerate(CROWD_PANS[:3], 1)]

    assert codes == ["00"] * 3


@pytest.mark.slow
async def test_data_of_two_shards_is_not_served_by_one_or_three() -> None:
    async with running_site(lambda line: None, shards=2) as site:
        await site.stop_switch()
        one = _site_like(site, 1)
        with pytest.raises(OperatingError, match="the journal has shard 1"):
            await load_demo(one)
        three = _site_like(site, 3)
        await three.start_database()
        three.switch.start()
        try:
            with pytest.raises(ChildProgramError, match="cards of other shards' slots"):
                await three.switch.wait_ready()
        finally:
            three.switch.kill()


@pytest.mark.slow
def test_up_runs_the_demo_with_several_shards() -> None:
    # Not pytest's tmp_path: its parents are closed to `nobody`, who may run the database.
    with TemporaryDirectory(prefix="bashgah-shards-") as directory:
        Path(directory).chmod(0o755)
        command = [sys.executable, "-m", "bashgah", "up", "--demo", "--shards", "2"]
        command += ["--data-dir", f"{directory}/demo", "--seconds", "2", "--terminals", "20"]
        ended = subprocess.run(command, capture_output=True, check=False, timeout=120)

    verdict = json.loads(ended.stdout.splitlines()[-1])
    assert ended.returncode == 0, ended.stderr
    assert verdict["approved"] > 0
    assert verdict["unanswered"] == verdict["cross_talk"] == 0
    assert verdict["books_balance"] is True


def _buy_with_every_card(site: Site, pans: tuple[str, ...]) -> list[str]:
    with connected_through(site.metrics_urls[2], site.config.listener[0].port, WIRE) as line:
        return [_buy(line, pan, stan) for stan, pan in enumerate(pans, 1)]


def _buy(line: Line, pan: str, stan: int) -> str:
    terminal_id, merchant_id = TERMINALS[5]
    order = Order(service=Service.PURCHASE, amount_minor=10_000)
    request = compose(
        order,
        Station(terminal_id=terminal_id, merchant_id=merchant_id),
        Trace(stan=stan, local_at=datetime.now(TEHRAN)),
        Card(pan=pan, expiry=EXPIRY),
    )
    reply = line.ask(encode(request, WIRE.spec))
    assert reply is not None, "the switch closed the connection"
    return decode(reply, WIRE.spec)[39]


def _verify(site: Site, *options: str) -> str:
    command = [sys.executable, "-m", "bashgah", "verify", "--config", str(site.config_path)]
    return subprocess.run([*command, *options], check=True, capture_output=True, text=True).stdout


def _site_like(site: Site, shards: int) -> Site:
    """Give a site on the same data with another number of shards."""
    switch = msgspec.structs.replace(site.config.switch, shards=shards)
    config = msgspec.structs.replace(
        site.config,
        switch=switch,
        http=msgspec.structs.replace(site.config.http, port=free_ports(0, shards)),
    )
    return Site(data_dir=site.data_dir, config=config, say=lambda line: None)


async def _wait_for(url: str, name: str, expected: float) -> None:
    with trio.fail_after(10):
        while await trio.to_thread.run_sync(metric, url, name) != expected:  # noqa: ASYNC110 polls
            await trio.sleep(0.02)
