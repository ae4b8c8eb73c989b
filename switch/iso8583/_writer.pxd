"""Writing a message, element by element. No Python objects.

All functions are `noexcept`: what can't be written is an ordinary result, told as -1 and a Fault.
"""

from libc.stdint cimport int32_t, uint8_t, uint64_t

from switch.iso8583._plan cimport Plan
from switch.iso8583._scan cimport Scan

cdef struct Writer:
    const Plan *plan
    uint8_t *out
    size_t out_bytes
    size_t at
    size_t bitmap_at
    uint64_t present[4]
    int32_t last_element
    int32_t fault               # the first Fault; nothing is written after it

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
