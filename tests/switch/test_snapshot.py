"""Dumping a shard and loading it again, without a database: the same bytes, or a refusal."""

import struct
from collections.abc import Iterator

import pytest

from switch._core import Core
from switch._packing import pack, unpack
from switch._snapshot import Loading, SnapshotBroken, dump, layout
from switch.directory import Directory
from switch.events import ProgrammeLive
from switch.operations import Operation
from switch.programme import Programme
from switch.rules import Cap
from switch.snapshot_records import record_bytes
from tests.support import shop as shops
from tests.support.journaled_shop import JournaledShop, new_core, original

ENTRIES = 64


def traded(count: int) -> JournaledShop:
    """A shop whose memory has 64 exchanges, after `count` messages of which a few are holds."""
    shop = JournaledShop(None, new_core(exchange_entries=ENTRIES)).open()
    shop.load(100_000_000)
    for number in range(count):
        shop.now_us += 1_000_000
        mti = "0100" if number % 9 == 0 and number < 90 else "0200"
        shop.send(mti, amount_minor=10_000 + number)
    shop.core.cut_batch()
    return shop


def replayed(shop: JournaledShop) -> Core:
    """The shop's shard as a process that only replays has it: its dump is the journal's alone."""
    core = new_core(exchange_entries=ENTRIES)
    copy = parts(shop.core)
    load(core, list(rows(copy)))
    return core


def parts(core: Core) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part, row in dump(core):
        found[part] = found.get(part, b"") + unpack(row)
    return found


def rows(found: dict[str, bytes], records: int = 5) -> Iterator[tuple[str, bytes]]:
    """Every part in rows of a few records, one at least."""
    for part, body in found.items():
        step = records * record_bytes(part)
        for at in range(0, max(1, len(body)), step):
            yield part, pack(body[at : at + step], 0, 0)


def load(core: Core, pieces: list[tuple[str, bytes]]) -> None:
    loading = Loading(core)
    for part, piece in pieces:
        loading.take(part, piece)
    loading.finish()


@pytest.mark.parametrize("count", [0, 20, 61, 62, 63, 64, 65, 200, 500])
def test_what_is_loaded_is_dumped_as_the_same_bytes(count: int) -> None:
    shop = traded(count)
    found = parts(shop.core)
    core = new_core(exchange_entries=ENTRIES)

    load(core, list(rows(found)))

    assert parts(core) == found
    assert layout(core) == layout(shop.core)


@pytest.mark.parametrize("records", [1, 2, 7, 1000])
def test_a_part_may_have_any_number_of_rows(records: int) -> None:
    found = parts(traded(100).core)
    core = new_core(exchange_entries=ENTRIES)

    load(core, list(rows(found, records)))

    assert parts(core) == found


def test_a_loaded_ring_forgets_in_the_same_order_and_keeps_open_holds() -> None:
    shop = traded(100)
    core = replayed(shop)
    directory = Directory(core)
    directory.load(shop.directory.dump())
    again = JournaledShop(None, core, directory)

    for number in range(70):
        request = shop.request(amount_minor=20_000 + number)
        first = shop.answer(request)
        again.now_us = shop.now_us
        assert again.answer(request)[:2] == first[:2]
        assert parts(core)["exchanges"] == parts(shop.core)["exchanges"]

    assert core.statistics()["holds_open"] == shop.core.statistics()["holds_open"] == 10


def test_a_hold_is_found_by_its_key_after_loading() -> None:
    shop = traded(0)
    held_at = shop.now_us // 1_000_000
    shop.send("0100", stan=700, amount_minor=50_000)
    core = replayed(shop)
    directory = Directory(core)
    directory.load(shop.directory.dump())
    again = JournaledShop(None, core, directory)

    completion = again.request("0220", amount_minor=1, more={90: original(700, held_at, "0100")})

    assert again.answer(completion)[0] == "later"  # its moves are in the journal


@pytest.mark.parametrize("part", ["clubs", "cards", "accounts", "lots", "exchanges"])
def test_a_part_of_another_length_is_refused_by_name(part: str) -> None:
    found = parts(traded(100).core)
    record = found[part][: record_bytes(part)]

    shorter, longer = found | {part: found[part][:-1]}, found | {part: found[part] + record}

    with pytest.raises(SnapshotBroken, match=f"{part}: shorter"):
        load(new_core(exchange_entries=ENTRIES), list(rows(shorter)))
    with pytest.raises(SnapshotBroken, match=f"{part}: longer"):
        load(new_core(exchange_entries=ENTRIES), list(rows(longer)))


def test_a_part_that_nobody_knows_is_refused() -> None:
    found = parts(traded(0).core) | {"surprises": b"1"}

    with pytest.raises(SnapshotBroken, match="surprises: is no part"):
        load(new_core(exchange_entries=ENTRIES), list(rows(found)))


def test_the_head_comes_first_and_once() -> None:
    found = list(rows(parts(traded(0).core)))

    with pytest.raises(SnapshotBroken, match="clubs: comes before the head"):
        load(new_core(exchange_entries=ENTRIES), found[1:])
    with pytest.raises(SnapshotBroken, match="head: is no part"):
        load(new_core(exchange_entries=ENTRIES), [found[0], found[0]])


def test_a_shard_of_another_number_is_refused() -> None:
    found = list(rows(parts(traded(0).core)))

    with pytest.raises(SnapshotBroken, match="head: of shard 0"):
        load(new_core(shard=1, exchange_entries=ENTRIES), found)


@pytest.mark.parametrize("count_at", range(3, 13))
@pytest.mark.parametrize("value", [-2, 1 << 40])
def test_counts_that_cannot_be_are_refused(count_at: int, value: int) -> None:
    found = parts(traded(100).core)
    head = bytearray(found["head"])
    struct.pack_into("<q", head, 8 * count_at, value)

    with pytest.raises(SnapshotBroken):
        load(new_core(exchange_entries=ENTRIES), list(rows(found | {"head": bytes(head)})))


@pytest.mark.parametrize("part", ["clubs", "merchants", "terminals", "cards", "accounts", "lots"])
def test_rows_that_lead_outside_are_refused(part: str) -> None:
    links = {"clubs": 0, "merchants": 0, "terminals": 12, "cards": 16, "accounts": 24, "lots": 24}
    found = parts(traded(100).core)
    body = bytearray(found[part])
    struct.pack_into("<i", body, links[part], 1_000_000)

    with pytest.raises(SnapshotBroken, match=f"{part}: row 0 leads nowhere"):
        load(new_core(exchange_entries=ENTRIES), list(rows(found | {part: bytes(body)})))


def test_cards_with_one_account_at_the_end_of_the_book_are_loaded() -> None:
    """Goal: a programme's cards have as many accounts as it says, not the four of a purse."""
    only_cash = Programme(
        programme=3,
        version=1,
        club=1,
        name="d",
        name_fa="d",
        operations=(Operation.PURCHASE,),
        wallets=(),
        funding=(),
        cash=True,
        caps=(Cap(name="n", of="count", most=5),),
    )
    shop = shops.Shop()
    shop.record(ProgrammeLive(definition=only_cash))
    shop.record(shops.cards_added(shop.core, 3, ["9364005000000001"], [3012]))
    core = shops.new_core()
    loading = Loading(core)

    for part, body in dump(shop.core):
        loading.take(part, body)
    loading.finish()

    assert [core.account(number) for number in range(core.account_count)] == shop.state()[0]
