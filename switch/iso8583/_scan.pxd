"""Finding a message's elements, and reading them. No Python objects.

All functions are `noexcept`: bad input is an ordinary result here, told as a Fault or -1.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from switch.iso8583._plan cimport ElementPlan, Plan

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
