"""Places that are due. See `_due.pxd`."""

from libc.stdlib cimport calloc, free
from libc.string cimport memset


cdef int due_open(DueRing *ring, int32_t capacity) noexcept nogil:
    """Take room for so many places. 0, or -1 without memory."""
    ring.places = <int32_t *> calloc(<size_t> capacity, sizeof(int32_t))
    ring.listed = <uint8_t *> calloc(<size_t> capacity, 1)
    ring.capacity = capacity
    return 0 if ring.places != NULL and ring.listed != NULL else -1


cdef void due_clear(DueRing *ring) noexcept nogil:
    """Free everything."""
    free(ring.places)
    free(ring.listed)
    memset(ring, 0, sizeof(DueRing))


cdef void due_put(DueRing *ring, int32_t place) noexcept nogil:
    """Put a place at the end, unless it is in the ring."""
    if not ring.listed[place]:
        ring.listed[place] = 1
        ring.places[(ring.first + ring.count) % ring.capacity] = place
        ring.count += 1


cdef int32_t due_take(DueRing *ring) noexcept nogil:
    """Take the first place out, or -1."""
    cdef int32_t place
    if ring.count == 0:
        return -1
    place = ring.places[ring.first]
    ring.first = (ring.first + 1) % ring.capacity
    ring.count -= 1
    ring.listed[place] = 0
    return place
