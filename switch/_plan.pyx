"""The register machine that runs plans. See `_plan.pxd`; `switch.plan` writes what it runs."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memset

from switch._calendar cimport CivilDate, DAY_INVALID, civil_of, months_after, period_end
from switch._debts cimport (
    FirstDue, Paid, debts_begin, debts_charge, debts_pay, debts_settle,
)
from switch._owed cimport TERMS_FIRST, Debts, Owed, debts_owed
from switch._register cimport CLUB_COUNTS, CLUB_FEES, CLUB_LATE_CHARGES
from switch._words cimport (
    INSTALMENTS_REFUSED, INSUFFICIENT_FUNDS, MOVES_MAX, OPERATION_NOT_ALLOWED, PRICING_FAILED,
    REASON_NONE, TOO_MANY_MOVES,
)
from switch.ledger._book cimport (
    LOTS_NOT_KEPT, MOVE_BELOW_FLOOR, MOVE_DONE, Lot, book_apply, book_spend, book_spend_ended,
    book_spendable, is_open,
)

cdef extern from *:
    """
    static inline int64_t bashgah_bps_floor(int64_t amount, int64_t bps)
    {
        __int128 product = (__int128)amount * bps;
        return (int64_t)(product / 10000);
    }
    static inline int64_t bashgah_gross_of_net(int64_t net, int64_t bps)
    {
        return bps >= 10000 ? INT64_MAX / 4 : (int64_t)((__int128)net * 10000 / (10000 - bps));
    }
    """
    int64_t bps_floor "bashgah_bps_floor"(int64_t amount, int64_t bps) nogil
    int64_t gross_of_net "bashgah_gross_of_net"(int64_t net, int64_t bps) nogil

cdef enum:
    REFERS_TO_MERCHANT = 2      # upper half of an account reference; 1 is the club
    REFERS_TO_CARD = 3
    REFERS_TO_LINKED = 4
    REFERS_TO_ORGANISATION = 5
    REFERS_TO_BUDGET = 6
    MONTHS_LATER = 7            # in an ending's code: beside the periods of `_calendar`, from 1
    SECONDS_A_DAY = 86400
    SATURDAY = 5                # 1970-01-01 was a Thursday: day 0 is the fifth after Saturday

cdef int64_t LOTS_OF_A_PLACE = 1LL << 32    # names of lots that say where and until when


cdef void plan_clear(Plan *plan) noexcept nogil:
    """Free a plan's tables."""
    cdef int32_t i
    free(plan.steps)
    free(plan.rules)
    free(plan.tables)
    for i in range(plan.budget_count):
        free(plan.budgets[i].accounts)
    free(<void *> plan.holidays.days)
    memset(plan, 0, sizeof(Plan))


cdef void moment_at(Moment *moment, int64_t unix_us, int32_t utc_offset_s) noexcept nogil:
    """Fill in a moment (Unix microseconds) as the clocks of a place show it."""
    cdef int64_t local_s = unix_us // 1000000 + utc_offset_s
    moment.unix_us = unix_us
    moment.unix_s = <uint32_t> (unix_us // 1000000)
    moment.utc_offset_s = utc_offset_s
    moment.local_day = <int32_t> (local_s // SECONDS_A_DAY)
    moment.local_hour = <uint8_t> (local_s % SECONDS_A_DAY // 3600)
    moment.local_weekday = <uint8_t> ((moment.local_day + SATURDAY) % 7)


cdef int64_t budget_account(const Plan *plan, const Run *run, int64_t at) noexcept nogil:
    """Give the account that counts a budget here; -1: there is none."""
    cdef const Budget *budget = &plan.budgets[at]
    cdef int32_t place = run.merchant_row if budget.per_merchant else 0
    return budget.accounts[place] if 0 <= place < budget.account_count else -1


cdef int64_t account_of(const Plan *plan, const Run *run, uint8_t reference) noexcept nogil:
    """Resolve an account reference: owner kind in the upper half, slot in the lower."""
    cdef uint8_t slot = reference & 15
    if reference >> 4 == REFERS_TO_CARD:
        return run.card.accounts + slot
    if reference >> 4 == REFERS_TO_MERCHANT:
        return run.merchant.account + slot
    if reference >> 4 == REFERS_TO_LINKED:
        return run.linked.accounts + slot if run.linked != NULL else -1
    if reference >> 4 == REFERS_TO_ORGANISATION:
        return plan.organisation
    if reference >> 4 == REFERS_TO_BUDGET:
        return budget_account(plan, run, slot)
    return run.club.accounts + slot


cdef inline bint rule_holds(const Rule *rule, const Run *run) noexcept nogil:
    return ((rule.merchant < 0 or rule.merchant == run.merchant_row)
            and (rule.category < 0 or rule.category == run.merchant.category)
            and rule.weekdays >> run.now.local_weekday & 1
            and rule.hour_from <= run.now.local_hour < rule.hour_to
            and rule.tiers >> run.registers[R_TIER] & 1
            and run.registers[R_AMOUNT] >= rule.amount_min_minor)


cdef void find_rule(const Plan *plan, const Step *step, Run *run) noexcept nogil:
    """The first rule of the table that holds gives its values; none gives zeros and no name."""
    cdef const RuleTable *table = &plan.tables[step.imm]
    cdef const Rule *rule
    cdef int32_t i, value
    for i in range(table.first, table.first + table.count):
        rule = &plan.rules[i]
        if rule_holds(rule, run):
            for value in range(RULE_VALUES):
                run.registers[step.dst + value] = rule.values[value]
            run.registers[step.a] = rule.name
            return
    for value in range(RULE_VALUES):
        run.registers[step.dst + value] = 0
    run.registers[step.a] = 0


cdef inline int64_t new_lot_name(const Run *run) noexcept nogil:
    return run.lot | run.registers[R_LOT_MARKS] << LOT_MARKS_SHIFT


cdef int64_t lot_with_terms(const Run *run, int64_t account, int64_t live_from_lot) noexcept nogil:
    """Name the lot that joins: one of the same terms and marks, not older than that, else new."""
    cdef int32_t at = run.book.accounts[account].lots
    cdef uint32_t expires_at = <uint32_t> run.registers[R_LOT_EXPIRES_AT]
    cdef uint32_t available_at = <uint32_t> run.registers[R_LOT_AVAILABLE_AT]
    cdef int64_t marks = run.registers[R_LOT_MARKS]
    cdef int64_t unmarked
    while at >= 0 and not marks & LOT_PAID:
        unmarked = run.book.lots[at].lot - (marks << LOT_MARKS_SHIFT)
        if (run.book.lots[at].expires_at == expires_at
                and run.book.lots[at].available_at == available_at
                and run.book.lots[at].lot >> LOT_MARKS_SHIFT == marks
                and unmarked >= live_from_lot):
            return run.book.lots[at].lot
        at = run.book.lots[at].next
    return new_lot_name(run)


cdef int move(const Plan *plan, const Step *step, Run *run) noexcept nogil:
    """Carry out a posting of the plan. A Reason."""
    cdef Move new_lot
    cdef int64_t amount = run.registers[step.dst]
    cdef int64_t source = account_of(plan, run, step.a)
    cdef int64_t target = account_of(plan, run, step.b)
    cdef int fault
    if step.op == OP_MOVE_ENDED:
        run.registers[step.dst] = 0
        fault = book_spend_ended(run.book, source, target, run.now.unix_s, step.imm == 1,
                                 &run.registers[step.dst], run.moves, run.move_count)
    elif amount == 0:
        return REASON_NONE
    elif step.op == OP_MOVE:
        fault = book_spend(run.book, source, target, amount, run.spent_s,
                           run.registers[R_ADVICE] != 0, run.moves, run.move_count)
    else:
        new_lot.from_account = source
        new_lot.to_account = target
        new_lot.amount = amount
        if step.op == OP_MOVE_ITEM:
            new_lot.lot = run.registers[R_ITEM]
        elif step.op == OP_MOVE_NAMED:
            new_lot.lot = (1 + run.merchant_row if step.imm == 1 else 1) * LOTS_OF_A_PLACE
            new_lot.lot += run.registers[R_LOT_EXPIRES_AT]
        else:
            new_lot.lot = lot_with_terms(
                run, target, plan.live_from_lot if step.imm == JOINS_SAME_VERSION else 0)
        new_lot.available_at = <uint32_t> run.registers[R_LOT_AVAILABLE_AT]
        new_lot.expires_at = <uint32_t> run.registers[R_LOT_EXPIRES_AT]
        if run.move_count[0] >= MOVES_MAX:
            return TOO_MANY_MOVES
        fault = book_apply(run.book, &new_lot, True)
        if fault == MOVE_DONE:
            run.moves[run.move_count[0]] = new_lot
            run.move_count[0] += 1
            if new_lot.lot == new_lot_name(run):
                run.lot += 1
    if fault == MOVE_DONE:
        return REASON_NONE
    return INSUFFICIENT_FUNDS if fault == MOVE_BELOW_FLOOR else TOO_MANY_MOVES


cdef int64_t largest_lot(const Run *run, int64_t account) noexcept nogil:
    cdef int32_t at = run.book.accounts[account].lots
    cdef int64_t largest = 0
    while at >= 0:
        if is_open(&run.book.lots[at], run.now.unix_s) and run.book.lots[at].remaining > largest:
            largest = run.book.lots[at].remaining
        at = run.book.lots[at].next
    return largest


cdef int64_t not_ended(const Run *run, int64_t account) noexcept nogil:
    """An account's balance without what has ended: that is nobody's to spend any more."""
    cdef int64_t balance = run.book.accounts[account].balance
    cdef int32_t at = run.book.accounts[account].lots
    cdef const Lot *lot
    while at >= 0:
        lot = &run.book.lots[at]
        if lot.remaining > 0 and lot.expires_at != 0 and lot.expires_at <= run.now.unix_s:
            balance -= lot.remaining
        at = lot.next
    return balance


cdef int64_t counted(const Run *run, int64_t account) noexcept nogil:
    """What the lots say that are open now; what is owed of one that has ended counts no more."""
    cdef int32_t at = run.book.accounts[account].lots
    cdef int64_t count = 0
    while at >= 0:
        if is_open(&run.book.lots[at], run.now.unix_s):
            count += run.book.lots[at].remaining
        at = run.book.lots[at].next
    return count


cdef int64_t counted_here(const Run *run, int64_t account) noexcept nogil:
    """What the lots say that are open now and named by the merchant."""
    cdef int32_t at = run.book.accounts[account].lots
    cdef int64_t count = 0
    while at >= 0:
        if (run.book.lots[at].lot // LOTS_OF_A_PLACE == 1 + run.merchant_row
                and is_open(&run.book.lots[at], run.now.unix_s)):
            count += run.book.lots[at].remaining
        at = run.book.lots[at].next
    return count


cdef int64_t budget_left(const Plan *plan, const Run *run, int64_t at) noexcept nogil:
    """What this shard may still give of a budget: of even shares the first has the remainder."""
    cdef const Budget *budget = &plan.budgets[at]
    cdef int64_t account = budget_account(plan, run, at)
    cdef int64_t left = budget.most
    if account < 0:
        return 0
    if budget.share_bps >= 0:
        left = bps_floor(budget.most, budget.share_bps)
    elif run.shards > 1:
        left = budget.most // run.shards
        if run.shard == 0:
            left += budget.most % run.shards
    left -= counted(run, account)
    return left if left > 0 else 0


cdef int64_t last_end(const Run *run, int64_t account) noexcept nogil:
    """When the last of an account's lots ends: they are in that order. 0 when there is none."""
    cdef int32_t at = run.book.accounts[account].lots
    cdef int64_t ends = 0
    while at >= 0:
        ends = run.book.lots[at].expires_at
        at = run.book.lots[at].next
    return ends


cdef void find_lot(const Step *step, Run *run) noexcept nogil:
    """The lot that R_ITEM names: remaining, end and opening; zeros for one that is not there."""
    cdef int32_t at = run.book.accounts[run.card.accounts + step.imm].lots
    cdef const Lot *lot
    run.registers[step.dst] = run.registers[step.dst + 1] = run.registers[step.dst + 2] = 0
    while at >= 0:
        lot = &run.book.lots[at]
        if lot.lot == run.registers[R_ITEM]:
            run.registers[step.dst] = lot.remaining
            run.registers[step.dst + 1] = lot.expires_at
            run.registers[step.dst + 2] = lot.available_at
            return
        at = lot.next


cdef int64_t end_of(const Run *run, int64_t code, int64_t day) noexcept nogil:
    """When something ends that begins on a local day: see `switch.plan.ending_code`. 0 = never.

    What no calendar knows is taken for never: a programme's terms are checked to end long before.
    """
    cdef int kind = <int> (code >> 32 & 15)
    cdef int calendar = <int> (code >> 36 & 15)
    cdef int64_t periods = code >> 40
    cdef int64_t ends = day + <uint32_t> code + 1       # the first day after it
    if code == 0:
        return 0
    if kind == MONTHS_LATER:
        ends = months_after(calendar, <int32_t> day, <int32_t> periods)
        if ends == DAY_INVALID:
            return 0
        ends += 1
    elif kind != 0:
        ends = period_end(calendar, kind - 1, <int32_t> day)
        while periods > 0 and ends != DAY_INVALID:
            ends = period_end(calendar, kind - 1, <int32_t> ends)
            periods -= 1
        if ends == DAY_INVALID:
            return 0
    return ends * SECONDS_A_DAY - run.now.utc_offset_s


cdef int64_t row_begins(const Run *run, int64_t account, int64_t over_s, int64_t grace_s,
                        int64_t day) noexcept nogil:
    """The local day on which a row of lots began that carry each other on until a second.

    `day` where there is none. A lot carries another one on that begins where the other is over,
    `grace_s` before its end; lots are in the order of their ends.
    """
    cdef int32_t at = run.book.accounts[account].lots
    cdef int64_t begins_s = 0
    cdef int64_t ends_s = 0
    cdef const Lot *lot
    while at >= 0:
        lot = &run.book.lots[at]
        # Of a lot from before openings were kept (0) the next one's has to do.
        if lot.available_at != ends_s or begins_s == 0:
            begins_s = lot.available_at
        ends_s = lot.expires_at - grace_s
        at = lot.next
    if ends_s != over_s or begins_s == 0:
        return day
    return (begins_s + run.now.utc_offset_s) // SECONDS_A_DAY


cdef int64_t carried_on_until(const Run *run, const Step *step, int64_t code,
                              int64_t day) noexcept nogil:
    """As `end_of`, but months are counted from where the row of lots began that this carries on.

    From the end before, whoever begins on a 31st would be on a 30th after the first short month,
    and stay there. `imm`: slot + 1, and the grace of its lots in seconds above 8 bits.
    """
    cdef int calendar = <int> (code >> 36 & 15)
    cdef int32_t months = <int32_t> (code >> 40)
    cdef CivilDate first
    cdef CivilDate begins
    cdef int64_t anchor
    cdef int64_t ends
    if <int> (code >> 32 & 15) != MONTHS_LATER:
        return end_of(run, code, day)
    anchor = row_begins(run, run.card.accounts + (step.imm & 255) - 1,
                        day * SECONDS_A_DAY - run.now.utc_offset_s, step.imm >> 8, day)
    if not (civil_of(calendar, <int32_t> anchor, &first)
            and civil_of(calendar, <int32_t> day, &begins)):
        return 0
    months += (begins.year - first.year) * 12 + begins.month - first.month
    ends = months_after(calendar, <int32_t> anchor, months)
    return 0 if ends == DAY_INVALID else (ends + 1) * SECONDS_A_DAY - run.now.utc_offset_s


cdef void debts_of(const Plan *plan, const Run *run, Debts *debts) noexcept nogil:
    """Where the card's debts stand."""
    debts.principal = run.card.accounts + plan.due_slot
    debts.fee = debts.principal + 1
    debts.late = debts.principal + 2
    debts.charged = run.card.accounts + plan.charged_slot if plan.charged_slot != NO_SLOT else -1
    debts.against = run.club.accounts + CLUB_COUNTS
    debts.wallet = run.card.accounts + plan.credit_slot
    debts.club_fees = run.club.accounts + CLUB_FEES
    debts.club_late = run.club.accounts + CLUB_LATE_CHARGES
    debts.terms = plan.terms
    debts.terms_count = plan.terms_count
    debts.holidays = &plan.holidays
    debts.day = run.now.local_day
    debts.utc_offset_s = run.now.utc_offset_s


cdef int owe(const Plan *plan, const Step *step, Run *run) noexcept nogil:
    """Owe what was bought, by the plan that is asked for, the first if none is. A Reason."""
    cdef Debts debts
    cdef FirstDue first
    cdef int64_t asked = run.registers[R_TERMS]
    cdef int reason
    if run.registers[step.dst] == 0:
        return REASON_NONE
    if asked == 0:
        asked = 1
    if asked < 0 or asked > plan.terms_count:
        return INSTALMENTS_REFUSED
    debts_of(plan, run, &debts)
    reason = debts_begin(run.book, &debts, &plan.terms[asked - 1], run.registers[step.dst],
                         (run.lot & ~15LL) + TERMS_FIRST + asked - 1,
                         run.registers[R_ADVICE] != 0, &first, run.moves, run.move_count)
    run.registers[R_TERMS] = asked
    run.registers[R_INSTALMENTS] = first.count
    run.registers[R_FIRST_MINOR] = first.minor
    run.registers[R_FIRST_ENDS] = first.ends_s
    return reason


cdef int pay_debt(const Plan *plan, const Step *step, Run *run) noexcept nogil:
    """Charge what is late, pay debts in their order, or end them. A Reason."""
    cdef Debts debts
    cdef Paid paid
    cdef int reason
    debts_of(plan, run, &debts)
    if step.op == OP_CHARGE_LATE:
        return debts_charge(run.book, &debts, run.lot, run.moves, run.move_count)
    if step.op == OP_SETTLE_DEBT:
        reason = debts_settle(run.book, &debts, run.lot, &paid, run.moves, run.move_count)
    else:
        reason = debts_pay(run.book, &debts, run.registers[step.dst], run.lot, &paid, run.moves,
                           run.move_count)
    run.registers[step.a] = paid.fees
    run.registers[step.a + 1] = paid.principal
    run.registers[step.a + 2] = paid.late
    run.registers[step.a + 3] = paid.rebate
    return reason


cdef void tell_debt(const Plan *plan, const Step *step, Run *run) noexcept nogil:
    cdef Debts debts
    cdef Owed owed
    debts_of(plan, run, &debts)
    debts_owed(run.book, &debts, end_of(run, run.registers[step.a], run.now.local_day), &owed)
    run.registers[R_OWED] = owed.principal + owed.fee_begun + owed.late - owed.rebate
    run.registers[R_DUE] = owed.due
    run.registers[R_REBATE] = owed.rebate


cdef inline void compute(const Step *step, Run *run) noexcept nogil:
    """The steps that only change a register."""
    cdef int64_t *registers = run.registers
    cdef int64_t a = registers[step.a]
    cdef int64_t b = registers[step.b]
    cdef int64_t value = 0
    if step.op == OP_SET:
        value = step.imm
    elif step.op == OP_COPY:
        value = a
    elif step.op == OP_ADD:
        value = a + b
    elif step.op == OP_SUBTRACT:
        value = a - b
    elif step.op == OP_MIN:
        value = a if a < b else b
    elif step.op == OP_MAX:
        value = a if a > b else b
    elif step.op == OP_MULTIPLY:
        value = a * b
    elif step.op == OP_DIVIDE_FLOOR:
        value = a // b if b > 0 else 0
    elif step.op == OP_DIVIDE_CEIL:
        value = (a + b - 1) // b if b > 0 else 0
    elif step.op == OP_BPS_FLOOR:
        value = bps_floor(a, b)
    elif step.op == OP_GROSS_OF_NET:
        value = gross_of_net(a, b)
    elif step.op == OP_SPENDABLE:
        value = book_spendable(run.book, run.card.accounts + step.imm, run.spent_s)
    elif step.op == OP_LINKED_SPENDABLE:
        if run.linked != NULL:
            value = book_spendable(run.book, run.linked.accounts + step.imm, run.spent_s)
    elif step.op == OP_BALANCE:
        value = not_ended(run, run.card.accounts + step.imm)
    elif step.op == OP_LOCAL_DAY_END:
        if a != 0:
            value = (run.now.local_day + a + 1) * SECONDS_A_DAY - run.now.utc_offset_s
    elif step.op == OP_LOCAL_DAY_START:
        if a != 0:
            value = (run.now.local_day + a) * SECONDS_A_DAY - run.now.utc_offset_s
    elif step.op == OP_LARGEST_LOT:
        value = largest_lot(run, run.card.accounts + step.imm)
    elif step.op == OP_COUNTED:
        value = counted(run, run.card.accounts + step.imm)
    elif step.op == OP_LAST_END:
        value = last_end(run, run.card.accounts + step.imm)
    elif step.op == OP_END_OF:
        value = carried_on_until(run, step, a, b) if step.imm else end_of(run, a, b)
    elif step.op == OP_COUNTED_HERE:
        value = counted_here(run, run.card.accounts + step.imm)
    elif step.op == OP_DAY_OF:
        value = (a + run.now.utc_offset_s) // SECONDS_A_DAY
    registers[step.dst] = value


cdef int ask_price(const Plan *plan, const Step *step, uint8_t operation, Run *run) noexcept nogil:
    """Have the plan's Python function fill the registers. A Reason or NEEDS_PRICE."""
    cdef int answer
    if run.desk == NULL:
        return NEEDS_PRICE
    answer = run.desk.price(run.desk.pricer, plan, operation, step.imm == 1, run)
    if answer == PRICED:
        return REASON_NONE
    return answer if answer > REASON_NONE else PRICING_FAILED   # 0: it ended without an answer


cdef int plan_run(const Plan *plan, uint8_t operation, Run *run) noexcept nogil:
    """Run an operation of a plan. A Reason, or NEEDS_PRICE: see `plan_run_at`."""
    return plan_run_at(plan, plan.entry[operation], operation, run)


cdef int plan_run_at(const Plan *plan, int64_t at, uint8_t operation, Run *run) noexcept nogil:
    """Run a plan from a step on: registers in and out, moves carried out and listed. A Reason.

    Or NEEDS_PRICE: only the slow lane can. For anything but REASON_NONE the moves listed so far are
    still in the book: the caller undoes them. Compiled steps are trusted (registers, tables and
    jumps are checked when a plan is loaded).
    """
    cdef const Step *step
    cdef int64_t *registers = run.registers
    cdef int reason
    if at < 0:
        return OPERATION_NOT_ALLOWED
    while True:
        step = &plan.steps[at]
        at += 1
        if step.op == OP_END:
            return REASON_NONE
        if (step.op == OP_MOVE or step.op == OP_MOVE_NEW_LOT or step.op == OP_MOVE_ENDED
                or step.op == OP_MOVE_ITEM or step.op == OP_MOVE_NAMED):
            reason = move(plan, step, run)
            if reason != REASON_NONE:
                return reason
        elif step.op == OP_DECLINE_IF_LESS:
            if registers[step.a] < registers[step.b]:
                return <int> step.imm
        elif step.op == OP_JUMP_IF_LESS:
            if registers[step.a] < registers[step.b]:
                at = step.imm
        elif step.op == OP_JUMP_IF_ZERO:
            if registers[step.a] == 0:
                at = step.imm
        elif step.op == OP_JUMP:
            at = step.imm
        elif step.op == OP_RULE:
            find_rule(plan, step, run)
        elif step.op == OP_OWE:
            reason = owe(plan, step, run)
            if reason != REASON_NONE:
                return reason
        elif (step.op == OP_PAY_DEBT or step.op == OP_SETTLE_DEBT
              or step.op == OP_CHARGE_LATE):
            reason = pay_debt(plan, step, run)
            if reason != REASON_NONE:
                return reason
        elif step.op == OP_TELL_DEBT:
            tell_debt(plan, step, run)
        elif step.op == OP_BUDGET_LEFT:
            registers[step.dst] = budget_left(plan, run, step.imm)
        elif step.op == OP_FIND_LOT:
            find_lot(step, run)
        elif step.op == OP_PRICE:
            reason = ask_price(plan, step, operation, run)
            if reason != REASON_NONE:
                return reason
        else:
            compute(step, run)
