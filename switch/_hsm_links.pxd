"""Connections to HSMs: bytes out in one write, whole frames in. Knows no command.

A frame is two bytes of length, then a header of four characters that comes back unchanged, then a
command or its response. Whoever is at the other end is found and connected by `switch.hsm_pool`.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

from switch.ledger._rows cimport Buffer

cdef enum:
    HSM_LINKS_MAX = 8
    HSM_HEADER_BYTES = 4
    HSM_FRAME_BYTES_MAX = 8192
    HSM_READ_BYTES = 65536
    HSM_OUTPUT_BYTES_MAX = 4194304      # an HSM that reads so slowly is as good as away

cdef struct HsmLink:
    int fd                      # -1 = free
    int32_t in_flight           # commands without a response
    uint8_t wants_write
    Buffer out
    size_t out_sent
    uint8_t *rest               # what was read and is no whole frame yet
    size_t rest_bytes

cdef struct HsmLinks:
    HsmLink all[8]              # HSM_LINKS_MAX
    int epoll

cdef void hsm_links_open(HsmLinks *links, int epoll) noexcept nogil
cdef void hsm_links_clear(HsmLinks *links) noexcept nogil
cdef int hsm_link_add(HsmLinks *links, int fd) noexcept nogil
cdef void hsm_link_drop(HsmLinks *links, int number) noexcept nogil
cdef int hsm_link_pick(const HsmLinks *links) noexcept nogil
cdef int hsm_link_flush(HsmLinks *links, int number) noexcept nogil
cdef int hsm_link_read(HsmLinks *links, int number) noexcept nogil
cdef int hsm_link_next(const HsmLink *link, size_t *at, const uint8_t **frame,
                       size_t *bytes) noexcept nogil
cdef void hsm_link_keep(HsmLink *link, size_t at) noexcept nogil


cdef inline unsigned long long hsm_mark(int number) noexcept nogil:
    """The epoll mark of a link: the top two bits, then its number."""
    return <unsigned long long> 3 << 62 | <unsigned long long> number


cdef inline bint mark_is_hsm(unsigned long long mark) noexcept nogil:
    return mark >> 62 == 3
