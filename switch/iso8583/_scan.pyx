"""One scan for every lane: runs a compiled plan over a message's bytes.

Knows no dialect and no element by number, except that bits 1 and 65 announce another bitmap. It
allocates nothing and touches no Python object, so the fast lane calls it without the GIL.

A scan checks everything that can be checked on one element: its length, its content class, its
padding, its sub-elements. What it accepts can be written again byte for byte.
"""

from libc.string cimport memcpy, memset

from switch.iso8583._content cimport (
    FAULT_BITMAP, FAULT_CONTENT, FAULT_LENGTH, FAULT_MTI, FAULT_NONE, FAULT_TRAILING,
    FAULT_TRUNCATED, FAULT_UNKNOWN_ELEMENT, character_of, check_content, measure, nibble_of)
from switch.iso8583._plan cimport (
    CHARSET_PACKED, ELEMENT_MAX, LAYOUT_BYTES, LAYOUT_SIGNED, LAYOUT_TEXT, LAYOUT_TEXT_HALF,
    LENGTH_BCD, LENGTH_FIXED, LENGTH_TEXT, NOT_ASCII, SIDE_LEFT, Charset, ElementPlan, Plan)

cdef extern from *:
    int __builtin_clzll(unsigned long long) noexcept nogil
    uint64_t __builtin_bswap64(uint64_t) noexcept nogil

cdef enum:
    BITMAP_BITS = 64
    BITMAPS_MAX = 3
    DIGITS_MAX = 19             # the most that always fit 64 bits

cdef uint64_t FIRST_BIT = 1ULL << 63


cdef int scan(const Plan *plan, const uint8_t *data, size_t bytes, Scan *out) noexcept nogil:
    """Find and check every element of one whole message; returns a Fault.

    After a fault `present` and `elements` hold what stands before it, `fault_element` says where
    it is and `fault_offset` the byte.
    """
    cdef uint64_t bitmaps[BITMAPS_MAX]
    cdef uint64_t bits
    cdef size_t at = 0
    cdef int word
    cdef int bit
    cdef int element = FAULT_AT_HEADER
    cdef int fault = FAULT_NONE
    memset(out.present, 0, sizeof(out.present))
    out.header.bytes = 0
    if bytes > 0x7FFFFFFF:
        return failed(out, FAULT_LENGTH, FAULT_AT_HEADER, 0)
    if plan.header.defined:
        fault = scan_element(plan, &plan.header, data, bytes, &at, &out.header)
        if fault != FAULT_NONE:
            return failed(out, fault, FAULT_AT_HEADER, at)
    fault = scan_element(plan, &plan.elements[0], data, bytes, &at, &out.elements[0])
    if fault != FAULT_NONE:
        return failed(out, FAULT_MTI if fault == FAULT_CONTENT else fault, 0, at)
    out.present[0] = 1
    fault = scan_bitmaps(plan, data, bytes, &at, bitmaps, &element)
    if fault != FAULT_NONE:
        return failed(out, fault, element, at)
    element = 0
    for word in range(BITMAPS_MAX):
        bits = bitmaps[word]
        while bits:
            bit = __builtin_clzll(bits)
            bits ^= FIRST_BIT >> bit
            element = word * BITMAP_BITS + bit + 1
            if not plan.elements[element].defined:
                return failed(out, FAULT_UNKNOWN_ELEMENT, element, at)
            fault = scan_element(
                plan, &plan.elements[element], data, bytes, &at, &out.elements[element])
            if fault != FAULT_NONE:
                return failed(out, fault, element, at)
            out.present[element >> 6] |= 1ULL << (element & 63)
    if at != bytes:
        return failed(out, FAULT_TRAILING, element, at)
    return FAULT_NONE


cdef inline int failed(Scan *out, int fault, int element, size_t at) noexcept nogil:
    out.fault_element = element
    out.fault_offset = <uint32_t>at
    return fault


cdef int scan_bitmaps(
    const Plan *plan, const uint8_t *data, size_t bytes, size_t *at, uint64_t *bitmaps,
    int *element
) noexcept nogil:
    """Read one, two or three bitmaps; the bits that announce another are taken out."""
    cdef int fault
    bitmaps[1] = 0
    bitmaps[2] = 0
    element[0] = FAULT_AT_BITMAP
    fault = take_bitmap(plan, plan.bitmap_charsets[0], data, bytes, at, &bitmaps[0])
    if fault != FAULT_NONE:
        return fault
    if plan.is_bitmap_fixed:
        return take_bitmap(plan, plan.bitmap_charsets[0], data, bytes, at, &bitmaps[1])
    if not bitmaps[0] & FIRST_BIT:
        return FAULT_NONE
    bitmaps[0] ^= FIRST_BIT
    element[0] = 1
    if not plan.elements[1].defined:
        return FAULT_UNKNOWN_ELEMENT
    fault = take_bitmap(plan, plan.bitmap_charsets[1], data, bytes, at, &bitmaps[1])
    if fault != FAULT_NONE:
        return fault
    # Nobody writes an empty bitmap: it could not be told from a message without it.
    if not bitmaps[1]:
        return FAULT_BITMAP
    if not bitmaps[1] & FIRST_BIT:
        return FAULT_NONE
    bitmaps[1] ^= FIRST_BIT
    element[0] = 65
    fault = take_bitmap(plan, plan.bitmap_charsets[1], data, bytes, at, &bitmaps[2])
    if fault == FAULT_NONE and not bitmaps[2]:
        return FAULT_BITMAP
    return fault


cdef int take_bitmap(
    const Plan *plan, uint8_t charset, const uint8_t *data, size_t bytes, size_t *at,
    uint64_t *bitmap
) noexcept nogil:
    """Read 8 bytes, or 16 upper-case hex digits; bit 63 of the result is the first element."""
    cdef const Charset *letters = &plan.charsets[charset]
    cdef uint64_t bits = 0
    cdef int nibble
    cdef int i
    if charset == CHARSET_PACKED:
        if bytes - at[0] < 8:
            return FAULT_TRUNCATED
        memcpy(&bits, data + at[0], 8)
        bitmap[0] = __builtin_bswap64(bits)
        at[0] += 8
        return FAULT_NONE
    if bytes - at[0] < 16:
        return FAULT_TRUNCATED
    for i in range(16):
        nibble = nibble_of(letters.to_ascii[data[at[0]]])
        if nibble < 0:
            return FAULT_BITMAP
        bits = bits << 4 | <uint64_t>nibble
        at[0] += 1
    bitmap[0] = bits
    return FAULT_NONE


cdef inline int scan_element(
    const Plan *plan, const ElementPlan *element, const uint8_t *data, size_t bytes, size_t *at,
    Element *out
) noexcept nogil:
    """Take one element's length and data; `at` moves behind it, or to the byte at fault."""
    cdef size_t length = 0
    cdef size_t bad = 0
    cdef int fault
    if element.length_kind == LENGTH_FIXED:
        out.bytes = element.fixed_bytes
        out.count = element.fixed_count
    else:
        if bytes - at[0] < element.length_bytes:
            return FAULT_TRUNCATED
        if not take_length(plan, element, data + at[0], &length):
            return FAULT_LENGTH
        if not measure(element, length, &out.bytes, &out.count):
            return FAULT_LENGTH
        at[0] += element.length_bytes
    if bytes - at[0] < out.bytes:
        return FAULT_TRUNCATED
    out.offset = <uint32_t>at[0]
    fault = check_content(plan, element, data + at[0], out.bytes, out.count, &bad)
    at[0] += bad
    return fault


cdef inline bint take_length(
    const Plan *plan, const ElementPlan *element, const uint8_t *data, size_t *length
) noexcept nogil:
    """Read a length prefix that is known to be there; False if it is no number."""
    cdef const uint8_t *to_ascii = &plan.charsets[element.length_charset].to_ascii[0]
    cdef size_t value = 0
    cdef int i
    cdef int byte
    for i in range(element.length_bytes):
        byte = data[i]
        if element.length_kind == LENGTH_TEXT:
            byte = to_ascii[byte] - c'0'
            if byte < 0 or byte > 9:
                return False
            value = value * 10 + byte
        elif element.length_kind == LENGTH_BCD:
            if byte & 0x0F > 9 or byte > 0x99:
                return False
            value = value * 100 + (byte >> 4) * 10 + (byte & 0x0F)
        else:
            value = value << 8 | byte
    length[0] = value
    return True


cdef int read_digits(
    const Plan *plan, const Scan *found, const uint8_t *data, int element, uint64_t *value
) noexcept nogil:
    """Read an element of up to 19 digits as a number: 0, or -1 if it is absent or anything else."""
    cdef char text[DIGITS_MAX]
    cdef uint64_t number = 0
    cdef Py_ssize_t count = read_text(plan, found, data, element, text, DIGITS_MAX)
    cdef Py_ssize_t i
    if count < 0:
        return -1
    for i in range(count):
        if not c'0' <= text[i] <= c'9':
            return -1
        number = number * 10 + <uint64_t>(text[i] - c'0')
    value[0] = number
    return 0


cdef Py_ssize_t read_text(
    const Plan *plan, const Scan *found, const uint8_t *data, int element, char *out,
    size_t out_bytes
) noexcept nogil:
    """Read an element of a scanned message as ASCII; its character count.

    Packed digits are unpacked, other codecs translated, binary becomes hex. -1: the element is
    absent, longer than `out_bytes`, or has a character that ASCII has not.
    """
    cdef const Element *place
    if not 0 <= element <= ELEMENT_MAX or not has(found, element):
        return -1
    place = &found.elements[element]
    return unpack_text(
        plan, &plan.elements[element], data + place.offset, place.bytes, place.count, out,
        out_bytes)


cdef Py_ssize_t unpack_text(
    const Plan *plan, const ElementPlan *element, const uint8_t *data, uint32_t bytes,
    uint32_t count, char *out, size_t out_bytes
) noexcept nogil:
    """Write checked bytes of an element as ASCII characters; their count or -1."""
    cdef const uint8_t *to_ascii = &plan.charsets[element.charset].to_ascii[0]
    cdef uint32_t characters = count * 2 if element.layout == LAYOUT_BYTES else count
    cdef uint32_t at = 0
    cdef uint32_t nibble = 0
    cdef uint32_t i
    if characters > out_bytes:
        return -1
    if element.layout == LAYOUT_TEXT or element.layout == LAYOUT_TEXT_HALF:
        for i in range(bytes):
            out[i] = <char>to_ascii[data[i]]
            if to_ascii[data[i]] == NOT_ASCII:
                return -1
        return characters
    if element.layout == LAYOUT_SIGNED:
        out[0] = <char>to_ascii[data[0]]
        data += 1
        at = 1
    if (characters - at) & 1 and element.pad_side == SIDE_LEFT:
        nibble = 1
    for i in range(at, characters):
        out[i] = <char>character_of(
            data[nibble >> 1] & 0x0F if nibble & 1 else data[nibble >> 1] >> 4)
        nibble += 1
    return characters
