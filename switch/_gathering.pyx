"""Messages that wait for other shards. See `_gathering.pxd`.

A sign-on is sent to every other shard first, and decided where it came in when all have approved
it. So an approval says that it holds everywhere. Anything else may hold somewhere: the terminal
repeats it, which each shard answers as it did before, or decides if it has not seen it.

A repeat whose card's shard is down is held until that shard is back: 91 would say that nothing
moved, and only that shard knows.
"""

from libc.string cimport memset

from switch._kept cimport kept_forget, kept_frame, kept_put


cdef void gathering_clear(Gathering *gathering) noexcept nogil:
    """Free everything."""
    cdef int i
    for i in range(GATHERED_MAX):
        kept_forget(&gathering.all[i].kept)
    memset(gathering, 0, sizeof(Gathering))


cdef Gathered *gathering_keep(Gathering *gathering, int32_t place, uint32_t generation,
                              const Frame *frame, uint8_t envelope_bytes, int64_t received_us,
                              uint64_t awaited, bint held) noexcept nogil:
    """Keep a message; NULL when too many are kept already."""
    cdef Gathered *kept
    cdef int at = 0
    if gathering.count == GATHERED_MAX:
        return NULL
    while gathering.all[at].kept.body != NULL:
        at += 1
    kept = &gathering.all[at]
    if not kept_put(&kept.kept, place, generation, frame, envelope_bytes, received_us):
        return NULL
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
    return kept if kept.kept.body != NULL and kept.tag == tag else NULL


cdef Gathered *gathering_awaiting(Gathering *gathering, int32_t shard,
                                  bint held) noexcept nogil:
    """Find a message that a shard has and has not answered, or one that is `held` for it."""
    cdef int i
    for i in range(GATHERED_MAX if gathering.count else 0):
        if (gathering.all[i].kept.body != NULL and gathering.all[i].held == held
                and gathering.all[i].awaited >> shard & 1):
            return &gathering.all[i]
    return NULL


cdef void gathering_drop(Gathering *gathering, Gathered *kept) noexcept nogil:
    """Forget a message: it was answered without its being decided here."""
    kept_forget(&kept.kept)
    gathering.count -= 1


cdef void gathering_give(Gathering *gathering, Gathered *kept, Gathered *given,
                         Frame *frame) noexcept nogil:
    """Give a message back and free its place; `frame` is in `given`, which the caller forgets."""
    given[0] = kept[0]
    kept.kept.body = NULL
    gathering.count -= 1
    gathering.held_count -= given.held
    kept_frame(&given.kept, frame)
