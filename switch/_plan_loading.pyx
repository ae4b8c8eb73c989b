"""Puts compiled plans in force. See `_plan_loading.pyi`.

Owns the check that the machine can run a plan safely: after it, `_plan` trusts every step.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset

from switch._core cimport Core
from switch._plan cimport (
    BOUNDS_MAX, BUDGETS_MAX, CLOCK_ENTRY_COUNT, CODE_MAX, NO_SLOT, OP_BALANCE, OP_BUDGET_LEFT,
    OP_CHARGE_LATE, OP_COUNT, OP_COUNTED, OP_COUNTED_HERE, OP_DECLINE_IF_LESS, OP_END,
    OP_END_OF, OP_FIND_LOT, OP_JUMP, OP_JUMP_IF_LESS, OP_JUMP_IF_ZERO, OP_LARGEST_LOT,
    OP_LAST_END, OP_LINKED_SPENDABLE, OP_MOVE, OP_MOVE_ENDED, OP_MOVE_ITEM, OP_MOVE_NAMED,
    OP_MOVE_NEW_LOT, OP_OWE, OP_PAY_DEBT, OP_RULE, OP_SETTLE_DEBT, OP_SPENDABLE, OP_TELL_DEBT,
    REGISTER_COUNT, RULE_VALUES, SLOTS_MAX, TOLD_MAX, Budget, Plan, Rule, RuleTable, Step,
    floor_of, plan_clear,
)
from switch._register cimport CLUB_LATE_CHARGES, find_club
from switch._schedule cimport FRIDAY_ONLY, terms_from
from switch._shard cimport Shard
from switch._words cimport OPERATION_COUNT, REASON_COUNT
from switch.ledger._book cimport OWNER_CARD, OWNER_CLUB, OWNER_MERCHANT

cdef enum:
    LINKED = 4                  # the owner of a reference: the card that the card is linked to
    ORGANISATION = 5            # the one that funds the programme
    BUDGET = 6                  # one of the programme's


cdef int check_plan(list entry, list clock, list steps, list rules, list tables, list names,
                    int slot_count, int club_slots, bint owes, bint funded,
                    int budgets) except -1:
    """Raise ValueError for a plan that the machine could not run safely."""
    if len(entry) != OPERATION_COUNT or len(steps) > CODE_MAX or len(names) > 64:
        raise ValueError("a plan has an entry for each operation and bounded tables")
    if not steps or steps[len(steps) - 1][0] != OP_END:
        raise ValueError("a plan's last step is the end")
    for at, (op, dst, a, b, imm) in enumerate(steps):
        if not 0 <= op < OP_COUNT or not 0 <= dst < REGISTER_COUNT:
            raise ValueError(f"step {at}: no such operation or register")
        if op not in (OP_MOVE, OP_MOVE_NEW_LOT, OP_MOVE_ENDED, OP_MOVE_ITEM, OP_MOVE_NAMED):
            if not 0 <= a < REGISTER_COUNT or not 0 <= b < REGISTER_COUNT:
                raise ValueError(f"step {at}: no such register")
        elif not (is_account(a, slot_count, club_slots, funded, budgets)
                  and is_account(b, slot_count, club_slots, funded, budgets)):
            raise ValueError(f"step {at}: no such account")
        if op in (OP_JUMP, OP_JUMP_IF_LESS, OP_JUMP_IF_ZERO) and not at < imm < len(steps):
            raise ValueError(f"step {at}: jumps lead forward, inside the plan")
        if op == OP_RULE and not (0 <= imm < len(tables) and dst + RULE_VALUES <= REGISTER_COUNT):
            raise ValueError(f"step {at}: no such rule table")
        if (op in (OP_OWE, OP_PAY_DEBT, OP_SETTLE_DEBT, OP_TELL_DEBT, OP_CHARGE_LATE)
                and not owes):
            raise ValueError(f"step {at}: its cards cannot owe")
        if (op == OP_FIND_LOT and dst + 3 > REGISTER_COUNT
                or op in (OP_PAY_DEBT, OP_SETTLE_DEBT) and a + 4 > REGISTER_COUNT):
            raise ValueError(f"step {at}: no such register")
        if op in (OP_SPENDABLE, OP_BALANCE, OP_LARGEST_LOT, OP_LAST_END, OP_FIND_LOT,
                  OP_COUNTED, OP_COUNTED_HERE) and not 0 <= imm < slot_count:
            raise ValueError(f"step {at}: no such wallet")
        if op == OP_LINKED_SPENDABLE and not 0 <= imm < SLOTS_MAX:
            raise ValueError(f"step {at}: no such wallet")
        if op == OP_END_OF and not 0 <= imm & 255 <= slot_count:
            raise ValueError(f"step {at}: no such counter")
        if op == OP_BUDGET_LEFT and not 0 <= imm < budgets:
            raise ValueError(f"step {at}: no such budget")
        if op == OP_DECLINE_IF_LESS and not 0 < imm < REASON_COUNT:
            raise ValueError(f"step {at}: no such reason")
    for first, count in tables:
        if not (0 <= first and 0 <= count and first + count <= len(rules)):
            raise ValueError("a rule table leads outside the rules")
    for name in names:
        if not name.isascii() or not 0 < len(name) < 24:
            raise ValueError(f"rule name {name!r}: 1 to 23 ASCII characters")
    for at in [*entry, *clock]:
        if not -1 <= at < len(steps):
            raise ValueError("an operation starts outside the plan")
    if len(clock) != CLOCK_ENTRY_COUNT:
        raise ValueError("a plan says of each kind of clock work where it starts")
    return 0


cdef bint is_account(int reference, int slot_count, int club_slots, bint funded,
                     int budgets) except -1:
    """Owner kind in the upper half, slot in the lower."""
    # What a linked card has is checked when it is linked: its programme is the one that is named.
    slots = {OWNER_CLUB: club_slots, OWNER_MERCHANT: 1, OWNER_CARD: slot_count, LINKED: SLOTS_MAX,
             ORGANISATION: <int> funded, BUDGET: budgets}
    return reference & 15 < slots.get(reference >> 4, 0)


cdef int lay_out_slots(Plan *plan, list slots, list told, int money_slot,
                       int points_slot) except -1:
    """Say which accounts the programme's cards have, and which of them a reply tells of."""
    if not 0 <= len(slots) <= SLOTS_MAX or len(told) > TOLD_MAX:
        raise ValueError("a card has at most 16 accounts, and a reply tells of at most 3 wallets")
    plan.slot_count = len(slots)
    for i, (unit, keeps_lots, held, counts, due) in enumerate(slots):
        plan.slots[<int> i].unit = unit
        plan.slots[<int> i].keeps_lots = keeps_lots
        plan.slots[<int> i].held = held
        plan.slots[<int> i].counts = counts
        plan.slots[<int> i].due = due
    plan.told_count = len(told)
    for i, (slot, held_slot, account_type, in_points) in enumerate(told):
        if not (0 <= slot < len(slots) and (held_slot == NO_SLOT or held_slot < len(slots))):
            raise ValueError(f"told {i}: no such account")
        plan.told[<int> i].slot = slot
        plan.told[<int> i].held_slot = held_slot
        plan.told[<int> i].account_type = account_type
        plan.told[<int> i].in_points = in_points
    plan.money_slot = <uint8_t> money_slot
    plan.points_slot = <uint8_t> points_slot
    return 0


def set_plan(Core core, compiled, *, int32_t programme, int32_t version, int32_t club,
             int64_t money_floor, int64_t seq, int64_t organisation=-1, list budgets=[]):
    """Put a compiled version of a programme in force. See `_plan_loading.pyi`."""
    cdef Shard *shard = &core.shard
    cdef Plan plan
    cdef int32_t row
    memset(&plan, 0, sizeof(Plan))
    plan.programme = programme
    plan.version = version
    plan.club_row = find_club(&shard.register, club)
    plan.money_floor = money_floor
    plan.live_from_lot = seq * 16
    plan.organisation = organisation
    if plan.club_row < 0:
        raise ValueError(f"programme {programme} is of club {club}, which is not known")
    if len(compiled.tiers) > 8 or len(compiled.parts) > 6 or len(compiled.terms) > 8:
        raise ValueError("a plan has at most eight tiers, eight terms and six wallets that pay")
    if compiled.due_slot != NO_SLOT and compiled.due_slot + 3 > len(compiled.slots):
        raise ValueError("debts have three accounts")
    if compiled.charged_slot != NO_SLOT and (
            compiled.due_slot == NO_SLOT
            or shard.register.clubs[plan.club_row].slots <= CLUB_LATE_CHARGES):
        raise ValueError("late charges are of debts, and have an account of their own")
    check_plan(compiled.entry, compiled.clock, compiled.steps, compiled.rules, compiled.tables,
               compiled.names, len(compiled.slots), shard.register.clubs[plan.club_row].slots,
               compiled.due_slot != NO_SLOT, organisation >= 0, len(budgets))
    if len(budgets) > BUDGETS_MAX or len(compiled.bounds) > BOUNDS_MAX:
        raise ValueError("a plan has at most 16 budgets, and 32 bounds in all")
    lay_out_slots(&plan, compiled.slots, compiled.told, compiled.money_slot, compiled.points_slot)
    fill_tables(&plan, compiled)
    fill_budgets(&plan, budgets)
    for row in range(shard.plan_count):
        if shard.plans[row].programme == programme:
            plan_clear(&shard.plans[row])
            shard.plans[row] = plan
            set_floors(shard, row)
            return row
    add_row(shard, &plan)
    return shard.plan_count - 1


cdef int add_row(Shard *shard, Plan *plan) except -1:
    """Give a new programme its row."""
    cdef Plan *grown = <Plan *> realloc(shard.plans, (shard.plan_count + 1) * sizeof(Plan))
    if grown == NULL:
        plan_clear(plan)
        raise MemoryError
    shard.plans = grown
    shard.plans[shard.plan_count] = plan[0]
    shard.plan_count += 1
    return 0


cdef int fill_tables(Plan *plan, compiled) except -1:
    """Copy steps, rules and names into memory of the plan's own."""
    cdef int32_t i, value
    plan.step_count = len(compiled.steps)
    plan.rule_count = len(compiled.rules)
    plan.table_count = len(compiled.tables)
    plan.steps = <Step *> calloc(plan.step_count + 1, sizeof(Step))
    plan.rules = <Rule *> calloc(plan.rule_count + 1, sizeof(Rule))
    plan.tables = <RuleTable *> calloc(plan.table_count + 1, sizeof(RuleTable))
    if plan.steps == NULL or plan.rules == NULL or plan.tables == NULL:
        plan_clear(plan)
        raise MemoryError
    for i in range(<int> OPERATION_COUNT):
        plan.entry[i] = compiled.entry[i]
    for i, step in enumerate(compiled.steps):
        plan.steps[i].op, plan.steps[i].dst, plan.steps[i].a, plan.steps[i].b, \
            plan.steps[i].imm = step
    for i, rule in enumerate(compiled.rules):
        plan.rules[i].merchant, plan.rules[i].category, plan.rules[i].weekdays, \
            plan.rules[i].hour_from, plan.rules[i].hour_to, plan.rules[i].name, \
            plan.rules[i].tiers, plan.rules[i].amount_min_minor = rule[:8]
        for value in range(RULE_VALUES):
            plan.rules[i].values[value] = rule[8][value]
    for i, table in enumerate(compiled.tables):
        plan.tables[i].first, plan.tables[i].count = table
    for i, name in enumerate(compiled.names):
        put_name(plan.names[i], name)
    for i, name in enumerate(compiled.bounds):
        put_name(plan.bounds[i], name)
    for i, name in enumerate(compiled.tiers):
        put_name(plan.tiers[i], name)
    plan.credit_slot = compiled.credit_slot
    plan.credit_limit = compiled.credit_limit
    plan.due_slot = compiled.due_slot
    plan.charged_slot = compiled.charged_slot
    plan.holidays.weekdays = FRIDAY_ONLY
    for i, at in enumerate(compiled.clock):
        plan.clock_entry[i] = at
    plan.terms_count = len(compiled.terms)
    for i, (name, terms) in enumerate(compiled.terms):
        put_name(plan.plans[i], name)
        terms_from(terms, &plan.terms[i])
    plan.part_count = len(compiled.parts)
    for i, name in enumerate(compiled.parts):
        put_name(plan.parts[i], name)
    return 0


cdef int fill_budgets(Plan *plan, list budgets) except -1:
    """Copy what counts budgets into memory of the plan's own."""
    cdef Budget *budget
    for most, share_bps, per_merchant, accounts in budgets:
        budget = &plan.budgets[plan.budget_count]
        budget.most = most
        budget.share_bps = share_bps
        budget.per_merchant = per_merchant
        budget.accounts = <int64_t *> calloc(len(accounts) + 1, sizeof(int64_t))
        if budget.accounts == NULL:
            plan_clear(plan)
            raise MemoryError
        plan.budget_count += 1
        budget.account_count = len(accounts)
        for i, account in enumerate(accounts):
            budget.accounts[<int> i] = account
    return 0


def extend_budget(Core core, int32_t plan_row, int at, int64_t account):
    """Have a budget of each merchant count for one more. See `_plan_loading.pyi`."""
    cdef Budget *budget
    cdef int64_t *grown
    assert 0 <= plan_row < core.shard.plan_count
    assert 0 <= at < core.shard.plans[plan_row].budget_count
    budget = &core.shard.plans[plan_row].budgets[at]
    grown = <int64_t *> realloc(budget.accounts, (budget.account_count + 1) * sizeof(int64_t))
    if grown == NULL:
        raise MemoryError
    budget.accounts = grown
    budget.accounts[budget.account_count] = account
    budget.account_count += 1


def share_budget(Core core, int32_t plan_row, int at, int32_t share_bps):
    """Say how much of a budget is this shard's. See `_plan_loading.pyi`."""
    assert 0 <= plan_row < core.shard.plan_count and 0 <= share_bps <= 10000
    assert 0 <= at < core.shard.plans[plan_row].budget_count
    core.shard.plans[plan_row].budgets[at].share_bps = share_bps


cdef int put_name(char *out, str name) except -1:
    encoded = name.encode("ascii")
    assert len(encoded) < 24
    memcpy(out, PyBytes_AS_STRING(encoded), len(encoded))
    return 0


cdef void set_floors(Shard *shard, int32_t plan_row) noexcept nogil:
    """Let the wallets of a programme's cards follow its new version: the purse may be another."""
    cdef const Plan *plan = &shard.plans[plan_row]
    cdef int64_t i
    cdef int slot
    for i in range(shard.register.card_count):
        if shard.register.cards[i].programme_row == plan_row:
            for slot in range(plan.slot_count):
                if slot == plan.credit_slot:
                    continue                # its card's own
                shard.book.accounts[shard.register.cards[i].accounts + slot].floor = floor_of(
                    plan, slot)


def set_holidays(Core core, int32_t plan_row, const int32_t[::1] days not None,
                 uint8_t weekdays):
    """Say on which days nobody has to pay. See `_plan_loading.pyi`."""
    cdef Plan *plan = &core.shard.plans[plan_row]
    cdef int32_t count = <int32_t> days.shape[0]
    cdef int32_t *copied
    assert 0 <= plan_row < core.shard.plan_count
    copied = <int32_t *> calloc(count + 1, sizeof(int32_t))
    if copied == NULL:
        raise MemoryError
    if count > 0:
        memcpy(copied, &days[0], count * sizeof(int32_t))
    free(<void *> plan.holidays.days)
    plan.holidays.days = copied
    plan.holidays.count = count
    plan.holidays.weekdays = weekdays


def set_credit_limit(Core core, int64_t card, int64_t limit_minor):
    """Say how far a card's credit goes. See `_plan_loading.pyi`."""
    cdef const Plan *plan
    assert 0 <= card < core.shard.register.card_count
    plan = &core.shard.plans[core.shard.register.cards[card].programme_row]
    if plan.credit_slot == NO_SLOT:
        return False
    core.shard.book.accounts[core.shard.register.cards[card].accounts
                             + plan.credit_slot].floor = -limit_minor
    return True


def link_cards(Core core, list cards, int64_t to_card):
    """Have cards reward another one. See `_plan_loading.pyi`."""
    cdef int64_t card
    assert 0 <= to_card < core.shard.register.card_count
    for card in cards:
        assert 0 <= card < core.shard.register.card_count
        core.shard.register.cards[card].linked = to_card
