"""`bashgah programme replay` over real journals: files, figures, replicas, and what goes wrong."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from bashgah.postgres import Cluster
from bashgah.replay_result import Report, gains_of, histogram_of
from issuers.loyalty import loyalty
from switch.events import ProgrammeDrafted
from switch.ledger.database import Database
from switch.ledger.migrate import migrate
from switch.programme import Programme
from tests.source_tree import ROOT
from tests.support.journaled_shop import UTC_OFFSET_S, JournaledShop
from tests.support.past_months import club_of, live_through, thrifty

CARDS = 40
LIVE = loyalty(1, 1, 1)


def replay(
    dsn: str, out: Path, draft: str, *options: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "bashgah", "programme", "replay", draft),
            *("--dsn", dsn, "--out", str(out), "--config", str(out.parent / "none.toml")),
            *options,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment,
    )


@contextmanager
def past(dsn: str, *, days: int = 70, a_day: int = 12) -> Iterator[tuple[JournaledShop, str]]:
    """Make a past; gives the shop and its last day."""
    with Database(dsn) as database:
        shop = club_of(database, LIVE, cards=CARDS)
        live_through(shop, Random(7), days=days, a_day=a_day, cards=CARDS)
        yield shop, last_day(shop)


def last_day(shop: JournaledShop) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(shop.now_us // 1_000_000 + UTC_OFFSET_S))


def written(path: Path, definition: Programme) -> str:
    path.write_bytes(msgspec.json.encode(definition))
    return str(path)


def report_at(out: Path) -> Report:
    return msgspec.json.decode(Path(f"{out}.json").read_bytes(), type=Report)


@pytest.mark.slow
def test_a_draft_over_months_of_a_club_is_told_in_files_and_in_the_shell(
    database: str, tmp_path: Path
) -> None:
    draft = written(tmp_path / "draft.json", thrifty(LIVE))
    with past(database) as (shop, until):
        ran = replay(
            database,
            tmp_path / "out",
            draft,
            *("--primary", "--months", "2", "--until", until, "--workers", "3"),
        )
        same = replay(
            database,
            tmp_path / "same",
            "issuers.loyalty:loyalty",
            *("--primary", "--months", "2", "--until", until, "--language", "en"),
        )
        rows = shop.core.last_seq

    assert ran.returncode == 0, ran.stderr
    assert "\x1b" not in ran.stderr  # no terminal: no bar
    assert "the window: 100%" in ran.stderr
    report = report_at(tmp_path / "out")
    assert report.live_version == 1
    assert report.draft_version == 2
    assert report.members == CARDS
    assert report.speed.rows_before + report.counts["rows"] >= rows - 3
    assert report.draft["discount_minor"] > 0 == report.happened["discount_minor"]
    assert report.gains.losers > 0
    assert sum(one.gains.count for one in report.segments if one.by == "tier") == CARDS
    assert [month.month for month in report.months] == sorted(m.month for m in report.months)
    assert report.months[-1].points_owed == report.points_owed
    for page in ("out.html", "out.en.html"):
        root = ElementTree.parse(tmp_path / page).getroot()
        assert root.tag == "html"
        assert len(root.findall(".//{http://www.w3.org/2000/svg}svg")) >= 5
        assert root.findall(".//script") == []
    assert 'dir="rtl"' in (tmp_path / "out.html").read_text("utf-8")
    unchanged = report_at(tmp_path / "same")
    assert same.returncode == 0, same.stderr
    assert unchanged.counts["differing"] == 0
    assert unchanged.happened == unchanged.draft == report.happened
    assert (unchanged.gains.winners, unchanged.gains.losers) == (0, 0)
    assert 'dir="ltr"' in (tmp_path / "same.html").read_text("utf-8")
    assert not (tmp_path / "same.en.html").exists()


@pytest.mark.slow
def test_the_totals_are_the_books_own(database: str, tmp_path: Path) -> None:
    with past(database, days=40) as (shop, until):
        ran = replay(
            database,
            tmp_path / "out",
            "issuers.loyalty:loyalty",
            *("--primary", "--months", "6", "--until", until),
        )
        core = shop.core
        owed = sum(core.account(core.card(card)[0])[4] for card in range(CARDS))
        issued = -core.account(core.club_account(1, 4))[4]
        redeemed = core.account(core.club_account(1, 5))[4]

    report = report_at(tmp_path / "out")
    assert ran.returncode == 0, ran.stderr
    assert report.happened["points_earned"] == issued
    assert report.happened["points_redeemed"] == redeemed
    assert report.points_owed.happened == report.points_owed.draft == owed
    assert report.points_at_start == 0


@pytest.mark.slow
def test_a_replica_is_read_and_a_primary_is_refused(tmp_path: Path) -> None:
    with Cluster(tmp_path / "postgres", replica=True, synchronous=True) as cluster:
        migrate(cluster.dsn())
        with past(cluster.dsn(), days=3) as (shop, until):
            shop.record(
                ProgrammeDrafted(definition=thrifty(LIVE), by="sara", at_s=shop.now_us // 1_000_000)
            )
            shop.commit()
        options = ("--months", "1", "--until", until)
        _wait_for_replica(cluster, shop.core.last_seq)
        on_primary = replay(cluster.dsn(), tmp_path / "one", "1", *options)
        on_replica = replay(cluster.replica_dsn(), tmp_path / "other", "1", *options)

    assert on_primary.returncode == 2
    assert "this database is no replica" in on_primary.stderr
    assert on_replica.returncode == 0, on_replica.stderr
    assert report_at(tmp_path / "other").draft_version == 2


def _wait_for_replica(cluster: Cluster, seq: int) -> None:
    async def last(session: Any) -> int:
        return int((await session.fetch("SELECT max(seq) AS seq FROM journal"))[0]["seq"])

    with Database(cluster.replica_dsn(), read_only=True) as database:
        for _ in range(200):
            if database.call_sync(last) >= seq:
                return
            time.sleep(0.05)
    raise AssertionError("the replica never came so far")


@pytest.mark.slow
def test_what_is_not_there_is_said(database: str, tmp_path: Path) -> None:
    with past(database, days=2) as (_, until):
        options = ("--primary", "--until", until)
        unknown = replay(
            database, tmp_path / "a", "issuers.loyalty:loyalty", "--programme", "7", *options
        )
        no_draft = replay(database, tmp_path / "b", "1", *options)
        later = replay(
            database,
            tmp_path / "c",
            "issuers.loyalty:loyalty",
            *("--primary", "--months", "1", "--until", "2027-08-01"),
        )

    assert (unknown.returncode, no_draft.returncode) == (2, 2)
    assert "programme 7 has never been live in this journal" in unknown.stderr
    assert "programme 1 has no draft in this journal" in no_draft.stderr
    assert later.returncode == 0, later.stderr
    empty = report_at(tmp_path / "c")
    assert empty.counts["rows"] == 0
    assert set(empty.happened.values()) == {0}
    assert empty.points_owed.happened == empty.points_at_start > 0


@pytest.mark.slow
def test_a_worker_that_is_killed_ends_the_replay_with_its_name(
    database: str, tmp_path: Path
) -> None:
    with past(database, days=2) as (_, until):
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "bashgah", "programme", "replay"),
                *("issuers.loyalty:loyalty", "--dsn", database, "--out", str(tmp_path / "out")),
                *("--config", str(tmp_path / "none.toml"), "--primary", "--until", until),
                *("--workers", "2"),
            ],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PGOPTIONS": ""},
        )
        killer = threading.Thread(target=_kill_a_child_of, args=(process.pid,))
        killer.start()
        _, said = process.communicate(timeout=60)
        killer.join()

    assert process.returncode == 2, said
    assert "was ended by SIGKILL before it had finished" in said
    assert not (tmp_path / "out.json").exists()


def _kill_a_child_of(pid: int) -> None:
    """Kill a worker: a child that still is what its parent is."""
    process = Path(f"/proc/{pid}")
    for _ in range(60_000):
        try:
            name = (process / "cmdline").read_bytes()
            for child in (process / f"task/{pid}/children").read_text().split():
                if (Path("/proc") / child / "cmdline").read_bytes() == name:
                    os.kill(int(child), signal.SIGKILL)
                    return
        except OSError:
            if not process.exists():
                return
        time.sleep(0.0005)


def test_winners_and_losers_are_counted_and_ranked() -> None:
    gains = gains_of([5, -2, 0, 0, 7])

    assert (gains.winners, gains.losers, gains.same) == (2, 1, 2)
    assert (gains.sum_minor, gains.won_minor, gains.lost_minor) == (10, 12, 2)
    assert gains.quantiles_minor["0.5"] == 0
    assert gains_of([]).quantiles_minor == {}


def test_no_column_of_the_spread_has_winners_and_losers() -> None:
    bins = histogram_of([-70, -3, 0, 1, 2, 400, 10_000])

    assert sum(one.members for one in bins) == 6
    assert all(one.to_minor <= 0 or one.from_minor >= 0 for one in bins)
    assert histogram_of([0, 0]) == []
