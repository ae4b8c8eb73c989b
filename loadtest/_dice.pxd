"""Chance as a function of numbers, digests of bytes, and draws from a table of weights."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef extern from "loadtest/_dice.h" nogil:
    uint64_t dice_mix(uint64_t value)
    uint64_t dice_digest(const uint8_t *data, size_t bytes, uint64_t seed)

cdef struct Alias:              # Walker's table: one draw, two look-ups, whatever the weights
    uint32_t count
    uint32_t *threshold
    uint32_t *other

cdef int alias_build(Alias *table, const double *weights, uint32_t count) except -1
cdef int alias_zipf(Alias *table, uint32_t count, double exponent) except -1
cdef void alias_free(Alias *table) noexcept

cdef inline uint32_t alias_draw(const Alias *table, uint64_t random) noexcept nogil:
    """Draw a place. Without a table (no weights were given) all are alike."""
    cdef uint32_t place = <uint32_t> ((random >> 32) * table.count >> 32)
    if table.threshold == NULL or <uint32_t> random <= table.threshold[place]:
        return place
    return table.other[place]
