"""Deciding. See `_decide.pxd`. The steps are in `_steps`, undoing what was decided in `_undo`."""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from switch._keyring cimport terminal_keys
from switch._plan cimport NO_SLOT, Plan, Told
from switch._proofs cimport check_holder
from switch._shard cimport DECIDED, KEYS_FIRST, PROOF_MAC, RECALL_KEY, UNJOURNALED, seconds_of
from switch._remote cimport ask_issuer, find_remote_card, take_answer, write_row_event
from switch._steps cimport (
    begin, check_amount, check_card, check_clock, check_repeated, check_rights, check_terminal,
    find_the_card, refuse, run_plan, undo_moves,
)
from switch._undo cimport decide_completion, decide_refund, decide_reversal, undo_hold
from switch._vouchers cimport find_the_voucher
from switch._words cimport (
    BALANCE, CLASS_AUTHORISATION, CLASS_FINANCIAL, CLASS_NETWORK, CLOCK_OUTSIDE_WINDOW, COMPLETION,
    CUT_OVER, FORMAT_ERROR, HOLD, HOLD_MOVES_MAX, HSM_UNAVAILABLE, ISSUER_DECLINED,
    ISSUER_UNAVAILABLE, KEY_EXCHANGE, LEDGER_UNAVAILABLE, NO_TERMINAL_KEYS, OVERLOADED,
    PARTIALLY_APPROVED, POINTS_BALANCE, PREAUTHORISATION, REASON_NONE, REFUND, REVERSAL,
    TOO_MANY_MOVES, UNKNOWN_CARD, DEBT_INQUIRY, ITEM_INQUIRY, VOUCHER_REDEMPTION, is_without_amount,
)
from switch.ledger._book cimport Book, book_spendable
from switch.ledger._rows cimport Row


cdef int authorise(Shard *shard, const Request *request, const Moment *now,
                   Decision *decision) noexcept nogil:
    """A request that a programme decides: purchase, load, hold, balance."""
    cdef int reason = check_amount(shard, request, decision)
    if reason == REASON_NONE:
        reason = check_card(shard, request, now, decision)
    if reason == REASON_NONE:
        reason = check_holder(shard, request, now, decision)
    if reason != REASON_NONE or decision.status != DECIDED:
        return reason
    if request.operation == VOUCHER_REDEMPTION:
        reason = find_the_voucher(shard, request, now, decision)
        if reason != REASON_NONE or decision.status != DECIDED:
            return reason
    if (request.operation == HOLD or request.operation == PREAUTHORISATION) \
            and shard.exchanges.held * 2 >= shard.exchanges.capacity:
        return OVERLOADED
    reason = run_plan(shard, request, now, request.operation, request.points_limit, 0, decision)
    if decision.status != DECIDED:
        return REASON_NONE
    if (reason == REASON_NONE and decision.row.hold_expires_us != 0
            and decision.row.move_count > HOLD_MOVES_MAX):
        undo_moves(shard, decision)
        return TOO_MANY_MOVES
    if (reason == REASON_NONE and decision.row.approved_minor < request.amount_minor
            and not is_without_amount(request.operation)
            and request.operation != BALANCE and request.operation != POINTS_BALANCE):
        reason = PARTIALLY_APPROVED
    return ask_issuer(shard, request, decision) if reason == REASON_NONE else reason


cdef int decide_key_exchange(const Shard *shard, const Request *request,
                             Decision *decision) noexcept nogil:
    """New session keys: they were made, journaled and put in force before this is decided."""
    if not request.recall.verdict.keys_made and not request.recall.verdict.away:
        decision.status = KEYS_FIRST
        return REASON_NONE
    if request.recall.verdict.away:
        return HSM_UNAVAILABLE
    if terminal_keys(&shard.keyring, decision.row.terminal) == NULL:
        return NO_TERMINAL_KEYS
    decision.tells_keys = True
    return REASON_NONE


cdef int decide_network(Shard *shard, const Request *request, const Moment *now,
                        Decision *decision) noexcept nogil:
    """Sign-on, sign-off, key exchange and cut-over; an echo is answered without a row."""
    cdef int32_t today = decision.row.business_day
    cdef int64_t opens
    if request.operation == KEY_EXCHANGE:
        return decide_key_exchange(shard, request, decision)
    if request.operation != CUT_OVER:
        return REASON_NONE
    if request.settlement_at < 0:
        return FORMAT_ERROR
    opens = seconds_of(request.settlement_at * 1000000, now.unix_s, 0)
    if opens < 0:
        return FORMAT_ERROR
    opens = opens // 86400
    # Not further than tomorrow by the calendar either: each new day has new limits.
    if opens != today and (opens != today + 1 or opens > now.local_day + 1):
        return CLOCK_OUTSIDE_WINDOW
    decision.row.business_day = <int32_t> opens
    return REASON_NONE


cdef int decide_operation(Shard *shard, const Request *request, const Moment *now,
                          Decision *decision) noexcept nogil:
    """What the message asks for, after everything that is checked alike."""
    cdef int reason
    if request.message_class == CLASS_NETWORK:
        return decide_network(shard, request, now, decision)
    reason = find_the_card(shard, request, decision)
    if reason == UNKNOWN_CARD and shard.host_count > 0:
        reason = find_remote_card(shard, request, decision)
    if reason != REASON_NONE or decision.status != DECIDED:
        return reason
    if request.operation == REVERSAL:
        reason = check_amount(shard, request, decision)
        return reason if reason else decide_reversal(shard, request, now, decision)
    if request.operation == COMPLETION:
        reason = check_amount(shard, request, decision)
        return reason if reason else decide_completion(shard, request, now, decision)
    if request.operation == REFUND:
        reason = check_amount(shard, request, decision)
        return reason if reason else decide_refund(shard, request, now, decision)
    return authorise(shard, request, now, decision)


cdef void tell_balances(Shard *shard, const Request *request, const Moment *now,
                        Decision *decision) noexcept nogil:
    """Balances after the decision, for DE 54."""
    cdef int64_t first = shard.register.cards[decision.row.card].accounts
    cdef Book *book = &shard.book
    cdef const Plan *plan = &shard.plans[decision.plan_row]
    cdef const Told *told
    cdef int32_t i
    decision.tells_balances = plan.told_count > 0
    decision.points_only = request.operation == POINTS_BALANCE
    for i in range(plan.told_count):
        told = &plan.told[i]
        decision.balances[2 * i] = book.accounts[first + told.slot].balance
        if told.held_slot != NO_SLOT:
            decision.balances[2 * i] += book.accounts[first + told.held_slot].balance
        decision.balances[2 * i + 1] = book_spendable(book, first + told.slot, now.unix_s)


cdef void name_approval(Decision *decision) noexcept nogil:
    """The authorisation code: the row's sequence in six characters of base 36."""
    cdef int64_t rest = decision.row.seq
    cdef int i, digit
    for i in range(5, -1, -1):
        digit = <int> (rest % 36)
        rest = rest // 36
        decision.row.authorisation_code[i] = <char> (48 + digit if digit < 10 else 55 + digit)


cdef int decide(Shard *shard, const Request *request, const Moment *now,
                Decision *decision) noexcept nogil:
    """Decide one request. Gives the decision's status.

    DECIDED: the moves are in the book; the caller writes the reply into `row.reply`, then journals
    and settles the row at once. Every other status: nothing has changed.
    """
    cdef Row *row = &decision.row
    cdef int reason
    begin(shard, request, now, decision)
    row.proofs = request.recall.verdict.right & PROOF_MAC
    reason = check_terminal(shard, request, decision)
    if reason != REASON_NONE:
        decision.status = UNJOURNALED      # strangers fill no journal
        decline(shard, decision, reason)
        return decision.status
    reason = check_repeated(shard, request, now, decision)
    if decision.status != DECIDED:
        return decision.status
    if reason == REASON_NONE:
        reason = check_rights(shard, request, decision)
    if reason == REASON_NONE:
        reason = check_clock(shard, request, now)
    if reason == REASON_NONE:
        reason = decide_operation(shard, request, now, decision)
    if decision.status != DECIDED:
        return decision.status
    if reason != REASON_NONE and not approves(reason):
        decline(shard, decision, reason)
        if (reason == HSM_UNAVAILABLE or reason == ISSUER_UNAVAILABLE
                or reason == LEDGER_UNAVAILABLE):
            decision.status = UNJOURNALED       # nothing was decided: the terminal may try again
        elif reason == ISSUER_DECLINED:
            memcpy(row.response_code, request.recall.issuer.response_code, 2)
        write_row_event(shard, request, decision)
        return decision.status
    row.reason = <short> reason
    memcpy(row.response_code, shard.response_codes[reason], 2)
    if row.card >= 0 and (request.message_class == CLASS_AUTHORISATION
                          or request.message_class == CLASS_FINANCIAL):
        tell_balances(shard, request, now, decision)
        if not (request.operation == BALANCE or request.operation == POINTS_BALANCE
                or request.operation == ITEM_INQUIRY or request.operation == DEBT_INQUIRY):
            name_approval(decision)
    elif request.operation == COMPLETION:
        name_approval(decision)
    take_answer(shard, request, decision)
    write_row_event(shard, request, decision)
    return decision.status


cdef int recognise(Shard *shard, const Request *request, const Moment *now,
                   Decision *decision) noexcept nogil:
    """Say whether a message was decided before, and decide nothing.

    REPEATED: `decision.repeated` is its answer. RECALL_KEY, RECALL_SEQ: the journal would have to
    be asked, or was to be asked and could not. DECIDED: it was not.
    """
    begin(shard, request, now, decision)
    if check_terminal(shard, request, decision) == REASON_NONE:
        check_repeated(shard, request, now, decision)
    if decision.status == DECIDED and request.recall.count > 0:
        decision.status = RECALL_KEY
    return decision.status


cdef void decline(Shard *shard, Decision *decision, int reason) noexcept nogil:
    """Make the decision a decline, whatever it has been so far."""
    refuse(decision, reason)
    memcpy(decision.row.response_code, shard.response_codes[reason], 2)


cdef bint approves(int reason) noexcept nogil:
    """Reasons that come with an approval: 10 and the reversals that had nothing to do."""
    return reason == PARTIALLY_APPROVED or 69 <= reason <= 70 or reason == 72


cdef int decide_hold_expiry(Shard *shard, int64_t seq, const Moment *now,
                            Decision *decision) noexcept nogil:
    """Release a hold that has ended. DECIDED, RECALL_SEQ, or UNJOURNALED: it is none any more."""
    cdef Request nobody
    memset(&nobody, 0, sizeof(Request))
    nobody.acquirer = nobody.processing_code = nobody.stan = -1
    nobody.local_at = nobody.transmitted_at = -1
    nobody.mti = nobody.currency = -1
    nobody.received_us = now.unix_us
    begin(shard, &nobody, now, decision)
    undo_hold(shard, seq, decision)
    return decision.status
