"""A configuration as TOML text: the standard library reads TOML and does not write it.

Owns the spelling of the shapes that `switch.config` has (tables, arrays of tables, plain values).
Must not know what any of it means.
"""

import json
from pathlib import Path

import msgspec

from switch.config import Config

Table = dict[str, object]


def config_text(config: Config) -> str:
    """Give `config` as TOML that `switch.config.load_config` reads back to the same value."""
    builtins: Table = msgspec.to_builtins(config, enc_hook=_spell_path)
    return "\n".join(_lines(builtins, "")) + "\n"


def _spell_path(value: object) -> str:
    assert isinstance(value, Path), f"a configuration holds no {type(value).__name__}"
    return str(value)


def _lines(table: Table, prefix: str) -> list[str]:
    lines: list[str] = []
    nested: list[str] = []
    for key, value in table.items():
        name = prefix + key
        if isinstance(value, dict):
            nested += [f"[{name}]", *_lines(value, f"{name}.")]
        elif isinstance(value, list | tuple):
            if not any(isinstance(item, dict) for item in value):
                lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
                continue
            for item in value:
                nested += [f"[[{name}]]", *_lines(item, f"{name}.")]
        elif value is not None:
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
    # Plain values first: behind a table's header they would belong to that table.
    return lines + nested
