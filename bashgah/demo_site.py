"""Where the demo lives: its configuration, its club in the database, its cards for the terminals.

Owns the demo's ports and files. What the club is made of is `bashgah.demo`.
"""

import os
import secrets
import socket
from pathlib import Path

from bashgah import demo, demo_keys, demo_loader
from bashgah.hsm_process import HsmProcess
from bashgah.site import Site
from issuers.purse import purse
from loadtest.population import Card, Population, Terminal
from switch.config import PAN_KEY_BYTES, Config, Hsm, Http, Keys, Listener, Log, Postgres, Switch
from switch.operations import CardStatus

HOST = "127.0.0.1"
PORTS = {"pos-binary": 8583, "pos-ascii": 8584}
HTTP_PORT = 9464
HSM_PORT = 1500
FREE_PORTS_ATTEMPTS_MAX = 50
UNKNOWN_CARDS = 100  # of the demo's range, never issued


def demo_config(data_dir: Path, bin_dir: Path | None = None, *, shards: int = 1) -> Config:
    """Give the demo's configuration; its files are below `data_dir`, which must be absolute.

    A port that is taken is replaced by a free one. Whoever serves it starts its HSM: `demo_hsm`.
    """
    return Config(
        switch=Switch(shards=shards),
        listener=tuple(
            Listener(name=profile, host=HOST, port=free_port(port), profile=profile)
            for profile, port in PORTS.items()
        ),
        keys=Keys(pan_key_file=data_dir / "pan.key"),
        hsm=(Hsm(host=HOST, port=free_port(HSM_PORT), check_value=demo_keys.lmk_check_value()),),
        http=Http(host=HOST, port=free_ports(HTTP_PORT, shards)),
        # Thousands of lines a second: whoever wants to read them sets a file in a configuration.
        log=Log(exchanges="off"),
        postgres=Postgres(enabled=True, data_dir=data_dir / "postgres", bin_dir=bin_dir),
    )


def demo_hsm(config: Config, data_dir: Path) -> HsmProcess:
    """Give the HSM of the demo's configuration, not yet started."""
    (hsm,) = config.hsm
    return HsmProcess((hsm.host, hsm.port), data_dir / "hsm", data_dir / "hsm.log")


async def load_demo(site: Site, make_purse: demo_loader.Purse = purse) -> bool:
    """Make the demo club in a site's migrated database; False when it is there already."""
    assert site.config.keys.pan_key_file is not None
    write_pan_key(site.config.keys.pan_key_file)
    demo_keys.write_chip_card(site.data_dir)
    with site.step(f"club: {demo.CROWD:,} cards, {len(demo.TERMINALS):,} terminals"):
        return await demo_loader.load(site.config, make_purse)


def demo_population() -> Population:
    """Give the demo club as the simulated terminals know it.

    Labelled cards stay out of the good ones: a person at a terminal finds them as documented.
    """
    others = {terminal_id for terminal_id, _ in [*demo.PRODUCT_TILLS, demo.TERMINALS[-1]]}
    blocked = [card for card in demo.TEST_CARDS if card.status is CardStatus.BLOCKED]
    poor = [card for card in demo.TEST_CARDS if card.opening_minor == demo.SMALL_OPENING_MINOR]
    unknown = [demo.crowd_pan(9_000_000 + number) for number in range(UNKNOWN_CARDS)]
    return Population(
        terminals=tuple(
            Terminal(terminal_id=terminal_id, merchant_id=merchant_id)
            for terminal_id, merchant_id in demo.TERMINALS  # the last one made the openings
            if terminal_id not in others
        ),
        cards=tuple(Card(pan=pan, expiry=demo.EXPIRY) for pan in demo.CROWD_PANS),
        poor_cards=tuple(Card(pan=card.pan, expiry=card.expiry) for card in poor),
        blocked_cards=tuple(Card(pan=card.pan, expiry=card.expiry) for card in blocked),
        unknown_cards=tuple(Card(pan=pan, expiry=demo.EXPIRY) for pan in unknown),
        acquirer=demo.ACQUIRER_CODE,
    )


def free_port(wanted: int = 0) -> int:
    """Give `wanted` if it is free on the loopback address, else a port that is."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            # As the server itself does: connections of an earlier run that linger do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise OSError(f"no free port on {HOST}")


def free_ports(wanted: int, count: int) -> int:
    """Give the first of `count` free ports in a row: `wanted`, or another one."""
    if count == 1:
        return free_port(wanted)
    for _ in range(FREE_PORTS_ATTEMPTS_MAX):
        if wanted and all(free_port(port) == port for port in range(wanted, wanted + count)):
            return wanted
        # Below those that the kernel gives to connections: rows of free ones are rare there.
        wanted = 10_000 + secrets.randbelow(20_000)
    raise OSError(f"no {count} free ports in a row on {HOST}")


def write_pan_key(path: Path) -> None:
    """Write a random key for PAN tokens to `path`, 0600, unless there is one."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(PAN_KEY_BYTES) + "\n")
