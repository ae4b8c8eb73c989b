"""Undoing what was decided. See `_undo.pxd`."""

from libc.stdint cimport int32_t, int64_t

from switch._exchanges cimport (
    Exchange, Key, detail_known, detail_moves, exchange_by_approval, exchange_by_seq,
    exchange_original,
)
from switch._register cimport (
    CLOCK_UNHEARD, CLUB_POINTS_ISSUED, Terminal, find_terminal,
)
from switch._shard cimport (
    DECIDED, RECALL_SEQ, UNJOURNALED, day_count_returned, ends_with_hold, seconds_of,
    undone_share,
)
from switch._remote cimport ask_issuer
from switch._steps cimport ask_journal, run_plan, undo_moves
from switch._vouchers cimport check_undoable
from switch._words cimport (
    AMOUNT_IS_ZERO, CAPTURE_ABOVE_HOLD, CLASS_NONE, COMPLETION, HOLD, HOLD_ALREADY_CAPTURED,
    HOLD_ALREADY_RELEASED, HOLD_EXPIRED, KIND_HOLD_EXPIRY, MOVES_MAX, ORIGINAL_IS_ANOTHER_CARD,
    ORIGINAL_NOT_FOUND, ORIGINAL_NOT_REFUNDABLE, POINTS_PAYMENT, PREAUTHORISATION, PURCHASE,
    REASON_NONE, REFUND, REFUND_ABOVE_ORIGINAL, REPLACEMENT_ABOVE_ORIGINAL, REVERSED_BEFORE,
    REVERSED_DECLINED_ORIGINAL, REVERSED_UNKNOWN_ORIGINAL, STATE_APPROVED, STATE_CAPTURED,
    STATE_DECLINED, STATE_EXPIRED, STATE_HELD, TOO_MANY_MOVES, is_without_amount,
)
from switch.ledger._book cimport (
    MOVE_DONE, OWNER_CARD, OWNER_CLUB, Account, Move, book_apply, book_undo,
)
from switch.ledger._rows cimport Row

cdef int recall(Decision *decision, int64_t seq) noexcept nogil:
    """Have the slow lane fetch a row of the journal, then come back."""
    decision.status = RECALL_SEQ
    decision.recall_seq = seq
    return REASON_NONE


cdef bint releases_hold(const Shard *shard, const Move *move) noexcept nogil:
    """A completion's first moves give the hold back; undoing it leaves the hold ended.

    So it does what has ended in a counter, whatever kind of purchase it has left with.
    """
    return ends_with_hold(shard, &shard.book.accounts[move.from_account])


cdef int64_t undone_of(const Shard *shard, const Exchange *original, const Move *moves, int at,
                       int64_t undone) noexcept nogil:
    """Give how much of a move is undone when `undone` of the original is: its share.

    But of what came to be owed in instalments the last ones are undone first: of all the moves into
    that account together the share, taken from their end. A function of the total, as ever.
    """
    cdef int64_t together = 0
    cdef int64_t later = 0
    cdef int64_t part
    cdef int i
    if not owes(shard, &moves[at]):
        return share_of_move(shard, &moves[at], undone, original.approved_minor)
    for i in range(original.move_count):
        if moves[i].to_account == moves[at].to_account and moves[i].lot == moves[at].lot:
            together += moves[i].amount
            if i > at:
                later += moves[i].amount
    part = undone_share(together, undone, original.approved_minor) - later
    if part < 0:
        return 0
    return part if part < moves[at].amount else moves[at].amount


cdef inline bint owes(const Shard *shard, const Move *move) noexcept nogil:
    """Does a move put something into what a card owes by when?"""
    cdef const Account *account = &shard.book.accounts[move.to_account]
    return (account.owner_kind == OWNER_CARD and shard.plans[
        shard.register.cards[account.owner].programme_row].slots[account.slot].due)


cdef int64_t share_of_move(const Shard *shard, const Move *move, int64_t undone,
                           int64_t approved) noexcept nogil:
    """How much of a move is undone: rounded down, but of points that were earned rounded up.

    Whoever bought for 10,000 and gave back 9,999 would else keep a point for a rial.
    """
    if (shard.book.accounts[move.from_account].owner_kind == OWNER_CLUB
            and shard.book.accounts[move.from_account].slot == CLUB_POINTS_ISSUED):
        return move.amount - undone_share(move.amount, approved - undone, approved)
    return undone_share(move.amount, undone, approved)


cdef int change_undone(Shard *shard, const Exchange *original, int64_t undone,
                       Decision *decision) noexcept nogil:
    """Carry out what it takes for `undone` of the original to be undone. A Reason.

    Only when the original's details are known. Less than is undone now does it again.
    """
    return change_undone_of(shard, original, detail_moves(&shard.exchanges, original), undone,
                            &decision.row)


cdef int change_undone_of(Shard *shard, const Exchange *original, const Move *moves,
                          int64_t undone, Row *row) noexcept nogil:
    """The same, of an original that whoever calls keeps with its moves."""
    cdef int first = row.move_count
    cdef Move move
    cdef int64_t change
    cdef int i
    for i in range(original.move_count):
        if is_purchase(original) and releases_hold(shard, &moves[i]):
            continue
        change = (undone_of(shard, original, moves, i, undone)
                  - undone_of(shard, original, moves, i, original.undone_minor))
        if change == 0:
            continue
        move = moves[i]
        if change > 0:
            move.from_account = moves[i].to_account
            move.to_account = moves[i].from_account
        move.amount = change if change > 0 else -change
        if row.move_count == MOVES_MAX or book_apply(&shard.book, &move, True) != MOVE_DONE:
            while row.move_count > first:
                row.move_count -= 1
                book_undo(&shard.book, &row.moves[row.move_count])
            return TOO_MANY_MOVES
        row.moves[row.move_count] = move
        row.move_count += 1
    return REASON_NONE


cdef Key original_key(const Request *request, int32_t terminal) noexcept nogil:
    """The key under which the message's original would be."""
    cdef Key key
    key.terminal = terminal
    key.stan = request.original_stan if request.original_stan >= 0 else request.stan
    key.local_at = request.local_at
    key.transmitted_at = request.transmitted_at
    key.rrn = request.rrn
    key.rrn_sent = request.rrn[0] != 0
    key.message_class = (<unsigned char> request.original_class if request.original_class > 0
                         else CLASS_NONE)
    return key


cdef bint may_have_left(const Shard *shard, const Request *request, const Moment *now,
                        int32_t terminal_row) noexcept nogil:
    """Could the original that is not in memory have been there?

    DE 90 tells its time: DE 13 and 12 if it had them, else its DE 7. It was received no earlier
    than that time less what the clock was ever ahead (see `forgotten` in `_steps`). If that is
    after everything that has left, and not in the future (dates carry no year), it never arrived.
    A terminal that has both clocks is believed only when neither reading speaks against it.
    """
    cdef const Terminal *terminal = &shard.register.terminals[terminal_row]
    cdef int64_t left_s = shard.exchanges.forgotten_s
    cdef bint has_local = terminal.local_ahead_s != CLOCK_UNHEARD
    cdef bint has_sent = terminal.sent_ahead_s != CLOCK_UNHEARD
    cdef int64_t claimed, received_s
    if left_s == 0:
        return False
    if request.original_stan < 0 or request.original_at <= 0 or not (has_local or has_sent):
        return True
    claimed = seconds_of(request.original_at, now.unix_s, 0)
    received_s = claimed - (terminal.local_ahead_s if has_local else terminal.sent_ahead_s)
    return (claimed < 0 or received_s <= left_s or received_s > <int64_t> now.unix_s + 1
            or (has_sent and claimed - terminal.sent_ahead_s <= left_s))


cdef Exchange *find_original(Shard *shard, const Request *request, const Moment *now,
                             int32_t terminal, Decision *decision) noexcept nogil:
    """Give the original in memory, or NULL; sets the status when the journal must be asked."""
    cdef Key key = original_key(request, terminal)
    cdef Exchange *original = exchange_original(
        &shard.exchanges, &key, request.original_at if request.original_stan >= 0 else -1)
    # Asked once, whatever was asked before.
    if (original == NULL and may_have_left(shard, request, now, terminal)
            and (request.recall.terminal != terminal or request.recall.stan != key.stan)):
        ask_journal(decision, terminal, key.stan)
    return original


cdef void name_original(const Request *request, const Exchange *original,
                        Decision *decision) noexcept nogil:
    """Write into the row what it undoes or completes."""
    cdef Row *row = &decision.row
    row.original_stan = request.original_stan if request.original_stan >= 0 else request.stan
    row.original_at = request.original_at if request.original_stan >= 0 else request.local_at
    if row.original_at < 0:
        row.original_at = request.transmitted_at
    row.original_class = <short> (request.original_class if request.original_class > 0 else 0)
    if original != NULL:
        row.original_seq = original.seq


cdef int decide_reversal(Shard *shard, const Request *request, const Moment *now,
                         Decision *decision) noexcept nogil:
    """0400 and 0420: the original is undone, wholly or down to DE 95. A Reason."""
    cdef Row *row = &decision.row
    cdef Exchange *original = find_original(shard, request, now, row.terminal, decision)
    cdef int64_t undone
    cdef int reason
    if decision.status != DECIDED:
        return REASON_NONE
    if request.amount_minor == 0 and (
            original == NULL or not is_without_amount(original.operation)):
        return AMOUNT_IS_ZERO
    name_original(request, original, decision)
    if original == NULL:
        return REVERSED_UNKNOWN_ORIGINAL
    if original.state == STATE_DECLINED:        # perhaps before its card was looked at
        return REVERSED_DECLINED_ORIGINAL
    if original.card != row.card:
        return ORIGINAL_IS_ANOTHER_CARD
    if original.state == STATE_CAPTURED:
        return HOLD_ALREADY_CAPTURED
    if original.state != STATE_APPROVED and original.state != STATE_HELD:
        return REVERSED_BEFORE
    undone = original.approved_minor
    if request.replacement_minor >= 0:
        if request.replacement_minor > original.approved_minor:
            return REPLACEMENT_ABOVE_ORIGINAL
        undone -= request.replacement_minor
    if undone <= original.undone_minor:
        row.undone_minor = original.undone_minor
        return REVERSED_BEFORE
    row.approved_minor = undone - original.undone_minor
    row.undone_minor = undone
    if original.operation == REFUND:
        reason = redo_refunded(shard, original, undone, decision)
    elif not detail_known(&shard.exchanges, original):
        return recall(decision, original.seq)
    else:
        reason = check_undoable(shard, request, original, now)
        if reason == REASON_NONE:
            reason = change_undone(shard, original, undone, decision)
    if reason == REVERSED_BEFORE:       # nothing of the purchase stands: the refund is as it was
        row.approved_minor = 0
        row.undone_minor = -1
    elif reason == REASON_NONE:
        if is_without_amount(original.operation):
            row.approved_minor = 0
        row.day_count_returned = day_count_returned(shard, original, undone)
    return reason


cdef int redo_refunded(Shard *shard, const Exchange *refund, int64_t undone,
                       Decision *decision) noexcept nogil:
    """A refund is taken back: what it had undone of its own original is done again."""
    cdef Exchange *original = exchange_by_seq(&shard.exchanges, refund.original_seq)
    if original == NULL or not detail_known(&shard.exchanges, original):
        return recall(decision, refund.original_seq)
    if original.state != STATE_APPROVED:
        return REVERSED_BEFORE
    return change_undone(shard, original,
                         original.undone_minor - (undone - refund.undone_minor), decision)


cdef int decide_refund(Shard *shard, const Request *request, const Moment *now,
                       Decision *decision) noexcept nogil:
    """0200 with processing code 20: a part of a purchase goes back. A Reason."""
    cdef Row *row = &decision.row
    cdef Exchange *original
    cdef int32_t terminal = row.terminal
    cdef int reason
    if request.original_stan < 0:
        return ORIGINAL_NOT_FOUND
    if request.original_terminal_id[0] != 0:
        terminal = find_terminal(&shard.register, request.acquirer, request.original_terminal_id)
        if terminal < 0 or shard.register.terminals[terminal].merchant_row != row.merchant:
            return ORIGINAL_NOT_FOUND
    original = find_original(shard, request, now, terminal, decision)
    if decision.status != DECIDED:
        return REASON_NONE
    name_original(request, original, decision)
    if original == NULL:
        return ORIGINAL_NOT_FOUND
    if original.state != STATE_DECLINED and original.card != row.card:
        return ORIGINAL_IS_ANOTHER_CARD
    if original.state != STATE_APPROVED or not is_purchase(original):
        return ORIGINAL_NOT_REFUNDABLE
    if request.amount_minor > original.approved_minor - original.undone_minor:
        return REFUND_ABOVE_ORIGINAL
    if not detail_known(&shard.exchanges, original):
        return recall(decision, original.seq)
    row.undone_minor = original.undone_minor + request.amount_minor
    reason = change_undone(shard, original, row.undone_minor, decision)
    row.approved_minor = request.amount_minor
    return ask_issuer(shard, request, decision) if reason == REASON_NONE else reason


cdef inline bint is_purchase(const Exchange *original) noexcept nogil:
    return (original.operation == PURCHASE or original.operation == POINTS_PAYMENT
            or original.operation == COMPLETION)


cdef inline bint is_hold(const Exchange *original) noexcept nogil:
    return original.operation == HOLD or original.operation == PREAUTHORISATION


cdef int decide_completion(Shard *shard, const Request *request, const Moment *now,
                           Decision *decision) noexcept nogil:
    """0220: the hold ends and what was bought is paid, in one entry. A Reason."""
    cdef Row *row = &decision.row
    cdef Exchange *hold
    cdef int64_t points_limit = request.points_limit
    cdef int reason
    if request.original_stan < 0 and request.authorisation_code[0] != 0 and request.rrn[0] != 0:
        hold = exchange_by_approval(&shard.exchanges, row.terminal, row.card, request.rrn,
                                    request.authorisation_code)
    else:
        hold = find_original(shard, request, now, row.terminal, decision)
    if decision.status != DECIDED:
        return REASON_NONE
    if hold == NULL or not is_hold(hold) or hold.state == STATE_DECLINED:
        return ORIGINAL_NOT_FOUND
    name_original(request, hold, decision)
    if hold.card != row.card:
        return ORIGINAL_IS_ANOTHER_CARD
    if hold.state == STATE_CAPTURED:
        return HOLD_ALREADY_CAPTURED
    if hold.state == STATE_EXPIRED or (hold.state == STATE_HELD
                                       and hold.hold_expires_s <= now.unix_s):
        return HOLD_EXPIRED
    if hold.state != STATE_HELD:
        return HOLD_ALREADY_RELEASED
    if request.amount_minor > hold.approved_minor - hold.undone_minor:
        return CAPTURE_ABOVE_HOLD
    if not detail_known(&shard.exchanges, hold):
        return recall(decision, hold.seq)
    reason = change_undone(shard, hold, hold.approved_minor, decision)
    if reason != REASON_NONE:
        return reason
    if points_limit < 0 and hold.points > 0:
        points_limit = hold.points
    reason = run_plan(shard, request, now, PURCHASE, points_limit, hold.received_s, decision)
    if reason != REASON_NONE or decision.status != DECIDED:
        undo_moves(shard, decision)
    return reason


cdef void undo_hold(Shard *shard, int64_t seq, Decision *decision) noexcept nogil:
    """The clock has ended a hold: what is left of it goes back."""
    cdef Row *row = &decision.row
    cdef Exchange *hold = exchange_by_seq(&shard.exchanges, seq)
    if hold == NULL or hold.state != STATE_HELD:
        decision.status = UNJOURNALED
        return
    if not detail_known(&shard.exchanges, hold):
        recall(decision, seq)
        return
    row.kind = KIND_HOLD_EXPIRY
    row.card = hold.card
    row.terminal = hold.terminal
    row.merchant = shard.register.terminals[hold.terminal].merchant_row
    row.acquirer = shard.register.terminals[hold.terminal].acquirer
    row.club = shard.register.clubs[shard.register.merchants[row.merchant].club_row].club
    row.original_seq = seq
    row.reason = HOLD_EXPIRED
    row.response_code[0] = row.response_code[1] = 48
    row.amount_minor = hold.approved_minor - hold.undone_minor
    if change_undone(shard, hold, hold.approved_minor, decision) != REASON_NONE:
        decision.status = UNJOURNALED
        return
    row.undone_minor = hold.approved_minor
