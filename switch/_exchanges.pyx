"""Exchanges of the recent past. See `_exchanges.pxd`."""

from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memset

from switch._index cimport hash_word
from switch._memory cimport on_large_pages, prefetch
from switch._words cimport (
    CLASS_ADVICE, CLASS_AUTHORISATION, CLASS_FINANCIAL, CLASS_NONE, STATE_HELD, STATE_TOMBSTONE,
)


cdef int exchanges_open(Exchanges *all, uint32_t capacity, uint64_t detail_bytes) noexcept nogil:
    """Take the memory: `capacity` entries, `detail_bytes` for details. 0, or -1 without memory."""
    cdef uint32_t buckets = 1024
    memset(all, 0, sizeof(Exchanges))
    while buckets < capacity:
        buckets *= 2
    all.capacity = capacity
    all.bucket_mask = buckets - 1
    all.detail_capacity = detail_bytes
    all.entries = <Exchange *> calloc(capacity, sizeof(Exchange))
    all.key_links = <KeyLink *> malloc(capacity * sizeof(KeyLink))
    all.by_key = <int32_t *> malloc(buckets * sizeof(int32_t))
    all.by_seq = <int32_t *> malloc(buckets * sizeof(int32_t))
    all.details = <uint8_t *> malloc(detail_bytes)
    if (all.entries == NULL or all.key_links == NULL or all.by_key == NULL or all.by_seq == NULL
            or all.details == NULL):
        exchanges_clear(all)
        return -1
    on_large_pages(all.entries, capacity * sizeof(Exchange))
    on_large_pages(all.key_links, capacity * sizeof(KeyLink))
    on_large_pages(all.by_key, buckets * sizeof(int32_t))
    on_large_pages(all.by_seq, buckets * sizeof(int32_t))
    on_large_pages(all.details, detail_bytes)
    memset(all.by_key, 0xff, buckets * sizeof(int32_t))
    memset(all.by_seq, 0xff, buckets * sizeof(int32_t))
    return 0


cdef void exchanges_clear(Exchanges *all) noexcept nogil:
    """Free everything."""
    free(all.entries)
    free(all.key_links)
    free(all.by_key)
    free(all.by_seq)
    free(all.details)
    memset(all, 0, sizeof(Exchanges))


cdef inline uint64_t key_hash(int32_t terminal, int32_t stan) noexcept nogil:
    """Lower half: the bucket; upper half: the tag."""
    return hash_word((<uint64_t> <uint32_t> terminal << 32) | <uint32_t> stan)


cdef inline int32_t *key_bucket(const Exchanges *all, uint64_t hash) noexcept nogil:
    return &all.by_key[<uint32_t> hash & all.bucket_mask]


cdef inline int32_t tagged(const Exchanges *all, int32_t at, uint64_t hash) noexcept nogil:
    """Give the first slot, from `at` on, that has the tag, or -1."""
    cdef uint32_t tag = <uint32_t> (hash >> 32)
    while at >= 0 and all.key_links[at].tag != tag:
        at = all.key_links[at].next
    return at


cdef inline uint32_t seq_bucket(const Exchanges *all, int64_t seq) noexcept nogil:
    return <uint32_t> seq & all.bucket_mask


cdef inline bint same_time(const Exchange *entry, const Key *key) noexcept nogil:
    """Local time decides when both have one, else the transmission time."""
    if entry.local_at >= 0 and key.local_at >= 0:
        return entry.local_at == key.local_at
    return entry.transmitted_at >= 0 and entry.transmitted_at == key.transmitted_at


cdef inline bint same_rrn(const Exchange *entry, const Key *key) noexcept nogil:
    return entry.rrn_sent and key.rrn_sent and memcmp(entry.rrn, key.rrn, 12) == 0


cdef inline bint can_be_original(uint8_t message_class) noexcept nogil:
    """What can be reversed, refunded or completed: no reversal, which would undo an undoing."""
    return (message_class == CLASS_AUTHORISATION or message_class == CLASS_FINANCIAL
            or message_class == CLASS_ADVICE)


cdef Exchange *exchange_repeated(const Exchanges *all, const Key *key) noexcept nogil:
    """Give the exchange with the same key (or the tombstone that waits for it), or NULL."""
    cdef uint64_t hash = key_hash(key.terminal, key.stan)
    cdef int32_t at = tagged(all, key_bucket(all, hash)[0], hash)
    cdef Exchange *entry
    while at >= 0:
        entry = &all.entries[at]
        at = tagged(all, all.key_links[at].next, hash)
        if entry.terminal != key.terminal or entry.stan != key.stan:
            continue
        if entry.state == STATE_TOMBSTONE:
            if not can_be_original(key.message_class) or (
                    entry.message_class != CLASS_NONE
                    and entry.message_class != key.message_class):
                continue
            if (entry.local_at <= 0 or entry.local_at == key.local_at
                    or entry.local_at == key.transmitted_at):
                return entry
            continue
        if entry.message_class != key.message_class or not same_time(entry, key):
            continue
        if entry.rrn_sent and key.rrn_sent and memcmp(entry.rrn, key.rrn, 12) != 0:
            continue
        return entry
    return NULL


cdef Exchange *exchange_original(const Exchanges *all, const Key *key,
                                 int32_t at_time) noexcept nogil:
    """Give the newest request that a reversal or completion names, or NULL.

    `key.message_class` CLASS_NONE = any that moves money. `at_time` is DE 90's time as MMDDhhmmss
    (0 = not said), or -1 without DE 90: then the key's own times or RRN must be the original's.
    """
    cdef uint64_t hash = key_hash(key.terminal, key.stan)
    cdef int32_t at = tagged(all, key_bucket(all, hash)[0], hash)
    cdef Exchange *entry
    cdef Exchange *newest = NULL
    while at >= 0:
        entry = &all.entries[at]
        at = tagged(all, all.key_links[at].next, hash)
        if entry.terminal != key.terminal or entry.stan != key.stan:
            continue
        if entry.state == STATE_TOMBSTONE:
            continue
        if not can_be_original(entry.message_class) or (
                key.message_class != CLASS_NONE and entry.message_class != key.message_class):
            continue
        if at_time > 0:
            if entry.local_at != at_time and entry.transmitted_at != at_time:
                continue
        elif at_time < 0 and not same_time(entry, key) and not same_rrn(entry, key):
            continue
        if newest == NULL or entry.seq > newest.seq:
            newest = entry
    return newest


cdef Exchange *exchange_by_approval(const Exchanges *all, int32_t terminal, int64_t card,
                                    const char *rrn, const char *code) noexcept nogil:
    """Give the hold with this RRN and authorisation code, or NULL.

    The code is made from the sequence, so it leads there without a search of its own.
    """
    cdef int64_t seq = seq_of_code(all, code)
    cdef Exchange *entry
    cdef int64_t step = 0
    while seq > 0 and step < 64:        # codes come round again after 36^6 entries
        entry = exchange_by_seq(all, seq)
        if (entry != NULL and entry.terminal == terminal and entry.card == card
                and memcmp(entry.rrn, rrn, 12) == 0):
            return entry
        seq -= AUTHORISATION_CODES
        step += 1
    return NULL


cdef int64_t AUTHORISATION_CODES = 2176782336LL     # 36^6


cdef int64_t seq_of_code(const Exchanges *all, const char *code) noexcept nogil:
    """Give the newest sequence that has this authorisation code, or 0."""
    cdef int64_t value = 0
    cdef int64_t newest = all.entries[(all.hand + all.capacity - 1) % all.capacity].seq
    cdef int i
    cdef char c
    for i in range(6):
        c = code[i]
        if 48 <= c <= 57:
            value = value * 36 + (c - 48)
        elif 65 <= c <= 90:
            value = value * 36 + (c - 55)
        else:
            return 0
    if newest < value:
        return value
    return value + (newest - value) // AUTHORISATION_CODES * AUTHORISATION_CODES


cdef Exchange *exchange_by_seq(const Exchanges *all, int64_t seq) noexcept nogil:
    """Give the exchange of a journal row, or NULL."""
    cdef int32_t at = all.by_seq[seq_bucket(all, seq)]
    while at >= 0:
        if all.entries[at].seq == seq:
            return &all.entries[at]
        at = all.entries[at].next_of_seq
    return NULL


cdef void forget(Exchanges *all, int32_t slot) noexcept nogil:
    """Take an entry out of both chains and free its slot."""
    cdef Exchange *entry = &all.entries[slot]
    cdef int32_t *link = key_bucket(all, key_hash(entry.terminal, entry.stan))
    while link[0] != slot:
        link = &all.key_links[link[0]].next
    link[0] = all.key_links[slot].next
    link = &all.by_seq[seq_bucket(all, entry.seq)]
    while link[0] != slot:
        link = &all.entries[link[0]].next_of_seq
    link[0] = entry.next_of_seq
    if entry.state == STATE_HELD:
        all.held -= 1
    entry.seq = 0
    all.used -= 1


cdef inline void prepare_next(const Exchanges *all) noexcept nogil:
    """Fetch what the next additions will touch: the oldest entry, and the chain it is in."""
    cdef uint32_t next = all.hand + 1 if all.hand + 1 < all.capacity else 0
    cdef uint32_t after = next + 2 if next + 2 < all.capacity else 0
    cdef const Exchange *oldest = &all.entries[next]
    prefetch(key_bucket(all, key_hash(oldest.terminal, oldest.stan)))
    prefetch(&all.entries[after])
    prefetch(<const char *> &all.entries[after] + 64)
    prefetch(<const char *> &all.entries[after] + 128)


cdef Exchange *exchange_add(Exchanges *all, const Exchange *entry) noexcept nogil:
    """Add an exchange in the place of the oldest one that is no open hold, and give it.

    An entry of the same sequence is replaced. NULL when every entry is an open hold: callers keep
    `held` below half of the capacity, so that is a mistake of ours.
    """
    cdef uint32_t tried = 0
    cdef int32_t slot
    cdef uint64_t hash = key_hash(entry.terminal, entry.stan)
    cdef int32_t *bucket
    cdef Exchange *place = exchange_by_seq(all, entry.seq)
    if place != NULL:
        slot = <int32_t> (place - all.entries)
        forget(all, slot)
    else:
        while all.entries[all.hand].seq != 0 and all.entries[all.hand].state == STATE_HELD:
            all.hand = (all.hand + 1) % all.capacity
            tried += 1
            if tried == all.capacity:
                return NULL
        slot = <int32_t> all.hand
        all.hand = (all.hand + 1) % all.capacity
        if all.entries[slot].seq != 0:
            if all.entries[slot].received_s > all.forgotten_s:
                all.forgotten_s = all.entries[slot].received_s
            forget(all, slot)
    place = &all.entries[slot]
    place[0] = entry[0]
    bucket = key_bucket(all, hash)
    all.key_links[slot].next = bucket[0]
    all.key_links[slot].tag = <uint32_t> (hash >> 32)
    bucket[0] = slot
    bucket = &all.by_seq[seq_bucket(all, entry.seq)]
    place.next_of_seq = bucket[0]
    bucket[0] = slot
    prepare_next(all)
    all.used += 1
    if entry.state == STATE_HELD:
        all.held += 1
    return place


cdef void exchange_set_state(Exchanges *all, Exchange *entry, uint8_t state) noexcept nogil:
    """Change what has become of an exchange; keeps the count of open holds."""
    if entry.state == STATE_HELD and state != STATE_HELD:
        all.held -= 1
    elif entry.state != STATE_HELD and state == STATE_HELD:
        all.held += 1
    entry.state = state


cdef int detail_put(Exchanges *all, Exchange *entry, const Move *moves, int32_t move_count,
                    const uint8_t *reply, size_t reply_bytes) noexcept nogil:
    """Keep an exchange's moves and reply; the oldest details make room. 0, or -1: can never fit."""
    cdef uint64_t moves_bytes = <uint64_t> move_count * sizeof(Move)
    cdef uint64_t need = (moves_bytes + reply_bytes + 7) & ~<uint64_t> 7
    cdef uint64_t place = all.detail_end % all.detail_capacity
    if need > all.detail_capacity:
        return -1
    if place + need > all.detail_capacity:
        all.detail_end += all.detail_capacity - place
        place = 0
    memcpy(all.details + place, moves, moves_bytes)
    if reply_bytes:
        memcpy(all.details + place + moves_bytes, reply, reply_bytes)
    entry.detail_at = all.detail_end
    entry.move_count = <uint16_t> move_count
    entry.reply_bytes = <uint16_t> reply_bytes
    all.detail_end += need
    return 0


cdef bint detail_known(const Exchanges *all, const Exchange *entry) noexcept nogil:
    """Say whether the details are still there; else they have to be recalled from the journal."""
    return (entry.detail_at + all.detail_capacity >= all.detail_end
            and entry.detail_at < all.detail_end)


cdef const Move *detail_moves(const Exchanges *all, const Exchange *entry) noexcept nogil:
    """Give the exchange's moves; only when `detail_known`."""
    return <const Move *> (all.details + entry.detail_at % all.detail_capacity)


cdef const uint8_t *detail_reply(const Exchanges *all, const Exchange *entry) noexcept nogil:
    """Give the exchange's reply; only when `detail_known`."""
    return (all.details + entry.detail_at % all.detail_capacity
            + entry.move_count * sizeof(Move))
