"""Accounts, lots and moves. See `_book.pxd` for what they are."""

from libc.stdlib cimport free, realloc
from libc.string cimport memset

from switch._memory cimport on_large_pages
from switch._words cimport MOVES_MAX

cdef enum:
    ACCOUNTS_FIRST = 1024
    LOTS_FIRST = 1024

cdef int64_t BALANCE_BOUND = 1LL << 60     # far beyond any sum of n12 amounts: overflow is a bug


cdef void book_clear(Book *book) noexcept nogil:
    """Free everything; the book is as new afterwards."""
    free(book.accounts)
    free(book.lots)
    memset(book, 0, sizeof(Book))
    book.lot_free = -1


cdef int64_t book_open(Book *book, int64_t owner, uint8_t owner_kind, uint8_t slot, uint16_t unit,
                       int64_t floor, bint keeps_lots) noexcept nogil:
    """Open an account and give its number, or -1 without memory."""
    cdef Account *grown
    cdef Account *account
    cdef int64_t capacity
    if book.account_count == book.account_capacity:
        capacity = ACCOUNTS_FIRST if book.account_capacity == 0 else book.account_capacity * 2
        grown = <Account *> realloc(book.accounts, <size_t> capacity * sizeof(Account))
        if grown == NULL:
            return -1
        on_large_pages(grown, <size_t> capacity * sizeof(Account))
        book.accounts = grown
        book.account_capacity = capacity
    account = &book.accounts[book.account_count]
    account.balance = 0
    account.floor = floor
    account.owner = owner
    account.lots = LOTS_NONE if keeps_lots else LOTS_NOT_KEPT
    account.unit = unit
    account.owner_kind = owner_kind
    account.slot = slot
    book.account_count += 1
    return book.account_count - 1


cdef inline bint expires_before(const Lot *lot, uint32_t expires_at, int64_t name) noexcept nogil:
    """Order of an account's lots: soonest to expire first, never last, then the older name."""
    if lot.expires_at != expires_at:
        return lot.expires_at != 0 and (expires_at == 0 or lot.expires_at < expires_at)
    return lot.lot < name


cdef int32_t take_lot_slot(Book *book) noexcept nogil:
    """Give a free slot of the lots' array, or -1 without memory."""
    cdef Lot *grown
    cdef int32_t capacity
    cdef int32_t slot = book.lot_free
    if slot >= 0:
        book.lot_free = book.lots[slot].next
        return slot
    if book.lot_count == book.lot_capacity:
        capacity = LOTS_FIRST if book.lot_capacity == 0 else book.lot_capacity * 2
        grown = <Lot *> realloc(book.lots, <size_t> capacity * sizeof(Lot))
        if grown == NULL:
            return -1
        on_large_pages(grown, <size_t> capacity * sizeof(Lot))
        book.lots = grown
        book.lot_capacity = capacity
    slot = book.lot_count
    book.lot_count += 1
    return slot


cdef int change_lot(Book *book, Account *account, const Move *move, int64_t change) noexcept nogil:
    """Add `change` to the move's lot in an account that keeps lots; open or close it as needed."""
    cdef int32_t at = account.lots
    cdef int32_t before = -1
    cdef int32_t slot
    cdef Lot *lot
    while at >= 0 and expires_before(&book.lots[at], move.expires_at, move.lot):
        before = at
        at = book.lots[at].next
    if at >= 0 and book.lots[at].lot == move.lot and book.lots[at].expires_at == move.expires_at:
        lot = &book.lots[at]
        lot.remaining += change
        if lot.remaining != 0:
            return MOVE_DONE
        if before < 0:
            account.lots = lot.next
        else:
            book.lots[before].next = lot.next
        lot.next = book.lot_free
        book.lot_free = at
        book.lots_open -= 1
        return MOVE_DONE
    slot = take_lot_slot(book)
    if slot < 0:
        return MOVE_NO_MEMORY
    lot = &book.lots[slot]
    lot.lot = move.lot
    lot.remaining = change
    lot.available_at = move.available_at
    lot.expires_at = move.expires_at
    lot.next = at
    lot.spare = 0
    if before < 0:
        account.lots = slot
    else:
        book.lots[before].next = slot
    book.lots_open += 1
    return MOVE_DONE


cdef int book_apply(Book *book, const Move *move, bint beyond_floor) noexcept nogil:
    """Carry out one move, or refuse it and change nothing. Gives a MoveFault.

    `beyond_floor` is for what has to happen (a reversal, an advice, replay of the journal).
    """
    cdef Account *source
    cdef Account *target
    cdef int fault
    if not (0 <= move.from_account < book.account_count
            and 0 <= move.to_account < book.account_count):
        return MOVE_UNKNOWN_ACCOUNT
    source = &book.accounts[move.from_account]
    target = &book.accounts[move.to_account]
    if source.unit != target.unit:
        return MOVE_OTHER_UNIT
    if move.amount <= 0 or move.amount > BALANCE_BOUND:
        return MOVE_OVERFLOW
    if (source.balance - move.amount < -BALANCE_BOUND
            or target.balance + move.amount > BALANCE_BOUND):
        return MOVE_OVERFLOW
    if not beyond_floor and source.balance - move.amount < source.floor:
        return MOVE_BELOW_FLOOR
    if move.lot == 0 and (source.lots != LOTS_NOT_KEPT or target.lots != LOTS_NOT_KEPT):
        return MOVE_WITHOUT_LOT
    if source.lots != LOTS_NOT_KEPT:
        fault = change_lot(book, source, move, -move.amount)
        if fault != MOVE_DONE:
            return fault
    if target.lots != LOTS_NOT_KEPT:
        fault = change_lot(book, target, move, move.amount)
        if fault != MOVE_DONE:
            return fault
    source.balance -= move.amount
    target.balance += move.amount
    return MOVE_DONE


cdef int book_undo(Book *book, const Move *move) noexcept nogil:
    """Carry out a move the other way round: every amount and lot is as it was before."""
    cdef Move back = move[0]
    back.from_account = move.to_account
    back.to_account = move.from_account
    return book_apply(book, &back, True)


cdef int64_t book_spendable(const Book *book, int64_t account_number,
                            uint32_t now_s) noexcept nogil:
    """Give what may leave an account now: above its floor, from lots that are open now."""
    cdef const Account *account = &book.accounts[account_number]
    cdef const Lot *lot
    cdef int64_t open_now = 0
    cdef int64_t above_floor = account.balance - account.floor
    cdef int32_t at = account.lots
    if at == LOTS_NOT_KEPT:
        return above_floor
    while at >= 0:
        lot = &book.lots[at]
        if lot.remaining < 0 or is_open(lot, now_s):
            open_now += lot.remaining
        at = lot.next
    return open_now if open_now < above_floor else above_floor


cdef int book_spend(Book *book, int64_t from_account, int64_t to_account, int64_t amount,
                    uint32_t now_s, bint beyond_floor, Move *moves, int32_t *count) noexcept nogil:
    """Move an amount, split over the lots it comes from, soonest to expire first.

    The moves are carried out and appended to `moves[count[0]:]`. When it gives a MoveFault, the
    moves appended so far are in the book and in the list: the caller undoes the list as a whole.
    """
    cdef Account *source = &book.accounts[from_account]
    cdef Lot *lot
    cdef Move move
    cdef int64_t rest = amount
    cdef int32_t at, following
    cdef int fault
    move.from_account = from_account
    move.to_account = to_account
    at = source.lots
    if at == LOTS_NOT_KEPT:
        move.amount = amount
        move.lot = move.available_at = move.expires_at = 0
        return record(book, &move, beyond_floor, moves, count)
    while rest > 0 and at >= 0:
        lot = &book.lots[at]
        following = lot.next
        if lot.remaining > 0 and is_open(lot, now_s):
            move.amount = lot.remaining if lot.remaining < rest else rest
            move.lot = lot.lot
            move.available_at = lot.available_at
            move.expires_at = lot.expires_at
            fault = record(book, &move, beyond_floor, moves, count)
            if fault != MOVE_DONE:
                return fault
            rest -= move.amount
        at = following
    return MOVE_DONE if rest == 0 else MOVE_BELOW_FLOOR


cdef int book_spend_ended(Book *book, int64_t from_account, int64_t to_account, uint32_t now_s,
                          bint owed_too, int64_t *ended, Move *moves,
                          int32_t *count) noexcept nogil:
    """Move what is left of lots that have ended; adds it to `ended[0]`. A MoveFault.

    What was taken back after it had been spent (below zero) is owed: it ends only if `owed_too`.
    """
    cdef Move move
    cdef const Lot *lot
    cdef int32_t at = book.accounts[from_account].lots
    cdef int fault
    while at >= 0:
        lot = &book.lots[at]
        at = lot.next
        if lot.expires_at == 0 or now_s < lot.expires_at:
            break                       # soonest to expire first: no other one has
        if lot.remaining < 0 and not owed_too:
            continue
        move.from_account = from_account if lot.remaining > 0 else to_account
        move.to_account = to_account if lot.remaining > 0 else from_account
        move.amount = lot.remaining if lot.remaining > 0 else -lot.remaining
        move.lot = lot.lot
        move.available_at = lot.available_at
        move.expires_at = lot.expires_at
        ended[0] += lot.remaining
        fault = record(book, &move, True, moves, count)
        if fault != MOVE_DONE:
            return fault
    return MOVE_DONE


cdef int book_end_all(Book *book, int64_t from_account, int64_t to_account, int64_t spared,
                      Move *moves, int32_t *count) noexcept nogil:
    """Move what is left of every lot, whenever it would end. A MoveFault.

    What is owed stays, and what is spared: lots with this bit in their names.
    Of an account without lots its balance is moved.
    """
    cdef Move move
    cdef const Lot *lot
    cdef int32_t at = book.accounts[from_account].lots
    cdef int fault
    move.from_account = from_account
    move.to_account = to_account
    if at == LOTS_NOT_KEPT and book.accounts[from_account].balance > 0:
        move.amount = book.accounts[from_account].balance
        move.lot = move.available_at = move.expires_at = 0
        return record(book, &move, True, moves, count)
    while at >= 0:
        lot = &book.lots[at]
        at = lot.next
        if lot.remaining < 0 or lot.lot & spared:
            continue
        move.amount = lot.remaining
        move.lot = lot.lot
        move.available_at = lot.available_at
        move.expires_at = lot.expires_at
        fault = record(book, &move, True, moves, count)
        if fault != MOVE_DONE:
            return fault
    return MOVE_DONE


cdef int record(Book *book, const Move *move, bint beyond_floor, Move *moves,
                int32_t *count) noexcept nogil:
    """Carry out one move and append it."""
    cdef int fault
    if count[0] >= MOVES_MAX:
        return MOVE_TOO_MANY
    fault = book_apply(book, move, beyond_floor)
    if fault == MOVE_DONE:
        moves[count[0]] = move[0]
        count[0] += 1
    return fault
