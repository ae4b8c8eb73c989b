"""One writer for every reply: runs a compiled plan the other way round.

Knows no dialect and no element by number, except that bits 1 and 65 announce another bitmap. What
it has written it checks with the very functions of the scan, so it writes nothing that a scan
would refuse.
"""

from libc.stdint cimport int16_t, uint32_t
from libc.string cimport memcpy, memmove, memset

from switch.iso8583._content cimport (
    FAULT_CONTENT, FAULT_LENGTH, FAULT_MTI, FAULT_NONE, FAULT_ORDER, FAULT_SPACE,
    FAULT_UNKNOWN_ELEMENT, bitmap_bytes, character_of, check_content, measure, nibble_of)
from switch.iso8583._plan cimport (
    CHARSET_PACKED, ELEMENT_MAX, LAYOUT_BYTES, LAYOUT_DIGITS, LAYOUT_DIGITS_EVEN, LAYOUT_SIGNED,
    LAYOUT_TEXT, LAYOUT_TEXT_HALF, LENGTH_BCD, LENGTH_FIXED, LENGTH_TEXT, SIDE_LEFT, SIDE_NONE,
    Charset, ElementPlan, Plan)
from switch.iso8583._scan cimport FAULT_AT_HEADER, has

cdef extern from *:
    uint64_t __builtin_bswap64(uint64_t) noexcept nogil

cdef enum:
    BITMAPS_MAX = 3

cdef uint64_t FIRST_BIT = 1ULL << 63


cdef int write_begin(
    Writer *w, const Plan *plan, uint8_t *out, size_t out_bytes, const char *mti
) noexcept nogil:
    """Start a message into `out`; `mti` is four ASCII digits. 0, or -1 and `w.fault`."""
    return write_begin_behind(w, plan, out, out_bytes, mti, NULL, 0)


cdef int write_begin_behind(
    Writer *w, const Plan *plan, uint8_t *out, size_t out_bytes, const char *mti,
    const char *header, size_t header_count
) noexcept nogil:
    """Start a message behind a header, which is given exactly if the plan has one."""
    w.plan = plan
    w.out = out
    w.out_bytes = out_bytes
    w.at = 0
    w.fault = FAULT_NONE
    w.last_element = FAULT_AT_HEADER
    memset(w.present, 0, sizeof(w.present))
    if plan.header.defined != (header is not NULL):
        return refuse(w, FAULT_LENGTH)
    if plan.header.defined and put_text(w, &plan.header, header, header_count) < 0:
        return -1
    w.last_element = 0
    if put_text(w, &plan.elements[0], mti, 4) < 0:
        if w.fault == FAULT_CONTENT:
            w.fault = FAULT_MTI
        return -1
    # Most messages have one bitmap: the others push the elements back when the message ends.
    w.bitmap_at = w.at
    w.at += bitmap_bytes(plan, 0) * (2 if plan.is_bitmap_fixed else 1)
    if w.at > out_bytes:
        return refuse(w, FAULT_SPACE)
    return 0


cdef inline int refuse(Writer *w, int fault) noexcept nogil:
    w.fault = fault
    return -1


cdef inline const ElementPlan *next_element(Writer *w, int element) noexcept nogil:
    """The plan of the element that comes next; NULL, and `w.fault`, if it can't come now."""
    if w.fault != FAULT_NONE:
        return NULL
    # Bits 1 and 65 announce a bitmap unless bitmaps are fixed, and then neither is in the plan
    # of an element that could be written here: spec.py sees to it.
    if not 2 <= element <= ELEMENT_MAX or not w.plan.elements[element].defined:
        w.last_element = element
        w.fault = FAULT_UNKNOWN_ELEMENT
        return NULL
    if element <= w.last_element:
        w.last_element = element
        w.fault = FAULT_ORDER
        return NULL
    w.last_element = element
    return &w.plan.elements[element]


cdef inline int wrote(Writer *w, int element) noexcept nogil:
    w.present[element >> 6] |= 1ULL << (element & 63)
    return 0


cdef int write_text(Writer *w, int element, const char *text, size_t count) noexcept nogil:
    """Write an element given as ASCII characters: digits, text, or hex for a binary one.

    A short value of a fixed element is filled as the spec says. 0, or -1 and `w.fault`.
    """
    cdef const ElementPlan *plan = next_element(w, element)
    if plan is NULL or put_text(w, plan, text, count) < 0:
        return -1
    return wrote(w, element)


cdef int write_digits(Writer *w, int element, uint64_t value) noexcept nogil:
    """Write a number into a fixed element of at most 20 digits, with zeros to its left."""
    cdef char text[20]
    cdef const ElementPlan *plan = next_element(w, element)
    cdef uint32_t i
    if plan is NULL:
        return -1
    if (plan.length_kind != LENGTH_FIXED or plan.fixed_count > sizeof(text)
            or plan.layout == LAYOUT_BYTES or plan.is_signed):
        return refuse(w, FAULT_LENGTH)
    i = plan.fixed_count
    while i:
        i -= 1
        text[i] = <char>(c'0' + value % 10)
        value //= 10
    if value:
        return refuse(w, FAULT_LENGTH)
    if put_text(w, plan, text, plan.fixed_count) < 0:
        return -1
    return wrote(w, element)


cdef int write_bytes(Writer *w, int element, const uint8_t *data, size_t count) noexcept nogil:
    """Write an element's bytes as they stand: binary, or text already in its codec."""
    cdef const ElementPlan *plan = next_element(w, element)
    cdef size_t length = count
    if plan is NULL:
        return -1
    if plan.layout == LAYOUT_TEXT_HALF:
        length *= 2
    elif plan.layout != LAYOUT_BYTES and plan.layout != LAYOUT_TEXT:
        return refuse(w, FAULT_CONTENT)
    if begin_data(w, plan, length, count) < 0:
        return -1
    memcpy(w.out + w.at, data, count)
    if end_data(w, plan, <uint32_t>count, <uint32_t>count) < 0:
        return -1
    return wrote(w, element)


cdef int write_copy(
    Writer *w, int element, const Scan *found, const uint8_t *data
) noexcept nogil:
    """Write an element of a scanned message of the same plan, with its prefix, byte for byte."""
    cdef const ElementPlan *plan = next_element(w, element)
    cdef size_t prefix
    cdef size_t bytes
    if plan is NULL:
        return -1
    if not has(found, element):
        return refuse(w, FAULT_UNKNOWN_ELEMENT)
    prefix = plan.length_bytes
    bytes = prefix + found.elements[element].bytes
    if w.out_bytes - w.at < bytes:
        return refuse(w, FAULT_SPACE)
    memcpy(w.out + w.at, data + found.elements[element].offset - prefix, bytes)
    w.at += bytes
    return wrote(w, element)


cdef Py_ssize_t write_end(Writer *w) noexcept nogil:
    """Write the bitmaps and return the message's bytes, or -1 and `w.fault`."""
    cdef uint64_t bitmaps[BITMAPS_MAX]
    cdef const Plan *plan = w.plan
    cdef size_t first = bitmap_bytes(plan, 0)
    cdef size_t more = bitmap_bytes(plan, 1)
    cdef size_t at = w.bitmap_at
    cdef size_t push
    cdef int element
    cdef int i
    if w.fault != FAULT_NONE:
        return -1
    for i in range(BITMAPS_MAX):
        bitmaps[i] = bitmap_of(w.present, i)
    if plan.is_bitmap_fixed:
        put_bitmap(plan, plan.bitmap_charsets[0], w.out + at, bitmaps[0])
        put_bitmap(plan, plan.bitmap_charsets[0], w.out + at + first, bitmaps[1])
        return <Py_ssize_t>w.at
    if bitmaps[2]:
        bitmaps[1] |= FIRST_BIT
    if bitmaps[1]:
        bitmaps[0] |= FIRST_BIT
        if not plan.elements[1].defined:
            w.last_element = 1
            return refuse(w, FAULT_UNKNOWN_ELEMENT)
        push = more * (2 if bitmaps[2] else 1)
        if w.out_bytes - w.at < push:
            return refuse(w, FAULT_SPACE)
        memmove(w.out + at + first + push, w.out + at + first, w.at - at - first)
        w.at += push
    put_bitmap(plan, plan.bitmap_charsets[0], w.out + at, bitmaps[0])
    for i in range(1, BITMAPS_MAX):
        if bitmaps[i]:
            put_bitmap(plan, plan.bitmap_charsets[1], w.out + at + first + more * (i - 1),
                       bitmaps[i])
    return <Py_ssize_t>w.at


cdef inline uint64_t bitmap_of(const uint64_t *present, int which) noexcept nogil:
    """The bitmap whose first bit, the highest, is element 64 * which + 1."""
    cdef uint64_t bits = present[which] >> 1 | present[which + 1] << 63
    bits = (bits >> 1 & 0x5555555555555555ULL) | (bits & 0x5555555555555555ULL) << 1
    bits = (bits >> 2 & 0x3333333333333333ULL) | (bits & 0x3333333333333333ULL) << 2
    bits = (bits >> 4 & 0x0f0f0f0f0f0f0f0fULL) | (bits & 0x0f0f0f0f0f0f0f0fULL) << 4
    return __builtin_bswap64(bits)


cdef inline void put_bitmap(
    const Plan *plan, uint8_t charset, uint8_t *out, uint64_t bitmap
) noexcept nogil:
    cdef uint64_t bits = __builtin_bswap64(bitmap)
    cdef int i
    if charset == CHARSET_PACKED:
        memcpy(out, &bits, 8)
        return
    for i in range(16):
        out[i] = <uint8_t>plan.charsets[charset].from_ascii[
            character_of(<int>(bitmap >> (60 - 4 * i) & 15))]


cdef inline int put_text(
    Writer *w, const ElementPlan *element, const char *text, size_t count
) noexcept nogil:
    """Write prefix and data of one element from ASCII characters; 0, or -1 and `w.fault`."""
    cdef size_t characters = count
    cdef size_t lead = 0
    cdef size_t length
    cdef size_t bytes
    cdef uint32_t unit_count
    if element.length_kind == LENGTH_FIXED:
        characters = element.fixed_count
        if element.layout == LAYOUT_BYTES:
            characters *= 2
        if count != characters:
            if count > characters or element.fill_side == SIDE_NONE:
                return refuse(w, FAULT_LENGTH)
            lead = characters - count if element.fill_side == SIDE_LEFT else 0
    length = characters
    bytes = characters
    unit_count = <uint32_t>characters
    if element.layout == LAYOUT_BYTES or element.layout == LAYOUT_DIGITS_EVEN:
        bytes = characters >> 1
        length = bytes
        if characters & 1:
            return refuse(w, FAULT_LENGTH)
        if element.layout == LAYOUT_BYTES:
            unit_count = <uint32_t>bytes
    elif element.layout == LAYOUT_TEXT_HALF:
        length = characters * 2
    elif element.layout == LAYOUT_DIGITS:
        bytes = (characters + 1) >> 1
    elif element.layout == LAYOUT_SIGNED:
        bytes = 1 + (characters >> 1)
    if begin_data(w, element, length, bytes) < 0:
        return -1
    if element.layout == LAYOUT_TEXT or element.layout == LAYOUT_TEXT_HALF:
        if not put_characters(w, element, text, count, lead, characters):
            return refuse(w, FAULT_CONTENT)
    elif not put_nibbles(w, element, text, count, lead, characters):
        return refuse(w, FAULT_CONTENT)
    return end_data(w, element, <uint32_t>bytes, unit_count)


cdef inline int begin_data(
    Writer *w, const ElementPlan *element, size_t length, size_t bytes
) noexcept nogil:
    """Check that a length may be, make sure of the room, write the prefix."""
    cdef const Charset *letters = &w.plan.charsets[element.length_charset]
    cdef uint32_t measured_bytes = element.fixed_bytes
    cdef uint32_t measured_count
    cdef int i
    if element.length_kind == LENGTH_FIXED:
        if bytes != element.fixed_bytes:
            return refuse(w, FAULT_LENGTH)
    elif not measure(element, length, &measured_bytes, &measured_count):
        return refuse(w, FAULT_LENGTH)
    if w.out_bytes - w.at < element.length_bytes + bytes:
        return refuse(w, FAULT_SPACE)
    i = element.length_bytes
    while i:
        i -= 1
        if element.length_kind == LENGTH_TEXT:
            w.out[w.at + i] = <uint8_t>letters.from_ascii[c'0' + length % 10]
            length //= 10
        elif element.length_kind == LENGTH_BCD:
            w.out[w.at + i] = <uint8_t>(length % 10 | (length // 10 % 10) << 4)
            length //= 100
        else:
            w.out[w.at + i] = <uint8_t>length
            length >>= 8
    w.at += element.length_bytes
    return 0


cdef inline int end_data(
    Writer *w, const ElementPlan *element, uint32_t bytes, uint32_t count
) noexcept nogil:
    """Check what was just written at `w.at` as a scan would, and step behind it."""
    cdef size_t bad = 0
    cdef int fault = check_content(w.plan, element, w.out + w.at, bytes, count, &bad)
    if fault != FAULT_NONE:
        return refuse(w, fault)
    w.at += bytes
    return 0


cdef inline uint8_t character_at(
    const ElementPlan *element, const char *text, size_t count, size_t lead, size_t i
) noexcept nogil:
    """The value's i-th character once it is filled to its width."""
    if i < lead or i - lead >= count:
        return element.fill_character
    return <uint8_t>text[i - lead]


cdef inline bint put_characters(
    Writer *w, const ElementPlan *element, const char *text, size_t count, size_t lead,
    size_t characters
) noexcept nogil:
    cdef const int16_t *from_ascii = &w.plan.charsets[element.charset].from_ascii[0]
    cdef uint8_t character
    cdef int16_t byte
    cdef size_t i
    for i in range(characters):
        character = character_at(element, text, count, lead, i)
        byte = from_ascii[character] if character < 128 else -1
        if byte < 0:
            return False
        w.out[w.at + i] = <uint8_t>byte
    return True


cdef inline bint put_nibbles(
    Writer *w, const ElementPlan *element, const char *text, size_t count, size_t lead,
    size_t characters
) noexcept nogil:
    cdef uint8_t *out = w.out + w.at
    cdef uint8_t character
    cdef size_t first = 0
    cdef size_t at = 0
    cdef size_t i
    cdef int nibble
    if element.layout == LAYOUT_SIGNED:
        character = character_at(element, text, count, lead, 0)
        if character > 127 or w.plan.charsets[element.charset].from_ascii[character] < 0:
            return False
        out[0] = <uint8_t>w.plan.charsets[element.charset].from_ascii[character]
        out += 1
        first = 1
    if (characters - first) & 1:
        if element.pad_side == SIDE_LEFT:
            out[0] = element.pad_nibble << 4
            at = 1
        else:
            out[(characters - first) >> 1] = element.pad_nibble
    for i in range(first, characters):
        nibble = nibble_of(character_at(element, text, count, lead, i))
        if nibble < 0:
            return False
        if at & 1:
            out[at >> 1] |= <uint8_t>nibble
        elif i + 1 == characters and characters - first & 1:
            out[at >> 1] |= <uint8_t>(nibble << 4)
        else:
            out[at >> 1] = <uint8_t>(nibble << 4)
        at += 1
    return True
