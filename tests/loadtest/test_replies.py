"""Reading DE 48 and DE 54, whole and broken."""

import pytest

from loadtest.replies import read_balances, read_details


def test_details_are_read_by_tag() -> None:
    assert read_details("NP006120000PX0031RCWD000") == {"NP": "120000", "PX": "1RC", "WD": ""}


@pytest.mark.parametrize("text", ["N", "NP", "NP0", "NPabc", "NP005123", "NP-011"])
def test_broken_details_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="DE 48"):
        read_details(text)


def test_balances_carry_their_sign() -> None:
    text = "0001364C000000120000" + "6001999D000000000007"

    assert read_balances(text) == {"0001": 120_000, "6001": -7}


@pytest.mark.parametrize(
    "text", ["0001364C00000012000", "0001364X000000120000", "0001364C00000012000x"]
)
def test_broken_balances_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="DE 54"):
        read_balances(text)
