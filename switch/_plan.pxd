"""Plans: what a programme decides, as data that a small register machine runs.

`switch.plan` compiles a `Programme` into instructions and rule tables; this executes them. A new
product is new data; the machine knows no product, merchant or club by name.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t

from switch._register cimport Card, Club, Merchant
from switch._words cimport OPERATION_COUNT
from switch.ledger._book cimport Book, Move

cdef enum:
    REGISTER_COUNT = 40
    RULE_VALUES = 4
    CODE_MAX = 4096             # instructions of one plan
    STEPS_MAX = 512             # instructions of one run; jumps only lead forward

cdef enum:                      # registers; 0 to 19 have names on both sides (`switch.plan`)
    R_AMOUNT = 0                # in: asked for; out: approved, before discount
    R_POINTS_LIMIT = 1          # in: points to redeem at most, -1 = not said
    R_PARTIAL_OK = 2            # in: 1 = the terminal can take less than it asked for
    R_ADVICE = 3                # in: 1 = has already happened, limits do not apply
    R_DISCOUNT = 4
    R_FUNDER = 5                # 0 none, 1 merchant, 2 club
    R_NET = 6
    R_POINTS = 7                # redeemed, or held
    R_POINTS_VALUE = 8
    R_MONEY = 9                 # taken from the purse, or held
    R_EARNED = 10
    R_FEE = 11
    R_HOLD_SECONDS = 12
    R_DISCOUNT_RULE = 13        # 1 + row of the programme's names, 0 = none
    R_EARN_RULE = 14
    R_LOT_AVAILABLE_AT = 15     # terms of the lot that the next MOVE_NEW_LOT opens
    R_LOT_EXPIRES_AT = 16
    R_DAY_SPENT = 17            # in: the card's approvals of this business day
    R_DAY_COUNT = 18

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
    OP_BALANCE = 13             # dst = balance of the card's account in slot imm
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
    OP_COUNT = 24

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
    int64_t amount_min_minor
    int64_t values[4]

cdef struct RuleTable:
    int32_t first
    int32_t count

cdef enum PinPolicy:
    PIN_NEVER = 0               # a PIN that is sent changes nothing
    PIN_IF_SENT = 1
    PIN_ALWAYS = 2

cdef struct Security:           # what a card of the programme has to prove
    uint8_t pin                 # PinPolicy
    uint8_t pin_tries_max
    uint8_t card_code           # a stripe's card verification value has to be right
    uint8_t chip                # a chip's cryptogram has to be right, and a chip is to be read
    uint8_t fallback            # its stripe may be read where the chip could not be

cdef struct Plan:
    int32_t programme
    int32_t version
    int32_t club_row
    int32_t step_count
    int32_t rule_count
    int32_t table_count
    int32_t entry[16]           # first step of each operation, -1 = not allowed
    int64_t live_from_lot       # lots with a smaller name were earned under another version
    int64_t money_floor
    Step *steps
    Rule *rules
    RuleTable *tables
    char names[64][24]          # of its rules, for whoever asks why; end at a zero byte
    Security security
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
    const Moment *now
    int64_t lot                 # name of the first new lot
    int64_t registers[40]
    const PriceDesk *desk       # NULL in the fast lane
    Move *moves
    int32_t *move_count

cdef int plan_run(const Plan *plan, uint8_t operation, Run *run) noexcept nogil
cdef void plan_clear(Plan *plan) noexcept nogil
cdef void moment_at(Moment *moment, int64_t unix_us, int32_t utc_offset_s) noexcept nogil
