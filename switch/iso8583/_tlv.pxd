"""Walking an element's sub-elements: tag-length-value in characters, and BER-TLV. No objects."""

from libc.stdint cimport uint8_t

from switch.iso8583._plan cimport Charset, ElementPlan

# 1: one more, 0: the end, -1: broken; `at` is then where.
cdef int next_tlv(
    const uint8_t *text, size_t bytes, size_t *at, const uint8_t **tag, const uint8_t **value,
    size_t *value_bytes
) noexcept nogil
cdef int next_ber_tlv(
    const uint8_t *data, size_t bytes, size_t *at, const uint8_t **tag, size_t *tag_bytes,
    const uint8_t **value, size_t *value_bytes
) noexcept nogil
cdef Py_ssize_t first_broken(
    const Charset *charset, const ElementPlan *element, const uint8_t *data, size_t bytes
) noexcept nogil
