"""Every case of `make bench`, at sizes that show nothing but that it is alive."""

import json
import os
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec
import pytest

from bashgah.demo import with_check_digit
from bashgah.postgres import Cluster
from benchmarks import table
from benchmarks.__main__ import run
from benchmarks.promises import club, cpu, memory, soak
from benchmarks.promises.measured import WrongPathError, expect_whole_path
from benchmarks.promises.order import GROUPS
from benchmarks.promises.sizes import TINY
from benchmarks.promises.stand import Shape, bench_target, running_stand
from issuers.purse import purse
from loadtest.arrival import closed
from switch.ledger import partitions
from switch.ledger.database import Database
from switch.programme import Programme
from switch.rules import Limits
from tests.support.load_results import Host


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[table.Row], str]:
    """The rows of the whole table, and the page made from them."""
    directory = tmp_path_factory.mktemp("bench")
    run(list(GROUPS), 0.01, directory / "bench.json", sizes=TINY, page_path=directory / "page.md")
    rows: list[table.Row] = json.loads((directory / "bench.json").read_text("utf-8"))
    return rows, (directory / "page.md").read_text("utf-8")


@pytest.mark.slow
def test_every_case_of_the_table_runs_without_a_fault(
    whole: tuple[list[table.Row], str],
) -> None:
    rows, _ = whole

    assert [row for row in rows if "could_not_run" in row] == []
    promised = [row for row in rows if row["at_least"] is not None]
    rates, waits, too_much, rest = [1, 0.6, 0.8, 12], [1, 1], [0.9, 1, 1, 1], [1, 1, 1, 0.7, 0.8]
    assert [row["at_least"] for row in promised] == [*rates, *waits, *too_much, *rest]
    assert {row["group"] for row in rows} == set(GROUPS)
    assert [row["case"] for row in promised if row.get("faults")] == []
    assert [row["case"] for row in promised if row.get("declined")] == []
    assert all(
        row["value"] > 0 and row["baseline"] > 0
        for row in promised
        # What may be nothing: a slope, reversals lost, memory grown, the time of a recovery.
        if row["unit"][:2] != "B/" and (row["group"] != "overload" or row["at_least"] == 0.9)
    )


@pytest.mark.slow
def test_rows_have_the_columns_first_and_say_how_to_run_them_again(
    whole: tuple[list[table.Row], str],
) -> None:
    rows, _ = whole

    table.check(rows)
    for row in rows:
        assert row["command"] == f"python -m benchmarks --only {row['group']}"
        assert row["setting"]["postgresql"]
        assert row["ratio"] is None or row["met"] <= (row["ratio"] >= row["at_least"])


@pytest.mark.slow
def test_the_page_has_every_case_where_the_time_goes_and_the_next_limit(
    whole: tuple[list[table.Row], str],
) -> None:
    rows, page = whole

    for row in rows:
        assert row["case"] in page
        assert row["command"] in page
    assert "## Where the time goes" in page
    assert "## What the next limit is" in page


@pytest.mark.slow
def test_a_soak_has_its_own_json_and_report(tmp_path: Path) -> None:
    row = soak.run(TINY, 1.5, 3_000.0, tmp_path, lambda line: None)

    assert json.loads((tmp_path / "soak.json").read_text("utf-8"))[0]["case"] == row["case"]
    assert "<html" in (tmp_path / "soak.html").read_text("utf-8")
    assert row["faults"] == 0


def test_partitions_that_end_long_before_the_last_snapshot_are_dropped(
    cluster: Cluster, database: str
) -> None:
    name = unquote(urlsplit(database).path.lstrip("/"))
    with Database(database) as opened:
        opened.call_sync(partitions.cover, 0, 0, 5 * partitions.ROWS_PER_PARTITION)
    cluster.psql(
        "INSERT INTO snapshots (shard, seq, layout, chain) VALUES (0, 4000001, 'x', '')",
        database=name,
    )
    trimmer = soak.Trimmer(cluster, name)

    trimmer.trim()

    left = cluster.psql(soak.PARTITIONS, database=name).split()
    assert left == [partitions.partition_name(0, number) for number in (2, 3, 4, 5)]
    assert trimmer.dropped == 2


@pytest.mark.slow
def test_a_purchase_that_earns_nothing_is_not_taken_for_the_whole_path() -> None:
    def purse_without_earning(
        programme: int, version: int, of_club: int, limits: Limits
    ) -> Programme:
        return msgspec.structs.replace(purse(programme, version, of_club, limits), earning=())

    target = bench_target(cards=10, terminals=4)
    shape = Shape(connections=2, window=2, arrival=closed())
    with (
        running_stand(target, make_purse=purse_without_earning) as stand,
        pytest.raises(WrongPathError, match="earned nothing"),
    ):
        expect_whole_path(stand, shape, 0.2)


def test_cards_of_an_event_have_the_check_digits_that_others_compute() -> None:
    first = 3 * club.CARDS_PER_EVENT

    pans = list(club.pans_of("93640022", first, 1_100))

    assert pans == [with_check_digit(f"93640022{first + at:07d}") for at in range(1_100)]


def test_a_watch_counts_the_processor_time_of_the_process_that_it_watches() -> None:
    watch = cpu.CpuWatch(os.getpid(), postmaster_pid=os.getpid(), writer_pid=0)
    watch.start(0)
    until_s = time.thread_time() + 0.1
    while time.thread_time() < until_s:
        pass

    watch.stop()

    assert 0.05 < watch.deciding_seconds < 2.0


@pytest.mark.parametrize(("bytes_a_second", "met"), [(0, True), (3_000, True), (5_000, False)])
def test_a_slope_above_the_bound_is_no_flat_memory(bytes_a_second: int, met: bool) -> None:
    found = memory.Memories(
        result=Host(100_000.0).run(1_000.0),
        samples=tuple(
            memory.Sample(at / 2, 10_000_000 + at * bytes_a_second // 2) for at in range(20)
        ),
        rate=1_000.0,
        is_full=True,
    )

    row = memory.row_of(found, "x", 4.0)

    assert row["value"] == pytest.approx(bytes_a_second / 1_000, rel=0.01)
    assert row["met"] is met
