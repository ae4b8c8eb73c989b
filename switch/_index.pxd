"""An open-addressing index from a 64-bit hash to a row number; whoever asks compares the keys."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef struct IndexSlot:
    uint32_t hash           # upper half of the hash
    uint32_t row            # row number plus one; 0 = empty

cdef struct Index:
    IndexSlot *slots
    uint32_t mask           # slots - 1; a power of two
    uint32_t used

cdef void index_clear(Index *index) noexcept nogil
cdef int index_insert(Index *index, uint64_t hash, uint32_t row) noexcept nogil
cdef int64_t index_first(const Index *index, uint64_t hash, uint32_t *cursor) noexcept nogil
cdef int64_t index_next(const Index *index, uint64_t hash, uint32_t *cursor) noexcept nogil
cdef uint64_t hash_bytes(const uint8_t *data, size_t count, uint64_t seed) noexcept nogil

cdef inline uint64_t hash_word(uint64_t word) noexcept nogil:
    """Spread the bits of a word over all 64 (the finaliser of splitmix64)."""
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ULL
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebULL
    return word ^ (word >> 31)
