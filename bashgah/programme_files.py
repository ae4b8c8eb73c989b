"""Programme definitions as people keep them: a JSON or TOML file, or a function of Python; days.

Owns how they are found and read. What a definition may say is `switch.programme`'s.
"""

import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from switch._calendar import day_number
from switch.calendar import Calendar, OutOfCalendar
from switch.errors import OperatingError
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
    if isinstance(raw, dict) and isinstance(raw.get("operations"), list):
        raw["operations"] = [_operation(one) for one in raw["operations"]]
    return msgspec.convert(raw, Programme)


def _operation(said: Any) -> Any:
    """Give an operation's number for its name: files say `purchase`, the journal says 1."""
    if not isinstance(said, str):
        return said
    try:
        return Operation[said.upper().replace("-", "_")].value
    except KeyError:
        raise ValueError(f"no such operation: {said!r}") from None


def _of_function(source: str, *, programme: int, version: int, club: int) -> Programme:
    module, _, name = source.partition(":")
    if not name:
        raise ValueError("neither a .toml or .json file nor module:function")
    found = getattr(importlib.import_module(module), name)(programme, version, club)
    if not isinstance(found, Programme):
        raise TypeError("it gives no programme")
    return found


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
