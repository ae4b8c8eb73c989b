"""Writes the hex examples into docs/pos-interface.md: `python -m tests.docs.write_examples`.

Starts a PostgreSQL and a switch of its own with the demo club, plays `tests.docs.scenario` on it
and puts requests and replies into the document. To be run when the interface or the demo club
changes on purpose; the tests tell when it did so by accident.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from acquirers.terminal.parties import Card, Station
from acquirers.terminal.wire import wire_of
from bashgah import demo, demo_keys
from bashgah.demo_products import PRODUCTS
from bashgah.postgres import Cluster
from switch.ledger.migrate import migrate
from tests.docs.examples import DOCUMENT, Example, with_examples
from tests.docs.rehearsal import Rehearsal
from tests.docs.scenario import scenes
from tests.docs.secret_scenes import secret_scenes
from tests.golden.demo_switch import running_demo_switch
from tests.golden.line import connected


def recorded(port: dict[str, int]) -> list[Example]:
    """Play the scenario on the switch at these ports, by profile, and give it with its replies."""
    bookshop = demo.SHOPS[1].merchant_id
    terminal_id = next(terminal for terminal, shop in demo.TERMINALS if shop == bookshop)
    station = Station(terminal_id=terminal_id, merchant_id=bookshop)
    member, _, poor = (Card(pan=card.pan, expiry=card.expiry) for card in demo.TEST_CARDS[:3])
    products = {
        product.name: Card(pan=card.pan, expiry=card.expiry)
        for product in PRODUCTS
        for card in product.cards[:1]
    }
    rehearsal = Rehearsal()
    examples = []
    authenticated = Station(
        terminal_id=demo.MAC_TERMINAL, merchant_id=dict(demo.TERMINALS)[demo.MAC_TERMINAL]
    )
    secret = secret_scenes(
        station, authenticated, member, demo_keys.CHIP_CARD.pan, products["voucher"]
    )
    for scene in (*scenes(station, member, poor, products), *secret):
        wire = wire_of(scene.profile)
        request = wire.framing.frame(scene.body, wire.tpdu)
        with connected(port[scene.profile], wire) as line:
            reply = rehearsal.record(request, wire, line)
        examples.append(
            Example(
                name=scene.name,
                title=scene.title,
                profile=scene.profile,
                request=request,
                reply=reply,
            )
        )
    return examples


def main() -> None:
    """Record the examples on a fresh demo club and write the document."""
    directory = Path(tempfile.mkdtemp(prefix="bashgah-examples-"))
    try:
        with Cluster(directory / "postgres", on_progress=_say) as cluster:
            dsn = cluster.dsn()
            migrate(dsn)
            with running_demo_switch(dsn, directory) as switch:
                examples = recorded(switch.port)
    finally:
        shutil.rmtree(directory)
    DOCUMENT.write_text(with_examples(DOCUMENT.read_text("utf-8"), examples), "utf-8")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
