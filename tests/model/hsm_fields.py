"""The slow twin of `hsm_sim.fields`: reading a command by length, in plain Python.

Owns the cursor and the common forms (digits, hex, keys as they are on the wire). Every fault is
`Refused`, mostly with 15. Knows no key, no command.

A command's frame is `fields [ '%' lmk id 2N ] [ X'19' trailer ]`: a handler takes its fields, then
calls `end`, and only then looks at what they mean.
"""

from hsm_sim.errors import ErrorCode, Refused

TRAILER_BYTES_MAX = 32
END_MESSAGE = 0x19
KEY_BLOCK_BYTES_MAX = 9999

# Characters of a key behind its scheme letter. Source: reference of public command layouts.
SCHEME_HEX = {"U": 32, "T": 48, "X": 32, "Y": 48}
_HEX = frozenset(b"0123456789ABCDEF")
_DIGITS = frozenset(b"0123456789")


class Fields:
    """A cursor over the fields of one command (everything after its two letters)."""

    __slots__ = ("_at", "_before", "_data", "lmk_id", "trailer")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = self._before = 0
        self.lmk_id: int | None = None
        self.trailer: bytes | None = None  # None = no X'19'

    @property
    def left(self) -> int:
        """How many bytes have not been taken."""
        return len(self._data) - self._at

    def peek(self, count: int = 1) -> bytes:
        """Give the next bytes without taking them; fewer at the end."""
        return self._data[self._at : self._at + count]

    def take(self, count: int) -> bytes:
        """Take so many bytes, whatever they are."""
        start = self._before = self._at
        if count < 0 or start + count > len(self._data):
            raise Refused(ErrorCode.INPUT_DATA)
        self._at = start + count
        return self._data[start : self._at]

    def text(self, count: int) -> str:
        """Take printable ASCII characters."""
        taken = self.take(count)
        if not taken.isascii() or not taken.decode("ascii").isprintable():
            raise Refused(ErrorCode.INPUT_DATA)
        return taken.decode("ascii")

    def digits(self, count: int, code: ErrorCode = ErrorCode.INPUT_DATA) -> str:
        """Take decimal digits; `code` says what is wrong with others."""
        taken = self.take(count)
        if not _DIGITS.issuperset(taken):
            raise Refused(code)
        return taken.decode("ascii")

    def number(self, count: int) -> int:
        """Take a decimal number of so many digits."""
        return int(self.digits(count))

    def hex_number(self, count: int) -> int:
        """Take a hexadecimal number of so many characters."""
        taken = self.take(count)
        if not _HEX.issuperset(taken):
            raise Refused(ErrorCode.INPUT_DATA)
        return int(taken, 16)

    def hex(self, count: int) -> bytes:
        """Take `count` hexadecimal characters (upper case) as `count / 2` bytes."""
        taken = self.take(count)
        if not _HEX.issuperset(taken):
            raise Refused(ErrorCode.INPUT_DATA)
        return bytes.fromhex(taken.decode("ascii"))

    def expect(self, literal: bytes) -> None:
        """Take exactly these bytes."""
        if self.take(len(literal)) != literal:
            raise Refused(ErrorCode.INPUT_DATA)

    def accept(self, literal: bytes) -> bool:
        """Take these bytes if they are next."""
        if self.peek(len(literal)) != literal:
            return False
        self._at += len(literal)
        return True

    def digits_until(self, delimiter: bytes, count_max: int) -> str:
        """Take digits up to a delimiter, and the delimiter."""
        taken = bytearray()
        while not self.accept(delimiter):
            if len(taken) == count_max:
                raise Refused(ErrorCode.INPUT_DATA)
            taken += self.digits(1).encode("ascii")
        return taken.decode("ascii")

    def key(self, bare: int = 16) -> bytes:
        """Take a key as it is on the wire, its scheme letter included.

        `bare`: characters of a key without a scheme letter, 16 (single) or 32 (a pair).
        """
        letter = self.peek()
        if letter in (b"S", b"R"):
            block_length = self._data[self._at + 2 : self._at + 6]
            if len(block_length) != 4 or not _DIGITS.issuperset(block_length):
                raise Refused(ErrorCode.KEY_BLOCK_HEADER)
            return self.take(1 + int(block_length))
        characters = SCHEME_HEX.get(letter.decode("latin-1"))
        scheme = b"" if characters is None else self.take(1)
        cryptogram = self.take(bare if characters is None else characters)
        if not _HEX.issuperset(cryptogram):
            raise Refused(ErrorCode.INPUT_DATA)
        return scheme + cryptogram

    def take_lmk_id(self) -> None:
        """Take the LMK identifier, if it is next; options of a key block stand behind it."""
        if self.lmk_id is None and self.accept(b"%"):
            self.lmk_id = self.number(2)

    def all_but(self, behind: int) -> bytes:
        """Take all but the last `behind` characters before the frame's end.

        For the one field of a command whose width is not told; no `%` is in the others.
        """
        rest = self._data[self._at :]
        ends = [at for at in map(rest.find, (b"%", bytes([END_MESSAGE]))) if at >= 0]
        return self.take(min(ends, default=len(rest)) - behind)

    def end(self) -> None:
        """Take the LMK identifier and the trailer, if there are; anything else is refused."""
        self.take_lmk_id()
        if self.left == 0:
            return
        if self.take(1)[0] != END_MESSAGE or self.left > TRAILER_BYTES_MAX:
            raise Refused(ErrorCode.INPUT_DATA)
        self.trailer = self.take(self.left)

    def abandon(self) -> None:
        """Take the trailer of a command that is refused before it was read to its end."""
        behind = self._data[max(self._before, len(self._data) - 1 - TRAILER_BYTES_MAX) :]
        _, marked, text = behind.rpartition(bytes([END_MESSAGE]))
        printable = all(0x20 <= character < 0x7F for character in text)
        if self.trailer is None and marked and printable:
            self.trailer = text
