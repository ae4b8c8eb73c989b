"""The register machine's words, and what writes its steps.

Owns the names of registers, operations and accounts, shared with `switch/_plan.pxd`, and the
layout of a card's accounts. Must not know what a programme decides: that is `switch.plan`.
"""

from enum import IntEnum

import msgspec

from switch.programme import CHARGED, DEBTS, Programme
from switch.reasons import Reason
from switch.rules import Ending, Period, ProgrammeError

Step = tuple[int, int, int, int, int]

NO_SLOT = 255
UNITS = {"money": 0, "points": 1, "count": 2}
CALENDARS = {"jalali": 0, "gregorian": 1}
PERIODS = {"day": 1, "week": 2, "month": 3, "quarter": 4, "half-year": 5, "year": 6}
MONTHS_LATER = 7


class Register(IntEnum):
    """Registers of the machine; 0 to 43 are shared with `switch/_plan.pxd`."""

    AMOUNT = 0
    POINTS_LIMIT = 1
    PARTIAL_OK = 2
    ADVICE = 3
    DISCOUNT = 4
    FUNDER = 5
    NET = 6
    POINTS = 7
    POINTS_VALUE = 8
    MONEY = 9
    EARNED = 10
    FEE = 11
    HOLD_SECONDS = 12
    DISCOUNT_RULE = 13
    EARN_RULE = 14
    LOT_AVAILABLE_AT = 15
    LOT_EXPIRES_AT = 16
    DAY_SPENT = 17
    DAY_COUNT = 18
    TIER = 19
    UNTIL = 20
    LINKED = 21
    ITEM = 22
    TODAY = 23
    TERMS = 24
    PART = 25
    CASH = 31
    OWED = 32
    DUE = 33
    INSTALMENTS = 34
    FIRST_MINOR = 35
    FIRST_ENDS = 36
    VOUCHER_POINTS = 37
    PRICE = 38
    REBATE = 39
    BOUND = 40
    EARN_BOUND = 41
    LOT_MARKS = 42
    RULE_0 = 44
    RULE_1 = 45
    RULE_2 = 46
    RULE_3 = 47
    RULE_4 = 48
    RULE_5 = 49
    A = 50
    B = 51
    C = 52
    ZERO = 53
    ONE = 54
    BPS = 55
    REST = 56
    EARNING = 57
    CLUB_PAYS = 58
    GROSS_BPS = 59
    GROSS_MAX = 60
    SHARE = 61
    OVERDRAWN = 62


class Op(IntEnum):
    """Operations of a step; shared with `switch/_plan.pxd`."""

    END = 0
    SET = 1
    COPY = 2
    ADD = 3
    SUBTRACT = 4
    MIN = 5
    MAX = 6
    MULTIPLY = 7
    DIVIDE_FLOOR = 8
    DIVIDE_CEIL = 9
    BPS_FLOOR = 10
    GROSS_OF_NET = 11
    SPENDABLE = 12
    BALANCE = 13
    RULE = 14
    JUMP = 15
    JUMP_IF_LESS = 16
    JUMP_IF_ZERO = 17
    DECLINE_IF_LESS = 18
    LOCAL_DAY_END = 19
    LOCAL_DAY_START = 20
    MOVE = 21
    MOVE_NEW_LOT = 22
    PRICE = 23
    LARGEST_LOT = 24
    LAST_END = 25
    FIND_LOT = 26
    END_OF = 27
    DAY_OF = 28
    MOVE_ENDED = 29
    MOVE_ITEM = 30
    COUNTED = 31
    OWE = 32
    PAY_DEBT = 33
    SETTLE_DEBT = 34
    TELL_DEBT = 35
    LINKED_SPENDABLE = 36
    CHARGE_LATE = 38
    COUNTED_HERE = 40
    MOVE_NAMED = 41
    BUDGET_LEFT = 42


class ClockEntry(IntEnum):
    """Clock work that a plan's steps do, card by card; shared with `switch/_plan.pxd`."""

    LATE = 0
    AUTOPAY = 1
    RENEWAL = 2


class Account(IntEnum):
    """References to accounts: owner kind in the upper half, slot in the lower."""

    CLUB_FLOAT = 0x10
    CLUB_DISCOUNTS = 0x11
    CLUB_POINTS_PAID = 0x12
    CLUB_FEES = 0x13
    CLUB_POINTS_ISSUED = 0x14
    CLUB_POINTS_REDEEMED = 0x15
    CLUB_COUNTS = 0x16
    CLUB_POINTS_EXPIRED = 0x17
    CLUB_BREAKAGE = 0x18
    CLUB_LATE_CHARGES = 0x19
    MERCHANT = 0x20
    CARD = 0x30  # and the slot
    LINKED_CARD = 0x40
    ORGANISATION = 0x50
    BUDGET = 0x60  # and its place in the programme


R = Register


class Writer:
    """Collects steps; labels are patched when they are placed, and always lie further on."""

    def __init__(self) -> None:
        self.steps: list[list[int]] = []

    def step(self, op: Op, dst: int = 0, a: int = 0, b: int = 0, imm: int = 0) -> None:
        self.steps.append([op, dst, a, b, imm])

    def set(self, dst: int, value: int) -> None:
        self.step(Op.SET, dst, imm=value)

    def jump(self, op: Op, a: int = 0, b: int = 0) -> int:
        """Write a jump to a place not yet known; gives what `land` takes."""
        self.step(op, 0, a, b)
        return len(self.steps) - 1

    def land(self, *jumps: int) -> None:
        """Let the jumps lead here."""
        for jump in jumps:
            self.steps[jump][4] = len(self.steps)

    def decline_if_less(self, a: int, b: int, reason: Reason) -> None:
        self.step(Op.DECLINE_IF_LESS, 0, a, b, reason)

    def move(self, register: int, source: int, target: int) -> None:
        """Write a posting of a register's amount, between references to accounts."""
        self.step(Op.MOVE, register, source, target)

    def move_new_lot(self, register: int, source: int, target: int, *, any_version: bool) -> None:
        """Write a posting into a lot with the terms in LOT_AVAILABLE_AT and LOT_EXPIRES_AT."""
        self.step(Op.MOVE_NEW_LOT, register, source, target, int(any_version))


class Slot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An account that each card of a programme has. `name` is its wallet's or counter's."""

    name: str  # "" = spare
    unit: int
    dated: bool
    held: bool = False
    counts: bool = False
    due: bool = False  # of a counter: its lots end when they are due, and stay


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts of a programme's cards, in their order: the same for all of its versions."""

    slots: tuple[Slot, ...]

    def slot(self, name: str) -> int:
        """Give the number of a wallet's or counter's account."""
        return next(at for at, slot in enumerate(self.slots) if slot.name == name and not slot.held)

    def has(self, name: str) -> bool:
        """Say whether there is such an account, of this version or of one before."""
        return any(slot.name == name for slot in self.slots)

    def account(self, name: str) -> int:
        """Give the reference to a card's account of that name."""
        return Account.CARD + self.slot(name)

    def held(self, name: str) -> int:
        """Give the reference to the account that holds what is reserved of a wallet."""
        return self.account(name) + 1

    def first_of(self, unit: str) -> int:
        """Give the first slot of a unit, or NO_SLOT."""
        return next((at for at, slot in enumerate(self.slots) if slot.unit == UNITS[unit]), NO_SLOT)


def lay_out(programme: Programme, before: Layout | None = None) -> Layout:
    """Give a version's accounts. `before`: those that its cards have from earlier versions.

    Counters that are new take spare ones; one that no version names any more keeps its account, as
    what was counted stays in it. Raises ProgrammeError when there are none left.
    """
    slots: list[Slot] = []
    for wallet in programme.wallets:
        plain = Slot(name=wallet.name, unit=UNITS[wallet.unit], dated=wallet.dated)
        slots.append(plain)
        if wallet.held:
            slots.append(msgspec.structs.replace(plain, held=True))
    if before is None:
        counter = Slot(name="", unit=UNITS["count"], dated=True, counts=True)
        named = [
            msgspec.structs.replace(counter, name=name, due=name in (*DEBTS, CHARGED))
            for name in programme.counters()
        ]
        return Layout(slots=(*slots, *named, *[counter] * programme.spare_counters))
    wallets = tuple(slot for slot in before.slots if not slot.counts)
    if wallets != tuple(slots):
        raise ProgrammeError("its cards have the wallets of the version before")
    slots = list(before.slots)
    known = {slot.name for slot in slots}
    for name in programme.counters():
        if name in known:
            continue
        at = next((at for at, slot in enumerate(slots) if slot.counts and not slot.name), None)
        if at is None:
            raise ProgrammeError(f"its cards have no spare counter for {name!r}")
        slots[at] = msgspec.structs.replace(slots[at], name=name, due=name in (*DEBTS, CHARGED))
    return Layout(slots=tuple(slots))


def ending_code(ending: Ending) -> int:
    """Give an ending as the machine reads it (`end_of` in `_plan`); 0 = never."""
    if ending.after_months:
        return _code(MONTHS_LATER, ending.calendar, ending.after_months)
    if ending.period is None or ending.period.kind == "no end":
        return ending.after_days
    return _code(PERIODS[ending.period.kind], ending.period.calendar, ending.periods_more)


def period_code(period: Period, periods_more: int = 0) -> int:
    """Give the end of the period that holds a day, or of a later one, as the machine reads it."""
    return ending_code(Ending(period=period, periods_more=periods_more))


def _code(kind: int, calendar: str, more: int) -> int:
    return kind << 32 | CALENDARS[calendar] << 36 | more << 40
