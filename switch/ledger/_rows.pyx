"""Rows of the journal to and from PostgreSQL's COPY binary. See `_rows.pxd`.

Columns stand in the order of `sql/0001_create_journal.sql`; `tests/ledger/rows_model.py` is the
readable witness of both directions.
"""

from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, memset

cdef extern from "switch/ledger/_sha256.h":
    pass

cdef extern from *:
    """
    /* SHA-256 over 32 bytes of chain and a tuple that stands elsewhere, without joining them. */
    static void bashgah_chain_digest(const uint8_t *chain, const uint8_t *tuple, size_t bytes,
                                     uint8_t *digest)
    {
        uint32_t state[8];
        uint8_t first[64];
        memcpy(state, bashgah_sha256_start, sizeof state);
        memcpy(first, chain, 32);
        if (bytes < 32) {
            memcpy(first + 32, tuple, bytes);
            bashgah_sha256_finish(state, 0, first, 32 + bytes, digest);
            return;
        }
        memcpy(first + 32, tuple, 32);
        bashgah_sha256_blocks(state, first, 1);
        bashgah_sha256_finish(state, 64, tuple + 32, bytes - 32, digest);
    }
    """
    void digest_of "bashgah_chain_digest"(const uint8_t *chain, const uint8_t *tuple, size_t bytes,
                                          uint8_t *digest) nogil

cdef extern from *:
    """
    static inline uint16_t bashgah_swap16(uint16_t v) { return __builtin_bswap16(v); }
    static inline uint32_t bashgah_swap32(uint32_t v) { return __builtin_bswap32(v); }
    static inline uint64_t bashgah_swap64(uint64_t v) { return __builtin_bswap64(v); }
    static const uint8_t bashgah_copy_signature[11] = "PGCOPY\\n\\377\\r\\n";
    #if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    #error "written for little-endian machines: the swaps below would have to go"
    #endif
    """
    uint16_t bashgah_swap16(uint16_t value) nogil
    uint32_t bashgah_swap32(uint32_t value) nogil
    uint64_t bashgah_swap64(uint64_t value) nogil
    const uint8_t *bashgah_copy_signature

cdef enum:
    SIGNATURE_BYTES = 11
    HEADER_BYTES = 19               # signature, flags, length of the extension
    INT8_OID = 20
    ARRAY_HEADER_BYTES = 28         # of two dimensions
    ELEMENT_BYTES = 12              # length and int8
    MOVE_COLUMNS = 3                # from, to, amount
    LOT_MOVE_COLUMNS = 6            # and lot, available at, expires at
    DAYS_1970_TO_2000 = 10957
    FIXED_BYTES_MAX = 45 * 4 + 44 * 12  # all lengths, and every column at its widest

cdef int64_t MICROSECONDS_1970_TO_2000 = 946684800LL * 1000000LL


cdef int buffer_reserve(Buffer *buffer, size_t more) noexcept nogil:
    """Make room for `more` bytes. 0, or -1 without memory."""
    cdef size_t capacity = buffer.capacity
    cdef uint8_t *grown
    if buffer.bytes + more <= capacity:
        return 0
    if capacity == 0:
        capacity = 1 << 16
    while capacity < buffer.bytes + more:
        capacity *= 2
    grown = <uint8_t *> realloc(buffer.data, capacity)
    if grown == NULL:
        return -1
    buffer.data = grown
    buffer.capacity = capacity
    return 0


cdef void buffer_clear(Buffer *buffer) noexcept nogil:
    """Free the bytes."""
    free(buffer.data)
    memset(buffer, 0, sizeof(Buffer))


cdef void row_clear(Row *row) noexcept nogil:
    """Set every column to nothing; the moves' array is left as it is behind `move_count` 0."""
    memset(row, 0, <size_t> (<char *> &row.moves[0] - <char *> row))
    row.club = row.acquirer = row.terminal = row.merchant = -1
    row.card = row.programme = row.programme_version = -1
    row.mti = -1
    row.processing_code = row.stan = row.local_at = row.transmitted_at = -1
    row.currency = -1
    row.original_stan = row.original_at = -1
    row.original_class = -1
    row.undone_minor = -1
    row.day_count_returned = -1
    row.card_counter = -1
    row.key_serial = -1
    row.response_code[0] = row.response_code[1] = 48
    row.event = row.reply = NULL
    row.event_bytes = row.reply_bytes = 0


# --- writing: `out` always has room, reserved once a row ---------------------------------------

cdef inline uint8_t *put_length(uint8_t *out, int32_t length) noexcept nogil:
    cdef uint32_t swapped = bashgah_swap32(<uint32_t> length)
    memcpy(out, &swapped, 4)
    return out + 4


cdef inline uint8_t *put_int2(uint8_t *out, int16_t value) noexcept nogil:
    cdef uint16_t swapped = bashgah_swap16(<uint16_t> value)
    out = put_length(out, 2)
    memcpy(out, &swapped, 2)
    return out + 2


cdef inline uint8_t *put_int4(uint8_t *out, int32_t value) noexcept nogil:
    cdef uint32_t swapped = bashgah_swap32(<uint32_t> value)
    out = put_length(out, 4)
    memcpy(out, &swapped, 4)
    return out + 4


cdef inline uint8_t *put_int8(uint8_t *out, int64_t value) noexcept nogil:
    cdef uint64_t swapped = bashgah_swap64(<uint64_t> value)
    out = put_length(out, 8)
    memcpy(out, &swapped, 8)
    return out + 8


cdef inline uint8_t *put_int2_or_null(uint8_t *out, int32_t value) noexcept nogil:
    return put_length(out, -1) if value < 0 else put_int2(out, <int16_t> value)


cdef inline uint8_t *put_int4_or_null(uint8_t *out, int32_t value) noexcept nogil:
    return put_length(out, -1) if value < 0 else put_int4(out, value)


cdef inline uint8_t *put_bytes(uint8_t *out, const void *data, size_t count) noexcept nogil:
    if data == NULL:
        return put_length(out, -1)
    out = put_length(out, <int32_t> count)
    memcpy(out, data, count)
    return out + count


cdef inline uint8_t *put_time(uint8_t *out, int64_t unix_us) noexcept nogil:
    return put_int8(out, unix_us - MICROSECONDS_1970_TO_2000)


cdef inline uint8_t *put_int8_or_null(uint8_t *out, int64_t value) noexcept nogil:
    return put_length(out, -1) if value == 0 else put_int8(out, value)


cdef uint8_t *put_moves(uint8_t *out, const Row *row) noexcept nogil:
    """One array, a line for each move; NULL without moves; lots only where a move has one."""
    cdef const Move *move
    cdef int32_t i
    cdef int32_t count = row.move_count
    cdef int32_t width = MOVE_COLUMNS
    if count == 0:
        return put_length(out, -1)
    for i in range(count):
        if row.moves[i].lot != 0:
            width = LOT_MOVE_COLUMNS
    out = put_length(out, ARRAY_HEADER_BYTES + ELEMENT_BYTES * count * width)
    out = put_length(out, 2)                # dimensions
    out = put_length(out, 0)                # no NULL inside
    out = put_length(out, INT8_OID)
    out = put_length(out, count)
    out = put_length(out, 1)                # first index
    out = put_length(out, width)
    out = put_length(out, 1)
    for i in range(count):
        move = &row.moves[i]
        out = put_int8(out, move.from_account)
        out = put_int8(out, move.to_account)
        out = put_int8(out, move.amount)
        if width == LOT_MOVE_COLUMNS:
            out = put_int8(out, move.lot)
            out = put_int8(out, move.available_at)
            out = put_int8(out, move.expires_at)
    return out


cdef uint8_t *put_request(uint8_t *out, const Row *row) noexcept nogil:
    """Columns `shard` to `currency`."""
    out = put_int2(out, row.shard)
    out = put_int8(out, row.seq)
    out = put_int4(out, row.epoch)
    out = put_int2(out, row.kind)
    out = put_int4(out, row.business_day - DAYS_1970_TO_2000)
    out = put_time(out, row.received_us)
    out = put_time(out, row.decided_us)
    out = put_int2_or_null(out, row.club)
    out = put_int4_or_null(out, row.acquirer)
    out = put_int4_or_null(out, row.terminal)
    out = put_int4_or_null(out, row.merchant)
    out = put_length(out, -1) if row.card < 0 else put_int8(out, row.card)
    out = put_int4_or_null(out, row.programme)
    out = put_int4_or_null(out, row.programme_version)
    out = put_int2(out, row.operation)
    out = put_int2_or_null(out, row.mti)
    out = put_int4_or_null(out, row.processing_code)
    out = put_int4_or_null(out, row.stan)
    out = put_int4_or_null(out, row.local_at)
    out = put_int4_or_null(out, row.transmitted_at)
    out = put_bytes(out, <const void *> row.rrn if row.rrn[0] else NULL, RRN_BYTES)
    out = put_length(out, -1) if row.mti < 0 else put_int8(out, <int64_t> row.fingerprint)
    return put_int2_or_null(out, row.currency)


cdef uint8_t *put_outcome(uint8_t *out, const Row *row) noexcept nogil:
    """Columns `amount_minor` to `hold_expires_at`."""
    out = put_int8(out, row.amount_minor)
    out = put_int8(out, row.approved_minor)
    out = put_int8_or_null(out, row.discount_minor)
    out = put_int8_or_null(out, row.points_earned)
    out = put_int8_or_null(out, row.points_redeemed)
    out = put_bytes(out, row.response_code, 2)
    out = put_int2(out, row.reason)
    out = put_bytes(
        out, <const void *> row.authorisation_code if row.authorisation_code[0] else NULL,
        AUTHORISATION_CODE_BYTES)
    out = put_int8_or_null(out, row.original_seq)
    out = put_int4_or_null(out, row.original_stan)
    out = put_int4_or_null(out, row.original_at)
    out = put_int2_or_null(out, row.original_class)
    out = put_length(out, -1) if row.undone_minor < 0 else put_int8(out, row.undone_minor)
    out = put_int2_or_null(out, row.day_count_returned)
    return put_length(out, -1) if row.hold_expires_us == 0 else put_time(out, row.hold_expires_us)


cdef inline bint proves(const Row *row) noexcept nogil:
    """Does a row say anything in the columns that rows of before have not?"""
    return row.proofs != 0 or row.card_counter >= 0 or row.key_serial >= 0


cdef uint8_t *put_proofs(uint8_t *out, const Row *row) noexcept nogil:
    """Columns `proofs` to `key_serial`."""
    out = put_length(out, -1) if row.proofs == 0 else put_int2(out, row.proofs)
    out = put_int4_or_null(out, row.card_counter)
    return put_length(out, -1) if row.key_serial < 0 else put_int8(out, row.key_serial)


cdef int stream_begin(Buffer *buffer) noexcept nogil:
    """Append the header of a COPY stream. 0, or -1 without memory."""
    if buffer_reserve(buffer, HEADER_BYTES) != 0:
        return -1
    memcpy(buffer.data + buffer.bytes, bashgah_copy_signature, SIGNATURE_BYTES)
    memset(buffer.data + buffer.bytes + SIGNATURE_BYTES, 0, HEADER_BYTES - SIGNATURE_BYTES)
    buffer.bytes += HEADER_BYTES
    return 0


cdef int stream_end(Buffer *buffer) noexcept nogil:
    """Append the trailer of a COPY stream. 0, or -1 without memory."""
    if buffer_reserve(buffer, 2) != 0:
        return -1
    memset(buffer.data + buffer.bytes, 0xff, 2)
    buffer.bytes += 2
    return 0


cdef int row_append(Buffer *buffer, Row *row, uint8_t *chain) noexcept nogil:
    """Append a row's tuple; `chain` (32 bytes) goes in as the row before's, comes out as its own.

    0, or -1 without memory (then nothing has changed).
    """
    cdef size_t room = (2 + FIXED_BYTES_MAX + row.event_bytes + row.reply_bytes + CHAIN_BYTES
                        + ARRAY_HEADER_BYTES
                        + LOT_MOVE_COLUMNS * ELEMENT_BYTES * <size_t> row.move_count)
    cdef uint8_t *start
    cdef uint8_t *out
    cdef uint8_t *digested
    cdef uint16_t columns = bashgah_swap16(COLUMN_COUNT)
    if buffer_reserve(buffer, room) != 0:
        return -1
    memcpy(buffer.data + buffer.bytes, &columns, 2)
    start = buffer.data + buffer.bytes + 2
    out = put_request(start, row)
    out = put_outcome(out, row)
    out = put_moves(out, row)
    out = put_bytes(out, row.event, row.event_bytes)
    out = put_bytes(out, row.reply, row.reply_bytes)
    digested = out
    out = put_proofs(out, row)
    if proves(row):
        digested = out
    digest_of(chain, start, <size_t> (digested - start), row.chain)
    memcpy(chain, row.chain, CHAIN_BYTES)
    out = put_bytes(out, chain, CHAIN_BYTES)
    buffer.bytes = <size_t> (out - buffer.data)
    return 0


# --- reading: a cursor over one whole tuple, bounds checked in `take` ----------------------------

cdef struct Cursor:
    const uint8_t *at
    const uint8_t *end
    bint broken


cdef inline const uint8_t *take(Cursor *cursor, int32_t *length) noexcept nogil:
    """Give the next field's bytes and length (-1 = NULL); on a broken stream sets `broken`."""
    cdef uint32_t swapped
    cdef const uint8_t *field
    length[0] = -1
    if cursor.end - cursor.at < 4:
        cursor.broken = True
        return NULL
    memcpy(&swapped, cursor.at, 4)
    length[0] = <int32_t> bashgah_swap32(swapped)
    cursor.at += 4
    if length[0] < 0:
        length[0] = -1
        return NULL
    if cursor.end - cursor.at < length[0]:
        cursor.broken = True
        length[0] = -1
        return NULL
    field = cursor.at
    cursor.at += length[0]
    return field


cdef inline int64_t take_int(Cursor *cursor, int64_t if_null) noexcept nogil:
    """Give the next field, an integer of 2, 4 or 8 bytes."""
    cdef int32_t length
    cdef uint16_t two
    cdef uint32_t four
    cdef uint64_t eight
    cdef const uint8_t *field = take(cursor, &length)
    if field == NULL:
        return if_null
    if length == 8:
        memcpy(&eight, field, 8)
        return <int64_t> bashgah_swap64(eight)
    if length == 4:
        memcpy(&four, field, 4)
        return <int32_t> bashgah_swap32(four)
    if length == 2:
        memcpy(&two, field, 2)
        return <int16_t> bashgah_swap16(two)
    cursor.broken = True
    return if_null


cdef inline void take_text(Cursor *cursor, char *out, int32_t room) noexcept nogil:
    """Copy the next field; NULL leaves the first byte 0; another length is broken."""
    cdef int32_t length
    cdef const uint8_t *field = take(cursor, &length)
    memset(out, 0, room)
    if field == NULL:
        return
    if length != room:
        cursor.broken = True
        return
    memcpy(out, field, room)


cdef inline uint32_t number_at(const uint8_t *field) noexcept nogil:
    cdef uint32_t swapped
    memcpy(&swapped, field, 4)
    return bashgah_swap32(swapped)


cdef inline int64_t element_at(const uint8_t *elements, int32_t index) noexcept nogil:
    cdef uint64_t swapped
    memcpy(&swapped, elements + ELEMENT_BYTES * index + 4, 8)
    return <int64_t> bashgah_swap64(swapped)


cdef void take_moves(Cursor *cursor, Row *row) noexcept nogil:
    """Read the moves; whatever `put_moves` does not write is broken."""
    cdef int32_t length, count, width, i
    cdef const uint8_t *line
    cdef const uint8_t *field = take(cursor, &length)
    row.move_count = 0
    if field == NULL:
        return
    if length < ARRAY_HEADER_BYTES or number_at(field) != 2:
        cursor.broken = True
        return
    count = <int32_t> number_at(field + 12)
    width = <int32_t> number_at(field + 20)
    if (not 0 < count <= MOVES_MAX or (width != MOVE_COLUMNS and width != LOT_MOVE_COLUMNS)
            or length != ARRAY_HEADER_BYTES + ELEMENT_BYTES * count * width):
        cursor.broken = True
        return
    row.move_count = count
    for i in range(count):
        line = field + ARRAY_HEADER_BYTES + ELEMENT_BYTES * width * i
        row.moves[i].from_account = element_at(line, 0)
        row.moves[i].to_account = element_at(line, 1)
        row.moves[i].amount = element_at(line, 2)
        row.moves[i].lot = element_at(line, 3) if width == LOT_MOVE_COLUMNS else 0
        row.moves[i].available_at = (<uint32_t> element_at(line, 4) if width == LOT_MOVE_COLUMNS
                                     else 0)
        row.moves[i].expires_at = (<uint32_t> element_at(line, 5) if width == LOT_MOVE_COLUMNS
                                   else 0)


cdef void take_request(Cursor *cursor, Row *row) noexcept nogil:
    row.shard = <int16_t> take_int(cursor, 0)
    row.seq = take_int(cursor, 0)
    row.epoch = <int32_t> take_int(cursor, 0)
    row.kind = <int16_t> take_int(cursor, 0)
    row.business_day = <int32_t> take_int(cursor, 0) + DAYS_1970_TO_2000
    row.received_us = take_int(cursor, 0) + MICROSECONDS_1970_TO_2000
    row.decided_us = take_int(cursor, 0) + MICROSECONDS_1970_TO_2000
    row.club = <int32_t> take_int(cursor, -1)
    row.acquirer = <int32_t> take_int(cursor, -1)
    row.terminal = <int32_t> take_int(cursor, -1)
    row.merchant = <int32_t> take_int(cursor, -1)
    row.card = take_int(cursor, -1)
    row.programme = <int32_t> take_int(cursor, -1)
    row.programme_version = <int32_t> take_int(cursor, -1)
    row.operation = <int16_t> take_int(cursor, 0)
    row.mti = <int16_t> take_int(cursor, -1)
    row.processing_code = <int32_t> take_int(cursor, -1)
    row.stan = <int32_t> take_int(cursor, -1)
    row.local_at = <int32_t> take_int(cursor, -1)
    row.transmitted_at = <int32_t> take_int(cursor, -1)
    take_text(cursor, row.rrn, RRN_BYTES)
    row.fingerprint = <uint64_t> take_int(cursor, 0)
    row.currency = <int16_t> take_int(cursor, -1)


cdef void take_outcome(Cursor *cursor, Row *row) noexcept nogil:
    cdef int64_t expires
    row.amount_minor = take_int(cursor, 0)
    row.approved_minor = take_int(cursor, 0)
    row.discount_minor = take_int(cursor, 0)
    row.points_earned = take_int(cursor, 0)
    row.points_redeemed = take_int(cursor, 0)
    take_text(cursor, row.response_code, 2)
    row.reason = <int16_t> take_int(cursor, 0)
    take_text(cursor, row.authorisation_code, AUTHORISATION_CODE_BYTES)
    row.original_seq = take_int(cursor, 0)
    row.original_stan = <int32_t> take_int(cursor, -1)
    row.original_at = <int32_t> take_int(cursor, -1)
    row.original_class = <int16_t> take_int(cursor, -1)
    row.undone_minor = take_int(cursor, -1)
    row.day_count_returned = <int16_t> take_int(cursor, -1)
    expires = take_int(cursor, -MICROSECONDS_1970_TO_2000)
    row.hold_expires_us = expires + MICROSECONDS_1970_TO_2000


cdef void take_proofs(Cursor *cursor, Row *row) noexcept nogil:
    row.proofs = <int16_t> take_int(cursor, 0)
    row.card_counter = <int32_t> take_int(cursor, -1)
    row.key_serial = take_int(cursor, -1)


cdef int stream_skip_header(const uint8_t *data, size_t bytes, size_t *at) noexcept nogil:
    """Move `at` behind the header of a COPY stream. A RowFault."""
    cdef uint64_t flags_and_extension
    if bytes - at[0] < HEADER_BYTES:
        return ROW_NEEDS_MORE
    if memcmp(data + at[0], bashgah_copy_signature, SIGNATURE_BYTES) != 0:
        return ROW_BROKEN
    memcpy(&flags_and_extension, data + at[0] + SIGNATURE_BYTES, 8)
    if flags_and_extension != 0:
        return ROW_BROKEN
    at[0] += HEADER_BYTES
    return ROW_READ


cdef int tuple_span(const uint8_t *data, size_t bytes, size_t at, size_t *end) noexcept nogil:
    """Find where the tuple at `at` ends. A RowFault."""
    cdef uint16_t columns
    cdef uint32_t length
    cdef int i
    if bytes - at < 2:
        return ROW_NEEDS_MORE
    memcpy(&columns, data + at, 2)
    columns = bashgah_swap16(columns)
    if columns == 0xffff:
        return ROW_END
    if columns != COLUMN_COUNT:
        return ROW_BROKEN
    at += 2
    for i in range(COLUMN_COUNT):
        if bytes - at < 4:
            return ROW_NEEDS_MORE
        memcpy(&length, data + at, 4)
        length = bashgah_swap32(length)
        at += 4
        if length != 0xffffffffU:
            if length > 0x40000000U:
                return ROW_BROKEN
            if bytes - at < length:
                return ROW_NEEDS_MORE
            at += length
    end[0] = at
    return ROW_READ


cdef int row_next(const uint8_t *data, size_t bytes, size_t *at, Row *row,
                  const uint8_t *chain_before, bint *chained) noexcept nogil:
    """Read the tuple at `at[0]` and move behind it; pointers in `row` lead into `data`.

    `chained` says whether its chain follows from `chain_before` (32 bytes; NULL = do not check,
    then it is True). A RowFault; for ROW_NEEDS_MORE `at` stays.
    """
    cdef Cursor cursor
    cdef size_t end
    cdef int32_t length
    cdef const uint8_t *chain
    cdef uint8_t digest[32]
    cdef const uint8_t *start
    cdef const uint8_t *digested
    cdef int fault = tuple_span(data, bytes, at[0], &end)
    if fault != ROW_READ:
        return fault
    start = data + at[0] + 2
    cursor.at = start
    cursor.end = data + end
    cursor.broken = False
    take_request(&cursor, row)
    take_outcome(&cursor, row)
    take_moves(&cursor, row)
    row.event = take(&cursor, &length)
    row.event_bytes = <size_t> length if row.event != NULL else 0
    row.reply = take(&cursor, &length)
    row.reply_bytes = <size_t> length if row.reply != NULL else 0
    chained[0] = True
    digested = cursor.at
    take_proofs(&cursor, row)
    if proves(row):
        digested = cursor.at
    if chain_before != NULL:
        digest_of(chain_before, start, <size_t> (digested - start), digest)
    chain = take(&cursor, &length)
    if cursor.broken or chain == NULL or length != CHAIN_BYTES:
        return ROW_BROKEN
    memcpy(row.chain, chain, CHAIN_BYTES)
    if chain_before != NULL:
        chained[0] = memcmp(digest, chain, CHAIN_BYTES) == 0
    at[0] = end
    return ROW_READ
