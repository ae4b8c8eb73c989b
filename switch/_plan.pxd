"""Plans: what a programme decides, as data that a small register machine runs.

`switch.plan` compiles a `Programme` into instructions and rule tables; this executes them. A new
product is new data; the machine knows no product, merchant or club by name.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t

from switch._schedule cimport Holidays, Terms
from switch._register cimport Card, Club, Merchant
from switch._words cimport OPERATION_COUNT
from switch.ledger._book cimport Book, Move

cdef enum:
    REGISTER_COUNT = 64
    RULE_VALUES = 6
    CODE_MAX = 4096             # instructions of one plan
    STEPS_MAX = 512             # instructions of one run; jumps only lead forward

cdef enum:                      # registers; 0 to 43 have names on both sides (`switch.plan`)
    R_AMOUNT = 0                # in: asked for; out: approved, before discount
    R_POINTS_LIMIT = 1          # in: points to redeem at most, -1 = not said
    R_PARTIAL_OK = 2            # in: 1 = the terminal can take less than it asked for
    R_ADVICE = 3                # in: 1 = has already happened, limits do not apply
    R_DISCOUNT = 4
    R_FUNDER = 5                # 0 none, 1 merchant, 2 club, 3 both
    R_NET = 6
    R_POINTS = 7                # redeemed, or held
    R_POINTS_VALUE = 8
    R_MONEY = 9                 # taken from the card's wallets of money, or held
    R_EARNED = 10
    R_FEE = 11
    R_HOLD_SECONDS = 12
    R_DISCOUNT_RULE = 13        # 1 + row of the programme's names, 0 = none
    R_EARN_RULE = 14
    R_LOT_AVAILABLE_AT = 15     # terms of the lot that the next MOVE_NEW_LOT opens
    R_LOT_EXPIRES_AT = 16
    R_DAY_SPENT = 17            # in: the card's approvals of this business day
    R_DAY_COUNT = 18
    R_TIER = 19                 # the card's level, 0 = the first
    R_UNTIL = 20                # Unix second until which something the reply tells of holds
    R_LINKED = 21               # in: 1 = the card is linked to another one
    R_ITEM = 22                 # in: name of the lot that stands for the item a message names
    R_TODAY = 23                # in: the local day
    R_TERMS = 24                # in: instalment plan that is asked for, 0 = none
    R_PART = 25                 # 25 to 30: what each of the funding order's wallets pays
    R_CASH = 31                 # what is paid at the till
    R_OWED = 32                 # what would end the card's debt now
    R_DUE = 33                  # what of it is due by the end of this month
    R_INSTALMENTS = 34          # of this purchase: how many, the first one's amount and end
    R_FIRST_MINOR = 35
    R_FIRST_ENDS = 36
    R_VOUCHER_POINTS = 37       # in: of the voucher that is sold, 0 = money; out: of one redeemed
    R_PRICE = 38                # in: of the voucher that is sold
    R_REBATE = 39               # of the debt, if it ended now: R_OWED is without it
    R_BOUND = 40                # 1 + row of the plan's bounds: why it was declined, or less given
    R_EARN_BOUND = 41           # the same of points
    R_LOT_MARKS = 42            # of the lot that the next MOVE_NEW_LOT opens

cdef enum:                      # operations of a step
    OP_END = 0
    OP_SET = 1                  # dst = imm
    OP_COPY = 2                 # dst = a
    OP_ADD = 3                  # dst = a + b
    OP_SUBTRACT = 4
    OP_MIN = 5
    OP_MAX = 6
    OP_MULTIPLY = 7             # dst = a * b
    OP_DIVIDE_FLOOR = 8         # dst = a // b, b above zero
    OP_DIVIDE_CEIL = 9
    OP_BPS_FLOOR = 10           # dst = a * b // 10000
    OP_GROSS_OF_NET = 11        # dst = largest gross whose net of b basis points is at most a
    OP_SPENDABLE = 12           # dst = what may leave the card's account in slot imm now
    OP_BALANCE = 13             # dst = balance of the card's slot imm, without what has ended
    OP_RULE = 14                # first row of table imm that holds: dst..dst+3 values, a its name
    OP_JUMP = 15                # imm = index of an instruction further on
    OP_JUMP_IF_LESS = 16        # a < b
    OP_JUMP_IF_ZERO = 17        # a == 0
    OP_DECLINE_IF_LESS = 18     # a < b: decline for reason imm
    OP_LOCAL_DAY_END = 19       # dst = Unix second at which local day today + a ends; 0 if a is 0
    OP_LOCAL_DAY_START = 20     # dst = Unix second at which local day today + a starts; 0 if a is 0
    OP_MOVE = 21                # register dst leaves account a, enters account b; zero = nothing
    OP_MOVE_NEW_LOT = 22        # the same; the target keeps lots: terms in R_LOT_*
    OP_PRICE = 23               # have the plan's Python function fill registers; imm: 1 = a hold
    OP_LARGEST_LOT = 24         # dst = largest of the lots of slot imm that are open now; 0 = none
    OP_LAST_END = 25            # dst = when the last lot of slot imm ends; 0 = there is none
    OP_FIND_LOT = 26            # dst..dst+2 = remaining, end, opening of slot imm's lot R_ITEM
    OP_END_OF = 27              # dst = second at which what `a` codes ends, from local day b on;
                                # imm: 0, or whose lots it carries on (`carried_on_until`)
    OP_DAY_OF = 28              # dst = local day of Unix second a
    OP_MOVE_ENDED = 29          # what has ended of account a enters account b; dst = how much;
                                # imm: 1 = what is owed there ends, too
    OP_MOVE_ITEM = 30           # as MOVE_NEW_LOT; the lot is the one that R_ITEM names
    OP_COUNTED = 31             # dst = sum of the lots of slot imm that are open now
    OP_OWE = 32                 # owe register dst by the terms that R_TERMS asks for
    OP_PAY_DEBT = 33            # register dst pays debts: a.. = fees, principal, late charges, 0
    OP_SETTLE_DEBT = 34         # the debt ends: a.. = fees, principal, late charges, rebate
    OP_TELL_DEBT = 35           # R_OWED, and R_DUE by what register a codes
    OP_LINKED_SPENDABLE = 36    # dst = what may leave slot imm of the linked card now
    OP_CHARGE_LATE = 38         # what is late is charged until today
    OP_COUNTED_HERE = 40        # as COUNTED, of the lots that are named by this merchant
    OP_MOVE_NAMED = 41          # as MOVE_NEW_LOT; the lot is named by its end and, imm 1, merchant
    OP_BUDGET_LEFT = 42         # dst = what budget imm leaves to this shard; not below zero
    OP_COUNT = 43

cdef enum ClockEntry:           # clock work that a plan's steps do, card by card
    CLOCK_LATE = 0
    CLOCK_AUTOPAY = 1
    CLOCK_RENEWAL = 2
    CLOCK_ENTRY_COUNT = 3       # the array has room for 4

cdef enum:                      # marks in a lot's name, above sequence and number (switch.lots)
    LOT_KEPT = 1                # its card's inactivity does not end it
    LOT_PAID = 2                # a merchant pays for it: nothing joins it, its row says which
    LOT_MARKS_SHIFT = 59

cdef enum:                      # what MOVE_NEW_LOT's imm says
    JOINS_SAME_VERSION = 0      # lots of the same terms under the same version of the programme
    JOINS_ANY_VERSION = 1

cdef struct Step:
    uint8_t op
    uint8_t dst
    uint8_t a
    uint8_t b
    int64_t imm

cdef struct Rule:
    int32_t merchant            # row, -1 = any
    int32_t category            # -1 = any
    uint8_t weekdays            # bit 0 = Saturday
    uint8_t hour_from
    uint8_t hour_to             # exclusive
    uint8_t name                # 1 + index in the programme's names
    uint8_t tiers               # bit 0 = the first
    int64_t amount_min_minor
    int64_t values[6]

cdef struct RuleTable:
    int32_t first
    int32_t count

cdef enum PinPolicy:
    PIN_NEVER = 0               # a PIN that is sent changes nothing
    PIN_IF_SENT = 1
    PIN_ALWAYS = 2

cdef enum UnitKind:
    UNIT_MONEY = 0              # the club's currency
    UNIT_POINTS = 1
    UNIT_COUNTS = 2

cdef enum:
    SLOTS_MAX = 16              # accounts of a card: a reference has four bits for them
    TOLD_MAX = 3                # wallets that DE 54 tells of, two entries each
    NO_SLOT = 255

cdef struct Slot:               # an account that each card of the programme has
    uint8_t unit                # UnitKind
    uint8_t keeps_lots
    uint8_t held                # what is reserved of the slot before it
    uint8_t due                 # its lots end when they are due, and stay
    uint8_t counts              # what a cap or a tier has seen: a hold's share ends with the hold

cdef enum:
    BUDGETS_MAX = 16
    BOUNDS_MAX = 32             # caps and budgets

cdef struct Budget:             # what all cards together may do: its accounts count it
    int64_t most                # of all shards together
    int32_t share_bps           # of this one; -1 = even shares
    int32_t account_count
    int64_t *accounts           # by the merchant's row; of one for all merchants the only one
    uint8_t per_merchant

cdef struct Told:               # a wallet that a reply tells the balances of
    uint8_t slot
    uint8_t held_slot           # NO_SLOT = nothing of it can be reserved
    uint8_t account_type        # of DE 54
    uint8_t in_points           # told as units without a currency

cdef struct Security:           # what a card of the programme has to prove
    uint8_t pin                 # PinPolicy
    uint8_t pin_tries_max
    uint8_t card_code           # a stripe's card verification value has to be right
    uint8_t chip                # a chip's cryptogram has to be right, and a chip is to be read
    uint8_t fallback            # its stripe may be read where the chip could not be

cdef struct VoucherRules:       # of a programme whose cards are vouchers, or take their value
    uint8_t are_vouchers
    uint8_t money_slot          # of a voucher: where its value is; NO_SLOT = it has no such wallet
    uint8_t points_slot
    uint8_t sold_slot           # counts one from the sale to its end
    int32_t programme           # whose vouchers a card takes; 0 = none's
    int32_t tries_max           # wrong PINs of a card's day
    int32_t terminal_tries_max

cdef struct Plan:
    int32_t programme
    int32_t version
    int32_t club_row
    int32_t step_count
    int32_t rule_count
    int32_t table_count
    int32_t entry[32]           # first step of each operation, -1 = not allowed
    int64_t live_from_lot       # lots with a smaller name were earned under another version
    int64_t money_floor
    int64_t organisation        # account of the one that funds it; -1 = none
    int32_t slot_count
    Slot slots[16]
    int32_t told_count
    Told told[3]
    uint8_t money_slot          # of the first wallet of money and of points: what Python is told
    uint8_t points_slot         # of; NO_SLOT = none
    uint8_t credit_slot         # its floor is its card's own
    uint8_t due_slot            # of principal, fees and charges, which follow each other
    uint8_t charged_slot        # of what was charged for principal that is owed; NO_SLOT = never
    Holidays holidays           # its club's; the days are its own memory
    int32_t clock_entry[4]      # first step of each kind of clock work by plan, -1 = none
    int64_t credit_limit        # of a new card
    int32_t terms_count
    Terms terms[8]
    char plans[8][24]           # their names
    Step *steps
    Rule *rules
    RuleTable *tables
    int32_t part_count
    char parts[6][24]           # names of the wallets that pay, in their order
    char tiers[8][24]           # names of its levels
    int32_t budget_count
    Budget budgets[16]
    char bounds[32][24]         # names of its caps, then of its budgets
    char names[64][24]          # of its rules, for whoever asks why; end at a zero byte
    Security security
    VoucherRules vouchers
    uint8_t host                # the cards' own bank decides: see `_remote`
    char pricing[24]            # of the function that OP_PRICE asks; first byte 0 = none

cdef struct Moment:             # now, in the forms a plan asks for
    int64_t unix_us
    uint32_t unix_s
    int32_t utc_offset_s
    int32_t local_day           # days since 1970-01-01
    uint8_t local_hour
    uint8_t local_weekday       # 0 = Saturday

cdef enum:                      # what a plan's run gives beside a Reason
    NEEDS_PRICE = -1            # nobody is here who could ask Python: the slow lane has to
    PRICED = -2                 # a pricer's answer: the registers are filled

cdef struct Run

# Asks Python: PRICED, or the Reason of a decline. Never raises; it checks what it fills in.
ctypedef int (*PriceFunction)(void *pricer, const Plan *plan, uint8_t operation, bint hold,
                              Run *run) noexcept nogil

cdef struct PriceDesk:          # where the slow lane has Python asked
    PriceFunction price
    void *pricer

cdef struct Run:
    Book *book
    const Card *card
    const Merchant *merchant
    int32_t merchant_row
    const Club *club
    const Card *linked          # NULL = the card is linked to none
    int32_t shard               # number of the shard, and how many there are
    int32_t shards
    const Moment *now
    uint32_t spent_s            # lots that were open then can be spent: now, or when it was held
    int64_t lot                 # name of the first new lot
    int64_t registers[64]
    const PriceDesk *desk       # NULL in the fast lane
    Move *moves
    int32_t *move_count

cdef int64_t account_of(const Plan *plan, const Run *run, uint8_t reference) noexcept nogil
cdef int plan_run(const Plan *plan, uint8_t operation, Run *run) noexcept nogil
cdef int plan_run_at(const Plan *plan, int64_t at, uint8_t operation, Run *run) noexcept nogil
cdef inline int64_t floor_of(const Plan *plan, int slot) noexcept nogil:
    """How low a card's account may go: the purse to its floor, counters as low as is undone."""
    if plan.slots[slot].counts:
        return -(1LL << 60)     # none
    if slot == plan.credit_slot:
        return -plan.credit_limit
    return plan.money_floor if slot == plan.money_slot else 0

cdef void plan_clear(Plan *plan) noexcept nogil
cdef void moment_at(Moment *moment, int64_t unix_us, int32_t utc_offset_s) noexcept nogil
