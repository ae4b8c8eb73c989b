"""What may stand in an element: shared by the scan and the writer, so that they can't disagree.

Bodies in a `.pxd` are the exception here: these run once an element and are worth inlining.
"""

from libc.stdint cimport uint8_t, uint32_t

from switch.iso8583._plan cimport (
    CHARSET_PACKED, LAYOUT_DIGITS, LAYOUT_DIGITS_EVEN, LAYOUT_SIGNED, LAYOUT_TEXT_HALF,
    NESTED_NONE, SIDE_LEFT, SIDE_NONE, ElementPlan, Plan)
from switch.iso8583._tlv cimport first_broken

cdef enum Fault:
    FAULT_NONE = 0
    FAULT_TRUNCATED = 1         # the data ends inside the element
    FAULT_TRAILING = 2          # data behind the last element
    FAULT_LENGTH = 3            # a length that is no number, or beyond what the spec allows
    FAULT_CONTENT = 4           # a byte that its content class does not have
    FAULT_UNKNOWN_ELEMENT = 5   # not in the spec
    FAULT_BITMAP = 6            # not a bitmap, or one that would not be written like that
    FAULT_MTI = 7               # not four digits
    FAULT_PADDING = 8           # an odd count of digits padded with something else
    FAULT_NESTED = 9            # broken, repeated or too many sub-elements
    FAULT_ORDER = 10            # writer: elements come in ascending order, once
    FAULT_SPACE = 11            # writer: more than the buffer holds


cdef inline bint measure(
    const ElementPlan *element, size_t length, uint32_t *bytes, uint32_t *count
) noexcept nogil:
    """Turn a length in the prefix's unit into bytes and the element's own unit."""
    if not element.length_min <= length <= element.length_max:
        return False
    bytes[0] = <uint32_t>length
    count[0] = <uint32_t>length
    if element.layout == LAYOUT_DIGITS:
        bytes[0] = <uint32_t>(length + 1) >> 1
        return length & 1 == 0 or element.pad_side != SIDE_NONE
    if element.layout == LAYOUT_DIGITS_EVEN:
        count[0] = <uint32_t>length * 2
    elif element.layout == LAYOUT_SIGNED:
        bytes[0] = 1 + (<uint32_t>length >> 1)
        return length > 1 and (length & 1 == 1 or element.pad_side != SIDE_NONE)
    elif element.layout == LAYOUT_TEXT_HALF:
        bytes[0] = <uint32_t>length >> 1
        count[0] = bytes[0]
        return length & 1 == 0
    return True


cdef inline int check_content(
    const Plan *plan, const ElementPlan *element, const uint8_t *data, uint32_t bytes,
    uint32_t count, size_t *bad
) noexcept nogil:
    """Check content class, sign, padding and sub-elements; `bad` is the byte at fault, or all."""
    cdef const uint8_t *refused = &plan.charsets[element.charset].refused[0]
    cdef uint8_t seen = 0
    cdef uint32_t start = 0
    cdef uint32_t i
    cdef Py_ssize_t broken
    bad[0] = bytes
    if element.is_signed:
        bad[0] = 0
        if bytes == 0 or not is_sign(plan.charsets[element.charset].to_ascii[data[0]]):
            return FAULT_CONTENT
        if element.layout == LAYOUT_SIGNED:
            return check_digits(plan, element, data, 1, bytes, count - 1, bad)
        start = 1
    elif element.layout == LAYOUT_DIGITS:
        return check_digits(plan, element, data, 0, bytes, count, bad)
    for i in range(start, bytes):
        seen |= refused[data[i]]
    if seen & element.content:
        bad[0] = start
        while not refused[data[bad[0]]] & element.content:
            bad[0] += 1
        return FAULT_CONTENT
    bad[0] = bytes
    if element.nested != NESTED_NONE:
        broken = first_broken(&plan.charsets[element.charset], element, data, bytes)
        if broken >= 0:
            bad[0] = <size_t>broken
            return FAULT_NESTED
    return FAULT_NONE


cdef inline bint is_sign(uint8_t character) noexcept nogil:
    return character == c'C' or character == c'D'


cdef inline int check_digits(
    const Plan *plan, const ElementPlan *element, const uint8_t *data, uint32_t start,
    uint32_t bytes, uint32_t digits, size_t *bad
) noexcept nogil:
    """Check packed digits and, where their count is odd, the nibble that fills the last byte."""
    cdef const uint8_t *refused = &plan.charsets[CHARSET_PACKED].refused[0]
    cdef uint32_t end = bytes
    cdef uint32_t i
    cdef int pad
    cdef int digit
    if digits & 1:
        i = start if element.pad_side == SIDE_LEFT else bytes - 1
        pad = data[i] >> 4 if element.pad_side == SIDE_LEFT else data[i] & 0x0F
        digit = data[i] & 0x0F if element.pad_side == SIDE_LEFT else data[i] >> 4
        bad[0] = i
        if pad != element.pad_nibble:
            return FAULT_PADDING
        if refused[digit] & element.content:
            return FAULT_CONTENT
        if element.pad_side == SIDE_LEFT:
            start += 1
        else:
            end -= 1
    for i in range(start, end):
        if refused[data[i]] & element.content:
            bad[0] = i
            return FAULT_CONTENT
    bad[0] = bytes
    return FAULT_NONE


cdef inline int nibble_of(uint8_t character) noexcept nogil:
    """The value of a hex digit, -1 if it is none; a lower-case one is none."""
    if c'0' <= character <= c'9':
        return character - c'0'
    if c'A' <= character <= c'F':
        return character - c'A' + 10
    return -1


cdef inline uint8_t character_of(int nibble) noexcept nogil:
    return <uint8_t>(c'0' + nibble if nibble < 10 else c'A' - 10 + nibble)


cdef inline size_t bitmap_bytes(const Plan *plan, int which) noexcept nogil:
    return 8 if plan.bitmap_charsets[which] == CHARSET_PACKED else 16
