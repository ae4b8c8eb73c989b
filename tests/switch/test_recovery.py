"""Recovery on a real PostgreSQL: the same shard, with a snapshot or without, or a refusal."""

import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from switch._core import Core
from switch.errors import LedgerCorrupt
from switch.ledger.database import Database
from switch.ledger.session import Session
from switch.ledger.snapshots import Snapshot
from switch.recovery import Recovery, rebuild, recover, replaying_core, write_snapshot
from tests.support.journaled_shop import JournaledShop, new_core, original

pytestmark = pytest.mark.slow  # a database for each test


@pytest.fixture
def db(database: str) -> Iterator[Database]:
    with Database(database) as opened:
        yield opened


@pytest.fixture
def shop(db: Database) -> JournaledShop:
    return JournaledShop(db, new_core()).open()


def rebuilt(db: Database) -> Recovery:
    return db.call_sync(rebuild, 0, new_core, lambda last, end: None)


def snapshot(db: Database) -> int:
    stored = make_snapshot(db)
    assert stored is not None
    return stored.seq


def make_snapshot(db: Database) -> Snapshot | None:
    return db.call_sync(write_snapshot, 0, partial(replaying_core, 0, 4096))


def change(db: Database, statement: str) -> None:
    async def work(session: Session) -> None:
        await session.execute(statement)

    db.call_sync(work)


def trade(shop: JournaledShop) -> list[bytes]:
    """Something of every kind; gives the requests of the last exchanges."""
    at = shop.now_us // 1_000_000
    shop.load(1_000_000)
    shop.load(500_000, card=1)
    shop.send(amount_minor=300_000, stan=900)
    shop.send(amount_minor=99_999_999)  # declined
    shop.send(code="006000", amount_minor=20_000)
    shop.send("0100", amount_minor=50_000, stan=901)
    shop.send("0100", amount_minor=70_000, stan=902, card=1)
    shop.send("0400", amount_minor=300_000, more={90: original(900, at)})
    shop.send("0220", amount_minor=40_000, more={90: original(901, at, "0100")})
    shop.send("0400", amount_minor=1, stan=903, more={90: original(999, at)})  # of nothing
    requests = [shop.request(amount_minor=10_000 + i, card=i % 2) for i in range(5)]
    for request in requests:
        assert shop.answer(request)[0] == "at_seq"
    shop.commit()
    return requests


def shop_on(shop: JournaledShop, recovered: Recovery) -> JournaledShop:
    """The shop, on a recovered shard, as a new tenure."""
    return JournaledShop(shop.database, recovered.core, recovered.directory, epoch=2)


def test_a_shard_without_a_journal_is_empty(db: Database) -> None:
    found = rebuilt(db)

    assert (found.core.last_seq, found.rows, found.snapshot, found.refused) == (0, 0, None, "")


def test_recovery_without_a_snapshot_replays_everything(shop: JournaledShop) -> None:
    trade(shop)

    found = rebuilt(shop.database)

    assert (found.snapshot, found.rows) == (None, shop.core.last_seq)
    assert found.core.chain == shop.core.chain
    assert found.core.imbalances() == []
    assert same_state(shop.core, found.core)


def test_recovery_from_a_snapshot_and_the_tail_gives_the_same_shard(shop: JournaledShop) -> None:
    trade(shop)
    at_seq = snapshot(shop.database)
    trade_more = trade(shop)

    found = rebuilt(shop.database)

    assert found.snapshot is not None
    assert found.snapshot.seq == at_seq
    assert found.rows == shop.core.last_seq - found.snapshot.seq > 0
    assert same_state(shop.core, found.core)
    repeated = shop_on(shop, found)
    assert [repeated.answer(request)[1] for request in trade_more] == [
        shop.answer(request)[1] for request in trade_more
    ]


def test_a_shard_loaded_from_a_snapshot_decides_like_the_one_it_was_made_of(
    shop: JournaledShop,
) -> None:
    trade(shop)
    snapshot(shop.database)
    found = rebuilt(shop.database)
    assert found.rows == 0
    requests = [
        shop.request(amount_minor=400_000 + i, card=i % 3, code=code)
        for i in range(8)
        for code in ("000000", "006000", "210000", "310000")
    ]
    again = JournaledShop(shop.database, found.core, found.directory)

    replies = [shop.answer(request)[:3] for request in requests]

    assert [again.answer(request)[:3] for request in requests] == replies
    assert same_state(shop.core, found.core)
    again_cut, cut = found.core.cut_batch(), shop.core.cut_batch()
    assert again_cut is not None
    assert cut is not None
    assert (again_cut[:3], bytes(again_cut[3])) == (cut[:3], bytes(cut[3]))


def test_a_second_snapshot_is_made_of_the_first_and_the_rows_since(shop: JournaledShop) -> None:
    trade(shop)
    first = snapshot(shop.database)
    trade(shop)
    second = snapshot(shop.database)

    found = rebuilt(shop.database)

    assert first < second == shop.core.last_seq
    assert found.rows == 0
    assert same_state(shop.core, found.core)


def test_no_snapshot_is_made_where_nothing_has_happened(shop: JournaledShop) -> None:
    assert snapshot(shop.database) == shop.core.last_seq

    assert make_snapshot(shop.database) is None


def test_holds_still_end_after_recovery_from_a_snapshot(shop: JournaledShop) -> None:
    trade(shop)
    snapshot(shop.database)
    found = rebuilt(shop.database)
    found.core.begin_tenure(2)
    days_later_us = shop.now_us + 30 * 86_400_000_000

    written, recall = found.core.expire_holds(days_later_us, 12_600, 100)

    assert (written, len(recall)) == (0, 1)  # its moves are in the journal, and asked for
    assert found.core.exchange(recall[0]) is not None


@pytest.mark.parametrize("part", ["accounts", "lots", "cards", "exchanges", "directory", "digest"])
def test_a_damaged_snapshot_is_left_aside(shop: JournaledShop, part: str) -> None:
    trade(shop)
    snapshot(shop.database)
    change(
        shop.database,
        "UPDATE snapshot_chunks SET body = set_byte(body, 3, get_byte(body, 3) # 1)"
        f" WHERE part = '{part}'",
    )

    found = rebuilt(shop.database)

    assert found.refused
    assert (found.snapshot, found.rows) == (None, shop.core.last_seq)
    assert same_state(shop.core, found.core)


def test_a_damaged_snapshot_is_replaced_by_the_next(shop: JournaledShop) -> None:
    trade(shop)
    seq = snapshot(shop.database)
    change(shop.database, "UPDATE snapshot_chunks SET body = '' WHERE part = 'lots'")

    again = snapshot(shop.database)

    assert again == seq
    assert rebuilt(shop.database).refused == ""


def test_a_snapshot_for_another_memory_is_not_used(shop: JournaledShop) -> None:
    trade(shop)
    snapshot(shop.database)

    found = shop.database.call_sync(
        rebuild, 0, partial(new_core, exchange_entries=2048), lambda last, end: None
    )

    assert (found.snapshot, found.rows) == (None, shop.core.last_seq)


def test_a_journal_that_ends_before_the_snapshot_is_refused(shop: JournaledShop) -> None:
    trade(shop)
    seq = snapshot(shop.database)
    change(shop.database, f"DELETE FROM journal WHERE seq = {seq}")

    with pytest.raises(LedgerCorrupt, match=f"ends at row {seq - 1}, a snapshot at {seq}"):
        rebuilt(shop.database)


def test_a_snapshot_of_another_journal_is_refused(shop: JournaledShop) -> None:
    trade(shop)
    seq = snapshot(shop.database)
    change(
        shop.database,
        f"UPDATE journal SET chain = set_byte(chain, 0, get_byte(chain, 0) # 1) WHERE seq = {seq}",
    )

    with pytest.raises(LedgerCorrupt, match=f"not of row {seq}'s journal"):
        rebuilt(shop.database)


def test_a_missing_row_is_named(shop: JournaledShop) -> None:
    trade(shop)
    change(shop.database, "DELETE FROM journal WHERE seq = 12")

    with pytest.raises(LedgerCorrupt, match="row 12 is missing"):
        rebuilt(shop.database)


@pytest.mark.parametrize("rows_at_once", [1, 3, 7, 30])
def test_rows_read_ahead_over_two_sessions_give_the_same_shard(
    shop: JournaledShop, rows_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade(shop)
    monkeypatch.setattr("switch.ledger.reader.RANGE_ROWS", rows_at_once)

    found = rebuilt(shop.database)

    assert found.rows == shop.core.last_seq
    assert same_state(shop.core, found.core)
    assert sessions(shop.database) == 1


@pytest.mark.parametrize("rows_at_once", [1, 3, 7])
def test_a_changed_row_is_named_however_rows_are_read(
    shop: JournaledShop, rows_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade(shop)
    monkeypatch.setattr("switch.ledger.reader.RANGE_ROWS", rows_at_once)
    change(shop.database, "UPDATE journal SET amount_minor = amount_minor + 1 WHERE seq = 11")

    with pytest.raises(LedgerCorrupt, match="row 11: its chain does not follow"):
        rebuilt(shop.database)

    assert sessions(shop.database) == 1


def sessions(db: Database) -> int:
    """How many sessions the database has, after a moment for those that are just ending."""

    async def work(session: Session) -> int:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        return int((await session.fetch(query))[0][0])

    ended_before = time.monotonic() + 2.0
    while (count := db.call_sync(work)) > 1 and time.monotonic() < ended_before:
        time.sleep(0.02)
    return count


async def test_trio_goes_on_during_recovery(shop: JournaledShop) -> None:
    trade(shop)
    seen: list[tuple[int, int]] = []

    found = await recover(shop.database, 0, new_core, lambda last, end: seen.append((last, end)))

    assert seen[-1] == (shop.core.last_seq, shop.core.last_seq)
    assert same_state(shop.core, found.core)


def same_state(one: Core, other: Core) -> bool:
    """Whether everything that Python can see of two shards is equal."""
    return state_of(one) == state_of(other)


def state_of(core: Core) -> list[object]:
    accounts = range(core.account_count)
    cards = range(core.card_count)
    return [
        core.last_seq,
        core.chain,
        [core.account(number) for number in accounts],
        [core.lots(number) for number in accounts],
        [core.card(number) for number in cards],
        [core.card_limits(number) for number in cards],
        [core.exchange(seq) for seq in range(-core.last_seq, core.last_seq + 1)],
        core.imbalances(),
    ]


def test_the_command_makes_a_snapshot_that_fits_the_configured_memory(
    shop: JournaledShop, database: str, tmp_path: Path
) -> None:
    trade(shop)
    config = tmp_path / "switch.toml"
    config.write_text(
        f'[database]\ndsn = "{database}"\n[memory]\nexchange_entries_max = 4096\n'
        "[journal]\nbatch_entries_max = 1000\npending_entries_max = 1000\n",
        "utf-8",
    )
    command = [sys.executable, "-m", "bashgah", "snapshot", "--config", str(config)]

    first = subprocess.run(command, capture_output=True, text=True, check=False)
    second = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout.startswith(f"shard 0: row {shop.core.last_seq}, ")
    assert second.stdout.startswith("nothing to do")
    assert rebuilt(shop.database).rows == 0
