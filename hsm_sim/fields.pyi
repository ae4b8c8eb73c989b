"""Reading a command's fields, by length: some of them are binary, so nothing is ever searched for.

Owns the cursor and the common forms (digits, hex, keys as they are on the wire). Every fault is
`Refused`, mostly with 15. Knows no key, no command.

A command's frame is `fields [ '%' lmk id 2N ] [ X'19' trailer ]`: a handler takes its fields, then
calls `end`, and only then looks at what they mean.
"""

from typing import final

from hsm_sim.errors import ErrorCode

@final
class Fields:
    """A cursor over the fields of one command (everything after its two letters)."""

    def __init__(self, data: bytes) -> None: ...
    @property
    def lmk_id(self) -> int | None:
        """Which LMK the command names, once it was taken."""

    @property
    def trailer(self) -> bytes | None:
        """What is to be given back behind the response; None without an X'19'."""

    @property
    def left(self) -> int:
        """How many bytes have not been taken."""

    def peek(self, count: int = 1) -> bytes:
        """Give the next bytes without taking them; fewer at the end."""

    def take(self, count: int) -> bytes:
        """Take so many bytes, whatever they are."""

    def text(self, count: int) -> str:
        """Take printable ASCII characters."""

    def digits(self, count: int, code: ErrorCode = ErrorCode.INPUT_DATA) -> str:
        """Take decimal digits; `code` says what is wrong with others."""

    def number(self, count: int) -> int:
        """Take a decimal number of so many digits."""

    def hex_number(self, count: int) -> int:
        """Take a hexadecimal number of so many characters."""

    def hex(self, count: int) -> bytes:
        """Take `count` hexadecimal characters (upper case) as `count / 2` bytes."""

    def expect(self, literal: bytes) -> None:
        """Take exactly these bytes."""

    def accept(self, literal: bytes) -> bool:
        """Take these bytes if they are next."""

    def digits_until(self, delimiter: bytes, count_max: int) -> str:
        """Take digits up to a delimiter, and the delimiter."""

    def key(self, bare: int = 16) -> bytes:
        """Take a key as it is on the wire, its scheme letter included.

        `bare`: characters of a key without a scheme letter, 16 (single) or 32 (a pair).
        """

    def take_lmk_id(self) -> None:
        """Take the LMK identifier, if it is next; options of a key block stand behind it."""

    def all_but(self, behind: int) -> bytes:
        """Take all but the last `behind` characters before the frame's end.

        For the one field of a command whose width is not told; no `%` is in the others.
        """

    def end(self) -> None:
        """Take the LMK identifier and the trailer, if there are; anything else is refused."""

    def abandon(self) -> None:
        """Take the trailer of a command that is refused before it was read to its end.

        It is what is printable behind the last X'19'. What was taken before the last step is no
        part of it: that may be binary.
        """
