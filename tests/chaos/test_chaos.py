"""The short version of `make chaos`."""

import pytest

from tests.chaos.run import Target, run_chaos


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "kills", "shards"),
    [
        ("switch", 5, 1),
        ("snapshot", 5, 1),
        ("image", 2, 1),
        ("postgres", 2, 1),
        ("switch", 5, 2),
    ],
)
async def test_nothing_acknowledged_is_lost_when_a_process_is_killed(
    target: Target, kills: int, shards: int
) -> None:
    lines: list[str] = []

    verdict, findings = await run_chaos(
        kills=kills, seed=11, target=target, say=lines.append, shards=shards
    )

    assert findings == []
    assert verdict.good, verdict
    assert verdict.repeated > 0 or target == "image"  # nobody notices that one
    assert verdict.snapshots > 0
    assert verdict.answered > 100 * kills
