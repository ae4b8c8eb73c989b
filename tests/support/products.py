"""What every product of a club has to do, asked of a shop: be undone, replayed, snapshot.

Owns these questions and a calendar's moments. Knows no product.
"""

from datetime import UTC, datetime

from switch._snapshot import Loading, dump
from switch.directory import Directory
from tests.support.shop import TEHRAN_S, Said, Shop, State, new_core, state_of


def tehran_s(year: int, month: int, day: int, hour: int = 12) -> int:
    """Give the Unix second of an hour in Tehran, by the Gregorian date."""
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp()) - TEHRAN_S


def send_item(
    shop: Shop, code: str, serial: str | None, *, card: int = 0, mti: str = "0200"
) -> Said:
    """Register (92), ask for (93) or claim (94) an item."""
    return shop.send(mti, f"{code}0000", None, card=card, extra={"48.SN": serial})


def reverse(shop: Shop, original: Said, *, card: int = 0, terminal: str = "T0000001") -> Said:
    """Reverse a message of whatever kind, as a terminal does: with its DE 3 and 4."""
    elements = original.elements
    amount_minor = int(elements.get("4", "0"))
    return shop.send(
        "0400",
        elements["3"],
        amount_minor,
        card=card,
        terminal=terminal,
        extra={90: original.original()},
    )


def standing(shop: Shop) -> State:
    """Give the shop's state. What a card has done today is left out where that is nothing."""
    accounts, lots, _ = shop.state()
    core = shop.core
    cards: list[object] = [
        (core.card(number), limits if any(limits[1:]) else ())
        for number, limits in ((at, core.card_limits(at)) for at in range(core.card_count))
    ]
    return accounts, lots, cards


def assert_rebuilt(shop: Shop) -> None:
    """Replay and a snapshot give the same shard; its books balance."""
    assert shop.core.imbalances() == []
    assert state_of(shop.replayed()) == shop.state()
    core = new_core(shard=shop.shard)
    loading = Loading(core)
    for part, piece in dump(shop.core):
        loading.take(part, piece)
    loading.finish()
    Directory(core).load(shop.directory.dump())
    assert state_of(core) == shop.state()
    assert core.imbalances() == []
