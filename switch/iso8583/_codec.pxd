"""The C face of the codec: scan a message, read its elements, write another. No Python objects.

All functions are `noexcept`: bad input is an ordinary result here, told as a Fault or -1.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from switch.iso8583._plan cimport (
    CHARSET_PACKED, ELEMENT_MAX, Charset, ElementPlan, Nested, Plan, Spec)

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

# Where a fault is when it is in no element; an element's number otherwise, 0 for the MTI.
cdef enum:
    FAULT_AT_HEADER = -1
    FAULT_AT_BITMAP = -2

cdef struct Element:            # where an element's data stands in the message
    uint32_t offset             # of its data, behind its length prefix
    uint32_t bytes              # of its data
    uint32_t count              # in the element's own unit: digits, characters or bytes

cdef struct Scan:
    uint64_t present[4]         # bit e of the whole: word e >> 6, bit e & 63; bit 0 is the MTI
    Element elements[193]       # [0] is the MTI; only those present hold anything
    Element header
    int32_t fault_element
    uint32_t fault_offset

cdef struct Writer:
    const Plan *plan
    uint8_t *out
    size_t out_bytes
    size_t at
    size_t bitmap_at
    uint64_t present[4]
    int32_t last_element
    int32_t fault               # the first Fault; nothing is written after it

cdef int scan(const Plan *plan, const uint8_t *data, size_t bytes, Scan *out) noexcept nogil

cdef inline bint has(const Scan *found, int element) noexcept nogil:
    return (found.present[element >> 6] >> (element & 63)) & 1

cdef int read_digits(
    const Plan *plan, const Scan *found, const uint8_t *data, int element, uint64_t *value
) noexcept nogil
cdef Py_ssize_t read_text(
    const Plan *plan, const Scan *found, const uint8_t *data, int element,
    char *out, size_t out_bytes
) noexcept nogil
cdef Py_ssize_t unpack_text(
    const Plan *plan, const ElementPlan *element, const uint8_t *data, uint32_t bytes,
    uint32_t count, char *out, size_t out_bytes
) noexcept nogil

cdef int write_begin(
    Writer *w, const Plan *plan, uint8_t *out, size_t out_bytes, const char *mti
) noexcept nogil
cdef int write_begin_behind(
    Writer *w, const Plan *plan, uint8_t *out, size_t out_bytes, const char *mti,
    const char *header, size_t header_count
) noexcept nogil
cdef int write_digits(Writer *w, int element, uint64_t value) noexcept nogil
cdef int write_text(Writer *w, int element, const char *text, size_t count) noexcept nogil
cdef int write_bytes(Writer *w, int element, const uint8_t *data, size_t count) noexcept nogil
cdef int write_copy(
    Writer *w, int element, const Scan *found, const uint8_t *data) noexcept nogil
cdef Py_ssize_t write_end(Writer *w) noexcept nogil

cdef int next_tlv(
    const uint8_t *text, size_t bytes, size_t *at, const uint8_t **tag, const uint8_t **value,
    size_t *value_bytes
) noexcept nogil
