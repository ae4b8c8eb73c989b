"""Messages that wait for other shards. See `_gathering.pxd`.

A sign-on is sent to every other shard first, and decided where it came in when all have approved
it. So an approval says that it holds everywhere. Anything else may hold somewhere: the terminal
repeats it, which each shard answers as it did before, or decides if it has not seen it.

A repeat whose card's shard is down is held until that shard is back: 91 would say that nothing
moved, and only that shard knows.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset


cdef void gathering_clear(Gathering *gathering) noexcept nogil:
    """Free everything."""
    cdef int i
    for i in range(GATHERED_MAX):
        free(gathering.all[i].body)
    memset(gathering, 0, sizeof(Gathering))


cdef Gathered *gathering_keep(Gathering *gathering, int32_t place, uint32_t generation,
                              const Frame *frame, uint8_t envelope_bytes, int64_t received_us,
                              uint64_t awaited, bint held) noexcept nogil:
    """Keep a message; NULL when too many are kept already."""
    cdef Gathered *kept
    cdef int at = 0
    if gathering.count == GATHERED_MAX:
        return NULL
    while gathering.all[at].body != NULL:
        at += 1
    kept = &gathering.all[at]
    kept.body = <uint8_t *> malloc(frame.body_bytes)
    if kept.body == NULL:
        return NULL
    memcpy(kept.body, frame.body, frame.body_bytes)
    kept.body_bytes = frame.body_bytes
    kept.envelope_bytes = envelope_bytes
    if envelope_bytes:
        memcpy(kept.envelope, frame.envelope, envelope_bytes)
    kept.place = place
    kept.generation = generation
    kept.received_us = received_us
    kept.awaited = awaited
    kept.held = held
    gathering.turn += 1
    kept.tag = gathering.turn * GATHERED_MAX + <uint64_t> at
    gathering.count += 1
    gathering.held_count += held
    return kept


cdef Gathered *gathering_find(Gathering *gathering, uint64_t tag) noexcept nogil:
    """Find a message by its tag; NULL when it was answered already."""
    cdef Gathered *kept = &gathering.all[tag % GATHERED_MAX]
    return kept if kept.body != NULL and kept.tag == tag else NULL


cdef Gathered *gathering_awaiting(Gathering *gathering, int32_t shard,
                                  bint held) noexcept nogil:
    """Find a message that a shard has and has not answered, or one that is `held` for it."""
    cdef int i
    for i in range(GATHERED_MAX if gathering.count else 0):
        if (gathering.all[i].body != NULL and gathering.all[i].held == held
                and gathering.all[i].awaited >> shard & 1):
            return &gathering.all[i]
    return NULL


cdef void gathering_drop(Gathering *gathering, Gathered *kept) noexcept nogil:
    """Forget a message: it was answered without its being decided here."""
    free(kept.body)
    kept.body = NULL
    gathering.count -= 1


cdef void gathering_give(Gathering *gathering, Gathered *kept, Gathered *given,
                         Frame *frame) noexcept nogil:
    """Give a message back and free its place; `frame` is in `given`, whose body the caller frees.
    """
    given[0] = kept[0]
    kept.body = NULL
    gathering.count -= 1
    gathering.held_count -= given.held
    frame.envelope = given.envelope if given.envelope_bytes else NULL
    frame.body = given.body
    frame.body_bytes = given.body_bytes
