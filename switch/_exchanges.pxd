"""Exchanges: the messages of the recent past, by key and by sequence, with what undoing them needs.

A fixed number of entries in a ring and a ring of bytes for their details (moves and reply), so
memory is bounded. What has left either ring is in the journal: the switch recalls it from there in
the slow lane. Open holds never leave.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from switch.ledger._book cimport Move

cdef struct Exchange:
    uint64_t fingerprint        # of the content: what a repeat must share
    int64_t seq                 # 0 = this slot is free
    int64_t card                # -1 = none
    int64_t approved_minor      # what may be undone
    int64_t undone_minor        # how much of it is undone
    int64_t original_seq        # what it completed, refunded or reversed; 0 = none
    int64_t points              # redeemed or held
    uint64_t detail_at          # in the ring of details
    int32_t terminal
    int32_t stan
    int32_t local_at            # MMDDhhmmss, -1 = none
    int32_t transmitted_at
    uint32_t received_s
    uint32_t hold_expires_s
    int32_t business_day        # on which it counts for the card's limits
    char rrn[12]
    char response_code[2]
    char authorisation_code[6]
    uint8_t rrn_sent            # by the terminal, not assigned here
    uint8_t message_class
    uint8_t state               # ExchangeState
    uint8_t operation
    uint16_t reply_bytes
    uint16_t move_count
    int32_t next_of_seq

cdef struct KeyLink:            # apart from the entries, so that most searches touch none of them
    int32_t next                # slot of the next entry of the same bucket; -1 = none
    uint32_t tag                # more of its key's hash

cdef struct Exchanges:
    Exchange *entries
    KeyLink *key_links          # by slot
    int32_t *by_key
    int32_t *by_seq
    uint32_t capacity
    uint32_t bucket_mask
    uint32_t hand               # next entry to take
    uint32_t used
    uint32_t held               # open holds
    uint32_t forgotten_s        # received time of the newest entry that has left; 0 = none has
    uint8_t *details
    uint64_t detail_capacity
    uint64_t detail_end         # only grows; modulo capacity = place

cdef struct Key:                # by which an exchange is found
    int32_t terminal
    int32_t stan
    int32_t local_at
    int32_t transmitted_at
    const char *rrn
    bint rrn_sent
    uint8_t message_class

cdef int exchanges_open(Exchanges *all, uint32_t capacity, uint64_t detail_bytes) noexcept nogil
cdef void exchanges_clear(Exchanges *all) noexcept nogil
cdef Exchange *exchange_repeated(const Exchanges *all, const Key *key) noexcept nogil
cdef Exchange *exchange_original(const Exchanges *all, const Key *key, int32_t at) noexcept nogil
cdef Exchange *exchange_by_approval(const Exchanges *all, int32_t terminal, int64_t card,
                                    const char *rrn, const char *code) noexcept nogil
cdef Exchange *exchange_by_seq(const Exchanges *all, int64_t seq) noexcept nogil
cdef Exchange *exchange_add(Exchanges *all, const Exchange *entry) noexcept nogil
cdef void exchange_set_state(Exchanges *all, Exchange *entry, uint8_t state) noexcept nogil
cdef int detail_put(Exchanges *all, Exchange *entry, const Move *moves, int32_t move_count,
                    const uint8_t *reply, size_t reply_bytes) noexcept nogil
cdef bint detail_known(const Exchanges *all, const Exchange *entry) noexcept nogil
cdef const Move *detail_moves(const Exchanges *all, const Exchange *entry) noexcept nogil
cdef const uint8_t *detail_reply(const Exchanges *all, const Exchange *entry) noexcept nogil
