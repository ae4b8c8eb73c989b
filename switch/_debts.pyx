"""Debts as dated lots. See `_debts.pxd`."""

from switch._schedule cimport INSTALMENTS_MAX, Instalment, schedule_of
from switch._words cimport (
    INSTALMENTS_REFUSED, MOVES_MAX, REASON_NONE, TOO_MANY_MOVES,
)
from switch.ledger._book cimport LOTS_NOT_KEPT, MOVE_DONE, Lot, book_apply

cdef enum:
    SECONDS_A_DAY = 86400


cdef int put(Book *book, const Move *move, Move *moves, int32_t *count) noexcept nogil:
    """Carry out a move and list it. A Reason."""
    if count[0] >= MOVES_MAX or book_apply(book, move, True) != MOVE_DONE:
        return TOO_MANY_MOVES
    moves[count[0]] = move[0]
    count[0] += 1
    return REASON_NONE


cdef int take(Book *book, int64_t account, int64_t against, const Lot *lot, int64_t amount,
              Move *moves, int32_t *count) noexcept nogil:
    """Take an amount out of a lot, or put it in when it is below zero. A Reason."""
    cdef Move move
    move.from_account = account if amount > 0 else against
    move.to_account = against if amount > 0 else account
    move.amount = amount if amount > 0 else -amount
    move.lot = lot.lot
    move.available_at = lot.available_at
    move.expires_at = lot.expires_at
    return put(book, &move, moves, count)


cdef const Lot *oldest(const Book *book, int64_t account, bint owed) noexcept nogil:
    """The first lot that is owed, or that is a credit; NULL when there is none."""
    cdef int32_t at = book.accounts[account].lots
    while at >= 0:
        if (book.lots[at].remaining > 0) == owed:
            return &book.lots[at]
        at = book.lots[at].next
    return NULL


cdef int set_credits_against(Book *book, int64_t account, int64_t against, Move *moves,
                             int32_t *count) noexcept nogil:
    """Set what was refunded after it had been paid against the oldest debt. A Reason."""
    cdef const Lot *credit
    cdef const Lot *debt
    cdef int64_t amount
    cdef Lot lot
    cdef int reason
    while True:
        credit = oldest(book, account, False)
        debt = oldest(book, account, True)
        if credit == NULL or debt == NULL:
            return REASON_NONE
        amount = -credit.remaining if -credit.remaining < debt.remaining else debt.remaining
        lot = credit[0]         # lots are moved about when one is emptied
        reason = take(book, account, against, debt, amount, moves, count)
        if reason == REASON_NONE:
            reason = take(book, account, against, &lot, -amount, moves, count)
        if reason != REASON_NONE:
            return reason


cdef inline int64_t day_ends(int32_t day, int32_t utc_offset_s) noexcept nogil:
    return (<int64_t> day + 1) * SECONDS_A_DAY - utc_offset_s


cdef int debts_begin(Book *book, const Debts *debts, const Terms *terms, int64_t minor,
                     int32_t local_day, int32_t utc_offset_s, int64_t lot, FirstDue *first,
                     Move *moves, int32_t *count) noexcept nogil:
    """Owe an amount by its terms, from a day on, in lots of that name. A Reason."""
    cdef Instalment schedule[120]
    cdef Move move
    cdef int32_t i
    cdef int reason
    cdef int instalments = schedule_of(terms, minor, local_day, schedule)
    if instalments <= 0:
        return INSTALMENTS_REFUSED
    first.count = instalments
    first.minor = schedule[0].principal + schedule[0].fee
    first.ends_s = day_ends(schedule[0].due_day, utc_offset_s)
    move.from_account = debts.against
    move.lot = lot
    # All of the principal, then all of the fees: what is undone of each is undone from its end.
    move.to_account = debts.principal
    move.available_at = 0
    for i in range(instalments):
        if schedule[i].principal:
            move.amount = schedule[i].principal
            move.expires_at = <uint32_t> day_ends(schedule[i].due_day, utc_offset_s)
            reason = put(book, &move, moves, count)
            if reason != REASON_NONE:
                return reason
    move.to_account = debts.fee
    for i in range(instalments):
        if schedule[i].fee:
            move.amount = schedule[i].fee
            move.expires_at = <uint32_t> day_ends(schedule[i].due_day, utc_offset_s)
            move.available_at = 0 if i == 0 else <uint32_t> day_ends(
                schedule[i - 1].due_day, utc_offset_s)
            reason = put(book, &move, moves, count)
            if reason != REASON_NONE:
                return reason
    reason = set_credits_against(book, debts.principal, debts.against, moves, count)
    if reason == REASON_NONE:
        reason = set_credits_against(book, debts.fee, debts.against, moves, count)
    return reason


cdef int debts_pay(Book *book, const Debts *debts, int64_t minor, int64_t *fees,
                   int64_t *principal, Move *moves, int32_t *count) noexcept nogil:
    """Pay charges, then the oldest instalments, each one's fee before its principal. A Reason.

    `fees` and `principal` come out as what went where; what no debt takes is principal, too: the
    card's credit.
    """
    cdef const Lot *fee
    cdef const Lot *part
    cdef const Lot *lot
    cdef int64_t account, amount
    cdef int64_t rest = minor
    cdef int reason = set_credits_against(book, debts.principal, debts.against, moves, count)
    if reason == REASON_NONE:
        reason = set_credits_against(book, debts.fee, debts.against, moves, count)
    fees[0] = principal[0] = 0
    while reason == REASON_NONE and rest > 0:
        lot = oldest(book, debts.late, True)
        account = debts.late
        if lot == NULL:
            fee = oldest(book, debts.fee, True)
            part = oldest(book, debts.principal, True)
            if fee == NULL and part == NULL:
                break
            if part == NULL or (fee != NULL and fee.expires_at <= part.expires_at):
                lot = fee
                account = debts.fee
            else:
                lot = part
                account = debts.principal
        amount = lot.remaining if lot.remaining < rest else rest
        rest -= amount
        if account == debts.principal:
            principal[0] += amount
        else:
            fees[0] += amount
        reason = take(book, account, debts.against, lot, amount, moves, count)
    principal[0] += rest
    return reason


cdef int drop(Book *book, int64_t account, int64_t against, Move *moves,
              int32_t *count) noexcept nogil:
    """Empty every lot of an account. A Reason."""
    cdef int32_t at
    cdef int reason
    while True:
        at = book.accounts[account].lots
        if at < 0:
            return REASON_NONE
        reason = take(book, account, against, &book.lots[at], book.lots[at].remaining, moves, count)
        if reason != REASON_NONE:
            return reason


cdef int debts_settle(Book *book, const Debts *debts, uint32_t now_s, int64_t *fees,
                      int64_t *principal, Move *moves, int32_t *count) noexcept nogil:
    """End the debt: all principal, fees of time that has begun, charges. A Reason.

    Fees of time that has not begun are owed no more.
    """
    cdef Owed owed
    cdef int reason
    debts_owed(book, debts, now_s, now_s, &owed)
    principal[0] = owed.principal
    fees[0] = owed.fee_begun + owed.late
    reason = drop(book, debts.late, debts.against, moves, count)
    if reason == REASON_NONE:
        reason = drop(book, debts.fee, debts.against, moves, count)
    if reason == REASON_NONE:
        reason = drop(book, debts.principal, debts.against, moves, count)
    return reason


cdef int64_t due_of(const Book *book, int64_t account, int64_t due_by_s) noexcept nogil:
    """What is owed of lots that end by a second; credits count against it."""
    cdef int32_t at = book.accounts[account].lots
    cdef int64_t due = 0
    while at >= 0:
        if book.lots[at].expires_at <= due_by_s or book.lots[at].remaining < 0:
            due += book.lots[at].remaining
        at = book.lots[at].next
    return due if due > 0 else 0


cdef void debts_owed(const Book *book, const Debts *debts, uint32_t now_s, int64_t due_by_s,
                     Owed *owed) noexcept nogil:
    """Say what is owed now, and what of it is due by a second."""
    cdef int32_t at = book.accounts[debts.fee].lots
    owed.principal = book.accounts[debts.principal].balance
    owed.late = book.accounts[debts.late].balance
    owed.fee_begun = 0
    while at >= 0:
        if book.lots[at].available_at <= now_s or book.lots[at].remaining < 0:
            owed.fee_begun += book.lots[at].remaining
        at = book.lots[at].next
    if owed.fee_begun < 0:
        owed.fee_begun = 0
    if owed.principal < 0:
        owed.principal = 0
    owed.due = (owed.late + due_of(book, debts.fee, due_by_s)
                + due_of(book, debts.principal, due_by_s))
