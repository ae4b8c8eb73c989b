"""Messages that wait to be priced in Python. See `_price_queue.pxd`; `_slow_lane` serves them."""

from libc.stdlib cimport calloc, free
from libc.string cimport memset

from switch._kept cimport kept_forget, kept_is_wanted, kept_put
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
        kept_forget(&waiting.kept)
    free(queue.ring)
    memset(queue, 0, sizeof(PriceQueue))


cdef bint queue_put(PriceQueue *queue, Connection *connection, int32_t place, const Frame *frame,
                    uint8_t envelope_bytes, int64_t received_us,
                    const Recall *recall) noexcept nogil:
    """Keep a message of a connection; false when too many wait already."""
    cdef Waiting *waiting = &queue.ring[queue.end % PRICE_QUEUE_MAX]
    if queue_count(queue) == PRICE_QUEUE_MAX:
        return False
    if not kept_put(&waiting.kept, place, connection.generation, frame, envelope_bytes,
                    received_us):
        return False
    waiting.recall = recall[0]
    connection.unanswered += 1
    connection.queued += 1
    queue.end += 1
    return True


cdef bint queue_take(PriceQueue *queue, Waiting *waiting) noexcept nogil:
    """Take the oldest, which the caller forgets; false when none waits."""
    if queue.first == queue.end:
        return False
    waiting[0] = queue.ring[queue.first % PRICE_QUEUE_MAX]
    queue.first += 1
    return True


cdef bint queue_released(const Waiting *waiting, Connection *connection) noexcept nogil:
    """Let a message that was taken wait no more; false when its connection is gone."""
    if not kept_is_wanted(&waiting.kept, connection):
        return False
    connection.unanswered -= 1
    connection.queued -= 1
    return True
