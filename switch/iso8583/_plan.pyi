"""The class that owns a compiled plan's memory."""

from collections.abc import Mapping, Sequence
from typing import Any, final

from switch.iso8583.spec import ElementSpec

@final
class Spec:
    """A compiled spec. Made by `switch.iso8583.compile_spec`, never directly."""

    def __init__(
        self,
        *,
        name: str,
        header: ElementSpec | None,
        elements: dict[int, ElementSpec],
        codecs: tuple[str, ...],
        charsets: Sequence[tuple[bytes, bytes, tuple[int, ...], tuple[int, ...]]],
        rows: dict[int | str, dict[str, int]],
        bitmap_charsets: tuple[int, int],
        is_bitmap_fixed: bool,
    ) -> None: ...
    @property
    def name(self) -> str:
        """What errors and `describe` call it."""

    @property
    def header(self) -> ElementSpec | None:
        """What stands before the message type, if anything."""

    @property
    def elements(self) -> Mapping[int, ElementSpec]:
        """Element number to what the spec says of it, in ascending order."""

    @property
    def codecs(self) -> tuple[str, ...]:
        """The Python codecs that the plan translates; the first is "" (packed digits)."""

    def __reduce__(self) -> Any: ...
