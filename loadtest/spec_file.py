"""A foreign host's ISO 8583 dialect from a TOML or JSON file (docs/loadtest.md has the reference).

Owns the short form of a row ("n12", "ans...999 Additional data") and its reading. What the rows
mean is the codec's: a whole row, as in `switch/iso8583/spec.py`, may stand for any short one.
"""

import re
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

from loadtest.errors import LoadtestError
from switch.iso8583 import Spec, SpecError, compile_spec, named
from switch.iso8583.specs import SPECS
from switch.iso8583.specs.tables import Row, packed_spec, text_spec

SHORT = re.compile(r"(n|a|an|anp|ans|z|b|x\+n)(\.*)(\d+)(?:\s+(.*))?")


class SpecFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`extends` names a built-in spec whose rows hold where this file has none."""

    name: str = ""
    extends: str | None = None
    digits: Literal["text", "packed"] = "text"
    codec: str = "ascii"
    bitmap: Literal["hex", "binary"] = "hex"  # packed digits always have a binary one
    elements: dict[str, str | dict[str, Any]]


def load_spec(name: str, beside: Path | None = None) -> Spec:
    """Give a built-in spec, or the one in a file (relative to `beside`). Raises `LoadtestError`."""
    if name in SPECS:
        return named(name)
    path = (beside or Path()) / name
    if path.suffix not in (".toml", ".json"):
        raise LoadtestError(
            f"spec {name!r}: neither one of {', '.join(SPECS)} nor a .toml or .json"
        )
    try:
        text = path.read_text("utf-8")
        parsed = tomllib.loads(text) if path.suffix == ".toml" else msgspec.json.decode(text)
        file = msgspec.convert(parsed, SpecFile)
        return compile_spec(_rows(file), file.name or path.stem)
    except OSError as error:
        raise LoadtestError(f"spec {path}: {error.strerror}") from None
    except (ValueError, SpecError) as error:
        raise LoadtestError(f"spec {path}: {error}") from None


def _rows(file: SpecFile) -> dict[str, dict[str, Any]]:
    short: dict[str, Row] = {}
    whole: dict[str, dict[str, Any]] = {}
    for key, row in file.elements.items():
        if isinstance(row, str):
            short[key] = _short_row(key, row)
        else:
            whole[key] = row
    if file.extends is not None and file.extends not in SPECS:
        raise SpecError(f"extends {file.extends!r}: there are {', '.join(SPECS)}")
    base = dict(SPECS[file.extends]) if file.extends else {}
    if file.digits == "packed":
        made = packed_spec(short, {}, codec=file.codec)
    else:
        bitmap = "b" if file.bitmap == "binary" else file.codec
        made = text_spec(short, {}, codec=file.codec, bitmap=bitmap)
    if file.extends:
        # The frame (type, bitmaps) is the base's.
        made = {key: made[key] for key in short}
    return {**{key: dict(row) for key, row in base.items()}, **made, **whole}


def _short_row(key: str, text: str) -> Row:
    found = SHORT.fullmatch(text.strip())
    if found is None:
        raise SpecError(f"element {key}: {text!r} is not of the form n12, ans...999 or b8")
    content, dots, length, title = found.groups()
    return content, len(dots), int(length), title or ""
