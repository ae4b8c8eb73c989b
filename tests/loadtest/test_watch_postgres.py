"""A watch on a real PostgreSQL: what its backends use is seen while they live and after."""

from pathlib import Path

import pytest

from bashgah.postgres import Cluster
from loadtest.processes import usage_alone, usage_of_tree

BURN = "SELECT count(*) FROM generate_series(1, 3000000)"


@pytest.mark.slow
def test_a_backend_that_came_and_went_is_counted(cluster: Cluster) -> None:
    pid = cluster.primary.pid
    before = usage_of_tree(pid)
    cluster.psql(BURN)
    after = usage_of_tree(pid)

    assert before is not None
    assert after is not None
    assert after.cpu_seconds > before.cpu_seconds + 0.05


@pytest.mark.slow
def test_shared_memory_is_counted_once(cluster: Cluster) -> None:
    pid = cluster.primary.pid
    tree = usage_of_tree(pid)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    looks = [usage_alone(number) for number in (pid, *map(int, children))]
    alone = [usage.resident_bytes for usage in looks if usage is not None]

    assert tree is not None
    assert len(alone) > 3  # checkpointer, writers, launchers
    assert max(alone) < tree.resident_bytes < 0.7 * sum(alone)
