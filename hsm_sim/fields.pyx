"""Reading a command's fields. See `fields.pyi`; its slow twin is `tests/model/hsm_fields.py`.

Compiled because every command reads ten of them: of a PIN translation in Python they were half.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memcmp

cimport cython

from hsm_sim.errors import ErrorCode, Refused

cdef enum:
    TRAILER_BYTES_MAX = 32
    END_MESSAGE = 0x19

cdef object INPUT_DATA = ErrorCode.INPUT_DATA
cdef object KEY_BLOCK_HEADER = ErrorCode.KEY_BLOCK_HEADER


cdef int nibble(unsigned char character) noexcept:
    """Give the value of an upper-case hexadecimal digit, or -1."""
    if c"0" <= character <= c"9":
        return character - c"0"
    if c"A" <= character <= c"F":
        return character - c"A" + 10
    return -1


cdef int scheme_characters(unsigned char letter) noexcept:
    """Give how many characters a scheme's letter announces, or 0 when it is none."""
    if letter == c"U" or letter == c"X":
        return 32
    if letter == c"T" or letter == c"Y":
        return 48
    return 0


@cython.final
cdef class Fields:
    """A cursor over the fields of one command (everything after its two letters)."""

    cdef bytes data
    cdef const unsigned char *start
    cdef Py_ssize_t at
    cdef Py_ssize_t before              # where the last step began
    cdef Py_ssize_t length
    cdef readonly object lmk_id
    cdef readonly object trailer            # None: there was no X'19'

    def __reduce__(self):
        raise TypeError("a command's fields do not leave the HSM")

    def __init__(self, bytes data not None):
        self.data = data
        self.start = <const unsigned char *> PyBytes_AS_STRING(data)
        self.at = self.before = 0
        self.length = len(data)
        self.lmk_id = self.trailer = None

    @property
    def left(self):
        """How many bytes have not been taken."""
        return self.length - self.at

    def peek(self, Py_ssize_t count=1):
        """Give the next bytes without taking them; fewer at the end."""
        return self.data[self.at:min(self.length, self.at + count)]

    def take(self, Py_ssize_t count):
        """Take so many bytes, whatever they are."""
        cdef const unsigned char *taken = self.step(count)
        return PyBytes_FromStringAndSize(<const char *> taken, count)

    def text(self, Py_ssize_t count):
        """Take printable ASCII characters."""
        cdef const unsigned char *taken = self.step(count)
        cdef Py_ssize_t i
        for i in range(count):
            if not 0x20 <= taken[i] < 0x7f:
                raise Refused(INPUT_DATA)
        return taken[:count].decode("ascii")

    def digits(self, Py_ssize_t count, code=INPUT_DATA):
        """Take decimal digits; `code` says what is wrong with others."""
        cdef const unsigned char *taken = self.step(count)
        check_digits(taken, count, code)
        return taken[:count].decode("ascii")

    def number(self, Py_ssize_t count):
        """Take a decimal number of so many digits."""
        cdef const unsigned char *taken = self.step(count)
        check_digits(taken, count, INPUT_DATA)
        return int(taken[:count])

    def hex_number(self, Py_ssize_t count):
        """Take a hexadecimal number of so many characters."""
        cdef const unsigned char *taken = self.step(count)
        check_hex(taken, count)
        return int(taken[:count], 16)

    def hex(self, Py_ssize_t count):
        """Take `count` hexadecimal characters (upper case) as `count / 2` bytes."""
        cdef const unsigned char *taken = self.step(count)
        cdef unsigned char *out
        cdef Py_ssize_t i
        check_hex(taken, count)
        if count % 2:
            raise ValueError("half a byte")
        made = PyBytes_FromStringAndSize(NULL, count // 2)
        out = <unsigned char *> PyBytes_AS_STRING(made)
        for i in range(count // 2):
            out[i] = <unsigned char> (nibble(taken[2 * i]) << 4 | nibble(taken[2 * i + 1]))
        return made

    def expect(self, bytes literal not None):
        """Take exactly these bytes."""
        cdef const unsigned char *taken = self.step(len(literal))
        if memcmp(taken, PyBytes_AS_STRING(literal), len(literal)) != 0:
            raise Refused(INPUT_DATA)

    def accept(self, bytes literal not None):
        """Take these bytes if they are next."""
        return self.accepted(<const unsigned char *> PyBytes_AS_STRING(literal), len(literal))

    def digits_until(self, bytes delimiter not None, Py_ssize_t count_max):
        """Take digits up to a delimiter, and the delimiter."""
        cdef const unsigned char *wanted = <const unsigned char *> PyBytes_AS_STRING(delimiter)
        cdef const unsigned char *first = self.start + self.at
        cdef Py_ssize_t count = 0
        while not self.accepted(wanted, len(delimiter)):
            if count == count_max:
                raise Refused(INPUT_DATA)
            check_digits(self.step(1), 1, INPUT_DATA)
            count += 1
        return first[:count].decode("ascii")

    def key(self, Py_ssize_t bare=16):
        """Take a key as it is on the wire, its scheme letter included.

        `bare`: characters of a key without a scheme letter, 16 (single) or 32 (a pair).
        """
        cdef const unsigned char *first = self.start + self.at
        cdef const unsigned char *taken
        cdef unsigned char letter = first[0] if self.at < self.length else 0
        cdef Py_ssize_t i, characters = 0
        if letter == c"S" or letter == c"R":
            if self.length - self.at < 6:
                raise Refused(KEY_BLOCK_HEADER)
            check_digits(first + 2, 4, KEY_BLOCK_HEADER)
            for i in range(2, 6):
                characters = characters * 10 + (first[i] - c"0")
            taken = self.step(1 + characters)
            return PyBytes_FromStringAndSize(<const char *> taken, 1 + characters)
        characters = scheme_characters(letter)
        if characters:
            self.step(1)
        else:
            characters = bare
        taken = self.step(characters)
        check_hex(taken, characters)
        return PyBytes_FromStringAndSize(<const char *> first, taken + characters - first)

    def take_lmk_id(self):
        """Take the LMK identifier, if it is next; options of a key block stand behind it."""
        if self.lmk_id is None and self.accepted(b"%", 1):
            self.lmk_id = self.number(2)

    def all_but(self, Py_ssize_t behind):
        """Take all but the last `behind` characters before the frame's end.

        For the one field of a command whose width is not told; no `%` is in the others.
        """
        cdef Py_ssize_t end = self.at
        while end < self.length and self.start[end] != c"%" and self.start[end] != END_MESSAGE:
            end += 1
        return self.take(end - self.at - behind)

    def end(self):
        """Take the LMK identifier and the trailer, if there are; anything else is refused."""
        if self.at == self.length:
            return
        self.take_lmk_id()
        if self.at == self.length:
            return
        if self.step(1)[0] != END_MESSAGE or self.length - self.at > TRAILER_BYTES_MAX:
            raise Refused(INPUT_DATA)
        self.trailer = self.take(self.length - self.at)

    def abandon(self):
        """Take the trailer of a command that is refused before it was read to its end.

        It is what is printable behind the last X'19'. What was taken before the last step is no
        part of it: that may be binary.
        """
        cdef Py_ssize_t at = self.length - 1
        cdef Py_ssize_t first = max(self.before, self.length - 1 - TRAILER_BYTES_MAX)
        while at >= first and 0x20 <= self.start[at] < 0x7f:
            at -= 1
        if self.trailer is None and at >= first and self.start[at] == END_MESSAGE:
            self.trailer = self.data[at + 1:]

    cdef const unsigned char *step(self, Py_ssize_t count) except NULL:
        """Move over so many bytes; the only place where bounds are checked."""
        cdef const unsigned char *taken = self.start + self.at
        self.before = self.at
        if count < 0 or count > self.length - self.at:
            raise Refused(INPUT_DATA)
        self.at += count
        return taken

    cdef bint accepted(self, const unsigned char *literal, Py_ssize_t count) noexcept:
        """Move over a literal if it is next; cannot fail."""
        if count > self.length - self.at or memcmp(self.start + self.at, literal, count) != 0:
            return False
        self.at += count
        return True


cdef int check_digits(const unsigned char *taken, Py_ssize_t count, object code) except -1:
    """Refuse, with a code, what are no decimal digits."""
    cdef Py_ssize_t i
    for i in range(count):
        if not c"0" <= taken[i] <= c"9":
            raise Refused(code)
    return 0


cdef int check_hex(const unsigned char *taken, Py_ssize_t count) except -1:
    """Refuse what are no upper-case hexadecimal digits."""
    cdef Py_ssize_t i
    for i in range(count):
        if nibble(taken[i]) < 0:
            raise Refused(INPUT_DATA)
    return 0
