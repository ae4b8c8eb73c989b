"""Debts as dated lots. See `_debts.pxd`."""

from libc.stdint cimport uint32_t
from libc.string cimport memset

from switch._owed cimport (
    Owed, begun_of, beyond, credits_in, day_ends, debts_owed, is_to_come, left_of, oldest,
    to_be_charged,
)
from switch._schedule cimport (
    FEE_NONE, FEE_PROFIT_DECLINING, FEE_PROFIT_FLAT, FEE_QARZ_11, FEE_QARZ_12, Instalment,
    fee_part, fee_part_from, fee_parts, schedule_of,
)
from switch._words cimport (
    INSTALMENTS_REFUSED, MOVES_MAX, REASON_NONE, TOO_MANY_MOVES,
)
from switch.ledger._book cimport LOTS_NOT_KEPT, MOVE_DONE, Lot, book_apply


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


cdef int take_part(Book *book, const Debts *debts, int64_t account, const Lot *lot,
                   int64_t amount, Move *moves, int32_t *count) noexcept nogil:
    """Take an amount out of a debt; with principal goes what was charged for it. A Reason."""
    cdef Lot part = lot[0]      # lots are moved about when one is emptied
    cdef int64_t charged, target
    cdef int reason = take(book, account, debts.against, &part, amount, moves, count)
    if reason != REASON_NONE or account != debts.principal or debts.charged < 0:
        return reason
    charged = left_of(book, debts.charged, &part)
    target = to_be_charged(debts, &part, part.remaining - amount)
    if charged <= target:
        return REASON_NONE
    part.available_at = 0
    return take(book, debts.charged, debts.against, &part, charged - target, moves, count)


cdef int set_credits_against(Book *book, const Debts *debts, int64_t account, Move *moves,
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
        reason = take_part(book, debts, account, debt, amount, moves, count)
        if reason == REASON_NONE:
            reason = take(book, account, debts.against, &lot, -amount, moves, count)
        if reason != REASON_NONE:
            return reason


cdef inline bint opens_with_its_time(const Terms *terms) noexcept nogil:
    """Is a fee owed from when the time begins that it is for, not from the purchase on?"""
    return (terms.fee == FEE_PROFIT_DECLINING or terms.fee == FEE_PROFIT_FLAT
            or terms.fee == FEE_QARZ_11 or terms.fee == FEE_QARZ_12)


cdef int schedule_what_has_happened(const Terms *terms, int64_t minor, int32_t day,
                                    Instalment *schedule) noexcept nogil:
    """As `schedule_of`; of what cannot be divided by the terms all is due with the first."""
    cdef Terms whole = terms[0]
    cdef int instalments = schedule_of(terms, minor, day, schedule)
    if instalments > 0:
        return instalments
    whole.count = 1
    whole.grace_count = 0
    whole.multiple_minor = 1
    whole.fee = FEE_NONE
    whole.rate_bps = 0
    return schedule_of(&whole, minor, day, schedule)


cdef int debts_begin(Book *book, const Debts *debts, const Terms *terms, int64_t minor,
                     int64_t lot, bint has_happened, FirstDue *first, Move *moves,
                     int32_t *count) noexcept nogil:
    """Owe an amount by its terms, from today on, in lots of that name. A Reason.

    What the card has paid more than it owed pays first: it is nobody's credit, and costs nothing.
    """
    cdef Instalment schedule[120]
    cdef Move move
    cdef int64_t own
    cdef int64_t left           # what profit is counted on
    cdef int32_t utc_offset_s = debts.utc_offset_s
    cdef int32_t i
    cdef int instalments = 0
    cdef int reason = put_right(book, debts, lot & ~15LL, moves, count)
    memset(first, 0, sizeof(FirstDue))
    if reason != REASON_NONE:
        return reason
    own = -book.accounts[debts.principal].balance
    own = 0 if own < 0 else (own if own < minor else minor)
    if minor > own:
        if has_happened:
            instalments = schedule_what_has_happened(terms, minor - own, debts.day, schedule)
        else:
            instalments = schedule_of(terms, minor - own, debts.day, schedule)
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
    if own > 0:
        move.amount = own
        move.expires_at = <uint32_t> day_ends(debts.day, utc_offset_s)
        reason = put(book, &move, moves, count)
        if reason != REASON_NONE:
            return reason
    for i in range(instalments):
        if schedule[i].principal:
            move.amount = schedule[i].principal
            move.expires_at = <uint32_t> day_ends(schedule[i].due_day, utc_offset_s)
            reason = put(book, &move, moves, count)
            if reason != REASON_NONE:
                return reason
    left = minor - own
    for i in range(instalments):
        if schedule[i].fee:
            reason = put_fee(book, debts, terms, &schedule[i], i, left, lot, moves, count)
            if reason != REASON_NONE:
                return reason
        if terms.fee == FEE_PROFIT_DECLINING:
            left -= schedule[i].principal
    return use_credits(book, debts, moves, count)


cdef int put_fee(Book *book, const Debts *debts, const Terms *terms, const Instalment *row,
                 int32_t i, int64_t owed, int64_t lot, Move *moves, int32_t *count) noexcept nogil:
    """Owe an instalment's fee: profit in a lot for each month, which opens when that begins.

    They are due together. As a lot is known by its name and end, the earlier ones end a second
    earlier each; a day is found by its noon, and paying goes by the end.
    """
    cdef int32_t parts = fee_parts(terms, i)
    cdef int64_t ends_s = day_ends(row.due_day, debts.utc_offset_s)
    cdef int32_t part
    cdef int reason
    cdef Move move
    move.from_account = debts.against
    move.to_account = debts.fee
    move.lot = lot
    for part in range(parts):
        move.amount = fee_part(terms, row, owed, part)
        if move.amount == 0:
            continue
        move.expires_at = <uint32_t> (ends_s - (parts - 1 - part))
        move.available_at = 0
        if opens_with_its_time(terms):
            move.available_at = <uint32_t> day_ends(fee_part_from(terms, i, part, debts.day),
                                                    debts.utc_offset_s)
        reason = put(book, &move, moves, count)
        if reason != REASON_NONE:
            return reason
    return REASON_NONE


cdef int put_right(Book *book, const Debts *debts, int64_t lot_name, Move *moves,
                   int32_t *count) noexcept nogil:
    """Charge what is late, and give back what was paid of fees and is not owed. A Reason."""
    cdef int reason = debts_charge(book, debts, lot_name, moves, count)
    return give_fees_back(book, debts, lot_name, moves, count) if reason == REASON_NONE else reason


cdef int use_credits(Book *book, const Debts *debts, Move *moves, int32_t *count) noexcept nogil:
    """Set credits against debts. A Reason."""
    cdef int reason = set_credits_against(book, debts, debts.principal, moves, count)
    if reason == REASON_NONE:
        reason = set_credits_against(book, debts, debts.late, moves, count)
    return reason


# --- fees that were paid and have been refunded -------------------------------------------------

cdef const Lot *oldest_begun(const Book *book, const Debts *debts) noexcept nogil:
    """The first fee that is owed of those whose time has begun; NULL when there is none."""
    cdef int32_t at = book.accounts[debts.fee].lots
    while at >= 0:
        if book.lots[at].remaining > 0 and begun_of(debts, &book.lots[at]):
            return &book.lots[at]
        at = book.lots[at].next
    return NULL


cdef int give_fees_back(Book *book, const Debts *debts, int64_t lot_name, Move *moves,
                        int32_t *count) noexcept nogil:
    """What was paid of refunded fees pays others that have begun; the rest goes back. A Reason.

    Not those of time to come: whoever ends the debt before it begins would have lost it.
    """
    cdef const Lot *credit
    cdef const Lot *debt
    cdef int64_t amount
    cdef int64_t back = 0
    cdef Lot lot
    cdef int reason = REASON_NONE
    while reason == REASON_NONE:
        credit = oldest(book, debts.fee, False)
        if credit == NULL:
            break
        lot = credit[0]         # lots are moved about when one is emptied
        amount = -lot.remaining
        debt = oldest_begun(book, debts)
        if debt == NULL:
            back += amount
        else:
            amount = amount if amount < debt.remaining else debt.remaining
            reason = take(book, debts.fee, debts.against, debt, amount, moves, count)
        if reason == REASON_NONE:
            reason = take(book, debts.fee, debts.against, &lot, -amount, moves, count)
    if reason == REASON_NONE and back > 0:
        reason = pay_back(book, debts, debts.club_fees, lot_name, back, moves, count)
    return reason


cdef int keep(Book *book, const Debts *debts, int64_t lot_name, int64_t amount, Move *moves,
              int32_t *count) noexcept nogil:
    """More than is owed is a lot below zero, which pays what is owed or bought next. A Reason."""
    cdef Lot more
    memset(&more, 0, sizeof(Lot))
    more.lot = lot_name
    more.expires_at = <uint32_t> day_ends(debts.day, debts.utc_offset_s)
    return take(book, debts.principal, debts.against, &more, amount, moves, count)


# --- late charges -------------------------------------------------------------------------------

cdef int charge(Book *book, const Debts *debts, const Lot *part, int64_t change, Move *moves,
                int32_t *count) noexcept nogil:
    """Charge so much more for a lot of principal, or take so much back. A Reason.

    Both of its moves or none. A charge that was paid and is taken back leaves its lot below zero:
    what is charged for the same principal later is paid with that.
    """
    cdef Lot lot = part[0]
    cdef int reason
    if change == 0:
        return REASON_NONE
    if count[0] + 2 > MOVES_MAX:
        return TOO_MANY_MOVES
    lot.available_at = 0
    reason = take(book, debts.charged, debts.against, &lot, -change, moves, count)
    if reason == REASON_NONE:
        reason = take(book, debts.late, debts.against, &lot, -change, moves, count)
    return reason


cdef const Lot *charged_for_nothing(const Book *book, const Debts *debts) noexcept nogil:
    """A lot that was charged, or paid too much for, of whose principal nothing is left; or NULL.

    It was refunded: had it been paid, its charge would have gone with it.
    """
    cdef int32_t at = book.accounts[debts.charged].lots
    while at >= 0:
        if left_of(book, debts.principal, &book.lots[at]) <= 0:
            return &book.lots[at]
        at = book.lots[at].next
    at = book.accounts[debts.late].lots
    while at >= 0:
        if book.lots[at].remaining < 0 and left_of(book, debts.principal, &book.lots[at]) <= 0:
            return &book.lots[at]
        at = book.lots[at].next
    return NULL


cdef int give_back(Book *book, const Debts *debts, const Lot *gone, int64_t lot_name, Move *moves,
                   int32_t *count) noexcept nogil:
    """Take all of a lot's charge back; what of it was paid enters the card's wallet. A Reason."""
    cdef Lot lot = gone[0]
    cdef int64_t charged = left_of(book, debts.charged, &lot)
    cdef int64_t unpaid = left_of(book, debts.late, &lot)
    cdef int64_t still_owed = unpaid - charged if unpaid > charged else 0
    cdef int reason = REASON_NONE
    if count[0] + 4 > MOVES_MAX:
        return TOO_MANY_MOVES
    lot.available_at = 0
    if charged != 0:
        reason = take(book, debts.charged, debts.against, &lot, charged, moves, count)
    if reason == REASON_NONE and unpaid != still_owed:
        reason = take(book, debts.late, debts.against, &lot, unpaid - still_owed, moves, count)
    if reason == REASON_NONE and unpaid < charged:
        reason = pay_back(book, debts, debts.club_late, lot_name, charged - unpaid, moves, count)
    return reason


cdef int pay_back(Book *book, const Debts *debts, int64_t club_account, int64_t lot_name,
                  int64_t amount, Move *moves, int32_t *count) noexcept nogil:
    """What was paid of fees, or for being late, and not owed is the card's own. A Reason."""
    cdef Move move
    cdef int reason
    memset(&move, 0, sizeof(Move))
    move.from_account = club_account
    move.to_account = debts.wallet
    move.amount = amount
    reason = put(book, &move, moves, count)
    return keep(book, debts, lot_name, amount, moves, count) if reason == REASON_NONE else reason


cdef int debts_charge(Book *book, const Debts *debts, int64_t lot_name, Move *moves,
                      int32_t *count) noexcept nogil:
    """Charge for being late until today, or take back what has turned out not to be. A Reason.

    What the card's own credits pay is not late. The moves of each lot are made together: what found
    no room is the next run's.
    """
    cdef int64_t credits
    cdef const Lot *gone
    cdef int32_t at
    cdef Lot part
    cdef int reason
    if debts.charged < 0:
        return REASON_NONE
    while True:
        gone = charged_for_nothing(book, debts)
        if gone == NULL:
            break
        reason = give_back(book, debts, gone, lot_name, moves, count)
        if reason != REASON_NONE:
            return reason
    credits = credits_in(book, debts.principal)
    at = book.accounts[debts.principal].lots
    while at >= 0:
        part = book.lots[at]
        at = part.next
        if is_to_come(debts, &part):
            break                       # soonest first: no other one is late
        if part.remaining <= 0:
            continue
        reason = charge(book, debts, &part, to_be_charged(debts, &part, beyond(&part, &credits))
                        - left_of(book, debts.charged, &part), moves, count)
        if reason != REASON_NONE:
            return reason
    return REASON_NONE


# --- paying -------------------------------------------------------------------------------------

cdef int debts_pay(Book *book, const Debts *debts, int64_t minor, int64_t lot_name, Paid *paid,
                   Move *moves, int32_t *count) noexcept nogil:
    """Pay charges, then the oldest instalments, each one's fee before its principal. A Reason.

    What is more than is owed is a lot of that name below zero, which pays the next purchase.
    """
    cdef const Lot *fee
    cdef const Lot *part
    cdef const Lot *lot
    cdef int64_t account, amount
    cdef int64_t rest = minor
    cdef int reason = put_right(book, debts, lot_name, moves, count)
    memset(paid, 0, sizeof(Paid))
    if reason == REASON_NONE:
        reason = use_credits(book, debts, moves, count)
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
            paid.principal += amount
        elif account == debts.fee:
            paid.fees += amount
        else:
            paid.late += amount
        reason = take_part(book, debts, account, lot, amount, moves, count)
    paid.principal += rest
    if reason == REASON_NONE and rest > 0:
        reason = keep(book, debts, lot_name, rest, moves, count)
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


cdef int debts_settle(Book *book, const Debts *debts, int64_t lot_name, Paid *paid, Move *moves,
                      int32_t *count) noexcept nogil:
    """End the debt: all principal, fees of time that has begun, charges. A Reason.

    Fees of time that has not begun are owed no more; what was paid and refunded is not lost.
    """
    cdef Owed owed
    cdef int64_t left
    cdef int reason
    debts_owed(book, debts, 0, &owed)
    paid.principal = owed.principal
    paid.fees = owed.fee_begun
    paid.late = owed.late
    paid.rebate = owed.rebate
    reason = put_right(book, debts, lot_name, moves, count)
    if reason == REASON_NONE and book.accounts[debts.late].balance < 0:
        reason = pay_back(book, debts, debts.club_late, lot_name,
                          -book.accounts[debts.late].balance, moves, count)
    if reason == REASON_NONE:
        reason = drop(book, debts.late, debts.against, moves, count)
    if reason == REASON_NONE and debts.charged >= 0:
        reason = drop(book, debts.charged, debts.against, moves, count)
    if reason == REASON_NONE:
        reason = drop(book, debts.fee, debts.against, moves, count)
    if reason == REASON_NONE:
        reason = set_credits_against(book, debts, debts.principal, moves, count)
    left = book.accounts[debts.principal].balance
    if reason == REASON_NONE and left > 0:
        reason = drop(book, debts.principal, debts.against, moves, count)
    left = paid.principal - (left if left > 0 else 0)
    # Charges that went back have paid some of it, and are not taken off what a settlement costs.
    if reason == REASON_NONE and left > 0:
        reason = keep(book, debts, lot_name, left, moves, count)
    return reason
