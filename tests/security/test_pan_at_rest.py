"""A card in the database is a token under a key, its first six digits and its last four."""

import base64
import hashlib
import hmac
import json
import secrets
import struct
from pathlib import Path

import msgspec
import pytest
import trio

from bashgah.card_production.files import token_of
from bashgah.demo import TEST_CARDS
from bashgah.demo_loader import load
from bashgah.postgres import Cluster
from switch.config import Config
from switch.config import Database as DatabaseConfig
from switch.ledger.migrate import migrate
from tests.support.secret_search import finds, of_digits
from tests.support.site import site_config

PANS = [card.pan for card in TEST_CARDS]


def club_in(cluster: Cluster, dsn: str, directory: Path) -> tuple[bytes, dict[str, object]]:
    """Load the demo club under a new key of tokens; the key, and the event that added its cards."""
    key = secrets.token_bytes(32)
    path = directory / f"{key.hex()[:8]}.key"
    path.touch(mode=0o600)
    path.write_text(key.hex())
    config: Config = site_config(directory)
    config = msgspec.structs.replace(
        config,
        database=DatabaseConfig(dsn=dsn),
        postgres=msgspec.structs.replace(config.postgres, enabled=False),
        keys=msgspec.structs.replace(config.keys, pan_key_file=path),
    )
    assert trio.run(load, config)
    name = dsn.rsplit("/", 1)[-1].split("?")[0]
    event = cluster.psql(
        "SELECT event FROM journal WHERE event ->> 'type' = 'cards_added' ORDER BY seq LIMIT 1",
        database=name,
    )
    return key, json.loads(event)


def tokens_in(event: dict[str, object]) -> list[bytes]:
    packed = base64.b64decode(str(event["tokens"]))
    return [packed[at : at + 16] for at in range(0, len(packed), 16)]


@pytest.mark.slow
def test_two_keys_make_two_tokens_and_nothing_else_of_a_card_is_kept(
    cluster: Cluster, database: str, empty_database: str, tmp_path: Path
) -> None:
    migrate(empty_database)
    one_key, one = club_in(cluster, database, tmp_path)
    other_key, other = club_in(cluster, empty_database, tmp_path)

    first, second = tokens_in(one), tokens_in(other)
    assert first[: len(PANS)] == [token_of(one_key, pan) for pan in PANS]
    assert second[: len(PANS)] == [token_of(other_key, pan) for pan in PANS]
    assert set(first) & set(second) == set()
    unkeyed = {hashlib.sha256(pan.encode()).digest()[:16] for pan in PANS}
    unkeyed |= {hmac.digest(b"", pan.encode(), "sha256")[:16] for pan in PANS}
    assert unkeyed & set(first) == set()
    of_vouchers = {"digests", "price_minor", "points", "batch", "digest_key", "digest_label"}
    assert set(one) - of_vouchers == {
        "type", "programme", "tokens", "expiries", "first6", "last4", "accounts", "pvvs", "pvkis"
    }  # fmt: skip
    assert not any(one.get(name) for name in of_vouchers)
    last4 = base64.b64decode(str(one["last4"]))
    assert struct.unpack_from("<H", last4)[0] == int(PANS[0][-4:])


@pytest.mark.slow
def test_no_column_of_any_table_holds_a_card_number(
    cluster: Cluster, database: str, tmp_path: Path
) -> None:
    club_in(cluster, database, tmp_path)
    name = database.rsplit("/", 1)[-1].split("?")[0]

    tables = cluster.psql(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
        database=name,
    ).splitlines()
    rows = "\n".join(
        cluster.psql(f"COPY (SELECT * FROM {table}) TO STDOUT", database=name) for table in tables
    )

    assert len(rows) > 100_000, "a thousand cards and their loads"
    assert finds(rows.encode(), {pan: of_digits(pan) for pan in PANS}) == []
