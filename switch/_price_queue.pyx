"""Messages that wait to be priced in Python. See `_price_queue.pxd`; `_slow_lane` serves them."""

from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from switch._words cimport PRICE_QUEUE_MAX


cdef int queue_open(PriceQueue *queue) noexcept nogil:
    """Take the places. 0, or -1 without memory."""
    memset(queue, 0, sizeof(PriceQueue))
    queue.ring = <Waiting *> calloc(PRICE_QUEUE_MAX, sizeof(Waiting))
    return 0 if queue.ring != NULL else -1


cdef void queue_clear(PriceQueue *queue) noexcept nogil:
    """Free everything."""
    cdef Waiting waiting
    while queue_take(queue, &waiting):
        free(waiting.body)
    free(queue.ring)
    memset(queue, 0, sizeof(PriceQueue))


cdef bint queue_put(PriceQueue *queue, Connection *connection, int32_t place, const Frame *frame,
                    uint8_t envelope_bytes, int64_t received_us,
                    const Recall *recall) noexcept nogil:
    """Keep a message of a connection; false when too many wait already."""
    cdef Waiting *waiting = &queue.ring[queue.end % PRICE_QUEUE_MAX]
    if queue_count(queue) == PRICE_QUEUE_MAX:
        return False
    waiting.body = <uint8_t *> malloc(frame.body_bytes)
    if waiting.body == NULL:
        return False
    memcpy(waiting.body, frame.body, frame.body_bytes)
    waiting.body_bytes = frame.body_bytes
    waiting.envelope_bytes = envelope_bytes
    if envelope_bytes:
        memcpy(waiting.envelope, frame.envelope, envelope_bytes)
    waiting.place = place
    waiting.generation = connection.generation
    waiting.received_us = received_us
    waiting.recall = recall[0]
    connection.unanswered += 1
    connection.queued += 1
    queue.end += 1
    return True


cdef bint queue_take(PriceQueue *queue, Waiting *waiting) noexcept nogil:
    """Take the oldest, whose body the caller frees; false when none waits."""
    if queue.first == queue.end:
        return False
    waiting[0] = queue.ring[queue.first % PRICE_QUEUE_MAX]
    queue.first += 1
    return True


cdef bint queue_released(const Waiting *waiting, Connection *connection) noexcept nogil:
    """Let a message that was taken wait no more; false when its connection is gone."""
    if connection.fd < 0 or connection.generation != waiting.generation:
        return False
    connection.unanswered -= 1
    connection.queued -= 1
    return True
