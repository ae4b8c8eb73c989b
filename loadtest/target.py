"""A host under test as data: where it is, how it speaks, whom it knows (docs/loadtest.md).

Owns the form of a target file and its reading. Must not know any host, ours included: those are
the files in `loadtest/targets/` and wherever people keep theirs.
"""

import re
import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from loadtest.errors import LoadtestError
from switch.iso8583 import Framing, Spec

TARGETS = Path(__file__).parent / "targets"
PLACEHOLDER = re.compile(r"\{(\w+)\}")
PIN_LENGTHS = range(4, 13)
VOUCHER_PIN_LENGTHS = range(12, 21)
VOUCHER_PIN_DIGITS = 16
PIN_PAN_DIGITS_MIN = 13  # a block is bound to the 12 digits before the check digit


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every part of the file shares."""


class TargetFraming(Part, frozen=True, kw_only=True):
    """How messages are told apart. `tpdu` is 10 hex digits; its source becomes the connection."""

    length: Literal["binary2", "ascii4", "bcd2", "binary4"] = "binary2"
    length_includes_itself: bool = False
    tpdu: str = ""
    tpdu_reply: Literal["swapped", "same", "any"] = "swapped"


class CardGroup(Part, frozen=True, kw_only=True):
    """Cards with consecutive numbers: prefix, number, check digit. `expiry` is YYMM, or empty.

    Without `books` they are of a programme that the independent model of the books does not have:
    their replies and rows are looked at, their accounts are not.
    """

    prefix: str
    count: int
    first: int = 0
    digits: int = 16
    expiry: str = ""
    check: Literal["luhn", "damm"] = "luhn"
    books: bool = True


class TerminalList(Part, frozen=True, kw_only=True):
    """Terminals and the merchants they stand at, in turn: by pattern or one by one."""

    pattern: str = ""  # T%07d
    first: int = 1
    count: int = 0
    ids: tuple[str, ...] = ()
    merchants: tuple[str, ...] = ()
    merchant_pattern: str = ""
    merchant_count: int = 0


class MessageKind(Part, frozen=True, kw_only=True):
    """One kind of request. Element values are text with placeholders; lengths never change."""

    message_type: str
    repeat_type: str = ""  # by default the message type with 1 for its last digit
    reply_type: str = ""  # by default the third digit one more, 0 for the last
    elements: dict[str, str]


class Told(Part, frozen=True, kw_only=True):
    """What a reply tells in an element of tag, length, value; tags that a host lacks stay empty."""

    element: int
    form: str = "tag2 len3"
    money: str = ""
    points: str = ""
    points_value: str = ""
    points_earned: str = ""
    discount: str = ""


class ReplyForm(Part, frozen=True, kw_only=True):
    """What a reply must be, and how it is read. Elements are numbers; 0 is none."""

    key: tuple[int, ...] = (37,)
    echoed: tuple[int, ...] = ()
    code: int = 39
    amount_element: int = 4
    approved: tuple[str, ...] = ("00",)
    partial: tuple[str, ...] = ()
    unavailable: tuple[str, ...] = ("91",)
    refused: tuple[str, ...] = ("30",)
    told: Told | None = None


class PinBlocks(Part, frozen=True, kw_only=True):
    """Which PINs cards have, and the key that all terminals share (docs/loadtest.md).

    Either all have the same `pin`, or each its own: a function of `seed` and its number.
    """

    key_file: str  # beside this file: 32 or 48 hexadecimal digits of a test key
    pin: str = ""
    seed: str = ""
    digits: int = 4  # of PINs made from the seed


class VoucherPins(Part, frozen=True, kw_only=True):
    """Which PINs vouchers have, and the key under which all terminals send them.

    A voucher's PIN is a function of `seed` and its place: its number in its group less `first`.
    """

    key_file: str  # beside this file: 32 or 48 hexadecimal digits of a test key
    seed: str
    first: int = 0
    digits: int = VOUCHER_PIN_DIGITS


class Mac(Part, frozen=True, kw_only=True):
    """The key of the MACs that `{mac}` stands for; all terminals share it."""

    key_file: str  # beside this file: 32 or 48 hexadecimal digits of a test key


class Target(Part, frozen=True, kw_only=True):
    """A host under test."""

    name: str
    host: str = "127.0.0.1"
    port: int = 0  # 0: only whoever starts the run says where the host is
    spec: str = "iso1987-binary"
    framing: TargetFraming = TargetFraming()
    time_zone: str = "UTC"
    currency: str = ""
    acquirer: str = ""
    reply: ReplyForm = ReplyForm()
    cards: dict[str, CardGroup]
    terminals: TerminalList
    pin: dict[str, str] = {}  # elements that a message with a PIN has besides
    pin_blocks: PinBlocks | None = None  # None: a PIN block is random
    voucher_pins: VoucherPins | None = None  # None: what is sent for one is random
    mac: Mac | None = None
    kinds: dict[str, MessageKind]


def load_target(name: str) -> tuple[Target, Path]:
    """Read a target that ships, or a file. Gives its folder too. Raises `LoadtestError`."""
    path = Path(name) if name.endswith(".toml") else TARGETS / f"{name}.toml"
    try:
        target = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Target)
    except FileNotFoundError:
        known = ", ".join(sorted(found.stem for found in TARGETS.glob("*.toml")))
        raise LoadtestError(f"no target {name!r}: a .toml file, or one of {known}") from None
    except OSError as error:
        raise LoadtestError(f"target {path}: {error.strerror}") from None
    except ValueError as error:
        raise LoadtestError(f"target {path}: {error}") from None
    problem = _problem(target)
    if problem:
        raise LoadtestError(f"target {path}: {problem}")
    return target, path.parent


def terminals_of(target: Target) -> list[tuple[str, str]]:
    """Give DE 41 and DE 42 of every terminal, padded as they travel."""
    rows = target.terminals
    merchants = rows.merchants or tuple(
        rows.merchant_pattern % (number + 1) for number in range(rows.merchant_count)
    )
    ids = rows.ids or tuple(rows.pattern % (rows.first + number) for number in range(rows.count))
    return [
        (terminal_id, merchants[place % len(merchants)]) for place, terminal_id in enumerate(ids)
    ]


def framing_of(target: Target) -> Framing:
    """Give the codec's framing."""
    framing = target.framing
    return Framing(
        length=framing.length,
        tpdu=bool(framing.tpdu),
        length_includes_itself=framing.length_includes_itself,
    )


def element_title(spec: Spec, element: int) -> str:
    """Give an element's number and its title, for people."""
    row = spec.elements.get(element)
    return f"{element} {row.desc}".strip() if row is not None else str(element)


def _problem(target: Target) -> str:
    """Say what the types cannot: the first thing that is wrong, "" when nothing is."""
    for name, group in target.cards.items():
        at = f"$.cards.{name}"
        if not group.prefix.isdecimal() or not 12 <= group.digits <= 19:
            return f"{at}: prefix is digits, and a number has 12 to 19"
        room = group.digits - 1 - len(group.prefix)
        if group.count < 1 or group.first < 0 or room < 1 or group.first + group.count > 10**room:
            return f"{at}: count from first does not fit the {room} digits behind the prefix"
        if group.expiry and not (len(group.expiry) == 4 and group.expiry.isdecimal()):
            return f"{at}.expiry: YYMM"
    if len({(group.digits, bool(group.expiry)) for group in target.cards.values()}) > 1:
        return "$.cards: all groups have the same digits, and all an expiry or none"
    if not target.kinds:
        return "$.kinds: at least one"
    for name, kind in target.kinds.items():
        if not (len(kind.message_type) == 4 and kind.message_type.isdecimal()):
            return f"$.kinds.{name}.message_type: four digits"
    if target.framing.tpdu and len(target.framing.tpdu) != 10:
        return "$.framing.tpdu: ten hex digits"
    if target.reply.told and not re.fullmatch(r"tag[1-4] len[1-4]", target.reply.told.form):
        return '$.reply.told.form: "tag2 len3", with other numbers'
    if target.voucher_pins and target.voucher_pins.digits not in VOUCHER_PIN_LENGTHS:
        return "$.voucher_pins.digits: 12 to 20"
    return _pin_problem(target) or _terminal_problem(target.terminals)


def _pin_problem(target: Target) -> str:
    rule = target.pin_blocks
    if rule is None:
        return ""
    if bool(rule.pin) == bool(rule.seed):
        return "$.pin_blocks: a pin that all cards have, or a seed"
    if rule.pin and not (rule.pin.isdecimal() and len(rule.pin) in PIN_LENGTHS):
        return "$.pin_blocks.pin: 4 to 12 digits"
    if rule.digits not in PIN_LENGTHS:
        return "$.pin_blocks.digits: 4 to 12"
    if any(group.digits < PIN_PAN_DIGITS_MIN for group in target.cards.values()):
        return f"$.cards: with PIN blocks a number has {PIN_PAN_DIGITS_MIN} digits or more"
    return ""


def _terminal_problem(rows: TerminalList) -> str:
    try:
        if not rows.ids and (rows.count < 1 or len(rows.pattern % rows.first) > 16):
            return "$.terminals: ids, or a pattern such as T%07d and a count"
        if not rows.merchants and (rows.merchant_count < 1 or len(rows.merchant_pattern % 1) > 16):
            return "$.terminals: merchants, or merchant_pattern and merchant_count"
    except (TypeError, ValueError):
        return "$.terminals: a pattern has one %d, such as T%07d"
    if len({len(name) for name in rows.ids}) > 1 or len({len(name) for name in rows.merchants}) > 1:
        return "$.terminals: ids are of one length, merchants too: pad them as they travel"
    return ""
