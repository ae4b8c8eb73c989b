"""`bashgah members` on a journal of a real PostgreSQL."""

import json
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from issuers.membership import membership
from switch.events import ProgrammeLive
from switch.ledger.database import Database
from switch.rules import Tier, Tiers
from tests.support.journaled_shop import UTC_OFFSET_S, JournaledShop, cards_added, new_core

pytestmark = pytest.mark.slow  # a database and processes

CONFIG = """
[switch]
timezone = "Asia/Tehran"
[database]
dsn = "postgresql:///elsewhere"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "bashgah.toml"
    path.write_text(CONFIG)
    return path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bashgah", "members", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_members_are_listed_a_line_each_and_a_programme_without_is_said(
    database: str, config: Path
) -> None:
    definition = msgspec.structs.replace(
        membership(2, 1, 1),
        tiers=Tiers(levels=(Tier(name="blue", at=0), Tier(name="gold", at=100_000))),
    )
    with Database(database) as opened:
        shop = JournaledShop(opened, new_core())
        shop.now_us = int(time.time() * 1_000_000)
        shop.open(cards=4)
        shop.record(ProgrammeLive(definition=definition))
        shop.record(cards_added(shop.core, 4, 2, programme=2))
        joined = shop.send(code="900000", card=5, more={4: None, 49: None})
        shop.commit()

    where = ("--config", str(config), "--dsn", database)
    ending = run("ending", "2", "--within", "366", *where)
    soon = run("ending", "2", *where)
    falling = run("falling", "2", *where)
    without = run("ending", "1", *where)

    assert joined.code == "00"
    assert ending.returncode == 0, ending.stderr
    found = json.loads(ending.stdout)
    today = (datetime.now(UTC) + timedelta(seconds=UTC_OFFSET_S)).date()
    days = (date.fromisoformat(found["last_day"]) - today).days
    assert (found["shard"], found["card"], found["renews"]) == (0, 5, False)
    assert days in (363, 364, 365)  # a Jalali year; and midnight may have been in between
    assert (soon.stdout, falling.stdout) == ("", "")
    assert (without.returncode, without.stderr) == (2, "bashgah: programme 1 has no membership\n")
