"""Rows that wait for the journal. See `_batches.pxd`."""

from cpython.buffer cimport PyBuffer_FillInfo
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from switch.ledger._rows cimport buffer_clear, row_append, stream_begin, stream_end

cimport cython

cdef enum:
    STREAMS_FIRST = 4       # one is being written, one fills; more after an outage


cdef int batches_open(Batches *all, int32_t rows_max, size_t bytes_max) noexcept nogil:
    """Prepare for no rows. 0, or -1 without memory."""
    memset(all, 0, sizeof(Batches))
    all.rows_max = rows_max
    all.bytes_max = bytes_max
    all.capacity = STREAMS_FIRST
    all.ring = <Waiting *> calloc(STREAMS_FIRST, sizeof(Waiting))
    return 0 if all.ring != NULL else -1


cdef void batches_clear(Batches *all) noexcept nogil:
    """Free everything, what was taken included."""
    cdef int32_t i
    for i in range(all.capacity):
        buffer_clear(&all.ring[i].stream)
    free(all.ring)
    buffer_clear(&all.taken.stream)
    memset(all, 0, sizeof(Batches))


cdef void batches_drop(Batches *all) noexcept nogil:
    """Forget what waits."""
    all.count = 0


cdef inline Waiting *waiting_at(Batches *all, int32_t index) noexcept nogil:
    return &all.ring[(all.first + index) & (all.capacity - 1)]


cdef int more_places(Batches *all) noexcept nogil:
    """Double the ring. 0, or -1 without memory."""
    cdef int32_t i
    cdef Waiting *ring = <Waiting *> calloc(2 * <size_t> all.capacity, sizeof(Waiting))
    if ring == NULL:
        return -1
    for i in range(all.capacity):
        ring[i] = waiting_at(all, i)[0]
    free(all.ring)
    all.ring = ring
    all.first = 0
    all.capacity *= 2
    return 0


cdef int batches_append(Batches *all, Row *row, uint8_t *chain) noexcept nogil:
    """Append a row; `chain` goes in as the row before's, comes out as its own.

    0, or -1 without memory (then nothing has changed).
    """
    cdef Waiting *last = waiting_at(all, all.count - 1)
    cdef bint new = (all.count == 0 or last.row_count >= all.rows_max
                     or last.stream.bytes >= all.bytes_max)
    if new:
        if all.count == all.capacity and more_places(all) != 0:
            return -1
        last = waiting_at(all, all.count)
        last.stream.bytes = 0
        last.row_count = 0
        if stream_begin(&last.stream) != 0:
            return -1
    if row_append(&last.stream, row, chain) != 0:
        return -1
    all.count += new
    last.row_count += 1
    last.last_seq = row.seq
    memcpy(last.chain, chain, 32)
    return 0


cdef int batches_take(Batches *all) noexcept nogil:
    """Let the oldest stream, with its end, be the one that is taken. 0, or -1 without memory."""
    cdef Waiting *oldest = waiting_at(all, 0)
    cdef Waiting used = all.taken
    if stream_end(&oldest.stream) != 0:
        return -1
    all.taken = oldest[0]
    oldest[0] = used
    all.first = (all.first + 1) & (all.capacity - 1)
    all.count -= 1
    all.taken_count += 1
    return 0


@cython.final
cdef class CopyBody:
    """The bytes of what was taken, where the core wrote them. See `_batches.pyi`."""

    def __getbuffer__(self, Py_buffer *view, int flags):
        if self.all == NULL or self.number != self.all.taken_count:
            raise BufferError("another batch was cut since")
        PyBuffer_FillInfo(view, self, self.all.taken.stream.data,
                          <Py_ssize_t> self.all.taken.stream.bytes, 1, flags)
        self.all.readers += 1

    def __releasebuffer__(self, Py_buffer *view):
        self.all.readers -= 1


cdef CopyBody copy_body(object owner, Batches *all):
    """Give the bytes of what was taken last; `owner` keeps them."""
    cdef CopyBody body = CopyBody.__new__(CopyBody)
    body.owner = owner
    body.all = all
    body.number = all.taken_count
    return body
