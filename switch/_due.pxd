"""Places that are due without a word from the kernel: a ring in which each is once at most.

A place may have been left, or taken by somebody else, when its turn comes: whoever takes it out
looks. Knows numbers only.
"""

from libc.stdint cimport int32_t, uint8_t

cdef struct DueRing:
    int32_t *places
    uint8_t *listed             # by place
    int32_t capacity
    int32_t first
    int32_t count

cdef int due_open(DueRing *ring, int32_t capacity) noexcept nogil
cdef void due_clear(DueRing *ring) noexcept nogil
cdef void due_put(DueRing *ring, int32_t place) noexcept nogil
cdef int32_t due_take(DueRing *ring) noexcept nogil
