"""Asking Python what a message costs, in the middle of its decision.

Owns the way from a run of the register machine to an issuer's function and back: what the function
is told, and what of its answer may go into the registers. Everything after that (moves, floors,
journal, reply) is the code that every plan goes through. Must not know who is asked, nor how a
message came here.

Theory of operation. The slow lane serves a message on the common path with a `PriceDesk` in hand;
when the machine comes to `OP_PRICE` it calls back here. So what the function sees is what the moves
after it find: nothing is served in between, as in the fast lane. Whatever the function raises or
answers wrongly declines its message, and nothing else: an answer is taken as a whole or not at all.
"""

from cpython.bytes cimport PyBytes_FromString
from cpython.unicode cimport PyUnicode_AsUTF8, PyUnicode_DecodeASCII
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy, memset, strcmp

cimport cython

from switch._core cimport Core
from switch._plan cimport (
    PRICED, R_ADVICE, R_AMOUNT, R_DAY_COUNT, R_DAY_SPENT, R_DISCOUNT, R_DISCOUNT_RULE, R_EARNED,
    R_EARN_RULE, R_FEE, R_FUNDER, R_LOT_AVAILABLE_AT, R_LOT_EXPIRES_AT, R_MONEY, R_NET,
    R_PARTIAL_OK, R_POINTS, R_POINTS_LIMIT, R_POINTS_VALUE,
)
from switch._words cimport (
    ABOVE_BALANCE_LIMIT, OPERATION_COUNT, OPERATION_NOT_ALLOWED, POINTS_PAYMENT, PRICING_FAILED,
)
from switch.ledger._book cimport book_spendable

from switch.operations import Operation
from switch.pricing import Asked, Declined, Priced, PricingTrouble
from switch.rules import POINTS_MAX

cdef enum:
    TROUBLES_MAX = 256          # kinds that are told; what a process meets is a handful
    TEXT_MAX = 200

cdef int64_t EARNED_MAX = POINTS_MAX
cdef int64_t SECOND_MAX = 0xffffffffLL      # a lot's seconds have 32 bits
cdef tuple OPERATIONS = tuple(Operation(number) for number in range(OPERATION_COUNT))
cdef dict FUNDERS = {"": 0, "merchant": 1, "club": 2}


class PricingError(ValueError):
    """An answer that no plan could have given; the text says what is wrong with it."""


def name_pricing(Core core, int32_t plan_row, str pricing):
    """Say which function prices a plan; "" for one that prices itself."""
    encoded = pricing.encode("ascii")
    assert 0 <= plan_row < core.shard.plan_count and len(encoded) < 24
    memset(core.shard.plans[plan_row].pricing, 0, 24)
    memcpy(core.shard.plans[plan_row].pricing, <const char *> encoded, len(encoded))


@cython.final
cdef class Pricer:
    """Asks the functions of a registry. Belongs to the thread that decides."""

    def __cinit__(self, functions):
        """`functions` is the registry: name → `switch.pricing.Pricing`."""
        self.functions = {name.encode("ascii"): function for name, function in functions.items()}
        self.calls = dict.fromkeys(functions, 0)
        self.failures = dict.fromkeys(functions, 0)
        self.troubles = []
        self.told = set()
        self.desk.price = price
        self.desk.pricer = <void *> self

    def take_troubles(self):
        """Give what went wrong since the last call, each kind once in the life of the process."""
        troubles, self.troubles = self.troubles, []
        return troubles

    def statistics(self):
        """Give how often each function was asked, and how often it failed."""
        return {"calls": dict(self.calls), "failures": dict(self.failures)}

    cdef int ask(self, const Plan *plan, uint8_t operation, bint hold, Run *run) except? 0:
        """Ask the plan's function. PRICED or a Reason; raises whatever it raises."""
        name = PyBytes_FromString(plan.pricing)
        function = self.functions.get(name)
        if function is None:
            raise PricingError("this switch has no function of that name")
        self.calls[name.decode("ascii")] += 1
        answer = function(asked_of(plan, operation, run))
        if type(answer) is Declined:
            return reason_of(answer)
        if type(answer) is not Priced:
            raise PricingError(f"it answered {type(answer).__name__}, not Priced or Declined")
        return take_price(plan, operation, hold, answer, run)

    cdef int note(self, const Plan *plan, object error) except -1:
        """Count a failure; tell it when it is the first of its kind."""
        name = PyBytes_FromString(plan.pricing).decode("ascii")
        self.failures[name] = self.failures.get(name, 0) + 1
        place = ""
        at = error.__traceback__
        while at is not None:
            place = f"{at.tb_frame.f_code.co_name}:{at.tb_lineno}"
            at = at.tb_next
        # What a function was told has no card in it, so neither has what it says of that.
        return self.tell(plan, name, type(error).__name__, str(error)[:TEXT_MAX], place)

    cdef int note_slow(self, const Plan *plan, int64_t elapsed_us) except -1:
        """Tell, once for a function, that it holds everybody else up."""
        name = PyBytes_FromString(plan.pricing).decode("ascii")
        return self.tell(plan, name, "Slow", f"one message took {elapsed_us} us", "")

    cdef int tell(self, const Plan *plan, str name, str error, str text, str place) except -1:
        if (name, error, place) not in self.told and len(self.told) < TROUBLES_MAX:
            self.told.add((name, error, place))
            self.troubles.append(PricingTrouble(
                pricing=name, programme=plan.programme, version=plan.version, error=error,
                text=text, place=place))
        return 0

    cdef int raise_fatal(self) except -1:
        """Raise what came through a function and is not its fault."""
        fatal, self.fatal = self.fatal, None
        if fatal is not None:
            raise fatal
        return 0


cdef int price(void *pricer, const Plan *plan, uint8_t operation, bint hold,
               Run *run) noexcept with gil:
    """The machine's way to Python: PRICED or the Reason of a decline."""
    cdef Pricer who = <Pricer> pricer
    try:
        return who.ask(plan, operation, hold, run)
    except Exception as error:
        who.note(plan, error)
    except BaseException as error:
        who.fatal = error       # an interrupt is for the process: it ends when this is answered
    return PRICING_FAILED


cdef object asked_of(const Plan *plan, uint8_t operation, const Run *run):
    """What the function is told."""
    cdef const int64_t *registers = &run.registers[0]
    cdef int64_t first = run.card.accounts
    return Asked(
        programme=plan.programme,
        version=plan.version,
        operation=OPERATIONS[operation],
        advice=registers[R_ADVICE] != 0,
        merchant=run.merchant_row,
        merchant_id=PyUnicode_DecodeASCII(run.merchant.merchant_id, 15, NULL),
        category=run.merchant.category,
        amount_minor=registers[R_AMOUNT],
        points_limit=None if registers[R_POINTS_LIMIT] < 0 else registers[R_POINTS_LIMIT],
        partial_ok=registers[R_PARTIAL_OK] != 0,
        money_minor=book_spendable(run.book, first + plan.money_slot, run.spent_s),
        money_held_minor=run.book.accounts[first + plan.money_slot + 1].balance,
        points=book_spendable(run.book, first + plan.points_slot, run.spent_s),
        points_held=run.book.accounts[first + plan.points_slot + 1].balance,
        day_spent_minor=registers[R_DAY_SPENT],
        day_count=registers[R_DAY_COUNT],
        now_s=run.now.unix_s,
        utc_offset_s=run.now.utc_offset_s,
        local_day=run.now.local_day,
        local_weekday=run.now.local_weekday,
        local_hour=run.now.local_hour,
    )


cdef int reason_of(object declined) except? 0:
    """A decline for one of the programme's own reasons; others mean approvals, or other checks."""
    cdef int64_t reason = int(declined.reason)
    if not OPERATION_NOT_ALLOWED <= reason <= ABOVE_BALANCE_LIMIT:
        raise PricingError(f"it declines with {reason}, which is no reason of a programme")
    return <int> reason


cdef int64_t whole(object value, int64_t most) except? -1:
    """A whole number from 0 to `most`; a bool or a fraction is a mistake, not a number."""
    if type(value) is not int:
        raise PricingError(f"{type(value).__name__} where a whole number belongs")
    if not 0 <= value <= most:
        raise PricingError(f"{value} is below 0 or above {most}")
    return value


cdef int64_t rule_of(const Plan *plan, object name, int64_t given) except? -1:
    """1 + index of a rule's name in the plan; 0 for none."""
    cdef int i = 0
    cdef const char *text
    if name == "":
        return 0
    if given == 0:
        raise PricingError(f"rule {name!r} gave nothing")
    text = PyUnicode_AsUTF8(name)
    while i < 64 and plan.names[i][0] != 0:
        if strcmp(plan.names[i], text) == 0:
            return i + 1
        i += 1
    raise PricingError(f"rule {name!r} is not among the programme's pricing_rules")


cdef int take_price(const Plan *plan, uint8_t operation, bint hold, object priced,
                    Run *run) except? 0:
    """Fill the registers with an answer that a plan could have given; PRICED."""
    cdef int64_t *registers = run.registers
    cdef int64_t asked = registers[R_AMOUNT]
    cdef int64_t approved = whole(priced.amount_minor, asked)
    cdef int64_t discount = whole(priced.discount_minor, approved)
    cdef int64_t value = whole(priced.points_value_minor, approved)
    cdef int64_t money = whole(priced.money_minor, approved)
    cdef int64_t fee = whole(priced.fee_minor, approved)
    cdef int64_t points = whole(priced.points, EARNED_MAX)
    cdef int64_t earned = whole(priced.earned, EARNED_MAX)
    cdef int64_t available_at = whole(priced.available_at_s, SECOND_MAX)
    cdef int64_t expires_at = whole(priced.expires_at_s, SECOND_MAX)
    cdef int64_t funder = FUNDERS.get(priced.funder, -1)
    cdef int64_t discount_rule = rule_of(plan, priced.discount_rule, discount)
    cdef int64_t earn_rule = rule_of(plan, priced.earn_rule, earned)
    if discount + value + money != approved:
        raise PricingError("discount, points' value and money do not make up the amount")
    if approved == 0:
        raise PricingError("it approves nothing: that is a decline")
    if approved < asked and (registers[R_ADVICE] or not registers[R_PARTIAL_OK]
                             or operation == POINTS_PAYMENT):
        raise PricingError("it approves a part, which this terminal cannot take")
    if funder < 0 or (funder != 0) != (discount != 0):
        raise PricingError("a discount has a funder, merchant or club, and no discount has none")
    if (points != 0) != (value != 0):
        raise PricingError("points are worth something, and nothing is paid with no points")
    if hold and (discount or fee or earned):
        raise PricingError("a hold has no discount, fee or earning")
    if earned and expires_at and (expires_at <= available_at or expires_at <= run.now.unix_s):
        raise PricingError("what is earned ends before it opens")
    registers[R_AMOUNT] = approved
    registers[R_DISCOUNT] = discount
    registers[R_FUNDER] = funder
    registers[R_NET] = approved - discount
    registers[R_POINTS] = points
    registers[R_POINTS_VALUE] = value
    registers[R_MONEY] = money
    registers[R_EARNED] = earned
    registers[R_FEE] = fee
    registers[R_DISCOUNT_RULE] = discount_rule
    registers[R_EARN_RULE] = earn_rule
    registers[R_LOT_AVAILABLE_AT] = available_at
    registers[R_LOT_EXPIRES_AT] = expires_at
    return PRICED
