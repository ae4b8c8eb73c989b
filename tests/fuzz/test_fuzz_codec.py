"""A second of the codec's fuzz target, so that it can't rot."""

import pytest

from tests.fuzz.fuzz_codec import fuzz


@pytest.mark.slow
def test_a_second_of_fuzzing_finds_nothing_and_reaches_whole_messages() -> None:
    counts = fuzz(1.0, seed=8583)

    assert counts["inputs"] > 500
    assert counts["whole"] > counts["inputs"] // 50
    assert counts["streams"] > 50
