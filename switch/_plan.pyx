"""The register machine that runs plans. See `_plan.pxd`; `switch.plan` writes what it runs."""

from libc.stdlib cimport free
from libc.string cimport memset

from switch._words cimport (
    INSUFFICIENT_FUNDS, MOVES_MAX, OPERATION_NOT_ALLOWED, PRICING_FAILED, REASON_NONE,
    TOO_MANY_MOVES,
)
from switch.ledger._book cimport (
    LOTS_NOT_KEPT, MOVE_BELOW_FLOOR, MOVE_DONE, book_apply, book_spend, book_spendable,
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
    SECONDS_A_DAY = 86400
    SATURDAY = 5                # 1970-01-01 was a Thursday: day 0 is the fifth after Saturday


cdef void plan_clear(Plan *plan) noexcept nogil:
    """Free a plan's tables."""
    free(plan.steps)
    free(plan.rules)
    free(plan.tables)
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


cdef inline int64_t account_of(const Run *run, uint8_t reference) noexcept nogil:
    """Resolve an account reference: owner kind in the upper half, slot in the lower."""
    cdef uint8_t slot = reference & 15
    if reference >> 4 == 3:
        return run.card.accounts + slot
    if reference >> 4 == 2:
        return run.merchant.account + slot
    return run.club.accounts + slot


cdef inline bint rule_holds(const Rule *rule, const Run *run) noexcept nogil:
    return ((rule.merchant < 0 or rule.merchant == run.merchant_row)
            and (rule.category < 0 or rule.category == run.merchant.category)
            and rule.weekdays >> run.now.local_weekday & 1
            and rule.hour_from <= run.now.local_hour < rule.hour_to
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


cdef int64_t lot_with_terms(const Plan *plan, const Run *run, int64_t account) noexcept nogil:
    """Name the lot that an earning joins: today's of the same terms and version, else a new one."""
    cdef int32_t at = run.book.accounts[account].lots
    cdef uint32_t expires_at = <uint32_t> run.registers[R_LOT_EXPIRES_AT]
    cdef uint32_t available_at = <uint32_t> run.registers[R_LOT_AVAILABLE_AT]
    while at >= 0:
        if (run.book.lots[at].expires_at == expires_at
                and run.book.lots[at].available_at == available_at
                and run.book.lots[at].lot >= plan.live_from_lot):
            return run.book.lots[at].lot
        at = run.book.lots[at].next
    return run.lot


cdef int move(const Plan *plan, const Step *step, Run *run) noexcept nogil:
    """Carry out a posting of the plan. A Reason."""
    cdef Move new_lot
    cdef int64_t amount = run.registers[step.dst]
    cdef int64_t source = account_of(run, step.a)
    cdef int64_t target = account_of(run, step.b)
    cdef int fault
    if amount == 0:
        return REASON_NONE
    if step.op == OP_MOVE:
        fault = book_spend(run.book, source, target, amount, run.now.unix_s,
                           run.registers[R_ADVICE] != 0, run.moves, run.move_count)
    else:
        new_lot.from_account = source
        new_lot.to_account = target
        new_lot.amount = amount
        new_lot.lot = lot_with_terms(plan, run, target)
        new_lot.available_at = <uint32_t> run.registers[R_LOT_AVAILABLE_AT]
        new_lot.expires_at = <uint32_t> run.registers[R_LOT_EXPIRES_AT]
        if run.move_count[0] >= MOVES_MAX:
            return TOO_MANY_MOVES
        fault = book_apply(run.book, &new_lot, True)
        if fault == MOVE_DONE:
            run.moves[run.move_count[0]] = new_lot
            run.move_count[0] += 1
            if new_lot.lot == run.lot:
                run.lot += 1
    if fault == MOVE_DONE:
        return REASON_NONE
    return INSUFFICIENT_FUNDS if fault == MOVE_BELOW_FLOOR else TOO_MANY_MOVES


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
        value = book_spendable(run.book, run.card.accounts + step.imm, run.now.unix_s)
    elif step.op == OP_BALANCE:
        value = run.book.accounts[run.card.accounts + step.imm].balance
    elif step.op == OP_LOCAL_DAY_END:
        if a != 0:
            value = (run.now.local_day + a + 1) * SECONDS_A_DAY - run.now.utc_offset_s
    elif step.op == OP_LOCAL_DAY_START:
        if a != 0:
            value = (run.now.local_day + a) * SECONDS_A_DAY - run.now.utc_offset_s
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
    """Run an operation of a plan: registers in and out, moves carried out and listed. A Reason.

    Or NEEDS_PRICE: only the slow lane can. For anything but REASON_NONE the moves listed so far are
    still in the book: the caller undoes them. Compiled steps are trusted (registers, tables and
    jumps are checked when a plan is loaded).
    """
    cdef const Step *step
    cdef int64_t at = plan.entry[operation]
    cdef int64_t *registers = run.registers
    cdef int reason
    if at < 0:
        return OPERATION_NOT_ALLOWED
    while True:
        step = &plan.steps[at]
        at += 1
        if step.op == OP_END:
            return REASON_NONE
        if step.op == OP_MOVE or step.op == OP_MOVE_NEW_LOT:
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
        elif step.op == OP_PRICE:
            reason = ask_price(plan, step, operation, run)
            if reason != REASON_NONE:
                return reason
        else:
            compute(step, run)
