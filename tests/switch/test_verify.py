"""The auditor on a real PostgreSQL: says yes to a good journal, and names whatever was changed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
import pytest

from issuers.voucher import voucher
from switch._packing import pack, unpack
from switch._snapshot import layout
from switch.events import IssuerKeysSet, ProgrammeLive
from switch.ledger.database import Database
from switch.ledger.journal import COLUMNS
from switch.ledger.session import Session
from switch.operations import ExchangeState, JournalKind, Operation
from switch.recovery import replaying_core, write_snapshot
from switch.snapshot_records import RECORDS, exchange_entries_of, record_bytes
from switch.verify import ShardReport, find_shards, verify_shard
from tests.ledger.journal_rows import batch_of
from tests.support.journaled_shop import JournaledShop, cards_added, new_core, original

pytestmark = pytest.mark.slow  # a database for each test

replace = msgspec.structs.replace

BY_TYPE = {
    "int2": "{0} = coalesce({0}, 0) # 1",
    "int4": "{0} = coalesce({0}, 0) # 1",
    "int8": "{0} = coalesce({0}, 0) # 1",
    "date": "{0} = {0} + 1",
    "timestamptz": "{0} = coalesce({0}, now()) + INTERVAL '1 microsecond'",
    "text": "{0} = overlay(coalesce({0}, '000000000000') PLACING 'X' FROM 1 FOR 1)",
    "bytea": "{0} = set_byte(coalesce({0}, '\\x00'), 0, get_byte(coalesce({0}, '\\x00'), 0) # 1)",
    "json": "{0} = (coalesce({0}::TEXT, 'null') || ' ')::JSON",
    "_int8": "{0}[1][1] = coalesce({0}[1][1], 0) # 1",
}


@pytest.fixture
def shop(database: str) -> Iterator[JournaledShop]:
    """A shop after some trade, one hold open."""
    with Database(database) as opened:
        shop = JournaledShop(opened, new_core()).open()
        at = shop.now_us // 1_000_000
        shop.load(1_000_000)
        shop.send(amount_minor=300_000, stan=900)
        shop.send("0100", amount_minor=50_000, stan=901)
        shop.send("0100", amount_minor=70_000, stan=902)
        shop.send(code="006000", amount_minor=10_000)
        part = {90: original(900, at), 95: f"{200_000:012d}" + "0" * 30}
        shop.send("0400", amount_minor=300_000, more=part)
        shop.send("0220", amount_minor=40_000, more={90: original(901, at, "0100")})
        named = {90: original(902, at, "0100"), 95: f"{33_333:012d}" + "0" * 30}
        shop.send("0400", amount_minor=70_000, more=named)
        shop.commit()
        yield shop


def verified(shop: JournaledShop) -> ShardReport:
    return shop.database.call_sync(verify_shard, 0, lambda last, end: None)


def first_difference(shop: JournaledShop) -> str:
    found = verified(shop).first_difference
    assert found is not None
    return found


def change(shop: JournaledShop, statement: str) -> None:
    async def work(session: Session) -> None:
        await session.execute(statement)

    shop.database.call_sync(work)


def ask(shop: JournaledShop, query: str) -> list[dict[str, object]]:
    async def work(session: Session) -> list[dict[str, object]]:
        return [dict(row) for row in await session.fetch(query)]

    return shop.database.call_sync(work)


def snapshot(shop: JournaledShop) -> int:
    made = shop.database.call_sync(write_snapshot, 0, partial(replaying_core, 0, 4096))
    assert made is not None
    return made.seq


def test_a_good_journal_balances(shop: JournaledShop) -> None:
    report = verified(shop)

    assert report.first_difference is None
    assert (report.rows, report.last_seq) == (shop.core.last_seq, shop.core.last_seq)
    assert (report.cards, report.open_holds, report.below_floor_count) == (4, 1, 0)
    club = report.points[0]
    assert club.issued - club.redeemed - club.expired == club.liability


def test_a_good_snapshot_is_equal_and_the_rows_behind_it_are_verified_too(
    shop: JournaledShop,
) -> None:
    seq = snapshot(shop)
    shop.send(amount_minor=12_345)
    shop.commit()

    report = verified(shop)

    assert report.first_difference is None
    assert (report.snapshot_seq, report.rows) == (seq, seq + 1)


def test_a_switch_may_make_snapshots_meanwhile(shop: JournaledShop, database: str) -> None:
    first = snapshot(shop)
    made: list[int] = []

    def serve(last_seq: int, end_seq: int) -> None:
        while len(made) < 2:
            shop.send(amount_minor=12_345)
            shop.commit()
            made.append(snapshot(shop))

    with Database(database) as auditor:
        report = auditor.call_sync(verify_shard, 0, serve)

    assert report.first_difference is None
    assert (report.snapshot_seq, report.last_seq) == (made[-1], made[-1])
    assert made[-1] == first + 2


def test_an_empty_database_balances(database: str) -> None:
    with Database(database) as opened:
        assert opened.call_sync(find_shards) == []


def test_a_change_of_any_column_of_any_kind_of_row_is_found(shop: JournaledShop) -> None:
    types = {
        str(row["name"]): str(row["type"])
        for row in ask(
            shop,
            "SELECT attname AS name, typname AS type FROM pg_attribute"
            " JOIN pg_type ON pg_type.oid = atttypid"
            " WHERE attrelid = 'journal'::REGCLASS AND attnum > 0",
        )
    }
    assert set(types) == set(COLUMNS)
    purchase, event, last = 9, 3, shop.core.last_seq
    change(shop, "CREATE TABLE kept AS SELECT * FROM journal")
    # A row of another shard has no partition to go to; a new sequence may be one that is taken.
    columns = [column for column in COLUMNS if column not in ("shard", "seq")]

    for seq in (purchase, event, last):
        for column in columns:
            flip = BY_TYPE[types[column]].format(column)
            change(shop, f"UPDATE journal SET {flip} WHERE seq = {seq}")

            found = first_difference(shop)

            # A stream that cannot be read any further is named by the row before.
            assert found.startswith((f"row {seq}:", f"after row {seq - 1}:")), (column, found)
            change(shop, "DELETE FROM journal; INSERT INTO journal SELECT * FROM kept")
    assert verified(shop).first_difference is None


def test_a_deleted_row_is_found(shop: JournaledShop) -> None:
    change(shop, "DELETE FROM journal WHERE seq = 9")

    assert first_difference(shop) == "row 9 is missing: 10 follows"


def test_a_row_with_another_sequence_is_found(shop: JournaledShop) -> None:
    change(shop, "UPDATE journal SET seq = 5000 WHERE seq = 9")

    assert first_difference(shop) == "row 9 is missing: 10 follows"


def test_rows_that_changed_places_are_found(shop: JournaledShop) -> None:
    change(
        shop,
        "UPDATE journal SET seq = 5000 WHERE seq = 9;"
        "UPDATE journal SET seq = 9 WHERE seq = 10;"
        "UPDATE journal SET seq = 10 WHERE seq = 5000",
    )

    assert first_difference(shop).startswith("row 9: its chain")


def test_a_last_row_that_was_deleted_is_found_by_the_snapshot_behind_it(
    shop: JournaledShop,
) -> None:
    seq = snapshot(shop)
    change(shop, f"DELETE FROM journal WHERE seq = {seq}")

    assert first_difference(shop) == f"the journal ends at row {seq - 1}, a snapshot at {seq}"


def test_a_journal_with_a_newer_epoch_than_the_shard_is_found(shop: JournaledShop) -> None:
    change(shop, "UPDATE shard_heads SET epoch = 0")

    assert first_difference(shop) == f"row {shop.core.last_seq}: epoch 1, the shard's is 0"


@pytest.mark.parametrize("part", [*RECORDS, "directory", "digest"])
def test_a_changed_byte_in_any_part_of_a_snapshot_is_found(shop: JournaledShop, part: str) -> None:
    shop.record(ProgrammeLive(definition=voucher(5, 1, 1)))
    vouchers = cards_added(shop.core, 700, 2, 5)
    shop.record(IssuerKeysSet(programme=5, voucher="0", voucher_label="A"))
    shop.record(replace(vouchers, digests=bytes(range(64)), price_minor=1, digest_label="A"))
    shop.commit()
    seq = snapshot(shop)
    change(
        shop,
        "UPDATE snapshot_chunks SET body = set_byte(body, 9, get_byte(body, 9) # 4)"
        f" WHERE part = '{part}'",
    )

    assert first_difference(shop).startswith(f"snapshot at row {seq}: {part}")


def test_a_changed_balance_in_a_snapshot_is_named(shop: JournaledShop) -> None:
    seq = snapshot(shop)
    account = shop.core.card(0)[0]
    balance = shop.core.account(account)[4]
    (row,) = ask(shop, "SELECT body FROM snapshot_chunks WHERE part = 'accounts'")
    body = row["body"]
    assert isinstance(body, bytes)
    accounts = bytearray(unpack(body))
    accounts[account * record_bytes("accounts")] ^= 1
    changed = pack(bytes(accounts), record_bytes("accounts"), 4).hex()
    change(shop, f"UPDATE snapshot_chunks SET body = '\\x{changed}' WHERE part = 'accounts'")

    assert first_difference(shop) == (
        f"snapshot at row {seq}: accounts {account}: balance is {balance ^ 1}, should be {balance}"
    )


@pytest.mark.parametrize("part", ["accounts", "exchanges"])
def test_a_snapshot_that_is_cut_short_is_found(shop: JournaledShop, part: str) -> None:
    snapshot(shop)
    change(
        shop,
        "UPDATE snapshot_chunks SET body = substr(body, 1, length(body) - 1)"
        f" WHERE part = '{part}'",
    )

    assert f"{part}: a row that ends too early" in first_difference(shop)


def test_a_snapshot_with_a_record_too_few_is_found(shop: JournaledShop) -> None:
    seq = snapshot(shop)
    empty = pack(b"", record_bytes("lots"), 1).hex()
    change(shop, f"UPDATE snapshot_chunks SET body = '\\x{empty}' WHERE part = 'lots'")

    assert first_difference(shop) == f"snapshot at row {seq}: lots: shorter than it should be"


def test_a_part_that_is_missing_from_a_snapshot_is_found(shop: JournaledShop) -> None:
    snapshot(shop)
    change(shop, "DELETE FROM snapshot_chunks WHERE part = 'cards'")

    assert "vouchers: where cards should be" in first_difference(shop)


def test_an_account_below_its_floor_is_told_apart_from_a_fault(shop: JournaledShop) -> None:
    at = shop.now_us // 1_000_000
    shop.send(code="210000", stan=950, amount_minor=100_000, card=1)
    shop.send(amount_minor=90_000, card=1)
    shop.send("0400", amount_minor=100_000, card=1, more={90: original(950, at)})
    shop.commit()

    report = verified(shop)

    purse = shop.core.card(1)[0]
    assert report.first_difference is None
    assert report.below_floor == (f"account {purse}: -90000, floor 0",)


def forge(shop: JournaledShop, **changes: Any) -> int:
    """Write a row that follows, with a good chain; gives its sequence."""
    columns: dict[str, Any] = {
        "terminal": 0,
        "merchant": 0,
        "card": 0,
    }
    batch = batch_of(shop.core.last_seq + 1, 1, previous_chain=shop.core.chain, **columns | changes)

    async def work(session: Session) -> None:
        await session.copy_rows("journal", batch.copy_body)

    shop.database.call_sync(work)
    return batch.last_seq


def test_a_purchase_beyond_the_funds_is_found_even_with_a_good_chain(shop: JournaledShop) -> None:
    purse, merchant = shop.core.card(1)[0], shop.core.merchant_account(0)
    seq = forge(shop, card=1, moves=[[purse, merchant, 1]])

    assert first_difference(shop) == f"row {seq}: takes account {purse} below its floor"


def test_a_move_between_two_units_is_found(shop: JournaledShop) -> None:
    purse = shop.core.card(0)[0]
    seq = forge(shop, moves=[[purse, purse + 2, 1]])

    assert first_difference(shop).startswith(f"row {seq}: its moves")


def test_a_hold_that_ended_without_giving_back_its_funds_is_found(shop: JournaledShop) -> None:
    hold = next(seq for seq in range(1, 20) if is_open_hold(shop, seq))
    forge(
        shop,
        kind=JournalKind.HOLD_EXPIRY,
        operation=Operation.NONE,
        original_seq=hold,
        undone_minor=70_000,
        moves=None,
    )

    held = shop.core.card(0)[0] + 1
    assert first_difference(shop) == f"account {held}: 33333 held, 0 in open holds"


def is_open_hold(shop: JournaledShop, seq: int) -> bool:
    found = shop.core.exchange(seq)
    return found is not None and found[0] == ExchangeState.HELD


def test_the_records_have_the_sizes_of_the_compiled_structs() -> None:
    sizes = dict(item.split("=") for item in layout(replaying_core(0, 64)).split(";")[1:])
    parts = {part.removesuffix("s"): part for part in RECORDS}

    assert {part: record_bytes(parts[part]) for part in parts} == {
        part: int(sizes[part]) for part in parts
    }
    assert exchange_entries_of(layout(replaying_core(0, 64))) == 64


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bashgah", "verify", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_prints_one_json_object_and_says_yes_or_no(
    shop: JournaledShop, database: str
) -> None:
    good = run_command("--json", "--dsn", database)
    change(shop, "UPDATE journal SET approved_minor = approved_minor + 1 WHERE seq = 9")
    bad = run_command("--json", "--dsn", database)

    assert good.returncode == 0, good.stderr
    found = json.loads(good.stdout)
    assert found["books_balance"] is True
    assert found["first_difference"] is None
    assert found["rows"] == found["last_seq"] == shop.core.last_seq
    assert msgspec.json.decode(good.stdout)["shards"][0]["open_holds"] == 1
    assert bad.returncode == 1, bad.stderr
    assert json.loads(bad.stdout)["books_balance"] is False
    assert json.loads(bad.stdout)["first_difference"].startswith("row 9: its chain")


def test_the_command_says_it_in_words(shop: JournaledShop, database: str) -> None:
    good = run_command("--dsn", database)

    assert good.returncode == 0, good.stderr
    assert "The books balance." in good.stdout
    assert f"{shop.core.last_seq} rows, 4 cards" in good.stdout
