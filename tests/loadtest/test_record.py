"""The terminals' record of what they were told."""

import pytest

from loadtest.record import GROW_COUNT, AcknowledgedRecord, digest_of


def test_a_reply_is_known_by_its_reference_number_and_bytes() -> None:
    record = AcknowledgedRecord(1_000)

    record.add(1_007, b"reply")

    assert record.digest(1_007) == digest_of(b"reply") != digest_of(b"reply.")
    assert record.digest(1_006) == record.digest(999) == record.digest(5_000_000) == 0
    assert list(record.items()) == [(1_007, digest_of(b"reply"))]


def test_the_record_grows_with_the_run() -> None:
    record = AcknowledgedRecord(1)

    record.add(GROW_COUNT * 2 + 5, b"late")

    assert len(record.digests) == GROW_COUNT * 3
    assert record.count == 1


def test_a_second_reply_is_never_recorded_over_the_first() -> None:
    record = AcknowledgedRecord(1)
    record.add(1, b"first")

    with pytest.raises(AssertionError, match="two replies"):
        record.add(1, b"second")
