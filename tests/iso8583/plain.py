"""A small spec in plain pyiso8583 format and messages of it, for the tests of the codec."""

from typing import Any

import iso8583.specs

from switch.iso8583 import Spec, compile_spec


def text(max_len: int, len_type: int = 0, **more: Any) -> dict[str, Any]:
    """A row of ASCII text."""
    return {
        "data_enc": "ascii",
        "len_enc": "ascii",
        "len_type": len_type,
        "max_len": max_len,
        "desc": "",
        **more,
    }


def packed(max_len: int, len_type: int = 0, **more: Any) -> dict[str, Any]:
    """A row of packed digits, counted in digits."""
    return {
        "data_enc": "b",
        "len_enc": "bcd",
        "len_type": len_type,
        "max_len": max_len,
        "desc": "",
        "len_count": "nibbles",
        **more,
    }


def spec_of(elements: dict[str, dict[str, Any]], bitmap: str = "b", **frame: Any) -> Spec:
    """A compiled spec of these elements, with an ASCII message type."""
    width = {"max_len": 8 if bitmap == "b" else 16}
    return compile_spec(
        {
            "h": text(0),
            "t": text(4),
            "p": {**text(8), "data_enc": bitmap, **width, **frame},
            "1": {**text(8), "data_enc": bitmap, **width},
            **elements,
        }
    )


DEFAULT = compile_spec(iso8583.specs.default, "pyiso8583 default")
DEFAULT_ASCII = compile_spec(iso8583.specs.default_ascii, "pyiso8583 default_ascii")
