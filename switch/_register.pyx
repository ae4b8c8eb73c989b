"""The register of who and what a shard knows. See `_register.pxd`."""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, memset

from switch._index cimport (
    hash_bytes, hash_word, index_clear, index_first, index_insert, index_next,
)
from switch._memory cimport on_large_pages


cdef void register_clear(Register *register) noexcept nogil:
    """Free everything; the register is as new afterwards."""
    free(register.clubs)
    free(register.merchants)
    free(register.terminals)
    free(register.acquirers)
    free(register.cards)
    free(register.vouchers)
    index_clear(&register.merchant_index)
    index_clear(&register.terminal_index)
    index_clear(&register.card_index)
    index_clear(&register.voucher_index)
    memset(register, 0, sizeof(Register))


cdef void *one_more(void *rows, int64_t count, size_t row_bytes) noexcept nogil:
    """Grow an array of few rows (it doubles at each power of two); the new row is all zero."""
    cdef void *grown = rows
    cdef int64_t capacity
    if count == 0 or (count & (count - 1)) == 0:
        capacity = 1 if count == 0 else count * 2
        grown = realloc(rows, <size_t> capacity * row_bytes)
        if grown == NULL:
            return NULL
        on_large_pages(grown, <size_t> capacity * row_bytes)
    memset(<char *> grown + <size_t> count * row_bytes, 0, row_bytes)
    return grown


cdef Club *register_add_club(Register *register) noexcept nogil:
    """Give a new zeroed row, or NULL without memory."""
    cdef void *rows = one_more(register.clubs, register.club_count, sizeof(Club))
    if rows == NULL:
        return NULL
    register.clubs = <Club *> rows
    register.club_count += 1
    return &register.clubs[register.club_count - 1]


cdef Acquirer *register_add_acquirer(Register *register) noexcept nogil:
    """Give a new zeroed row, or NULL without memory."""
    cdef void *rows = one_more(register.acquirers, register.acquirer_count, sizeof(Acquirer))
    if rows == NULL:
        return NULL
    register.acquirers = <Acquirer *> rows
    register.acquirer_count += 1
    return &register.acquirers[register.acquirer_count - 1]


cdef inline uint64_t merchant_hash(const char *merchant_id) noexcept nogil:
    return hash_bytes(<const uint8_t *> merchant_id, MERCHANT_ID_BYTES, 0)


cdef inline uint64_t terminal_hash(int32_t acquirer, const char *terminal_id) noexcept nogil:
    return hash_bytes(<const uint8_t *> terminal_id, TERMINAL_ID_BYTES, <uint64_t> acquirer)


cdef inline uint64_t token_hash(const uint8_t *token) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, token, 8)
    return hash_word(word)


cdef Merchant *register_add_merchant(Register *register, const char *merchant_id) noexcept nogil:
    """Give a new row with its DE 42 (15 characters), or NULL without memory."""
    cdef Merchant *merchant
    cdef void *rows = one_more(register.merchants, register.merchant_count, sizeof(Merchant))
    if rows == NULL:
        return NULL
    register.merchants = <Merchant *> rows
    merchant = &register.merchants[register.merchant_count]
    memcpy(merchant.merchant_id, merchant_id, MERCHANT_ID_BYTES)
    if index_insert(&register.merchant_index, merchant_hash(merchant_id),
                    <uint32_t> register.merchant_count) != 0:
        return NULL
    register.merchant_count += 1
    return merchant


cdef Terminal *register_add_terminal(Register *register, int32_t acquirer,
                                     const char *terminal_id) noexcept nogil:
    """Give a new row with its acquirer and DE 41 (8 characters), or NULL without memory."""
    cdef Terminal *terminal
    cdef void *rows = one_more(register.terminals, register.terminal_count, sizeof(Terminal))
    if rows == NULL:
        return NULL
    register.terminals = <Terminal *> rows
    terminal = &register.terminals[register.terminal_count]
    memcpy(terminal.terminal_id, terminal_id, TERMINAL_ID_BYTES)
    terminal.acquirer = acquirer
    terminal.local_ahead_s = terminal.sent_ahead_s = CLOCK_UNHEARD
    if index_insert(&register.terminal_index, terminal_hash(acquirer, terminal_id),
                    <uint32_t> register.terminal_count) != 0:
        return NULL
    register.terminal_count += 1
    return terminal


cdef Card *register_add_card(Register *register, const uint8_t *token) noexcept nogil:
    """Give a new row with its token, or NULL without memory."""
    cdef Card *card
    cdef void *rows = one_more(register.cards, register.card_count, sizeof(Card))
    if rows == NULL:
        return NULL
    register.cards = <Card *> rows
    card = &register.cards[register.card_count]
    memcpy(card.token, token, TOKEN_BYTES)
    if index_insert(&register.card_index, token_hash(token), <uint32_t> register.card_count) != 0:
        return NULL
    register.card_count += 1
    return card


cdef Voucher *register_add_voucher(Register *register, const uint8_t *digest) noexcept nogil:
    """Give a new row with the digest of its PIN, or NULL without memory."""
    cdef Voucher *voucher
    cdef void *rows = one_more(register.vouchers, register.voucher_count, sizeof(Voucher))
    if rows == NULL:
        return NULL
    register.vouchers = <Voucher *> rows
    voucher = &register.vouchers[register.voucher_count]
    memcpy(voucher.digest, digest, DIGEST_BYTES)
    if index_insert(&register.voucher_index, token_hash(digest),
                    <uint32_t> register.voucher_count) != 0:
        return NULL
    register.voucher_count += 1
    return voucher


cdef int register_index_all(Register *register) noexcept nogil:
    """Build the indexes of rows that were loaded as they are. 0, or -1 without memory."""
    cdef int64_t row
    index_clear(&register.merchant_index)
    index_clear(&register.terminal_index)
    index_clear(&register.card_index)
    index_clear(&register.voucher_index)
    for row in range(register.merchant_count):
        if index_insert(&register.merchant_index,
                        merchant_hash(register.merchants[row].merchant_id), <uint32_t> row) != 0:
            return -1
    for row in range(register.terminal_count):
        if index_insert(&register.terminal_index,
                        terminal_hash(register.terminals[row].acquirer,
                                      register.terminals[row].terminal_id), <uint32_t> row) != 0:
            return -1
    for row in range(register.card_count):
        if index_insert(&register.card_index, token_hash(register.cards[row].token),
                        <uint32_t> row) != 0:
            return -1
    for row in range(register.voucher_count):
        if index_insert(&register.voucher_index, token_hash(register.vouchers[row].digest),
                        <uint32_t> row) != 0:
            return -1
    return 0


cdef int32_t find_club(const Register *register, int32_t club) noexcept nogil:
    """Give the row of a club, or -1."""
    cdef int32_t row
    for row in range(register.club_count):
        if register.clubs[row].club == club:
            return row
    return -1


cdef int32_t find_acquirer(const Register *register, int32_t acquirer) noexcept nogil:
    """Give the row of an acquirer, or -1."""
    cdef int32_t row
    for row in range(register.acquirer_count):
        if register.acquirers[row].acquirer == acquirer:
            return row
    return -1


cdef int32_t find_merchant(const Register *register, const char *merchant_id) noexcept nogil:
    """Give the row of a merchant by its DE 42, or -1."""
    cdef uint32_t cursor
    cdef uint64_t hash = merchant_hash(merchant_id)
    cdef int64_t row = index_first(&register.merchant_index, hash, &cursor)
    while row >= 0:
        if memcmp(register.merchants[row].merchant_id, merchant_id, MERCHANT_ID_BYTES) == 0:
            return <int32_t> row
        row = index_next(&register.merchant_index, hash, &cursor)
    return -1


cdef int32_t find_terminal(const Register *register, int32_t acquirer,
                           const char *terminal_id) noexcept nogil:
    """Give the row of a terminal by its acquirer and DE 41, or -1."""
    cdef uint32_t cursor
    cdef uint64_t hash = terminal_hash(acquirer, terminal_id)
    cdef int64_t row = index_first(&register.terminal_index, hash, &cursor)
    while row >= 0:
        if (register.terminals[row].acquirer == acquirer
                and memcmp(register.terminals[row].terminal_id, terminal_id,
                           TERMINAL_ID_BYTES) == 0):
            return <int32_t> row
        row = index_next(&register.terminal_index, hash, &cursor)
    return -1


cdef int64_t find_card(const Register *register, const uint8_t *token) noexcept nogil:
    """Give the row of a card by its token, or -1."""
    cdef uint32_t cursor
    cdef uint64_t hash = token_hash(token)
    cdef int64_t row = index_first(&register.card_index, hash, &cursor)
    while row >= 0:
        if memcmp(register.cards[row].token, token, TOKEN_BYTES) == 0:
            return row
        row = index_next(&register.card_index, hash, &cursor)
    return -1


cdef int64_t find_voucher(const Register *register, const uint8_t *digest) noexcept nogil:
    """Give the row of a voucher by its PIN's digest, or -1.

    How long it takes tells nothing of the PIN: nobody can choose a digest.
    """
    cdef uint32_t cursor
    cdef uint64_t hash = token_hash(digest)
    cdef int64_t row = index_first(&register.voucher_index, hash, &cursor)
    while row >= 0:
        if memcmp(register.vouchers[row].digest, digest, DIGEST_BYTES) == 0:
            return row
        row = index_next(&register.voucher_index, hash, &cursor)
    return -1
