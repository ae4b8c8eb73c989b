"""Rows of equal records, packed: what a snapshot's bytes look like in storage. See `_packing.pyx`.

A row is self-contained: a header, then each record as its difference (exclusive or) to the record
`distance` before it: a bit for each byte that differs, then those bytes. Neighbours in a register
or a ring differ little, so this takes away two thirds at memory's speed; it needs no memory of its
own, because the process that packs may not allocate any.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

cdef enum:
    PIECE_BYTES = 1 << 20       # records of a row before packing, at most
    RECORD_BYTES_MAX = 160
    DISTANCE_MAX = 4

cdef struct RowHead:            # before each row in a packer's memory
    uint32_t part
    uint32_t body_bytes         # of the packed row that follows, padded to 8

cdef struct PackedHead:         # of a packed row; little-endian, like every number in it
    uint32_t raw_bytes
    uint16_t record_bytes       # 0 = not packed
    uint16_t distance

cdef struct Packer:
    uint8_t *data               # rows, one after the other
    size_t capacity
    size_t end                  # of the last whole row
    size_t at                   # in the row that is being written
    uint32_t part
    uint32_t raw_bytes          # of it so far
    uint32_t record_bytes
    uint32_t distance
    uint32_t turn               # which of `before` is the one `distance` before the next record
    uint8_t before[4][160]
    bint full                   # there was no room for something: nothing of it is of use

cdef void packer_open(Packer *packer, uint8_t *data, size_t capacity) noexcept nogil
cdef void packer_begin(Packer *packer, uint32_t part, uint32_t record_bytes,
                       uint32_t distance) noexcept nogil
cdef void packer_put(Packer *packer, const void *record) noexcept nogil
cdef void packer_end(Packer *packer) noexcept nogil
cdef size_t packed_bytes_max(size_t count, size_t record_bytes) noexcept nogil
