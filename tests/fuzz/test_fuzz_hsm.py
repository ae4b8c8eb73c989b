"""Twenty thousand broken commands against the HSM, in process; a million with `make fuzz`."""

import pytest

from tests.fuzz.fuzz_hsm import fuzz


@pytest.mark.slow
def test_twenty_thousand_broken_commands_are_answered() -> None:
    counts = fuzz(20_000, seed=1500)

    assert counts["frames"] == 20_000
    assert counts["sources"] > 20
    # Not all of it is stopped at the door: some works, some is refused for what is in it.
    assert counts["00"] > 100
    assert counts["15"] > 1_000
    assert counts["10"] > 10
