"""Prometheus text to the sums that a run shows, and what happens when there is none."""

import socket

from loadtest.scrape import fetch, has_commits, read_metrics

METRICS = """\
# TYPE bashgah_journal_rows_total counter
bashgah_journal_rows_total 500.0
# TYPE bashgah_journal_batches_total counter
bashgah_journal_batches_total 20.0
# TYPE bashgah_connections gauge
bashgah_connections{listener="pos text"} 150.0
bashgah_connections{listener="pos"} 50.0
bashgah_connections_accepted_total 9999.0
bashgah_journal_commit_seconds_sum 1.25e-1
python_info{version="3"} 1.0
"""


def test_metrics_are_summed_over_their_labels() -> None:
    found = read_metrics(METRICS)

    assert (found.rows, found.batches, found.connections) == (500, 20, 200)
    assert found.commit_seconds == 0.125
    assert found.lag_rows == 0


def test_another_programs_metrics_have_no_commits() -> None:
    assert has_commits(METRICS)
    assert not has_commits("bashgah_journal_rows_total 500.0\nnode_load1 0.3\n")


def test_text_that_is_no_metrics_counts_nothing() -> None:
    found = read_metrics("bashgah_journal_rows_total many\n<html>\nbashgah_connections\n")

    assert (found.rows, found.connections) == (0, 0)


def test_nobody_there_is_no_text() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert fetch(f"http://127.0.0.1:{port}/metrics", 0.5) is None


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        assert fetch(f"http://127.0.0.1:{port}/metrics", 0.1) is None
