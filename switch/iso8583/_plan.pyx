"""The class that owns a compiled plan's memory.

It copies what `switch.iso8583.spec` has already checked and worked out; it decides nothing.
"""

cimport cython
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy


@cython.final
cdef class Spec:
    """A compiled spec. Made by `switch.iso8583.compile_spec`, never directly."""

    def __cinit__(
        self,
        *,
        str name not None,
        object header,
        dict elements not None,
        tuple codecs not None,
        list charsets not None,
        dict rows not None,
        tuple bitmap_charsets not None,
        bint is_bitmap_fixed,
    ):
        self.plan = <Plan *>calloc(1, sizeof(Plan))
        if self.plan is NULL:
            raise MemoryError
        self.name = name
        self.header = header
        self.elements = elements
        self.codecs = codecs
        self.plan.is_bitmap_fixed = is_bitmap_fixed
        self.plan.bitmap_charsets = bitmap_charsets
        if len(charsets) > CHARSET_MAX:
            raise ValueError(f"a spec uses at most {CHARSET_MAX - 1} codecs")
        self.plan.charset_count = <uint8_t>len(charsets)
        for index, (refused, to_ascii, from_ascii, code_points) in enumerate(charsets):
            fill_charset(
                &self.plan.charsets[<int>index], refused, to_ascii, from_ascii, code_points)
        for number, row in rows.items():
            if number == "h":
                self.plan.header = row
            elif 0 <= number <= ELEMENT_MAX:
                self.plan.elements[<int>number] = row
            else:
                raise ValueError(f"no element {number}")

    def __dealloc__(self):
        free(self.plan)

    def __reduce__(self):
        raise TypeError("a compiled spec is not picklable: compile it where it is used")

    def __repr__(self):
        return f"<Spec {self.name}: {len(self.elements)} elements>"


cdef int fill_charset(
    Charset *charset, bytes refused, bytes to_ascii, tuple from_ascii, tuple code_points
) except -1:
    """Copy one codec's tables: 256, 256, 128 and 256 entries."""
    cdef int byte
    assert len(refused) == 256 and len(to_ascii) == 256
    memcpy(charset.refused, <const uint8_t *>refused, 256)
    memcpy(charset.to_ascii, <const uint8_t *>to_ascii, 256)
    charset.is_ascii = 1
    for byte in range(128):
        charset.from_ascii[byte] = from_ascii[byte]
    for byte in range(256):
        charset.code_points[byte] = code_points[byte]
        # A byte above 127 may be no character, as in ASCII, but not another one.
        if to_ascii[byte] != byte if byte < 128 else not refused[byte] & CONTENT_ANY:
            charset.is_ascii = 0
    return 0
