"""The journal's benchmark still runs and measures what it says; its figures are not judged here."""

import pytest

from benchmarks.bench_journal import cases


@pytest.mark.slow
def test_every_way_of_writing_is_measured_at_every_batch_size(database: str) -> None:
    rows = cases(seconds=0.01, batch_rows=(1, 20), dsn=database)

    names = [row["case"].strip() for row in rows]
    ways = ("writer", "plain asyncio", "no crossing", "one statement", "head row and COPY")
    for way in ways:
        assert f"1 rows a batch, {way}" in names
        assert f"20 rows a batch, {way}" in names
    assert [name.split()[0] for name in names[-3:]] == [
        "read_rows",
        "store_snapshot",
        "load_snapshot",
    ]
    assert all(row["value"] > 0 for row in rows)
