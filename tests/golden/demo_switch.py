"""A switch on the demo club, as a process with a database of its own: one a folder of tests.

Owns its start, its stop, and who plays in the transcripts. The documented test cards are left to
the interface document's examples, so that even their balances can be compared; transcripts use
cards of the demo's crowd, the first of which has gone shopping and has points.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path

import msgspec
import pytest
import trio
from msgspec import Struct

from acquirers.terminal.orders import Order, Service, compose
from acquirers.terminal.parties import Card, Station, Trace
from acquirers.terminal.wire import wire_of
from bashgah import demo, demo_loader, demo_vouchers
from bashgah.config_text import config_text
from bashgah.demo_products import PRODUCTS
from bashgah.demo_site import demo_config, demo_hsm, free_port, write_pan_key
from bashgah.postgres import Cluster
from bashgah.switch_process import SwitchProcess
from issuers.purse import purse
from issuers.purse_in_python import purse_in_python
from switch.config import Config, Database, Http, Postgres
from switch.iso8583 import decode, encode
from switch.operations import CardStatus
from tests.golden.line import connected
from tests.golden.play import TEHRAN, Cast

_database_number = count(1)
SHOPPING_MINOR = 20_000_000
"""At a point for 10,000 rials it leaves 2,000 points to play with."""


class DemoSwitch(Struct, frozen=True, kw_only=True):
    """A running switch: its port for each profile, who plays, and how to pull its plug.

    `restart_after_kill` kills the process (SIGKILL) and starts it again on the same ports.
    """

    port: dict[str, int]
    cast: Cast
    config_path: Path
    metrics_url: str
    restart_after_kill: Callable[[], None]


@pytest.fixture(scope="session")
def demo_switch(cluster: Cluster, migrated_template: str) -> Iterator[DemoSwitch]:
    """A switch on a fresh demo club; the same for all tests of a folder."""
    yield from _demo_switch(cluster, migrated_template, purse)


@pytest.fixture(scope="session")
def slow_lane_switch(cluster: Cluster, migrated_template: str) -> Iterator[DemoSwitch]:
    """The same, its purse priced in Python."""
    yield from _demo_switch(cluster, migrated_template, purse_in_python)


def _demo_switch(
    cluster: Cluster, migrated_template: str, make_purse: demo_loader.Purse
) -> Iterator[DemoSwitch]:
    database = f"demo_switch_{next(_database_number)}"
    cluster.psql(f"CREATE DATABASE {database} OWNER bashgah TEMPLATE {migrated_template}")
    directory = Path(tempfile.mkdtemp(prefix="bashgah-golden-"))
    try:
        with running_demo_switch(cluster.dsn(database), directory, make_purse) as switch:
            yield switch
    finally:
        shutil.rmtree(directory)
        cluster.psql(f"DROP DATABASE {database} WITH (FORCE)")


@contextmanager
def running_demo_switch(
    dsn: str, directory: Path, make_purse: demo_loader.Purse = purse
) -> Iterator[DemoSwitch]:
    """Load the demo club into a migrated database and serve it until the block ends."""
    config = _config(dsn, directory)
    config_path = directory / "switch.toml"
    config_path.write_text(config_text(config), "utf-8")
    config_path.chmod(0o600)
    trio.run(demo_loader.load, config, make_purse)
    base_url = f"http://{config.http.host}:{config.http.port}"
    switch = SwitchProcess(config_path, base_url, directory / "switch.log")
    hsm = demo_hsm(config, directory)
    hsm.start()
    try:
        trio.run(hsm.wait_ready)
        switch.start()
        trio.run(switch.wait_ready)
        port = {listener.profile: listener.port for listener in config.listener}
        cast = demo_cast()
        go_shopping(port["pos-binary"], cast)
        yield DemoSwitch(
            port=port,
            cast=cast,
            config_path=config_path,
            metrics_url=f"{base_url}/metrics",
            restart_after_kill=partial(_restart, switch),
        )
    finally:
        for program in (switch, hsm):
            if program.running:
                trio.run(program.stop)


def _restart(switch: SwitchProcess) -> None:
    switch.kill()
    switch.start()
    trio.run(switch.wait_ready)


def demo_cast() -> Cast:
    """Give the players: four terminals of the market, one of the bookshop, cards of every kind."""
    market = demo.SHOPS[2].merchant_id
    counter, sibling, spare, watcher = (
        Station(terminal_id=terminal_id, merchant_id=merchant_id)
        for terminal_id, merchant_id in demo.TERMINALS[:12]
        if merchant_id == market
    )
    crowd = [Card(pan=pan, expiry=demo.EXPIRY) for pan in demo.CROWD_PANS[:3]]
    with_status = {
        card.status.name.lower(): Card(pan=card.pan, expiry=card.expiry)
        for card in demo.TEST_CARDS
        if card.status is not CardStatus.ACTIVE
    }
    products = {
        product.name: Card(pan=product.cards[-1].pan, expiry=demo.EXPIRY) for product in PRODUCTS
    }
    books = Station(terminal_id=demo.TERMINALS[4][0], merchant_id=demo.TERMINALS[4][1])
    (expired,) = (card for card in demo.TEST_CARDS if card.label == "expired")
    return Cast(
        cards={
            "member": crowd[0],
            "second": crowd[1],
            "partial": crowd[2],
            "expired": Card(pan=expired.pan, expiry=expired.expiry),
            "stranger": Card(pan=demo.crowd_pan(9_999_999), expiry=demo.EXPIRY),
            "voucher-itself": Card(pan=demo_vouchers.serial(0), expiry=demo.EXPIRY),
            **with_status,
            **products,
        },
        stations={"counter": counter, "sibling": sibling, "spare": spare, "books": books},
        watcher=watcher,
        acquirer_code=demo.ACQUIRER_CODE,
    )


def _config(dsn: str, directory: Path) -> Config:
    write_pan_key(directory / "pan.key")
    config = demo_config(directory)
    return msgspec.structs.replace(
        config,
        listener=tuple(
            msgspec.structs.replace(listener, port=free_port()) for listener in config.listener
        ),
        database=Database(dsn=dsn),
        hsm=tuple(msgspec.structs.replace(hsm, port=free_port()) for hsm in config.hsm),
        http=Http(host=config.http.host, port=free_port()),
        postgres=Postgres(enabled=False),
    )


def go_shopping(port: int, cast: Cast) -> None:
    """Have the member earn points, at the watcher's till."""
    wire = wire_of("pos-binary")
    trace = Trace(stan=999_999, local_at=datetime.now(TEHRAN))
    order = Order(service=Service.PURCHASE, amount_minor=SHOPPING_MINOR)
    request = compose(order, cast.watcher, trace, cast.cards["member"])
    with connected(port, wire) as line:
        reply = line.ask(encode(request, wire.spec))
    assert reply is not None, "the switch closed the connection"
    assert decode(reply, wire.spec)[39] == "00"
