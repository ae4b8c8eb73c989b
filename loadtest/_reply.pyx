"""Reading a reply by the target's rules, and holding it against the request.

Owns what a reply must repeat and how its code and amounts are found. Knows no element by number:
the rules name them. The scan is the codec's own.
"""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from loadtest._dice cimport dice_digest
from loadtest._script cimport Place, Template
from switch.iso8583._content cimport FAULT_NONE
from switch.iso8583._plan cimport ELEMENT_MAX, Spec
from switch.iso8583._scan cimport Element, Scan, has, read_digits, read_text, scan

cdef enum:
    TOLD_CHARACTERS_MAX = 1024

cdef uint64_t KEY_SEED = 0x6B6579


cdef uint64_t key_of(const Template *template, const uint8_t *body) noexcept nogil:
    """The key of a request; a reply with the same bytes in the key elements has the same."""
    cdef uint64_t key = KEY_SEED
    cdef int32_t i
    for i in range(template.key_count):
        key = dice_digest(body + template.keys[i].offset, template.keys[i].bytes, key)
    return key


cdef int reply_read(
    const Rules *rules, const uint8_t *body, size_t bytes, Reply *out
) noexcept nogil:
    """Scan a reply and find its key and code; -1 when it cannot be read or has no key."""
    cdef const Element *place
    cdef uint64_t key = KEY_SEED
    cdef int32_t i
    out.body = body
    out.bytes = bytes
    memset(out.code, 0, 4)
    out.partial = 0
    out.unavailable = 0
    out.approved = 1
    if scan(rules.plan, body, bytes, &out.scan) != FAULT_NONE:
        return -1
    if rules.code_element:
        if read_text(rules.plan, &out.scan, body, rules.code_element, out.code, 4) < 0:
            return -1
        out.approved = is_listed(rules.approved, rules.approved_count, out.code)
        if out.approved:
            out.partial = is_listed(rules.partial, rules.partial_count, out.code)
        else:
            out.unavailable = is_listed(rules.unavailable, rules.unavailable_count, out.code)
    for i in range(rules.key_count):
        if not has(&out.scan, rules.key_elements[i]):
            return -1
        place = &out.scan.elements[rules.key_elements[i]]
        key = dice_digest(body + place.offset, place.bytes, key)
    out.key = key
    return 0


cdef bint is_listed(const char (*codes)[4], int32_t count, const char *code) noexcept nogil:
    cdef int32_t i
    for i in range(count):
        if memcmp(codes[i], code, 4) == 0:
            return True
    return False


cdef int wrong_echo(
    const Template *template, const Reply *reply, const uint8_t *request
) noexcept nogil:
    """The first element that is not what was sent: 0 the message type, -1 when all are right.

    The amount of a partial approval is another one, and meant to be.
    """
    cdef const Place *place
    cdef const Element *found
    cdef int32_t i
    if (reply.scan.elements[0].bytes != <uint32_t> template.type_bytes or memcmp(
            reply.body + reply.scan.elements[0].offset, template.reply_type,
            template.type_bytes) != 0):
        return 0
    for i in range(template.echo_count):
        place = &template.echoes[i]
        if i == template.amount_echo and reply.partial:
            continue
        if not has(&reply.scan, place.element):
            return place.element
        found = &reply.scan.elements[place.element]
        if found.bytes != <uint32_t> place.bytes or memcmp(
                reply.body + found.offset, request + place.offset, place.bytes) != 0:
            return place.element
    return -1


cdef void reply_amounts(const Rules *rules, Reply *reply) noexcept nogil:
    """Read the approved amount and what else the reply tells."""
    cdef char text[TOLD_CHARACTERS_MAX]
    cdef uint64_t amount = 0
    cdef Py_ssize_t count
    memset(reply.told, 0, sizeof(reply.told))
    reply.amount = 0
    if rules.amount_element and read_digits(
            rules.plan, &reply.scan, reply.body, rules.amount_element, &amount) == 0:
        reply.amount = <int64_t> amount
    if rules.told_element == 0 or not has(&reply.scan, rules.told_element):
        return
    count = read_text(
        rules.plan, &reply.scan, reply.body, rules.told_element, text, TOLD_CHARACTERS_MAX)
    if count > 0:
        read_told(rules, text, count, reply.told)


cdef void read_told(
    const Rules *rules, const char *text, Py_ssize_t count, int64_t *told
) noexcept nogil:
    """Walk over tag, length, value; numbers of the tags that are wanted."""
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t head = rules.tag_characters + rules.length_digits
    cdef Py_ssize_t length, i
    cdef int tag
    while at + head <= count:
        length = 0
        for i in range(at + rules.tag_characters, at + head):
            length = length * 10 + (text[i] - 48)
        if length < 0 or at + head + length > count:
            return
        for tag in range(TAGS):
            if memcmp(text + at, rules.tags[tag], rules.tag_characters) == 0:
                told[tag] = 0
                for i in range(at + head, at + head + length):
                    told[tag] = told[tag] * 10 + (text[i] - 48)
        at += head + length


@cython.final
cdef class ReplyReader:
    """The rules of one target. Made from `loadtest.tables.ReplyRow`."""

    def __cinit__(self, Spec spec, row):
        cdef Rules *rules = &self.rules
        memset(rules, 0, sizeof(Rules))
        self.spec = spec
        rules.plan = spec.plan
        rules.key_count = len(row.key)
        for i, element in enumerate(row.key):
            rules.key_elements[i] = element
        rules.code_element = row.code
        rules.amount_element = row.amount_element
        rules.told_element = row.told
        rules.tag_characters = row.tag_characters
        rules.length_digits = row.length_digits
        rules.tpdu = row.tpdu
        fill_codes(rules.tags, row.tags)
        rules.approved_count = fill_codes(rules.approved, row.approved)
        rules.partial_count = fill_codes(rules.partial, row.partial)
        rules.unavailable_count = fill_codes(rules.unavailable, row.unavailable)
        rules.refused_count = fill_codes(rules.refused, row.refused)

    def places(self, const uint8_t[::1] body):
        """Give where elements stand: element to offset and bytes; 0 is the message type."""
        cdef Scan found
        cdef int element
        if scan(self.rules.plan, &body[0], body.shape[0], &found) != FAULT_NONE:
            raise ValueError(f"element {found.fault_element}: cannot be read again")
        return {
            element: (found.elements[element].offset, found.elements[element].bytes)
            for element in range(ELEMENT_MAX + 1) if has(&found, element)}


cdef int fill_codes(char (*out)[4], tuple codes) except -1:
    cdef int count = 0
    cdef bytes text
    for code in codes:
        text = code.encode("ascii")
        memcpy(out[count], <const char *> text, len(text))
        count += 1
    return count
