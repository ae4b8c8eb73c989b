"""Chance as a function of numbers: the tables behind `_dice.pxd`, and the digest for Python.

Owns Walker's alias method. Knows nothing of messages.
"""

from libc.math cimport pow
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

cdef double ALL = 4294967295.0


def digest_of(const uint8_t[::1] body) -> int:
    """Give the 64-bit digest that records keep of a reply's body; never 0."""
    return dice_digest(&body[0] if body.shape[0] else NULL, body.shape[0], 0) | 1


def zipf_counts(int count, double exponent, int draws, uint64_t seed) -> list:
    """Draw `draws` times from `count` ranks; how often each came."""
    cdef Alias table
    cdef list found = [0] * count
    cdef int i
    alias_zipf(&table, count, exponent)
    try:
        for i in range(draws):
            found[alias_draw(&table, dice_mix(seed + <uint64_t> i))] += 1
    finally:
        alias_free(&table)
    return found


cdef int alias_zipf(Alias *table, uint32_t count, double exponent) except -1:
    """Weights 1 / rank ** exponent; exponent 0 needs no table."""
    cdef double *weights
    cdef uint32_t i
    table.count = count
    table.threshold = NULL
    table.other = NULL
    if exponent == 0.0 or count < 2:
        return 0
    weights = <double *> malloc(count * sizeof(double))
    if weights == NULL:
        raise MemoryError
    try:
        for i in range(count):
            weights[i] = pow(i + 1.0, -exponent)
        return alias_build(table, weights, count)
    finally:
        free(weights)


cdef int alias_build(Alias *table, const double *weights, uint32_t count) except -1:
    """Vose's way to fill Walker's table, in two passes. The caller frees it with `alias_free`."""
    cdef double total = 0.0
    cdef double *scaled = <double *> malloc(count * sizeof(double))
    cdef uint32_t *work = <uint32_t *> malloc(count * sizeof(uint32_t))
    cdef uint32_t small = 0         # places below their share, from the front of `work`
    cdef uint32_t large = count     # those above, from its back
    cdef uint32_t i, low, high
    table.count = count
    table.threshold = <uint32_t *> malloc(count * sizeof(uint32_t))
    table.other = <uint32_t *> malloc(count * sizeof(uint32_t))
    if scaled == NULL or work == NULL or table.threshold == NULL or table.other == NULL:
        free(scaled)
        free(work)
        alias_free(table)
        raise MemoryError
    for i in range(count):
        total += weights[i]
    for i in range(count):
        scaled[i] = weights[i] * count / total
        table.threshold[i] = 0xFFFFFFFFU
        table.other[i] = i
        if scaled[i] < 1.0:
            work[small] = i
            small += 1
        else:
            large -= 1
            work[large] = i
    while small > 0 and large < count:
        small -= 1
        low = work[small]
        high = work[large]
        table.threshold[low] = <uint32_t> (scaled[low] * ALL)
        table.other[low] = high
        scaled[high] -= 1.0 - scaled[low]
        if scaled[high] < 1.0:
            large += 1
            work[small] = high
            small += 1
    free(scaled)
    free(work)
    return 0


cdef void alias_free(Alias *table) noexcept:
    free(table.threshold)
    free(table.other)
    table.threshold = NULL
    table.other = NULL
