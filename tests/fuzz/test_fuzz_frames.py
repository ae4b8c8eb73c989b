"""Two seconds of broken frames against a gate in another process, so that the target can't rot."""

import pytest

from tests.fuzz.fuzz_frames import fuzz


@pytest.mark.slow
def test_two_seconds_of_broken_frames_disturb_nobody() -> None:
    counts = fuzz(2.0, seed=8583)

    assert counts["streams"] > 50
    assert counts["answered"] > 50
    assert counts["lost_framing"] > 0
    assert counts["not_iso_8583"] > 0
