"""The steps that a decision is made of: who asks, seen before, when, what card, what of.

A check gives a Reason; REASON_NONE goes on. See `_decide.pxd` for the whole.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from switch._exchanges cimport Exchange, Key, detail_known, exchange_repeated
from switch._index cimport hash_bytes, hash_word
from switch._plan cimport (
    NEEDS_PRICE, R_ADVICE, R_AMOUNT, R_BOUND, R_CASH, R_DAY_COUNT, R_DAY_SPENT, R_DISCOUNT,
    R_DISCOUNT_RULE, R_DUE, R_EARNED, R_EARN_BOUND, R_EARN_RULE, R_FEE, R_FIRST_ENDS, R_FIRST_MINOR,
    R_FUNDER, R_HOLD_SECONDS, R_INSTALMENTS, R_ITEM, R_LINKED, R_MONEY, R_NET, R_OWED, R_PART,
    R_PARTIAL_OK, R_POINTS, R_POINTS_LIMIT, R_POINTS_VALUE, R_PRICE, R_REBATE, R_TERMS, R_TIER,
    R_TODAY, R_UNTIL, R_VOUCHER_POINTS, Plan, Run, plan_run,
)
from switch._register cimport (
    Acquirer, Card, Club, Merchant, Terminal, Voucher, find_acquirer, find_card, find_terminal,
)
from switch._shard cimport (
    PRICE_FIRST, RECALL_KEY, RECALL_SEQ, REPEATED, assigned_rrn, has_expired, seconds_of,
)
from switch._words cimport (
    ABOVE_BUDGET_AMOUNT, ABOVE_BUDGET_COUNT, ABOVE_MERCHANT_AMOUNT, ABOVE_MERCHANT_COUNT,
    ABOVE_PERIOD_AMOUNT, ABOVE_PERIOD_COUNT, ACTIVATION, AMOUNT_IS_ZERO, AMOUNT_TOO_LARGE, BALANCE,
    CARD_ACTIVE, CARD_BLOCKED, CARD_CLOSED, CARD_EXPIRED, CARD_LOST, CARD_STATUS_BLOCKED,
    CARD_STATUS_LOST, CARD_STATUS_STOLEN, CARD_STOLEN, CLASS_AUTHORISATION, CLASS_FINANCIAL,
    CLASS_NETWORK, CLASS_REVERSAL, CLASS_REVERSAL_ADVICE, CLOCK_OUTSIDE_WINDOW, DEBT_INQUIRY,
    DUPLICATE_WITH_OTHER_CONTENT, EXPIRY_MISMATCH, FORMAT_ERROR, INSTALMENTS_REFUSED, KIND_EXCHANGE,
    MERCHANT_BLOCKED, ORIGINAL_REVERSED_BEFORE_ARRIVAL, OTHER_CLUB, POINTS_BALANCE, PURCHASE,
    REASON_NONE, REPAYMENT, REVERSAL, SETTLEMENT, SETTLEMENT_IS_ANOTHER, STATE_TOMBSTONE,
    TERMINAL_BLOCKED, TERMINAL_SIGNED_OFF, UNKNOWN_CARD, UNKNOWN_MERCHANT, UNKNOWN_TERMINAL,
    WITHDRAWAL, WRONG_ACQUIRER, WRONG_CURRENCY, is_without_amount,
)
from switch.ledger._book cimport book_undo
from switch.ledger._rows cimport Row, row_clear

cdef enum:
    LOTS_A_ROW = 16             # names that a journal row may give to new lots

cdef int64_t AMOUNT_MINOR_MAX = 999999999999LL


cdef void undo_moves(Shard *shard, Decision *decision) noexcept nogil:
    """Take every move of the decision out of the book again, the last one first."""
    while decision.row.move_count > 0:
        decision.row.move_count -= 1
        book_undo(&shard.book, &decision.row.moves[decision.row.move_count])


cdef inline bint names_bound(int reason) noexcept nogil:
    """Was it declined for a cap or budget, whose name the reply tells?"""
    return (reason == ABOVE_PERIOD_AMOUNT or reason == ABOVE_PERIOD_COUNT
            or reason == ABOVE_MERCHANT_AMOUNT or reason == ABOVE_MERCHANT_COUNT
            or reason == ABOVE_BUDGET_AMOUNT or reason == ABOVE_BUDGET_COUNT)


cdef void refuse(Decision *decision, int reason) noexcept nogil:
    """Make the decision a decline: every move undone, every amount zero."""
    cdef Decision *d = decision
    d.row.reason = <short> reason
    d.row.approved_minor = d.row.discount_minor = 0
    d.row.points_earned = d.row.points_redeemed = 0
    d.row.hold_expires_us = 0
    d.row.undone_minor = -1
    d.row.authorisation_code[0] = 0
    d.row.move_count = 0
    d.net_minor = d.points_value_minor = d.money_minor = 0
    d.cash_minor = d.fee_minor = d.until_s = 0
    d.due_minor = d.instalments = 0
    d.voucher_points = 0
    if reason != SETTLEMENT_IS_ANOTHER:
        d.owed_minor = d.rebate_minor = 0
    if not names_bound(reason):
        d.bounds[0] = 0
    d.bounds[1] = 0
    memset(d.parts, 0, sizeof(d.parts))
    d.funder = 0
    d.discount_rule = d.earn_rule = 0
    d.tells_balances = False


cdef void begin(Shard *shard, const Request *request, const Moment *now,
                Decision *decision) noexcept nogil:
    """Start the row: what was asked, by whom, when."""
    cdef Row *row = &decision.row
    row_clear(row)
    memset(<char *> decision + sizeof(Row), 0, sizeof(Decision) - sizeof(Row))
    decision.plan_row = decision.tier = -1
    decision.voucher = -1
    decision.utc_offset_s = now.utc_offset_s
    row.kind = KIND_EXCHANGE
    row.seq = shard.last_seq + 1
    row.business_day = now.local_day
    row.received_us = request.received_us
    row.decided_us = now.unix_us
    row.acquirer = request.acquirer
    row.operation = request.operation
    row.mti = request.mti
    row.processing_code = request.processing_code
    row.stan = request.stan
    row.local_at = request.local_at
    row.transmitted_at = request.transmitted_at
    if request.rrn[0] != 0:
        memcpy(row.rrn, request.rrn, 12)
    elif request.message_class != CLASS_NETWORK:
        assigned_rrn(shard.number, row.seq, row.rrn)
    row.currency = request.currency
    row.amount_minor = request.amount_minor if request.amount_minor > 0 else 0
    row.fingerprint = fingerprint_of(request)


cdef uint64_t fingerprint_of(const Request *request) noexcept nogil:
    """Digest what a repeat must share with the first: everything that decides."""
    cdef uint64_t words[17]
    cdef uint64_t hash = 0
    cdef int i
    memcpy(words, request.card_token, 16)
    words[2] = <uint64_t> request.processing_code
    words[3] = <uint64_t> request.amount_minor
    words[4] = <uint64_t> request.currency
    words[5] = <uint64_t> request.condition_code
    words[6] = <uint64_t> request.points_limit
    words[7] = <uint64_t> request.replacement_minor
    words[8] = (<uint64_t> <uint32_t> request.original_stan << 32
                | <uint32_t> request.original_at)
    words[9] = <uint64_t> request.original_class
    memcpy(&words[10], request.original_terminal_id, 8)
    words[11] = <uint64_t> request.operation
    words[12] = <uint64_t> request.settlement_at
    words[13] = 0
    memcpy(&words[13], request.authorisation_code, 6)
    words[14] = 0
    if request.merchant_sent:
        words[14] = hash_bytes(<const uint8_t *> request.merchant_id, 15, 0)
    # Only where they are said: a message without them has the digest that it always had.
    words[15] = <uint64_t> request.item
    words[16] = <uint64_t> request.terms
    for i in range(17 if request.item or request.terms else 15):
        hash = hash_word(hash ^ words[i])
    if request.has_voucher_pin:
        hash = hash_word(hash ^ hash_bytes(request.voucher_pin, request.voucher_pin_bytes, 0))
    return hash


cdef int check_terminal(Shard *shard, const Request *request, Decision *decision) noexcept nogil:
    """Who asks: acquirer, terminal, merchant."""
    cdef Row *row = &decision.row
    cdef Terminal *terminal
    cdef Merchant *merchant
    cdef Acquirer *acquirer
    cdef int32_t found = find_acquirer(&shard.register, request.acquirer)
    if found < 0:
        return WRONG_ACQUIRER
    acquirer = &shard.register.acquirers[found]
    if acquirer.business_day > row.business_day:
        row.business_day = acquirer.business_day
    found = find_terminal(&shard.register, request.acquirer, request.terminal_id)
    if found < 0:
        return UNKNOWN_TERMINAL
    terminal = &shard.register.terminals[found]
    row.terminal = found
    row.merchant = terminal.merchant_row
    merchant = &shard.register.merchants[terminal.merchant_row]
    row.club = shard.register.clubs[merchant.club_row].club
    return REASON_NONE


cdef int check_rights(Shard *shard, const Request *request, Decision *decision) noexcept nogil:
    """May this terminal and merchant ask now?"""
    cdef Terminal *terminal = &shard.register.terminals[decision.row.terminal]
    cdef Merchant *merchant = &shard.register.merchants[terminal.merchant_row]
    if request.merchant_sent and memcmp(merchant.merchant_id, request.merchant_id, 15) != 0:
        return UNKNOWN_MERCHANT
    if (request.message_class == CLASS_REVERSAL
            or request.message_class == CLASS_REVERSAL_ADVICE):
        return REASON_NONE      # what was taken goes back, whoever has been blocked since
    if terminal.status != 0:
        return TERMINAL_BLOCKED
    if terminal.signed_off and (request.message_class == CLASS_AUTHORISATION
                                or request.message_class == CLASS_FINANCIAL):
        return TERMINAL_SIGNED_OFF
    if merchant.status != 0:
        return MERCHANT_BLOCKED
    return REASON_NONE


cdef bint forgotten(const Shard *shard, const Request *request, const Moment *now,
                    int32_t terminal_row) noexcept nogil:
    """Could this be a repeat of something that has left memory?

    A repeat claims a time that its original claimed, local or transmission, and the original was
    received no earlier than that claim less what this clock of the terminal's was ever ahead. If
    that is after everything that has left, no. The two clocks are told apart: a first message may
    have had one of them only, and one is local and the other UTC.
    """
    cdef const Terminal *terminal = &shard.register.terminals[terminal_row]
    cdef int64_t left_s = shard.exchanges.forgotten_s
    cdef int64_t claimed
    if left_s == 0:
        return False
    claimed = seconds_of(request.local_at, now.unix_s, 0)
    if claimed >= 0 and claimed - terminal.local_ahead_s <= left_s:
        return True
    claimed = seconds_of(request.transmitted_at, now.unix_s, 0)
    return claimed >= 0 and claimed - terminal.sent_ahead_s <= left_s


cdef int ask_journal(Decision *decision, int32_t terminal, int32_t stan) noexcept nogil:
    """Have the slow lane look for a terminal's STAN in the journal, then come back."""
    decision.status = RECALL_KEY
    decision.recall_terminal = terminal
    decision.recall_stan = stan
    return REASON_NONE


cdef int check_repeated(Shard *shard, const Request *request, const Moment *now,
                        Decision *decision) noexcept nogil:
    """Seen before? Sets the status when the answer is the stored one or needs the journal."""
    cdef Key key
    cdef Exchange *entry
    key.terminal = decision.row.terminal
    key.stan = request.stan
    key.local_at = request.local_at
    key.transmitted_at = request.transmitted_at
    key.rrn = request.rrn
    key.rrn_sent = request.rrn[0] != 0
    key.message_class = request.message_class
    entry = exchange_repeated(&shard.exchanges, &key)
    if entry == NULL:
        if request.recall.count == 0 and forgotten(shard, request, now, key.terminal):
            return ask_journal(decision, key.terminal, key.stan)
        return REASON_NONE
    if entry.state == STATE_TOMBSTONE:
        return ORIGINAL_REVERSED_BEFORE_ARRIVAL
    if entry.fingerprint != decision.row.fingerprint:
        return DUPLICATE_WITH_OTHER_CONTENT
    if detail_known(&shard.exchanges, entry):
        decision.status = REPEATED
        decision.repeated = entry
    else:
        decision.status = RECALL_SEQ
        decision.recall_seq = entry.seq
    return REASON_NONE


cdef int check_clock(Shard *shard, const Request *request, const Moment *now) noexcept nogil:
    """A request (not an advice, which may wait for days) claims a time near ours."""
    # DE 12 and 13 are the terminal's local time, DE 7 is UTC.
    cdef int64_t claimed = (
        seconds_of(request.local_at, now.unix_s, now.utc_offset_s) if request.local_at >= 0
        else seconds_of(request.transmitted_at, now.unix_s, 0))
    if claimed < 0:
        return FORMAT_ERROR
    if request.message_class != CLASS_AUTHORISATION and request.message_class != CLASS_FINANCIAL:
        return REASON_NONE
    if (claimed - now.unix_s > shard.clock_seconds_max
            or now.unix_s - claimed > shard.clock_seconds_max):
        return CLOCK_OUTSIDE_WINDOW
    return REASON_NONE


cdef int find_the_card(Shard *shard, const Request *request, Decision *decision) noexcept nogil:
    """Which card, and is it one of this merchant's club?"""
    cdef Row *row = &decision.row
    cdef Plan *plan
    row.card = find_card(&shard.register, request.card_token)
    if row.card < 0:
        return UNKNOWN_CARD
    decision.plan_row = shard.register.cards[row.card].programme_row
    plan = &shard.plans[decision.plan_row]
    row.programme = plan.programme
    row.programme_version = plan.version
    if plan.club_row != shard.register.merchants[row.merchant].club_row:
        return OTHER_CLUB
    return REASON_NONE


cdef int check_card(Shard *shard, const Request *request, const Moment *now,
                    Decision *decision) noexcept nogil:
    """May this card be used now?"""
    cdef const Card *card = &shard.register.cards[decision.row.card]
    if card.status == CARD_STATUS_LOST:
        return CARD_LOST
    if card.status == CARD_STATUS_STOLEN:
        return CARD_STOLEN
    if card.status == CARD_STATUS_BLOCKED:
        return CARD_BLOCKED
    if card.status != CARD_ACTIVE:
        return CARD_CLOSED
    if shard.plans[card.programme_row].host:
        return REASON_NONE              # its own bank knows until when it is good
    if request.expires_yymm >= 0 and request.expires_yymm != card.expires_yymm:
        return EXPIRY_MISMATCH
    if has_expired(card, now) and not pays_back(request.operation):
        return CARD_EXPIRED
    return REASON_NONE


cdef inline bint pays_back(int operation) noexcept nogil:
    """What is owed outlives the card it was bought with."""
    return operation == REPAYMENT or operation == SETTLEMENT or operation == DEBT_INQUIRY


cdef int check_amount(Shard *shard, const Request *request, Decision *decision) noexcept nogil:
    """An amount that can be moved, in the club's currency."""
    cdef Club *club = &shard.register.clubs[
        shard.register.merchants[decision.row.merchant].club_row]
    if request.operation == BALANCE or request.operation == POINTS_BALANCE:
        return REASON_NONE
    if is_without_amount(request.operation):
        return REASON_NONE
    if request.operation == REVERSAL and (request.currency < 0 or request.amount_minor == 0):
        return REASON_NONE      # of what, the original says
    if request.currency != club.currency:
        return WRONG_CURRENCY
    if request.amount_minor == 0:
        return AMOUNT_IS_ZERO
    if request.amount_minor < 0 or request.amount_minor > AMOUNT_MINOR_MAX:
        return AMOUNT_TOO_LARGE
    return REASON_NONE


cdef void take_outcome(const Run *run, const Moment *now, Decision *decision) noexcept nogil:
    """Write what a plan decided into the row, and what the reply says of it."""
    cdef Row *row = &decision.row
    row.approved_minor = run.registers[R_AMOUNT]
    row.discount_minor = run.registers[R_DISCOUNT]
    row.points_earned = run.registers[R_EARNED]
    row.points_redeemed = run.registers[R_POINTS]
    decision.net_minor = run.registers[R_NET]
    decision.points_value_minor = run.registers[R_POINTS_VALUE]
    decision.money_minor = run.registers[R_MONEY]
    decision.cash_minor = run.registers[R_CASH]
    decision.fee_minor = run.registers[R_FEE]
    decision.until_s = run.registers[R_UNTIL]
    decision.tier = <int32_t> run.registers[R_TIER]
    decision.owed_minor = run.registers[R_OWED]
    decision.due_minor = run.registers[R_DUE]
    decision.rebate_minor = run.registers[R_REBATE]
    decision.first_minor = run.registers[R_FIRST_MINOR]
    decision.first_ends_s = run.registers[R_FIRST_ENDS]
    decision.instalments = <int32_t> run.registers[R_INSTALMENTS]
    decision.terms = <int32_t> run.registers[R_TERMS]
    decision.voucher_points = run.registers[R_VOUCHER_POINTS]
    memcpy(decision.parts, &run.registers[R_PART], sizeof(decision.parts))
    decision.funder = <int> run.registers[R_FUNDER]
    decision.discount_rule = <int32_t> run.registers[R_DISCOUNT_RULE]
    decision.earn_rule = <int32_t> run.registers[R_EARN_RULE]
    decision.bounds[0] = <int32_t> run.registers[R_BOUND]
    decision.bounds[1] = <int32_t> run.registers[R_EARN_BOUND]
    if run.registers[R_HOLD_SECONDS] > 0:
        row.hold_expires_us = now.unix_us + run.registers[R_HOLD_SECONDS] * 1000000


cdef int run_plan(Shard *shard, const Request *request, const Moment *now, uint8_t operation,
                  int64_t points_limit, uint32_t held_s, Decision *decision) noexcept nogil:
    """Let the programme decide; its moves are in the book and in the row, or undone. A Reason.

    `held_s`: when the hold was made that this captures (0 = none). It has happened already, and a
    lot that was open then can still be spent.
    Sets the status when the programme is priced in Python and nobody here can ask that.
    """
    cdef Row *row = &decision.row
    cdef const Plan *plan = &shard.plans[decision.plan_row]
    cdef const Voucher *voucher
    cdef Run run
    cdef int moves_before = row.move_count
    cdef int reason
    if (request.terms and plan.terms_count == 0 and not held_s and plan.entry[operation] >= 0
            and (operation == PURCHASE or operation == WITHDRAWAL)):
        return INSTALMENTS_REFUSED      # it would be paid at once, which nobody agreed to
    memset(run.registers, 0, sizeof(run.registers))
    run.book = &shard.book
    run.card = &shard.register.cards[row.card]
    run.merchant = &shard.register.merchants[row.merchant]
    run.merchant_row = row.merchant
    run.club = &shard.register.clubs[plan.club_row]
    run.linked = NULL
    if run.card.linked >= 0:
        run.linked = &shard.register.cards[run.card.linked]
    if decision.voucher >= 0:
        run.linked = &shard.register.cards[shard.register.vouchers[decision.voucher].card]
    run.now = now
    run.shard = shard.number
    run.shards = shard.shard_count
    run.spent_s = held_s if held_s else now.unix_s
    run.lot = row.seq * LOTS_A_ROW
    run.moves = row.moves
    run.move_count = &row.move_count
    run.desk = request.recall.desk
    run.registers[R_AMOUNT] = request.amount_minor if request.amount_minor > 0 else 0
    run.registers[R_POINTS_LIMIT] = points_limit
    run.registers[R_PARTIAL_OK] = request.partial_ok
    run.registers[R_ADVICE] = held_s != 0
    run.registers[R_LINKED] = run.linked != NULL
    run.registers[R_ITEM] = request.item
    run.registers[R_TODAY] = now.local_day
    run.registers[R_TERMS] = request.terms
    if run.card.voucher >= 0 and operation == ACTIVATION:
        voucher = &shard.register.vouchers[run.card.voucher]
        run.registers[R_PRICE] = voucher.price_minor
        run.registers[R_VOUCHER_POINTS] = voucher.points
    if run.card.day >= row.business_day:
        run.registers[R_DAY_SPENT] = run.card.day_spent_minor
        run.registers[R_DAY_COUNT] = run.card.day_count
    reason = plan_run(plan, operation, &run)
    if reason != REASON_NONE:
        while row.move_count > moves_before:
            row.move_count -= 1
            book_undo(&shard.book, &row.moves[row.move_count])
        decision.owed_minor = run.registers[R_OWED]
        decision.rebate_minor = run.registers[R_REBATE]
        decision.bounds[0] = <int32_t> run.registers[R_BOUND]
        if reason == NEEDS_PRICE:
            decision.status = PRICE_FIRST
            return REASON_NONE
        return reason
    take_outcome(&run, now, decision)
    return REASON_NONE
