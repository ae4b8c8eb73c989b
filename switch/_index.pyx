"""An open-addressing index. See `_index.pxd`."""

from libc.stdlib cimport calloc, free
from libc.string cimport memset

from switch._memory cimport on_large_pages

cdef enum:
    SLOTS_FIRST = 64


cdef void index_clear(Index *index) noexcept nogil:
    """Free everything; the index is as new afterwards."""
    free(index.slots)
    memset(index, 0, sizeof(Index))


cdef inline void place(IndexSlot *slots, uint32_t mask, uint32_t hash, uint32_t row) noexcept nogil:
    cdef uint32_t at = hash & mask
    while slots[at].row != 0:
        at = (at + 1) & mask
    slots[at].hash = hash
    slots[at].row = row


cdef int index_insert(Index *index, uint64_t hash, uint32_t row) noexcept nogil:
    """Add a row under a hash (several rows may share one). 0, or -1 without memory."""
    cdef uint32_t count, i
    cdef IndexSlot *grown
    if index.slots == NULL or index.used * 3 >= (<uint64_t> index.mask + 1) * 2:
        count = SLOTS_FIRST if index.slots == NULL else (index.mask + 1) * 2
        grown = <IndexSlot *> calloc(count, sizeof(IndexSlot))
        if grown == NULL:
            return -1
        on_large_pages(grown, count * sizeof(IndexSlot))
        if index.slots != NULL:
            for i in range(index.mask + 1):
                if index.slots[i].row != 0:
                    place(grown, count - 1, index.slots[i].hash, index.slots[i].row)
            free(index.slots)
        index.slots = grown
        index.mask = count - 1
    place(index.slots, index.mask, <uint32_t> (hash >> 32), row + 1)
    index.used += 1
    return 0


cdef int64_t index_first(const Index *index, uint64_t hash, uint32_t *cursor) noexcept nogil:
    """Give the first row that may have this hash, or -1; `cursor` is for `index_next`."""
    if index.slots == NULL:
        return -1
    cursor[0] = <uint32_t> (hash >> 32) & index.mask
    return find(index, <uint32_t> (hash >> 32), cursor)


cdef int64_t index_next(const Index *index, uint64_t hash, uint32_t *cursor) noexcept nogil:
    """Give the next row that may have this hash, or -1."""
    cursor[0] = (cursor[0] + 1) & index.mask
    return find(index, <uint32_t> (hash >> 32), cursor)


cdef inline int64_t find(const Index *index, uint32_t hash, uint32_t *cursor) noexcept nogil:
    cdef uint32_t at = cursor[0]
    while index.slots[at].row != 0:
        if index.slots[at].hash == hash:
            cursor[0] = at
            return <int64_t> index.slots[at].row - 1
        at = (at + 1) & index.mask
    return -1


cdef uint64_t hash_bytes(const uint8_t *data, size_t count, uint64_t seed) noexcept nogil:
    """Hash some bytes (FNV-1a, then spread); for identifiers that only operators choose."""
    cdef uint64_t hash = 0xcbf29ce484222325ULL ^ seed
    cdef size_t i
    for i in range(count):
        hash = (hash ^ data[i]) * 0x100000001b3ULL
    return hash_word(hash)
