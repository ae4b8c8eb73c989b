"""Messages that are waited for. Owns slots, the bodies that were sent, and the table of keys.

Knows no element and no socket. A key is 64 bits of a digest: of a million keys in flight, two are
the same with a chance of 1 in 40 million.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memset


cdef int inflight_open(InFlight *store, int32_t stride) except -1:
    cdef int i
    memset(store, 0, sizeof(InFlight))
    store.stride = stride
    store.table_mask = 4095
    store.table = <Entry *> malloc((store.table_mask + 1) * sizeof(Entry))
    if store.table == NULL:
        raise MemoryError
    memset(store.table, 0xFF, (store.table_mask + 1) * sizeof(Entry))
    for i in range(SLOT_LISTS):
        store.lists[i].first = NONE
        store.lists[i].last = NONE
    return 0


cdef void inflight_close(InFlight *store) noexcept:
    free(store.slots)
    free(store.bodies)
    free(store.free_bodies)
    free(store.table)


cdef void list_append(InFlight *store, int32_t index, int state) noexcept nogil:
    cdef SlotList *list = &store.lists[state]
    cdef Slot *slot = &store.slots[index]
    slot.state = <uint8_t> state
    slot.next = NONE
    slot.previous = list.last
    if list.last == NONE:
        list.first = index
    else:
        store.slots[list.last].next = index
    list.last = index
    list.count += 1


cdef void list_remove(InFlight *store, int32_t index) noexcept nogil:
    cdef Slot *slot = &store.slots[index]
    cdef SlotList *list = &store.lists[slot.state]
    if slot.previous == NONE:
        list.first = slot.next
    else:
        store.slots[slot.previous].next = slot.next
    if slot.next == NONE:
        list.last = slot.previous
    else:
        store.slots[slot.next].previous = slot.previous
    list.count -= 1


cdef void slot_move(InFlight *store, int32_t index, int state) noexcept nogil:
    """Put a slot at the end of another list (or its own)."""
    list_remove(store, index)
    list_append(store, index, state)


cdef int32_t slot_take(InFlight *store) noexcept nogil:
    """A slot in flight with room for its body; NONE when memory is out."""
    cdef int32_t index = store.lists[SLOT_FREE].first
    cdef int32_t room
    cdef void *grown
    if store.free_body_count == 0 and store.body_count == store.body_room:
        room = store.body_room * 2 + 1024
        grown = realloc(store.bodies, <int64_t> room * store.stride)
        if grown == NULL:
            return NONE
        store.bodies = <uint8_t *> grown
        grown = realloc(store.free_bodies, room * sizeof(int32_t))
        if grown == NULL:
            return NONE
        store.free_bodies = <int32_t *> grown
        store.body_room = room
    if index == NONE:
        if store.slot_count == store.slot_room:
            room = store.slot_room * 2 + 1024
            grown = realloc(store.slots, room * sizeof(Slot))
            if grown == NULL:
                return NONE
            store.slots = <Slot *> grown
            store.slot_room = room
        index = store.slot_count
        store.slot_count += 1
        memset(&store.slots[index], 0, sizeof(Slot))
        list_append(store, index, SLOT_FREE)
    slot_move(store, index, SLOT_IN_FLIGHT)
    if store.free_body_count:
        store.free_body_count -= 1
        store.slots[index].body = store.free_bodies[store.free_body_count]
    else:
        store.slots[index].body = store.body_count
        store.body_count += 1
    return index


cdef void body_release(InFlight *store, int32_t index) noexcept nogil:
    cdef Slot *slot = &store.slots[index]
    if slot.body != NONE:
        store.free_bodies[store.free_body_count] = slot.body
        store.free_body_count += 1
        slot.body = NONE


cdef int key_put(InFlight *store, int32_t index) noexcept nogil:
    """Make a slot findable; one that had the same key is not any more. -1: memory is out."""
    cdef uint64_t key = store.slots[index].key
    cdef int64_t at
    if store.table_used * 2 > store.table_mask and table_grow(store) < 0:
        return -1
    at = <int64_t> key & store.table_mask
    while store.table[at].slot != NONE:
        if store.table[at].key == key:
            store.table[at].slot = index
            return 0
        at = (at + 1) & store.table_mask
    store.table[at].key = key
    store.table[at].slot = index
    store.table_used += 1
    return 0


cdef int table_grow(InFlight *store) noexcept nogil:
    cdef Entry *old = store.table
    cdef int64_t old_count = store.table_mask + 1
    cdef int64_t i, at
    cdef Entry *table = <Entry *> malloc(old_count * 2 * sizeof(Entry))
    if table == NULL:
        return -1
    memset(table, 0xFF, old_count * 2 * sizeof(Entry))
    store.table = table
    store.table_mask = old_count * 2 - 1
    for i in range(old_count):
        if old[i].slot != NONE:
            at = <int64_t> old[i].key & store.table_mask
            while table[at].slot != NONE:
                at = (at + 1) & store.table_mask
            table[at] = old[i]
    free(old)
    return 0


cdef int32_t key_find(const InFlight *store, uint64_t key) noexcept nogil:
    cdef int64_t at = <int64_t> key & store.table_mask
    while store.table[at].slot != NONE:
        if store.table[at].key == key:
            return store.table[at].slot
        at = (at + 1) & store.table_mask
    return NONE


cdef void key_remove(InFlight *store, int32_t index) noexcept nogil:
    """Forget a slot's key, closing the gap: what probed past it moves back."""
    cdef int64_t mask = store.table_mask
    cdef int64_t at = <int64_t> store.slots[index].key & mask
    cdef int64_t gap, home
    while store.table[at].slot != index:
        if store.table[at].slot == NONE:
            return  # another slot took over the key
        at = (at + 1) & mask
    gap = at
    while True:
        at = (at + 1) & mask
        if store.table[at].slot == NONE:
            break
        home = <int64_t> store.table[at].key & mask
        if ((at - home) & mask) >= ((at - gap) & mask):
            store.table[gap] = store.table[at]
            gap = at
    store.table[gap].slot = NONE
    store.table_used -= 1
