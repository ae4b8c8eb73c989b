"""One row of the journal as a C struct, and as a tuple of PostgreSQL's COPY binary.

The chain: `chain = SHA-256(chain of the row before, tuple bytes of every column before it)`, so the
bytes that go to PostgreSQL are the bytes that are digested, and what COPY gives back can be checked
without decoding it first. The columns from `proofs` on came later: where all of them are NULL
they are not digested, so the chains of older rows hold. Source: PostgreSQL documentation, COPY,
"Binary Format".
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from switch._words cimport MOVES_MAX
from switch.ledger._book cimport Move

cdef enum:
    CHAIN_BYTES = 32
    COLUMN_COUNT = 45
    RRN_BYTES = 12
    AUTHORISATION_CODE_BYTES = 6

cdef enum RowFault:
    ROW_READ = 0
    ROW_NEEDS_MORE = 1
    ROW_END = 2             # the trailer of the stream
    ROW_BROKEN = 3

cdef struct Row:
    int64_t seq
    int32_t epoch
    int16_t shard
    int16_t kind
    int32_t business_day        # days since 1970-01-01
    int64_t received_us         # Unix microseconds
    int64_t decided_us
    int32_t club                # -1 (like every number below, down to transmitted_at) = none
    int32_t acquirer
    int32_t terminal
    int32_t merchant
    int64_t card
    int32_t programme
    int32_t programme_version
    int16_t operation
    int16_t mti
    int32_t processing_code
    int32_t stan
    int32_t local_at
    int32_t transmitted_at
    char rrn[12]                # first byte 0 = none
    uint64_t fingerprint
    int16_t currency
    int64_t amount_minor
    int64_t approved_minor
    int64_t discount_minor
    int64_t points_earned
    int64_t points_redeemed
    char response_code[2]
    int16_t reason
    char authorisation_code[6]  # first byte 0 = none
    int64_t original_seq        # 0 = none
    int32_t original_stan       # -1 = none, also the next two
    int32_t original_at
    int16_t original_class
    int64_t undone_minor        # -1 = none
    int16_t day_count_returned  # -1 = the card's day limits are as before
    int64_t hold_expires_us     # 0 = none
    int16_t proofs              # what was proven, a bit each (`Proof` in `_shard.pxd`); 0 = nothing
    int32_t card_counter        # of a chip's cryptogram that was right, ATC; -1 = none
    int64_t key_serial          # of a terminal's derived key, its counter; -1 = none
    int32_t move_count
    Move moves[512]             # MOVES_MAX
    const uint8_t *event        # JSON; NULL = none
    size_t event_bytes
    const uint8_t *reply        # NULL = none
    size_t reply_bytes
    uint8_t chain[32]

cdef struct Buffer:
    uint8_t *data
    size_t bytes
    size_t capacity

cdef int buffer_reserve(Buffer *buffer, size_t more) noexcept nogil
cdef void buffer_clear(Buffer *buffer) noexcept nogil
cdef void row_clear(Row *row) noexcept nogil
cdef int stream_begin(Buffer *buffer) noexcept nogil
cdef int stream_end(Buffer *buffer) noexcept nogil
cdef int row_append(Buffer *buffer, Row *row, uint8_t *chain) noexcept nogil
cdef int stream_skip_header(const uint8_t *data, size_t bytes, size_t *at) noexcept nogil
cdef int row_next(const uint8_t *data, size_t bytes, size_t *at, Row *row,
                  const uint8_t *chain_before, bint *chained) noexcept nogil
