"""Walking an element's sub-elements: tag-length-value in characters, and BER-TLV.

Knows no element: the plan says which kind an element carries and how wide its tags and lengths are.

A tag that comes twice is refused, because two readers would then see two messages. Constructed
BER-TLV objects may repeat: an EMV card can be sent several issuer scripts (tags 71 and 72).

Source: EMV 4.3 Book 3, annex B (BER-TLV, and the 00 bytes allowed between data objects).
"""

from libc.string cimport memcmp

from switch.iso8583._plan cimport (
    CONTENT_AN, NESTED_BER_TLV, NESTED_MAX, NESTED_TLV, NOT_ASCII)

cdef enum:
    PRIVATE_TAG_CHARACTERS = 2
    PRIVATE_LENGTH_CHARACTERS = 3
    BER_TAG_BYTES_MAX = 4
    BER_LENGTH_BYTES_MAX = 2    # 65,535: beyond any element's own limit
    BER_CONSTRUCTED = 0x20


cdef int next_tlv(
    const uint8_t *text, size_t bytes, size_t *at, const uint8_t **tag, const uint8_t **value,
    size_t *value_bytes
) noexcept nogil:
    """Step to the next of `TT LLL value`, in ASCII: an alphanumeric tag, three digits, a value."""
    cdef size_t start = at[0]
    cdef size_t length = 0
    cdef size_t i
    cdef uint8_t character
    if start == bytes:
        return 0
    if bytes - start < PRIVATE_TAG_CHARACTERS + PRIVATE_LENGTH_CHARACTERS:
        return -1
    for i in range(PRIVATE_TAG_CHARACTERS):
        if not is_alphanumeric(text[start + i]):
            return -1
    for i in range(PRIVATE_LENGTH_CHARACTERS):
        character = text[start + PRIVATE_TAG_CHARACTERS + i]
        if not c'0' <= character <= c'9':
            return -1
        length = length * 10 + character - c'0'
    start += PRIVATE_TAG_CHARACTERS + PRIVATE_LENGTH_CHARACTERS
    if bytes - start < length:
        return -1
    tag[0] = text + at[0]
    value[0] = text + start
    value_bytes[0] = length
    at[0] = start + length
    return 1


cdef inline bint is_alphanumeric(uint8_t character) noexcept nogil:
    return (c'0' <= character <= c'9' or c'A' <= character <= c'Z' or c'a' <= character <= c'z')


cdef int next_encoded_tlv(
    const Charset *charset, const ElementPlan *element, const uint8_t *text, size_t bytes,
    size_t *at, const uint8_t **tag
) noexcept nogil:
    """Step like `next_tlv`, in any codec and with the widths that the spec gives."""
    cdef size_t start = at[0]
    cdef size_t length = 0
    cdef size_t i
    cdef uint8_t character
    if start == bytes:
        return 0
    if bytes - start < <size_t>element.tag_characters + element.length_characters:
        return -1
    for i in range(element.tag_characters):
        if charset.refused[text[start + i]] & CONTENT_AN:
            return -1
    start += element.tag_characters
    for i in range(element.length_characters):
        character = charset.to_ascii[text[start + i]]
        if not c'0' <= character <= c'9':
            return -1
        length = length * 10 + character - c'0'
    start += element.length_characters
    if bytes - start < length:
        return -1
    tag[0] = text + at[0]
    at[0] = start + length
    return 1


cdef int next_ber_tlv(
    const uint8_t *data, size_t bytes, size_t *at, const uint8_t **tag, size_t *tag_bytes,
    const uint8_t **value, size_t *value_bytes
) noexcept nogil:
    """Step to the next data object, over 00 bytes that stand between objects."""
    cdef size_t start = at[0]
    cdef size_t length
    cdef size_t more
    while start < bytes and data[start] == 0:
        start += 1
    at[0] = start
    if start == bytes:
        return 0
    tag[0] = data + start
    if data[start] & 0x1F == 0x1F:
        start += 1
        while start < bytes and data[start] & 0x80:
            start += 1
    start += 1
    tag_bytes[0] = start - at[0]
    if tag_bytes[0] > BER_TAG_BYTES_MAX or start >= bytes:
        return -1
    length = data[start]
    start += 1
    if length & 0x80:
        more = length & 0x7F
        if more == 0 or more > BER_LENGTH_BYTES_MAX or bytes - start < more:
            return -1
        length = 0
        while more:
            length = length << 8 | data[start]
            start += 1
            more -= 1
    if bytes - start < length:
        return -1
    value[0] = data + start
    value_bytes[0] = length
    at[0] = start + length
    return 1


cdef Py_ssize_t first_broken(
    const Charset *charset, const ElementPlan *element, const uint8_t *data, size_t bytes
) noexcept nogil:
    """Offset of the first sub-element that is broken, repeated or one too many; -1: none is."""
    cdef const uint8_t *tags[NESTED_MAX]
    cdef size_t tags_bytes[NESTED_MAX]
    cdef const uint8_t *value = NULL
    cdef size_t value_bytes = 0
    cdef size_t tag_bytes = element.tag_characters
    cdef const uint8_t *tag = NULL
    cdef size_t at = 0
    cdef size_t start
    cdef int count = 0
    cdef int i
    cdef int step
    cdef bint may_repeat
    while True:
        start = at
        if element.nested == NESTED_TLV:
            step = next_encoded_tlv(charset, element, data, bytes, &at, &tag)
            may_repeat = False
        else:
            step = next_ber_tlv(data, bytes, &at, &tag, &tag_bytes, &value, &value_bytes)
            may_repeat = step == 1 and tag[0] & BER_CONSTRUCTED
        if step == 0:
            return -1
        if step < 0 or count == NESTED_MAX:
            return <Py_ssize_t>start
        if not may_repeat:
            for i in range(count):
                if tags_bytes[i] == tag_bytes and memcmp(tags[i], tag, tag_bytes) == 0:
                    return <Py_ssize_t>start
        tags[count] = tag
        tags_bytes[count] = tag_bytes
        count += 1
