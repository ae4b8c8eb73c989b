"""One row of the past, carried out as it was and decided again. See `_lab_rows.pxd`."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memcmp, memcpy, memset

from switch._index cimport hash_word
from switch._lab_sums cimport (
    SUM_BREAKAGE, SUM_CASH, SUM_COMMISSION, SUM_DECLINED, SUM_DISCOUNT, SUM_EARNED, SUM_EXPIRED,
    SUM_FEES, SUM_FEE_POINTS, SUM_GRANTED, SUM_MONEY, SUM_PURCHASES, SUM_REDEEMED,
    SUM_SALES, add_moves, add_sums,
)
from switch._owed cimport TERMS_FIRST
from switch._plan cimport NO_SLOT, Moment, Plan, moment_at
from switch._register cimport CLUB_POINTS_PAID
from switch._shard cimport (
    count_for_limits, counts_for_limits, day_count_returned, is_approved, return_to_limits,
    undone_share,
)
from switch._steps cimport run_plan, undo_moves
from switch._undo cimport change_undone_of
from switch._words cimport (
    ABOVE_BALANCE_LIMIT, ACTIVATION, CAPTURE_ABOVE_HOLD, CARD_NOT_ACTIVATED, COMPLETION, HOLD,
    INSUFFICIENT_FUNDS, ITEM_CLAIM, ITEM_REGISTRATION, KIND_CLOCK, KIND_EVENT, KIND_EXCHANGE,
    KIND_HOLD_EXPIRY, LOAD,
    OPERATION_NOT_ALLOWED, ORIGINAL_NOT_FOUND, PARTIALLY_APPROVED, POINTS_PAYMENT,
    PREAUTHORISATION, PURCHASE, REASON_NONE, REFUND, RENEWAL, REPAYMENT, REVERSAL, SETTLEMENT,
    SETTLEMENT_IS_ANOTHER, STATE_APPROVED, STATE_CAPTURED, STATE_DECLINED, STATE_EXPIRED,
    STATE_HELD, STATE_RELEASED, STATE_REVERSED, TOO_MANY_MOVES, WITHDRAWAL, is_without_amount,
)
from switch.ledger._book cimport (
    MOVE_DONE, OWNER_BUDGET, OWNER_CARD, OWNER_CLUB, Account, book_apply,
)


cdef bint is_ours(const Replay *replay, int64_t card) noexcept nogil:
    """Is it a card of the programme, and this worker's?"""
    return (replay.shard.register.cards[card].programme_row == replay.plan_row
            and card // CARDS_A_BLOCK % replay.worker_count == replay.worker)


cdef inline bint is_sale(int operation) noexcept nogil:
    return operation == PURCHASE or operation == POINTS_PAYMENT or operation == COMPLETION


cdef inline bint is_hold(int operation) noexcept nogil:
    return operation == HOLD or operation == PREAUTHORISATION


cdef inline bint plan_decides(const Row *row, bint approved) noexcept nogil:
    """Did a plan decide this, so that another one may decide otherwise?"""
    cdef int operation = row.operation
    if not (is_sale(operation) or is_hold(operation) or operation == LOAD
            or operation == ACTIVATION or operation == WITHDRAWAL or operation == RENEWAL
            or operation == REPAYMENT or operation == SETTLEMENT
            or operation == ITEM_REGISTRATION or operation == ITEM_CLAIM):
        return False
    if approved:
        return True
    if is_hold(operation) or operation == ITEM_REGISTRATION or operation == ITEM_CLAIM:
        return False                    # what would have followed, or which item: nobody knows
    return (OPERATION_NOT_ALLOWED <= row.reason <= ABOVE_BALANCE_LIMIT
            or row.reason == TOO_MANY_MOVES or row.reason >= CARD_NOT_ACTIVATED)


# --- when ---------------------------------------------------------------------------------------

cdef int32_t offset_at(const Replay *replay, int64_t unix_s) noexcept nogil:
    """How far the place's clocks were ahead of UTC."""
    cdef int32_t at = replay.offset_count - 1
    while at > 0 and unix_s < replay.offset_from_s[at]:
        at -= 1
    return replay.offsets_s[at]


cdef void month_at(Replay *replay, int32_t local_day) noexcept nogil:
    """Let `month` be the one that a day is in; clocks may go back a little."""
    while (replay.month + 1 < replay.month_count
           and local_day >= replay.month_days[replay.month + 1]):
        replay.month += 1
    while replay.month > 0 and local_day < replay.month_days[replay.month]:
        replay.month -= 1


# --- exchanges that later rows name -------------------------------------------------------------

cdef Kept *kept_at(const Replay *replay, int64_t seq) noexcept nogil:
    """Give the place of an exchange that has to be kept, or NULL."""
    cdef int64_t at
    if seq == 0 or replay.kept_mask < 0:
        return NULL
    at = <int64_t> (hash_word(<uint64_t> seq) & <uint64_t> replay.kept_mask)
    while replay.kept_seqs[at] != 0:
        if replay.kept_seqs[at] == seq:
            return &replay.kept[at]
        at = (at + 1) & replay.kept_mask
    return NULL


cdef int keep_draft(Replay *replay, Kept *kept, const Row *drafted,
                    uint8_t state) noexcept nogil:
    """Keep what the draft made of an exchange, and its moves. A LabRow."""
    cdef Exchange *entry = &kept.draft
    cdef const Row *row = &replay.row
    cdef Move *grown
    cdef int64_t capacity
    if replay.move_count + drafted.move_count > replay.move_capacity:
        capacity = 2 * replay.move_capacity + drafted.move_count + 1024
        grown = <Move *> realloc(replay.moves, <size_t> capacity * sizeof(Move))
        if grown == NULL:
            return LAB_NO_MEMORY
        replay.moves = grown
        replay.move_capacity = capacity
    memset(entry, 0, sizeof(Exchange))
    entry.seq = row.seq
    entry.card = row.card
    entry.approved_minor = 1 if is_without_amount(row.operation) else drafted.approved_minor
    entry.original_seq = row.original_seq
    entry.points = drafted.points_redeemed
    entry.received_s = <uint32_t> (row.received_us // 1000000)
    entry.business_day = row.business_day
    entry.operation = <uint8_t> row.operation
    entry.state = state
    entry.move_count = <uint16_t> drafted.move_count
    kept.moves_at = replay.move_count
    memcpy(replay.moves + replay.move_count, drafted.moves,
           <size_t> drafted.move_count * sizeof(Move))
    replay.move_count += drafted.move_count
    return LAB_DONE


cdef void keep_happened(Kept *kept, const Row *row, const int64_t *sums) noexcept nogil:
    """Keep what happened."""
    kept.approved_minor = 0
    if is_approved(row):
        kept.approved_minor = 1 if is_without_amount(row.operation) else row.approved_minor
    kept.undone_minor = 0
    kept.merchant = row.merchant
    kept.discount_minor[HAPPENED] = row.discount_minor
    kept.cash_minor[HAPPENED] = sums[SUM_CASH]


cdef int lab_remember(Replay *replay, int state, int64_t undone_minor) noexcept nogil:
    """Keep `replay.row`, of before: both worlds have it as it was. A LabRow."""
    cdef Row *row = &replay.row
    cdef Kept *kept = kept_at(replay, row.seq)
    cdef int64_t sums[SUM_COUNT]
    if kept == NULL:
        return LAB_DONE
    memset(sums, 0, sizeof(sums))
    add_moves(&replay.before, row.moves, row.move_count, sums)
    sum_exchange(&replay.before, row.operation, is_approved(row), row, sums)
    keep_happened(kept, row, sums)
    if keep_draft(replay, kept, row, <uint8_t> state) != LAB_DONE:
        return LAB_NO_MEMORY
    kept.undone_minor = kept.draft.undone_minor = undone_minor
    kept.discount_minor[DRAFTED] = kept.discount_minor[HAPPENED]
    kept.cash_minor[DRAFTED] = kept.cash_minor[HAPPENED]
    return LAB_DONE


# --- adding up ----------------------------------------------------------------------------------

cdef int64_t points_value(const Book *book, const Row *row) noexcept nogil:
    """What the club pays the merchant for points, whatever that pays for those that it gives."""
    cdef const Account *source
    cdef int64_t value = 0
    cdef int i
    for i in range(row.move_count):
        source = &book.accounts[row.moves[i].from_account]
        if source.owner_kind == OWNER_CLUB and source.slot == CLUB_POINTS_PAID:
            value += row.moves[i].amount
    return value


cdef void sum_exchange(const Book *book, int operation, bint approved, const Row *row,
                       int64_t *sums) noexcept nogil:
    """Add to the sums of a row's moves what only the row says."""
    if operation == RENEWAL:
        sums[SUM_FEES] += sums[SUM_COMMISSION]
        sums[SUM_COMMISSION] = 0
        sums[SUM_FEE_POINTS] = sums[SUM_REDEEMED]
    if not is_sale(operation) or not approved:
        return
    sums[SUM_PURCHASES] = 1
    sums[SUM_SALES] = row.approved_minor
    sums[SUM_DISCOUNT] = row.discount_minor
    sums[SUM_CASH] = (row.approved_minor - row.discount_minor - points_value(book, row)
                      - sums[SUM_MONEY])


cdef void credit(Replay *replay, int world, int64_t card, const int64_t *sums) noexcept nogil:
    """Add what a card's holder gained."""
    replay.worlds[world].card_minor[card] += (
        sums[SUM_DISCOUNT] - sums[SUM_FEES] + sums[SUM_GRANTED] - sums[SUM_BREAKAGE])
    replay.worlds[world].card_points[card] += (
        sums[SUM_EARNED] - sums[SUM_EXPIRED] - sums[SUM_FEE_POINTS])


cdef void add_all(Replay *replay, int world, int32_t merchant,
                  const int64_t *sums) noexcept nogil:
    """Add a row's figures to its month, its card and, of what was sold (>= 0), its merchant."""
    cdef World *into = &replay.worlds[world]
    add_sums(into.months + SUM_COUNT * replay.month, sums)
    credit(replay, world, replay.row.card, sums)
    if merchant >= 0:
        add_sums(into.merchants + SUM_COUNT * <int64_t> merchant, sums)


cdef void add_undone(Replay *replay, int world, const Kept *kept, int64_t approved_minor,
                     int64_t before_minor, int64_t after_minor, int64_t *sums) noexcept nogil:
    """Take off what is undone of an exchange; `sums` are those of the moves."""
    cdef int operation = kept.draft.operation
    cdef int32_t merchant = -1
    if operation == RENEWAL:
        sums[SUM_FEES] += sums[SUM_COMMISSION]
        sums[SUM_COMMISSION] = 0
        sums[SUM_FEE_POINTS] = sums[SUM_REDEEMED]
    elif is_sale(operation) and approved_minor > 0:
        merchant = kept.merchant
        sums[SUM_SALES] = before_minor - after_minor
        sums[SUM_DISCOUNT] = (
            undone_share(kept.discount_minor[world], before_minor, approved_minor)
            - undone_share(kept.discount_minor[world], after_minor, approved_minor))
        sums[SUM_CASH] = (
            undone_share(kept.cash_minor[world], before_minor, approved_minor)
            - undone_share(kept.cash_minor[world], after_minor, approved_minor))
    add_all(replay, world, merchant, sums)


# --- rows ---------------------------------------------------------------------------------------

cdef int move_ours(Replay *replay, int world) noexcept nogil:
    """Carry out those of the row's moves that touch our cards or budgets, as they were. A LabRow.

    Budgets are counted by the only worker: see `bashgah.replay_processes`.
    """
    cdef const Row *row = &replay.row
    cdef Book *book = &replay.before if world == HAPPENED else &replay.shard.book
    cdef const Account *source
    cdef const Account *target
    cdef int64_t sums[SUM_COUNT]
    cdef int64_t card
    cdef int i
    for i in range(row.move_count):
        source = &book.accounts[row.moves[i].from_account]
        target = &book.accounts[row.moves[i].to_account]
        if source.owner_kind == OWNER_CARD and is_ours(replay, source.owner):
            card = source.owner
        elif target.owner_kind == OWNER_CARD and is_ours(replay, target.owner):
            card = target.owner
        elif source.owner_kind == OWNER_BUDGET or target.owner_kind == OWNER_BUDGET:
            if book_apply(book, &row.moves[i], True) != MOVE_DONE:
                return LAB_FAULT
            continue                    # a bound that its cards share with others
        else:
            continue
        if book_apply(book, &row.moves[i], True) != MOVE_DONE:
            return LAB_FAULT
        memset(sums, 0, sizeof(sums))
        add_moves(book, &row.moves[i], 1, sums)
        add_sums(replay.worlds[world].months + SUM_COUNT * replay.month, sums)
        credit(replay, world, card, sums)
    return LAB_DONE


cdef int lab_row(Replay *replay) noexcept nogil:
    """Carry out and decide again `replay.row`. A LabRow."""
    cdef Row *row = &replay.row
    cdef Moment now
    cdef int fault
    replay.rows += 1
    replay.last_s = row.decided_us // 1000000
    moment_at(&now, row.decided_us, offset_at(replay, replay.last_s))
    month_at(replay, now.local_day)
    if row.kind == KIND_EVENT:
        fault = move_ours(replay, HAPPENED)
        if fault == LAB_DONE:
            fault = move_ours(replay, DRAFTED)
        return LAB_EVENT if fault == LAB_DONE else fault
    if row.kind == KIND_CLOCK:
        fault = move_ours(replay, HAPPENED)
        return LAB_CLOCK if fault == LAB_DONE else fault
    if row.card < 0 or (row.kind != KIND_EXCHANGE and row.kind != KIND_HOLD_EXPIRY):
        return LAB_DONE
    if not is_ours(replay, row.card):
        fault = move_ours(replay, HAPPENED)
        return move_ours(replay, DRAFTED) if fault == LAB_DONE else fault
    replay.exchanges += 1
    if row.kind == KIND_HOLD_EXPIRY or row.operation == REVERSAL or row.operation == REFUND:
        return undo_again(replay)
    return decide_again(replay, &now)


cdef int carry_out(Replay *replay, Book *book) noexcept nogil:
    """Carry out the row's moves in a book. A LabRow."""
    cdef int i
    for i in range(replay.row.move_count):
        if book_apply(book, &replay.row.moves[i], True) != MOVE_DONE:
            return LAB_FAULT
    return LAB_DONE


cdef bint is_same(const Replay *replay, const Move *one, const Move *other) noexcept nogil:
    """Are two moves alike? Into which lot of another programme's card, its own rows decide."""
    cdef const Account *target
    if (one.from_account != other.from_account or one.to_account != other.to_account
            or one.amount != other.amount):
        return False
    if memcmp(one, other, sizeof(Move)) == 0:
        return True
    target = &replay.before.accounts[one.to_account]
    if target.owner_kind != OWNER_CARD:
        target = &replay.before.accounts[one.from_account]
    return (target.owner_kind == OWNER_CARD
            and replay.shard.register.cards[target.owner].programme_row != replay.plan_row)


cdef void compare(Replay *replay) noexcept nogil:
    """Count rows whose moves are others."""
    cdef const Row *drafted = &replay.decision.row
    cdef int i
    if drafted.move_count != replay.row.move_count:
        replay.differing += 1
        return
    for i in range(drafted.move_count):
        if not is_same(replay, &drafted.moves[i], &replay.row.moves[i]):
            replay.differing += 1
            return


cdef void begin_again(Replay *replay) noexcept nogil:
    """Start the draft's row: what was asked, by whom, when."""
    cdef Decision *decision = replay.decision
    cdef Row *drafted = &decision.row
    cdef const Row *row = &replay.row
    decision.status = 0
    decision.plan_row = replay.plan_row
    decision.voucher = -1
    drafted.seq = row.seq
    drafted.card = row.card
    drafted.merchant = row.merchant
    drafted.terminal = row.terminal
    drafted.operation = row.operation
    drafted.business_day = row.business_day
    drafted.received_us = row.received_us
    drafted.move_count = 0
    drafted.approved_minor = drafted.discount_minor = 0
    drafted.points_earned = drafted.points_redeemed = 0
    drafted.undone_minor = -1
    drafted.day_count_returned = -1


# --- what is undone -----------------------------------------------------------------------------

cdef int undo_again(Replay *replay) noexcept nogil:
    """A reversal, refund or hold's end: the same share of what the draft made of it. A LabRow."""
    cdef Row *row = &replay.row
    cdef Kept *named = kept_at(replay, row.original_seq)
    cdef Kept *kept = named
    cdef Kept *mine
    cdef int64_t sums[SUM_COUNT]
    cdef int64_t undone_minor
    if carry_out(replay, &replay.before) != LAB_DONE:
        return LAB_FAULT
    if not is_approved(row) or named == NULL or row.card != named.draft.card:
        # Nothing was undone: it was declined, or what it names never arrived.
        return LAB_DONE if row.move_count == 0 else LAB_FAULT
    undone_minor = row.undone_minor
    if named.draft.operation == REFUND and named.approved_minor == 0:
        return LAB_DONE                 # it was declined
    if named.draft.operation == REFUND:
        kept = kept_at(replay, named.draft.original_seq)
        if kept == NULL:
            return LAB_FAULT
        if undone_minor >= 0:
            undone_minor = kept.undone_minor - (row.undone_minor - named.undone_minor)
            named.undone_minor = row.undone_minor
    if undone_minor < 0:
        undone_minor = kept.undone_minor
    memset(sums, 0, sizeof(sums))
    add_moves(&replay.before, row.moves, row.move_count, sums)
    add_undone(replay, HAPPENED, kept, kept.approved_minor, kept.undone_minor, undone_minor, sums)
    kept.undone_minor = undone_minor
    mine = kept_at(replay, row.seq)
    if mine != NULL:                    # a refund that is taken back later
        memset(&mine.draft, 0, sizeof(Exchange))
        mine.draft.seq = row.seq
        mine.draft.card = row.card
        mine.draft.operation = <uint8_t> row.operation
        mine.draft.original_seq = row.original_seq
        mine.approved_minor = row.approved_minor
        mine.undone_minor = 0
    return undo_draft(replay, kept, named.draft.operation != REFUND)


cdef int undo_draft(Replay *replay, Kept *kept, bint directly) noexcept nogil:
    """Undo the draft's exchange down to the same share. A LabRow."""
    cdef Exchange *entry = &kept.draft
    cdef Row *row = &replay.row
    cdef Row *drafted = &replay.decision.row
    cdef int64_t sums[SUM_COUNT]
    cdef int64_t target_minor = entry.approved_minor
    begin_again(replay)
    if entry.state == STATE_APPROVED or entry.state == STATE_HELD:
        if kept.approved_minor > 0 and kept.undone_minor != kept.approved_minor:
            target_minor = undone_share(entry.approved_minor, kept.undone_minor,
                                        kept.approved_minor)
        drafted.undone_minor = target_minor
        drafted.approved_minor = target_minor - entry.undone_minor
        if row.operation == REVERSAL and directly and drafted.approved_minor > 0:
            drafted.day_count_returned = day_count_returned(replay.shard, entry, target_minor)
        if change_undone_of(replay.shard, entry, replay.moves + kept.moves_at, target_minor,
                            drafted) != REASON_NONE:
            return LAB_FAULT
        return_to_limits(replay.shard, drafted)
        memset(sums, 0, sizeof(sums))
        add_moves(&replay.shard.book, drafted.moves, drafted.move_count, sums)
        add_undone(replay, DRAFTED, kept, entry.approved_minor, entry.undone_minor, target_minor,
                   sums)
        entry.undone_minor = target_minor
        if row.kind == KIND_HOLD_EXPIRY:
            entry.state = STATE_EXPIRED
        elif row.operation == REVERSAL and directly and target_minor == entry.approved_minor:
            entry.state = STATE_RELEASED if entry.state == STATE_HELD else STATE_REVERSED
    compare(replay)
    return LAB_DONE


# --- what is decided ----------------------------------------------------------------------------

cdef int64_t points_asked(const Replay *replay, bint approved) noexcept nogil:
    """How many points may pay: as many as did, or (-1) whatever is needed or nothing was said."""
    cdef const Row *row = &replay.row
    if row.operation == COMPLETION:
        return row.points_redeemed
    if row.operation == POINTS_PAYMENT:
        if not approved:                # only one with a bound can lack money
            return 0 if row.reason == INSUFFICIENT_FUNDS else -1
        if points_value(&replay.before, row) == row.approved_minor - row.discount_minor:
            return -1
        return row.points_redeemed
    return row.points_redeemed if row.points_redeemed > 0 else -1


cdef int64_t terms_asked(const Replay *replay) noexcept nogil:
    """The number of the way to pay later that was asked for, as the debt's lots say; 0 = none.

    Of a number that the draft does not have: 0, which is its first.
    """
    cdef const Plan *plan = &replay.shard.plans[replay.plan_row]
    cdef const Row *row = &replay.row
    cdef const Account *account
    cdef int64_t number
    cdef int32_t i
    if plan.due_slot == NO_SLOT:
        return 0
    for i in range(row.move_count):
        account = &replay.before.accounts[row.moves[i].to_account]
        number = (row.moves[i].lot & 15) - TERMS_FIRST
        if (account.owner_kind == OWNER_CARD and account.slot == plan.due_slot
                and row.moves[i].lot >> 4 == row.seq and 0 <= number < plan.terms_count):
            return number + 1
    return 0


cdef int ask_draft(Replay *replay, const Moment *now, bint approved) noexcept nogil:
    """Have the draft decide what was asked; its moves are in the book, or none are. A Reason."""
    cdef Row *row = &replay.row
    cdef Request *request = &replay.request
    cdef Decision *decision = replay.decision
    cdef Kept *hold
    cdef int reason
    request.amount_minor = row.amount_minor
    request.partial_ok = row.reason == PARTIALLY_APPROVED
    request.terms = terms_asked(replay)
    request.item = 0
    if row.operation == ITEM_REGISTRATION or row.operation == ITEM_CLAIM:
        request.item = row.moves[0].lot if row.move_count > 0 else 0
    if row.operation == COMPLETION:
        hold = kept_at(replay, row.original_seq)
        if hold == NULL or hold.draft.state != STATE_HELD:
            return ORIGINAL_NOT_FOUND
        if row.amount_minor > hold.draft.approved_minor - hold.draft.undone_minor:
            return CAPTURE_ABOVE_HOLD
        reason = change_undone_of(replay.shard, &hold.draft, replay.moves + hold.moves_at,
                                  hold.draft.approved_minor, &decision.row)
        if reason == REASON_NONE:
            reason = run_plan(replay.shard, request, now, PURCHASE,
                              points_asked(replay, approved), hold.draft.received_s, decision)
        if reason != REASON_NONE:
            undo_moves(replay.shard, decision)
            return reason
        hold.draft.state = STATE_CAPTURED
        return REASON_NONE
    reason = run_plan(replay.shard, request, now, <uint8_t> row.operation,
                      points_asked(replay, approved), 0, decision)
    if reason == SETTLEMENT_IS_ANOTHER and approved and decision.owed_minor > 0:
        request.amount_minor = decision.owed_minor      # who settles pays what is owed
        reason = run_plan(replay.shard, request, now, <uint8_t> row.operation, -1, 0, decision)
    return reason


cdef void note_rules(Replay *replay) noexcept nogil:
    """Count which rules of the draft gave how much."""
    cdef const Decision *decision = replay.decision
    cdef RuleUse *use
    if decision.discount_rule:
        use = &replay.rules[decision.discount_rule]
        use.count += 1
        use.minor += decision.row.discount_minor
    if decision.earn_rule:
        use = &replay.rules[decision.earn_rule]
        use.count += 1
        use.points += decision.row.points_earned


cdef void note_holder(Replay *replay) noexcept nogil:
    """Keep what tells members apart: how much they bought, how often, when last."""
    cdef const Row *row = &replay.row
    replay.card_sales[row.card] += row.approved_minor
    replay.card_purchases[row.card] += 1
    replay.card_day[row.card] = row.business_day


cdef int decide_again(Replay *replay, const Moment *now) noexcept nogil:
    """What a programme decided, or (nothing known) what is as it was. A LabRow."""
    cdef Row *row = &replay.row
    cdef Row *drafted = &replay.decision.row
    cdef Kept *kept = kept_at(replay, row.seq)
    cdef int64_t sums[SUM_COUNT]
    cdef bint approved = is_approved(row)
    cdef bint again = plan_decides(row, approved)
    cdef bint sale = is_sale(row.operation)
    cdef int reason = REASON_NONE
    if carry_out(replay, &replay.before) != LAB_DONE:
        return LAB_FAULT
    memset(sums, 0, sizeof(sums))
    add_moves(&replay.before, row.moves, row.move_count, sums)
    sum_exchange(&replay.before, row.operation, approved, row, sums)
    if not approved and again:
        sums[SUM_DECLINED] = 1
        replay.worlds[HAPPENED].declined[row.reason] += 1
    add_all(replay, HAPPENED, row.merchant if sale else -1, sums)
    if sale and approved:
        note_holder(replay)
    if kept != NULL:
        keep_happened(kept, row, sums)
    begin_again(replay)
    if again:
        replay.purchases += sale
        reason = ask_draft(replay, now, approved)
    elif approved:                      # nobody here knows better
        memcpy(drafted.moves, row.moves, <size_t> row.move_count * sizeof(Move))
        drafted.move_count = row.move_count
        drafted.approved_minor = row.approved_minor
        if carry_out(replay, &replay.shard.book) != LAB_DONE:
            return LAB_FAULT
    compare(replay)
    return settle_again(replay, kept, again, approved, reason)


cdef int settle_again(Replay *replay, Kept *kept, bint again, bint was_approved,
                      int reason) noexcept nogil:
    """Write what follows from the draft's decision. A LabRow."""
    cdef Row *row = &replay.row
    cdef Row *drafted = &replay.decision.row
    cdef int64_t sums[SUM_COUNT]
    cdef bint approved = reason == REASON_NONE if again else was_approved
    cdef bint sale = is_sale(row.operation)
    cdef uint8_t state = STATE_DECLINED
    memset(sums, 0, sizeof(sums))
    add_moves(&replay.shard.book, drafted.moves, drafted.move_count, sums)
    sum_exchange(&replay.shard.book, row.operation, approved, drafted, sums)
    if again:
        replay.now_declined += was_approved and not approved
        replay.now_approved += approved and not was_approved
        if not approved:
            sums[SUM_DECLINED] = 1
            replay.worlds[DRAFTED].declined[reason] += 1
        elif sale:
            note_rules(replay)
    add_all(replay, DRAFTED, row.merchant if sale else -1, sums)
    if approved:
        state = STATE_HELD if is_hold(row.operation) else STATE_APPROVED
        if counts_for_limits(<uint8_t> row.operation):
            count_for_limits(replay.shard, drafted)
    if kept == NULL:
        return LAB_DONE
    kept.discount_minor[DRAFTED] = drafted.discount_minor
    kept.cash_minor[DRAFTED] = sums[SUM_CASH]
    return keep_draft(replay, kept, drafted, state)
