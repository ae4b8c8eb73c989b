"""Structs that hold card data or secrets: they show what they choose, and are not pickled.

Owns how they look wherever an object is shown: `repr`, `str`, Rich's tracebacks. Must not know what
a card is.
"""

from typing import Any, NoReturn

import msgspec


class Masked(msgspec.Struct, frozen=True):
    """A struct of which only `shown()` is shown."""

    def shown(self) -> str:
        """Say which one it is, for logs and errors."""
        return "…"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.shown()})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("shown", self.shown())]

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: what is in here leaves only where somebody writes it out."""
        raise TypeError(f"a {type(self).__name__} is not pickled")
