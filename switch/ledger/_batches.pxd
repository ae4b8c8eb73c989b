"""Rows that wait for the journal, as COPY streams of bounded size, in buffers that are used again.

A row goes into the newest stream until that is full, then a new one begins; the oldest is taken
whole. What was taken stays as it is until the next one is taken: the writer sends those very bytes.
Taking swaps buffers, so a busy switch goes round among two or three of them and asks the system for
no memory. Must not know what a row means.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

from switch.ledger._rows cimport Buffer, Row

cdef struct Waiting:            # one stream
    Buffer stream
    int64_t last_seq
    int32_t row_count
    uint8_t chain[32]           # of its last row

cdef struct Batches:
    Waiting *ring
    int32_t capacity            # a power of two
    int32_t first               # the oldest
    int32_t count
    int32_t rows_max            # of one stream
    size_t bytes_max            # when a stream is no longer begun upon
    Waiting taken
    int64_t taken_count
    int32_t readers             # of what was taken

cdef class CopyBody:
    cdef object owner               # of the batches: they live as long
    cdef Batches *all
    cdef int64_t number             # which of those taken it is

cdef CopyBody copy_body(object owner, Batches *all)
cdef int batches_open(Batches *all, int32_t rows_max, size_t bytes_max) noexcept nogil
cdef void batches_clear(Batches *all) noexcept nogil
cdef void batches_drop(Batches *all) noexcept nogil
cdef int batches_append(Batches *all, Row *row, uint8_t *chain) noexcept nogil
cdef int batches_take(Batches *all) noexcept nogil
