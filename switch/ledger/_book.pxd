"""Accounts, lots and moves: the arithmetic of the ledger, without Python objects.

A *move* takes an amount out of one account into another of the same unit, so double entry holds by
construction. An account that keeps lots has a list of them, soonest to expire first; a move out of
it or into it names its lot, and the lots of an account always sum to its balance.
"""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t

cdef enum OwnerKind:
    OWNER_CLUB = 1
    OWNER_MERCHANT = 2
    OWNER_CARD = 3
    OWNER_ORGANISATION = 4      # what it owes the club is below zero
    OWNER_BUDGET = 5            # counts what all cards together do

cdef enum:
    LOTS_NONE = -1          # keeps lots, has none now
    LOTS_NOT_KEPT = -2      # plain balance

cdef enum MoveFault:
    MOVE_DONE = 0
    MOVE_BELOW_FLOOR = 1
    MOVE_OTHER_UNIT = 2
    MOVE_UNKNOWN_ACCOUNT = 3
    MOVE_WITHOUT_LOT = 4
    MOVE_NO_MEMORY = 5
    MOVE_TOO_MANY = 6
    MOVE_OVERFLOW = 7

cdef struct Account:
    int64_t balance
    int64_t floor           # the balance may not go below it
    int64_t owner           # number of the card, merchant, club or organisation
    int32_t lots            # first lot, LOTS_NONE or LOTS_NOT_KEPT
    uint16_t unit
    uint8_t owner_kind
    uint8_t slot            # which of its owner's accounts

cdef struct Lot:
    int64_t lot             # names it for ever: journal sequence that created it, times 16, plus n
    int64_t remaining       # below zero when what it gave was taken back after being spent
    uint32_t available_at   # Unix seconds, 0 = at once
    uint32_t expires_at     # Unix seconds, 0 = never
    int32_t next
    uint32_t spare

cdef struct Move:
    int64_t from_account
    int64_t to_account
    int64_t amount          # above zero
    int64_t lot             # 0 where neither side keeps lots
    uint32_t available_at
    uint32_t expires_at

cdef struct Book:
    Account *accounts
    int64_t account_count
    int64_t account_capacity
    Lot *lots
    int32_t lot_count       # slots ever used
    int32_t lot_capacity
    int32_t lot_free        # head of the free list
    int32_t lots_open

cdef inline bint is_open(const Lot *lot, uint32_t now_s) noexcept nogil:
    """A lot can be spent from its first second until the second it expires."""
    return lot.available_at <= now_s and (lot.expires_at == 0 or now_s < lot.expires_at)

cdef void book_clear(Book *book) noexcept nogil
cdef int64_t book_open(Book *book, int64_t owner, uint8_t owner_kind, uint8_t slot, uint16_t unit,
                       int64_t floor, bint keeps_lots) noexcept nogil
cdef int book_apply(Book *book, const Move *move, bint beyond_floor) noexcept nogil
cdef int book_undo(Book *book, const Move *move) noexcept nogil
cdef int64_t book_spendable(const Book *book, int64_t account, uint32_t now_s) noexcept nogil
cdef int book_spend_ended(Book *book, int64_t from_account, int64_t to_account, uint32_t now_s,
                          bint owed_too, int64_t *ended, Move *moves,
                          int32_t *count) noexcept nogil
cdef int book_end_all(Book *book, int64_t from_account, int64_t to_account, int64_t spared,
                      Move *moves, int32_t *count) noexcept nogil
cdef int book_spend(Book *book, int64_t from_account, int64_t to_account, int64_t amount,
                    uint32_t now_s, bint beyond_floor, Move *moves, int32_t *count) noexcept nogil
