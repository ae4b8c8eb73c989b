"""Programme definitions as people keep them: a JSON or TOML file, or a function of Python; days.

Owns how they are found, read and written. What a definition may say is `switch.programme`'s.
"""

import importlib
import re
import tomllib
from enum import IntEnum
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from switch._calendar import day_number
from switch.calendar import Calendar, OutOfCalendar
from switch.errors import OperatingError
from switch.instalments import FeeKind, Rest
from switch.operations import Operation
from switch.programme import Programme


def read_definition(source: str, *, programme: int, version: int, club: int) -> Programme:
    """Give what a file says, or what `module:function` gives for these numbers.

    Raises OperatingError, which names the place.
    """
    try:
        if source.endswith((".toml", ".json")):
            return _of_file(Path(source))
        return _of_function(source, programme=programme, version=version, club=club)
    except (ValueError, TypeError, ImportError, AttributeError, OSError) as error:
        raise OperatingError(f"{source}: {error}".replace("`", "")) from error


def _of_file(path: Path) -> Programme:
    body = path.read_bytes()
    raw: Any
    if path.suffix == ".toml":
        raw = tomllib.loads(body.decode())
    else:
        raw = msgspec.json.decode(body)
    if isinstance(raw, dict):
        raw = {field: _NUMBERED.get(field, _as_it_is)(value) for field, value in raw.items()}
    return msgspec.convert(raw, Programme)


def _operations(said: Any) -> Any:
    return [_number(Operation, one) for one in said] if isinstance(said, list) else said


def _credit(said: Any) -> Any:
    """Give the numbers of what the terms of its plans say in words."""
    for plan in said.get("plans", ()) if isinstance(said, dict) else ():
        terms = plan.get("terms") if isinstance(plan, dict) else None
        if isinstance(terms, dict):
            terms.update((field, _number(_OF_TERMS[field], terms[field]))
                         for field in _OF_TERMS.keys() & terms.keys())  # fmt: skip
    return said


def _as_it_is(said: Any) -> Any:
    return said


def _number(words: type[IntEnum], said: Any) -> Any:
    """Give a word's number: files say `purchase`, the journal says 1. Numbers are what they are."""
    if not isinstance(said, str):
        return said
    try:
        return words[said.upper().replace("-", "_")].value
    except KeyError:
        every = ", ".join(word.name.lower() for word in words)
        raise ValueError(f"{said!r} is none of {every}") from None


_NUMBERED = {"operations": _operations, "credit": _credit}
_OF_TERMS: dict[str, type[IntEnum]] = {"calendar": Calendar, "rest": Rest, "fee": FeeKind}


def _of_function(source: str, *, programme: int, version: int, club: int) -> Programme:
    module, _, name = source.partition(":")
    if not name:
        raise ValueError("neither a .toml or .json file nor module:function")
    found = getattr(importlib.import_module(module), name)(programme, version, club)
    if not isinstance(found, Programme):
        raise TypeError("it gives no programme")
    return found


def write_definition(definition: Programme) -> str:
    """Give a definition as TOML that `read_definition` reads; what is as usual is left out."""
    return tomli_w.dumps(_said(definition))


def _said(part: Any) -> Any:
    """Give a part in words, lists and numbers: of the fields those that are not as usual."""
    if isinstance(part, msgspec.Struct):
        return {
            field.name: _said(value)
            for field in msgspec.structs.fields(part)
            if (value := getattr(part, field.name)) != field.default and value is not None
        }
    if isinstance(part, IntEnum):
        return part.name.lower()
    if isinstance(part, tuple):
        return [_said(one) for one in part]
    return part


GREGORIAN_YEAR_MIN = 1700
"""A year before is of the Jalali calendar, one after it of the Gregorian."""


def read_day(text: str) -> int:
    """Give the day of a Jalali or Gregorian date. Raises OperatingError."""
    found = re.fullmatch(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})", text)
    if found is None:
        raise OperatingError(f"{text!r} is no date: 1405/03/01 or 2026-05-22")
    year, month, of_month = (int(part) for part in found.groups())
    calendar = Calendar.JALALI if year < GREGORIAN_YEAR_MIN else Calendar.GREGORIAN
    try:
        return day_number(calendar, year, month, of_month)
    except OutOfCalendar as error:
        raise OperatingError(f"{text}: {error}") from error
