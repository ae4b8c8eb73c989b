"""Log lines: their form, and that no card number gets through, wherever it hides."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from switch.logs import configure_logs, mask_pan, mask_text

PAN = "6219861012345673"  # passes Luhn
MASKED = "621986******5673"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure_logs("info", stream)
    yield stream
    structlog.reset_defaults()


def logged(lines: io.StringIO, **values: Any) -> dict[str, Any]:
    structlog.get_logger().info("exchange", **values)
    decoded: dict[str, Any] = json.loads(lines.getvalue().splitlines()[-1])
    return decoded


def with_check_digit(digits: str) -> str:
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in reversed(digits)][::2]
    single = [int(digit) for digit in reversed(digits)][1::2]
    return digits + str(-(sum(doubled) + sum(single)) % 10)


def test_a_line_is_json_with_its_keys_in_the_order_of_reading(lines: io.StringIO) -> None:
    line = logged(lines, batch=7, mti="0200", stan="000123", link="pos")

    assert list(line) == ["timestamp", "level", "event", "link", "stan", "mti", "batch"]


def test_lines_below_the_level_are_not_written(lines: io.StringIO) -> None:
    structlog.get_logger().debug("detail")

    assert lines.getvalue() == ""


@pytest.mark.parametrize(
    "value",
    [
        PAN,
        int(PAN),
        f"unknown card {PAN}.",
        f"{PAN}=29121010000",
        {"card": PAN},
        {PAN: "card"},
        [("element", 2, PAN)],
        ValueError(f"no such card: {PAN}"),
        PAN.encode(),
    ],
)
def test_a_card_number_is_masked_wherever_it_hides(lines: io.StringIO, value: object) -> None:
    logged(lines, value=value)

    assert PAN not in lines.getvalue()
    assert MASKED in lines.getvalue()


def test_a_card_number_in_a_traceback_is_masked(lines: io.StringIO) -> None:
    try:
        raise ValueError(f"no such card: {PAN}")
    except ValueError:
        structlog.get_logger().exception("failed")

    assert PAN not in lines.getvalue()
    assert MASKED in lines.getvalue()


def test_other_values_are_kept_as_they_are(lines: io.StringIO) -> None:
    values = {"amount_minor": 1_500_000, "ok": True, "none": None, "seconds": 0.25, "rrn": "12"}

    line = logged(lines, **values)

    assert {key: line[key] for key in values} == values


def test_digits_that_fail_luhn_are_no_card() -> None:
    assert mask_text("trace 6219861012345674") == "trace 6219861012345674"


def test_a_short_number_shows_nothing_when_masked_as_a_card() -> None:
    assert mask_pan("123456789012") == "************"


@given(
    digits=st.text("0123456789", min_size=12, max_size=18),
    before=st.text(st.characters(exclude_categories=["Nd", "Cs"]), max_size=10),
    after=st.text(st.characters(exclude_categories=["Nd", "Cs"]), max_size=10),
)
def test_any_number_that_passes_luhn_keeps_ten_digits_at_most(
    digits: str, before: str, after: str
) -> None:
    pan = with_check_digit(digits)

    masked = mask_text(before + pan + after)

    assert masked == before + pan[:6] + "*" * (len(pan) - 10) + pan[-4:] + after
