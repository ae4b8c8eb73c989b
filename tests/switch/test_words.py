"""The compiled core and the Python side have the same numbers for the same words."""

import re
from enum import IntEnum
from pathlib import Path

import pytest

from switch import limits
from switch.calendar import Calendar, Period
from switch.machine import Op, Register
from switch.operations import (
    OPERATION_COUNT,
    CardStatus,
    ExchangeState,
    JournalKind,
    MessageClass,
    Operation,
)
from switch.profile import FIELD_COUNT, TAG_COUNT, Field, Tag
from switch.reasons import RESPONSE_CODES, Reason

SWITCH = Path(limits.__file__).parent
NUMBER = re.compile(r"^    ([A-Z][A-Z0-9_]*) = (\d+)", re.MULTILINE)


def numbers(path: str, enum: str = "") -> dict[str, int]:
    """Give the names and numbers of a `.pxd`, or of one enum in it."""
    text = (SWITCH / path).read_text()
    if enum:
        text = text.split(f"cdef enum {enum}:")[1].split("\n\n")[0]
    return {name: int(number) for name, number in NUMBER.findall(text)}


def names_of(enum: type[IntEnum], **renamed: str) -> dict[str, int]:
    """Give an enum's members by the name that the core has for them."""
    return {renamed.get(member.name, member.name): member.value for member in enum}


def test_operations_are_the_same() -> None:
    expected = names_of(Operation, NONE="OPERATION_NONE") | {"OPERATION_COUNT": OPERATION_COUNT}

    assert numbers("_words.pxd", "Operation") == expected


@pytest.mark.parametrize(
    ("name", "enum", "prefix"),
    [
        ("MessageClass", MessageClass, "CLASS_"),
        ("ExchangeState", ExchangeState, "STATE_"),
        ("JournalKind", JournalKind, "KIND_"),
    ],
)
def test_classes_states_and_kinds_are_the_same(name: str, enum: type[IntEnum], prefix: str) -> None:
    assert numbers("_words.pxd", name) == {prefix + member.name: member for member in enum}


@pytest.mark.parametrize(
    ("name", "enum", "prefix"),
    [("Calendar", Calendar, "CALENDAR_"), ("Period", Period, "PERIOD_")],
)
def test_words_of_the_calendar_are_the_same(name: str, enum: type[IntEnum], prefix: str) -> None:
    assert numbers("_calendar.pxd", name) == {prefix + member.name: member for member in enum}


def test_card_statuses_are_the_same() -> None:
    expected = {f"CARD_STATUS_{status.name}": status.value for status in CardStatus}
    expected["CARD_ACTIVE"] = expected.pop("CARD_STATUS_ACTIVE")

    assert numbers("_words.pxd", "CardStatus") == expected


def test_reasons_are_the_same() -> None:
    expected = names_of(Reason, NONE="REASON_NONE") | {"REASON_COUNT": max(Reason) + 1}

    assert numbers("_words.pxd", "Reason") == expected


def test_limits_are_the_same() -> None:
    in_core = numbers("_words.pxd")
    shared = [name for name in in_core if name.endswith("_MAX")]

    assert shared
    assert {name: in_core[name] for name in shared} == {
        name: getattr(limits, name) for name in shared
    }


def test_operations_of_the_machine_are_the_same() -> None:
    in_core = numbers("_plan.pxd")

    assert {name: n for name, n in in_core.items() if name.startswith("OP_")} == {
        f"OP_{op.name}": op.value for op in Op
    } | {"OP_COUNT": max(Op) + 1}


def test_registers_that_both_sides_name_are_the_same() -> None:
    in_core = {n: v for n, v in numbers("_plan.pxd").items() if n.startswith("R_")}

    assert in_core == {
        f"R_{register.name}": register.value for register in Register if register < 44
    }


def test_fields_and_tags_are_the_same() -> None:
    in_core = numbers("_mapping.pxd")

    assert (in_core["FIELD_COUNT"], in_core["TAG_COUNT"]) == (FIELD_COUNT, TAG_COUNT)
    assert {name: n for name, n in in_core.items() if name.startswith("F_")} == {
        f"F_{field.name}": field.value for field in Field
    }
    assert {name: n for name, n in in_core.items() if name.startswith("T_")} == {
        f"T_{tag.name}": tag.value for tag in Tag
    }


def test_every_reason_has_a_name_that_fits_the_reply() -> None:
    assert set(RESPONSE_CODES) == set(Reason)
    assert max(len(reason.name) for reason in Reason) < 48
