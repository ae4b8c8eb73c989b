"""A workload and a target compiled into rows of numbers and bytes, which the core runs.

Owns the rows, and how an element's text with placeholders becomes a patched slot. Must not know
sockets or chance. The codec encodes each kind once; `loadtest.template` finds where its elements
stand.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from hsm_sim._keys import Key
from loadtest._reply import ReplyReader
from loadtest.errors import LoadtestError
from loadtest.pin_blocks import blocks_of
from loadtest.spec_file import load_spec
from loadtest.target import (
    PLACEHOLDER,
    VOUCHER_PIN_DIGITS,
    CardGroup,
    MessageKind,
    Target,
    terminals_of,
)
from loadtest.template import (
    Template,
    spell_ascii,
    spell_ebcdic,
    spell_packed_left,
    spell_packed_right,
)
from loadtest.terminal_keys import read_key
from loadtest.voucher_pins import encrypted_characters, encrypted_pins
from loadtest.workload import Scenario, Step, Workload
from switch.iso8583 import EncodeError, Message, Spec, encode

SPELLINGS = (spell_ascii, spell_packed_left, spell_packed_right, spell_ebcdic)
"""In the order of Spelling in _spelling.pxd."""

STANS_A_SECOND = 400
"""A run begins so much further on in the trace numbers as it begins later: a hundred arrivals a
second of a connection. A host that remembers them would take the same ones for repeats."""

# Placeholder: its Source in _script.pxd, and its characters (0: the population says).
PLACEHOLDERS = {
    "pan": (0, 0),
    "expiry": (1, 4),
    "stan": (2, 6),
    "rrn": (3, 12),
    "amount": (4, 12),
    "utc": (5, 10),
    "local": (6, 10),
    "local_date": (7, 4),
    "local_time": (8, 6),
    "local_year": (9, 2),
    "terminal": (10, 0),
    "merchant": (11, 0),
    "pin_block": (12, 16),
    "points": (13, 4),
    "original_type": (14, 4),
    "original_stan": (15, 6),
    "original_rrn": (16, 12),
    "original_amount": (17, 12),
    "original_code": (18, 6),
    "voucher_pin": (19, 0),
}
AFTER = {"reply": 0, "timeout": 1, "at once": 2}
GARBAGE = {"": 0, "body": 1, "frame": 2}
PINS = {False: 0, True: 1, "wrong": 2}
CHECKS = {"luhn": 0, "damm": 1}
NO_GROUP = -1
MAC = "{mac}"  # a whole element; written when all others are
MAC_CHARACTERS = 16
TEXT_MAX = 128
ECHOES_MAX = 24
KEYS_MAX = 4


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What every row shares."""


class PieceRow(Row, frozen=True, kw_only=True):
    """A placeholder inside an element's text."""

    source: int
    at: int
    count: int


class PatchRow(Row, frozen=True, kw_only=True):
    """An element that varies: its bytes, its spelling, its text."""

    begin: int
    end: int
    spelling: int
    text: str
    pieces: tuple[PieceRow, ...]


class PlaceRow(Row, frozen=True, kw_only=True):
    """Where an element stands in a body."""

    element: int
    offset: int
    bytes: int


class TemplateRow(Row, frozen=True, kw_only=True):
    """One kind of message, with or without a PIN."""

    kind: int
    body: bytes
    message_type: str
    processing_code: str
    type_offset: int
    repeat_type: bytes
    reply_type: bytes
    has_amount: bool
    digits_offset: int
    keys: tuple[PlaceRow, ...]
    echoes: tuple[PlaceRow, ...]
    amount_echo: int
    patches: tuple[PatchRow, ...]
    mac: PlaceRow | None


class StepRow(Row, frozen=True, kw_only=True):
    """A step of a scenario, names replaced by numbers."""

    template: int
    is_repeat: bool
    after: int
    only_approved: bool
    of_voucher: bool
    original: int
    part_min: int
    part_max: int
    codes: tuple[str, ...]


class ScenarioRow(Row, frozen=True, kw_only=True):
    """A scenario, names replaced by numbers."""

    weight: float
    group: int
    vouchers: int  # another group; -1: it has none
    garbage: int
    pin: int  # 0: none, 1: the card's own, 2: another one
    amount_min_minor: int
    amount_max_minor: int
    amount_unit_minor: int
    points_min: int
    points_max: int
    steps: tuple[StepRow, ...]


class GroupRow(Row, frozen=True, kw_only=True):
    """A group of cards."""

    prefix: str
    digits: int
    first: int
    count: int
    expiry: str
    check: int
    right_blocks: bytes  # 16 hex digits a card; empty: no scenario needs them
    wrong_blocks: bytes
    voucher_pins: bytes  # all of the placeholder's length


class ReplyRow(Row, frozen=True, kw_only=True):
    """How replies are read."""

    key: tuple[int, ...]
    code: int
    amount_element: int
    told: int
    tag_characters: int
    length_digits: int
    tags: tuple[str, ...]
    approved: tuple[str, ...]
    partial: tuple[str, ...]
    unavailable: tuple[str, ...]
    refused: tuple[str, ...]
    tpdu: int


class Tables(Row, frozen=True, kw_only=True):
    """Everything that `loadtest._script` needs; `kinds` and `groups` are named for people."""

    seed: int
    tag: int
    stan_first: int
    local_offset_s: int
    connections: int
    card_exponent: float
    kinds: tuple[str, ...]
    group_names: tuple[str, ...]
    templates: tuple[TemplateRow, ...]
    scenarios: tuple[ScenarioRow, ...]
    groups: tuple[GroupRow, ...]
    terminals: tuple[tuple[str, str], ...]
    terminal_weights: list[float]
    mac_key: Key | None
    forced: tuple[int, ...] = ()  # a replay's scenarios by arrival; -1 where chance decides


class Compiler:
    """A target's kinds as templates, made when a workload first needs them."""

    def __init__(self, target: Target, folder: Path) -> None:
        self.target = target
        self.spec: Spec = load_spec(target.spec, folder)
        self._folder = folder
        self.reply = reply_row(target)
        self.reader = ReplyReader(self.spec, self.reply)
        self.kinds = tuple(target.kinds)
        self._terminals = terminals_of(target)
        self._templates: dict[tuple[str, bool], int] = {}
        self._rows: list[TemplateRow] = []

    def tables(
        self,
        workload: Workload,
        *,
        seed: int,
        connections: int,
        begin_s: int,
        arrival_kinds: tuple[str, ...] = (),
    ) -> Tables:
        """Compile a workload for a run that begins at a Unix second. Raises `LoadtestError`."""
        target = self.target
        scenarios = tuple(
            self._scenario(workload, scenario, f"$.scenario[{place}]")
            for place, scenario in enumerate(workload.scenario)
        )
        return Tables(
            seed=seed,
            tag=begin_s % 1000,
            stan_first=begin_s * STANS_A_SECOND,
            local_offset_s=_offset_s(target, begin_s),
            connections=connections,
            card_exponent=workload.card_exponent,
            kinds=self.kinds,
            group_names=tuple(target.cards),
            templates=tuple(self._rows),
            scenarios=scenarios,
            groups=self._groups(workload),
            terminals=tuple(self._terminals),
            terminal_weights=_terminal_weights(self._terminals, workload.merchant_exponent),
            mac_key=read_key(target.mac.key_file, self._folder) if target.mac else None,
            forced=_forced(workload, arrival_kinds),
        )

    def _groups(self, workload: Workload) -> tuple[GroupRow, ...]:
        wanted = {(scenario.cards, scenario.pin) for scenario in workload.scenario}
        rule = self.target.pin_blocks
        key = read_key(rule.key_file, self._folder) if rule is not None else None

        def blocks(name: str, group: CardGroup, pin: bool | str) -> bytes:
            if rule is None or key is None or (name, pin) not in wanted:
                return b""
            return blocks_of(group, rule, key, wrong=pin == "wrong")

        as_vouchers = {scenario.vouchers for scenario in workload.scenario}
        return tuple(
            GroupRow(
                prefix=group.prefix,
                digits=group.digits,
                first=group.first,
                count=group.count,
                expiry=group.expiry or "    ",
                check=CHECKS[group.check],
                right_blocks=blocks(name, group, True),
                wrong_blocks=blocks(name, group, "wrong"),
                voucher_pins=self._voucher_pins(group) if name in as_vouchers else b"",
            )
            for name, group in self.target.cards.items()
        )

    def _voucher_pins(self, group: CardGroup) -> bytes:
        rule = self.target.voucher_pins
        return encrypted_pins(group, rule, read_key(rule.key_file, self._folder)) if rule else b""

    def _scenario(self, workload: Workload, scenario: Scenario, at: str) -> ScenarioRow:
        for name, key in ((scenario.cards, "cards"), (scenario.vouchers, "vouchers")):
            if name not in self.target.cards and (name or key == "cards"):
                known = ", ".join(self.target.cards)
                raise LoadtestError(
                    f"workload {workload.name}: {at}.{key}: target {self.target.name} has no cards "
                    f"{name!r}, only {known}"
                )
        if scenario.pin == "wrong" and self.target.pin_blocks is None:
            raise LoadtestError(
                f"workload {workload.name}: {at}.pin: target {self.target.name} has no pin_blocks"
            )
        amount_minor = scenario.amount_minor or workload.amount_minor
        groups = list(self.target.cards)
        return ScenarioRow(
            weight=scenario.weight,
            group=groups.index(scenario.cards),
            vouchers=groups.index(scenario.vouchers) if scenario.vouchers else NO_GROUP,
            garbage=GARBAGE[scenario.garbage],
            pin=PINS[scenario.pin],
            amount_min_minor=amount_minor[0],
            amount_max_minor=amount_minor[1],
            amount_unit_minor=workload.amount_unit_minor,
            points_min=scenario.points[0],
            points_max=scenario.points[1],
            steps=tuple(
                self._step(workload, scenario, step, f"{at}.step[{place}]")
                for place, step in enumerate(scenario.step)
            ),
        )

    def _step(self, workload: Workload, scenario: Scenario, step: Step, at: str) -> StepRow:
        if step.kind and step.kind not in self.target.kinds:
            known = ", ".join(self.target.kinds)
            raise LoadtestError(
                f"workload {workload.name}: {at}.kind: target {self.target.name} has no kind "
                f"{step.kind!r}, only {known}"
            )
        return StepRow(
            template=self.template(step.kind, pin=bool(scenario.pin)) if step.kind else 0,
            is_repeat=step.repeat,
            after=AFTER[step.after],
            only_approved=step.when == "approved",
            of_voucher=step.voucher,
            original=step.original - 1,
            part_min=step.part[0],
            part_max=step.part[1],
            codes=step.expect,
        )

    def template(self, kind_name: str, *, pin: bool = False) -> int:
        """Give the index of a kind's template. Raises `LoadtestError`, naming kind and element."""
        key = (kind_name, pin)
        if key not in self._templates:
            kind = self.target.kinds[kind_name]
            try:
                row = self._compile(kind, self.kinds.index(kind_name), pin)
            except (EncodeError, ValueError) as error:
                raise LoadtestError(
                    f"target {self.target.name}: $.kinds.{kind_name}: {error}"
                ) from None
            self._templates[key] = len(self._rows)
            self._rows.append(row)
        return self._templates[key]

    def _compile(self, kind: MessageKind, index: int, pin: bool) -> TemplateRow:
        elements = {**kind.elements, **(self.target.pin if pin else {})}
        texts: dict[str, str] = {}
        pieces: dict[str, tuple[PieceRow, ...]] = {}
        for element, value in elements.items():
            texts[element], pieces[element] = self._text(element, value)
        varying = [element for element in texts if pieces[element]]
        template = Template(self._encode, kind.message_type, texts, varying)
        body = self._encode(kind.message_type, texts)
        places = self.reader.places(body)
        keys = tuple(_place(places, element) for element in self.target.reply.key)
        echoes = tuple(
            _place(places, element) for element in self.target.reply.echoed if element in places
        )
        if len(echoes) > ECHOES_MAX or not 1 <= len(keys) <= KEYS_MAX:
            raise ValueError(f"1 to {KEYS_MAX} key elements, up to {ECHOES_MAX} echoed ones")
        type_slot = template.slots[0]
        return TemplateRow(
            kind=index,
            body=body,
            message_type=kind.message_type,
            processing_code=texts.get("3", "000000"),
            type_offset=type_slot.begin,
            repeat_type=type_slot.spell(kind.repeat_type or kind.message_type[:3] + "1"),
            reply_type=type_slot.spell(kind.reply_type or _reply_type(kind.message_type)),
            has_amount=any(piece.source == 4 for piece in pieces.get("4", ())),
            digits_offset=places[11][0] if 11 in places else keys[0].offset,
            keys=keys,
            echoes=echoes,
            amount_echo=next(
                (
                    place
                    for place, echo in enumerate(echoes)
                    if echo.element == self.target.reply.amount_element
                ),
                -1,
            ),
            patches=tuple(
                PatchRow(
                    begin=slot.begin,
                    end=slot.end,
                    spelling=SPELLINGS.index(slot.spell),
                    text=texts[slot.element],
                    pieces=pieces[slot.element],
                )
                for slot in template.slots[1:]
            ),
            mac=self._mac_place(elements, places, len(body)),
        )

    def _mac_place(
        self, elements: Mapping[str, str], places: dict[int, tuple[int, int]], body_bytes: int
    ) -> PlaceRow | None:
        """Give where a message's MAC stands: behind all that it is over."""
        for element, value in elements.items():
            if value == MAC:
                place = _place(places, int(element))
                if place.offset + place.bytes != body_bytes or place.bytes not in (8, 16):
                    raise ValueError(f"element {element}: a MAC is the last element, of 8 bytes")
                if self.target.mac is None:
                    raise ValueError(f"element {element}: the target has no mac")
                return place
        return None

    def _encode(self, message_type: str, elements: Mapping[str, str]) -> bytes:
        message = Message(message_type)
        message.update(elements)
        return encode(message, self.spec)

    def _text(self, element: str, value: str) -> tuple[str, tuple[PieceRow, ...]]:
        """Give an element's example text, and the placeholders in it."""
        text = ""
        pieces: list[PieceRow] = []
        done = 0
        for found in PLACEHOLDER.finditer(value):
            text += value[done : found.start()]
            done = found.end()
            name = found[1]
            if value == MAC:
                text += "0" * MAC_CHARACTERS
                continue
            if name in ("acquirer", "acquirer11", "currency"):
                text += self._constant(element, name)
                continue
            if name not in PLACEHOLDERS:
                known = ", ".join([*PLACEHOLDERS, "acquirer", "acquirer11", "currency"])
                raise ValueError(f"element {element}: no placeholder {{{name}}}; there are {known}")
            source, count = PLACEHOLDERS[name]
            count = count or self._population_characters(name)
            pieces.append(PieceRow(source=source, at=len(text), count=count))
            text += "0" * count
        text += value[done:]
        if len(text) > TEXT_MAX:
            raise ValueError(f"element {element}: {len(text)} characters, {TEXT_MAX} at most")
        return text, tuple(pieces)

    def _constant(self, element: str, name: str) -> str:
        value = self.target.currency if name == "currency" else self.target.acquirer
        if not value and name != "acquirer11":
            raise ValueError(f"element {element}: the target has no {name}")
        return value.rjust(11, "0") if name == "acquirer11" else value

    def _population_characters(self, name: str) -> int:
        if name == "voucher_pin":
            rule = self.target.voucher_pins
            return encrypted_characters(rule.digits if rule else VOUCHER_PIN_DIGITS)
        if name == "pan":
            return next(iter(self.target.cards.values())).digits
        return len(self._terminals[0][name == "merchant"])


def reply_row(target: Target) -> ReplyRow:
    """Give how a target's replies are read."""
    reply = target.reply
    told = reply.told
    return ReplyRow(
        key=reply.key,
        code=reply.code,
        amount_element=reply.amount_element,
        told=told.element if told else 0,
        tag_characters=int(told.form[3]) if told else 1,
        length_digits=int(told.form[8]) if told else 1,
        tags=(
            (told.money, told.points, told.points_value, told.points_earned, told.discount)
            if told
            else ()
        ),
        approved=reply.approved,
        partial=reply.partial,
        unavailable=reply.unavailable,
        refused=reply.refused,
        tpdu=("swapped", "same", "any").index(target.framing.tpdu_reply),
    )


def _place(places: dict[int, tuple[int, int]], element: int) -> PlaceRow:
    if element not in places:
        raise ValueError(f"element {element} is a key of replies, and not in the message")
    offset, count = places[element]
    return PlaceRow(element=element, offset=offset, bytes=count)


def _reply_type(message_type: str) -> str:
    return f"{message_type[:2]}{int(message_type[2]) + 1}0"


def _forced(workload: Workload, arrival_kinds: tuple[str, ...]) -> tuple[int, ...]:
    """Give for each arrival's kind the first scenario that begins with it; -1 for none."""
    if not any(arrival_kinds):
        return ()
    begins = {"": -1}
    for place, scenario in enumerate(workload.scenario):
        if not scenario.garbage:
            begins.setdefault(scenario.step[0].kind, place)
    unknown = sorted(set(arrival_kinds) - set(begins))
    if unknown:
        raise LoadtestError(
            f"workload {workload.name}: no scenario begins with the replay's {unknown[0]!r}"
        )
    return tuple(begins[kind] for kind in arrival_kinds)


def _terminal_weights(terminals: list[tuple[str, str]], exponent: float) -> list[float]:
    """Give Zipf weights by merchant, shared among its terminals; none when all are alike."""
    if not exponent:
        return []
    ranks: dict[str, int] = {}
    counts: dict[str, int] = {}
    for _terminal, merchant in terminals:
        ranks.setdefault(merchant, len(ranks) + 1)
        counts[merchant] = counts.get(merchant, 0) + 1
    return [
        float(ranks[merchant]) ** -exponent / counts[merchant] for _terminal, merchant in terminals
    ]


def _offset_s(target: Target, begin_s: int) -> int:
    try:
        zone = ZoneInfo(target.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        problem = f"$.time_zone: there is no {target.time_zone!r}"
        raise LoadtestError(f"target {target.name}: {problem}") from None
    offset = datetime.fromtimestamp(begin_s, UTC).astimezone(zone).utcoffset()
    assert offset is not None, "an aware time has an offset"
    return int(offset.total_seconds())
