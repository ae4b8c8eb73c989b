"""Searches a programme for earn loops: what a card can do again and again to have more than before.

Owns the search. It runs the compiled plan on a shard of its own with real messages, so that what is
found is what would happen. Value is money (on the card, and in the holder's pocket) and points at
what they pay. Goods count for nothing: whoever has more value after buying has been paid to buy,
and whoever has given everything back must not have kept anything.

Each sequence is carried out on a new card. Sequences that leave the same state are followed once.
"""

import struct
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import TypeVar

import msgspec

from switch._calendar import civil
from switch._core import Core
from switch._lane import Lane
from switch._pricing import Pricer
from switch.calendar import Calendar
from switch.directory import Directory
from switch.events import (
    CLUB_ACCOUNTS,
    AcquirerAdded,
    CardsAdded,
    CardsLinked,
    ClubAdded,
    Event,
    IssuerKeysSet,
    MerchantAdded,
    ProgrammeLive,
    TerminalAdded,
)
from switch.iso8583 import Message, Spec, decode, encode
from switch.limits import AMOUNT_MINOR_MAX
from switch.operations import Operation
from switch.pricing import Pricing
from switch.profile import Profile
from switch.programme import Programme
from switch.programme_checks import ANYWHERE, Segment, segments
from switch.reasons import RESPONSE_CODES, Reason
from switch.rules import DiscountRule, EarnRule, Fund, Security
from switch.versions import DAY_SECONDS

DEPTH = 3
SEQUENCES_MAX = 12_000
"""Four seconds at 0.3 ms each; shared by all segments."""

SATURDAY = 20_554
"""2026-04-11, in days since 1970-01-01."""
EXPIRY_YYMM = 9912
ACQUIRER_CODE = "1"
ROUND_MINOR = 100_000
LABEL = "searched"  # of vouchers whose PINs nobody has
POINTS_WANTED = "PR009999999999"

Step = tuple[str, int, int]
"""What, the amount, and for what undoes something the place of the step it undoes, else -1."""


_BY_PIN = Operation.VOUCHER_REDEMPTION
"""Not searched: what a voucher is worth was paid for before, with another card."""

Extra = dict[int | str, str]
Rule = TypeVar("Rule", DiscountRule, EarnRule, Fund)


class Loop(msgspec.Struct, frozen=True, kw_only=True):
    """How many sequences were run, and the first that leaves more than there was; or none."""

    tried: int
    steps: tuple[str, ...] = ()
    where: str = ""
    gained_minor: int = 0

    def said(self) -> str:
        """Say it as a finding."""
        steps = "; ".join(f"{at}. {step}" for at, step in enumerate(self.steps, 1))
        return f"loop: {self.where}: {steps}: {self.gained_minor} more than before"


def find_loop(
    definition: Programme,
    *,
    profile: Profile,
    spec: Spec,
    linked: Programme | None,
    pricings: Mapping[str, Pricing],
) -> Loop:
    """Search all segments. `linked`: the programme of the cards that a referral rewards."""
    places = segments(definition)
    tried = 0
    worlds: dict[str, _World] = {}
    for segment in places:
        if segment.tier not in worlds:
            seen = _seen_by(definition, segment.tier)
            worlds[segment.tier] = _World(seen, linked, profile, spec, pricings)
        search = _Search(worlds[segment.tier], segment, max(50, SEQUENCES_MAX // len(places)))
        found = search.run()
        tried += search.tried
        if found is not None:
            steps, gained = found
            return Loop(
                tried=tried,
                steps=tuple(_said(step) for step in steps),
                where=segment.said(),
                gained_minor=gained,
            )
    return Loop(tried=tried)


def _said(step: Step) -> str:
    what, amount_minor, of = step
    return f"{what} {amount_minor:,}" + (f" of step {of + 1}" if of >= 0 else "")


def _seen_by(definition: Programme, tier: str) -> Programme:
    """Give a programme as a card of one level meets it, without waiting and without proofs."""

    def rules(all_rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        kept = []
        for rule in all_rules:
            if not rule.when.tiers or tier in rule.when.tiers:
                anyone = msgspec.structs.replace(rule.when, tiers=())
                kept.append(msgspec.structs.replace(rule, when=anyone))
        return tuple(kept)

    return msgspec.structs.replace(
        definition,
        version=1,
        discounts=rules(definition.discounts),
        earning=tuple(
            msgspec.structs.replace(rule, available_after_days=0)
            for rule in rules(definition.earning)
        ),
        funding=rules(definition.funding),
        budgets=(),  # of all cards: what was used before would hide the next one's loop
        security=Security(),
        operations=tuple(one for one in definition.operations if one is not _BY_PIN),
        vouchers=None,
    )


class _World:
    """A shard with a shop for each place that a rule tells apart."""

    def __init__(
        self,
        definition: Programme,
        linked: Programme | None,
        profile: Profile,
        spec: Spec,
        pricings: Mapping[str, Pricing],
    ) -> None:
        self.definition = definition
        self.linked = linked
        self.spec = spec
        codes = [str(RESPONSE_CODES[Reason.NONE])] * (max(Reason) + 1)
        names = [""] * (max(Reason) + 1)
        for reason in Reason:
            codes[reason] = str(RESPONSE_CODES[reason])
        self.core = Core(
            shard=0,
            pan_key=bytes(32),
            exchange_entries=1 << 16,
            detail_bytes=1 << 25,
            batch_rows_max=10_000,
            batch_bytes_max=1 << 22,
            clock_seconds_max=86_400,
            response_codes=codes,
            reason_names=names,
        )
        self.core.begin_tenure(1)
        self.directory = Directory(self.core)
        self.pricer = Pricer(pricings)
        self.terminals: dict[tuple[str, int], tuple[str, str]] = {}
        self._open_shops()
        self.lane = Lane(
            self.core, profile=profile, spec=spec, acquirer=1, acquirer_code=ACQUIRER_CODE.encode()
        )
        self._pan = 9_000_000_000_000_000
        self._stan = 0

    def _record(self, event: Event) -> None:
        self.directory.record(event, now_us=SATURDAY * DAY_SECONDS * 1_000_000, utc_offset_s=0)

    def _open_shops(self) -> None:
        definition = self.definition
        self._record(
            ClubAdded(
                club=definition.club, name="", name_fa="", currency=364, accounts=CLUB_ACCOUNTS
            )
        )
        self._record(AcquirerAdded(acquirer=1, code=ACQUIRER_CODE, name=""))
        for at, segment in enumerate(segments(definition)):
            place = (segment.merchant, segment.category)
            if place in self.terminals:
                continue
            merchant = segment.merchant or f"{at:015d}"
            category = 0 if segment.category == ANYWHERE else segment.category
            self._record(
                MerchantAdded(
                    merchant_id=merchant,
                    club=definition.club,
                    category=category,
                    name="",
                    name_fa="",
                )
            )
            terminal = f"{at:08d}"
            self._record(TerminalAdded(terminal_id=terminal, acquirer=1, merchant_id=merchant))
            self.terminals[place] = (terminal, merchant)
        if self.linked is not None:
            self._record(ProgrammeLive(definition=self.linked))
        self._record(ProgrammeLive(definition=definition))
        if definition.stock is not None:
            self._record(
                IssuerKeysSet(programme=definition.programme, voucher="0", voucher_label=LABEL)
            )

    def new_card(self) -> "_Holder":
        """Give a card that has done nothing, linked to another where guests are."""
        card = self._add_card(self.definition.programme)
        member = -1
        if self.linked is not None:
            member = self._add_card(self.linked.programme)
            self._record(CardsLinked(cards=(card,), to_card=member))
        return _Holder(self, card, member, str(self._pan - (self.linked is not None)))

    def _add_card(self, programme: int) -> int:
        self._pan += 1
        pan = str(self._pan)
        stock = self.definition.stock is not None and programme == self.definition.programme
        self._record(
            CardsAdded(
                programme=programme,
                tokens=self.core.token_of(pan),
                expiries=struct.pack("<H", EXPIRY_YYMM),
                first6=struct.pack("<I", int(pan[:6])),
                last4=struct.pack("<H", int(pan[-4:])),
                digests=sha256(pan.encode()).digest() if stock else b"",
                price_minor=_sold_for(self.definition) if stock else 0,
                digest_label=LABEL if stock else "",
            )
        )
        return self.core.card_count - 1

    def ask(
        self, mti: str, code: str, amount_minor: int, pan: str, segment: Segment, extra: Extra
    ) -> tuple[Message, str]:
        """Send a message; gives the reply and the DE 90 that names the message."""
        self._stan = self._stan % 999_999 + 1
        day = SATURDAY + segment.weekday
        now_s = day * DAY_SECONDS + segment.hour * 3_600
        _, month, of_month = civil(Calendar.GREGORIAN, day)
        local = f"{month:02d}{of_month:02d}{segment.hour:02d}0000"
        terminal, merchant = self.terminals[segment.merchant, segment.category]
        elements: Extra = {
            2: pan,
            3: code,
            4: f"{amount_minor:012d}",
            11: f"{self._stan:06d}",
            12: local[4:],
            13: local[:4],
            41: terminal,
            42: merchant,
            49: "364",
        }
        elements |= extra
        if not amount_minor:
            del elements[4], elements[49]
        _, reply, _, _ = self.lane.answer(
            encode(Message(mti, elements), self.spec),
            now_us=now_s * 1_000_000,
            utc_offset_s=0,
            pricer=self.pricer,
        )
        while self.core.cut_batch() is not None:
            pass
        named = f"{mti}{self._stan:06d}{local}" + "0" * 22
        return decode(reply, self.spec), named


class _Holder:
    """One card, what is in its holder's pocket, and what has been done that can be undone."""

    def __init__(self, world: _World, card: int, member: int, pan: str) -> None:
        self._world = world
        self._cards = (card,) if member < 0 else (card, member)
        self.pan = pan
        self.pocket_minor = 0
        self.done: list[tuple[Step, str, int, int]] = []  # step, DE 90, cash paid, undone

    def carry_out(self, step: Step, segment: Segment) -> bool:
        """Do a step; says whether it was approved."""
        what, amount_minor, of = step
        mti, code, extra = ASKED[what]
        extra = dict(extra)
        if of >= 0:
            extra[90] = self.done[of][1]
        reply, named = self._world.ask(mti, code, amount_minor, self.pan, segment, extra)
        approved = reply.get(39) == "00"
        cash_minor = _tag(reply.get(48, ""), "CA")
        if approved:
            self._settle(step, cash_minor, _tag(reply.get(48, ""), "FE"))
        self.done.append((step, named, cash_minor, 0 if approved else amount_minor))
        return approved

    def _settle(self, step: Step, cash_minor: int, fee_minor: int) -> None:
        """Let the pocket see what the till took and gave."""
        what, amount_minor, of = step
        if what in ("load", "activate"):
            self.pocket_minor -= amount_minor
        elif what == "withdraw":
            self.pocket_minor += amount_minor
        elif of < 0:
            self.pocket_minor -= cash_minor + fee_minor
        else:
            original, named, paid_minor, undone_minor = self.done[of]
            back_minor = original[1] - undone_minor if what == "reverse" else amount_minor
            if original[0] in ("load", "activate"):
                self.pocket_minor += back_minor
            elif original[0] == "withdraw":
                self.pocket_minor -= back_minor
            elif original[1]:
                before = paid_minor * undone_minor // original[1]
                after = paid_minor * (undone_minor + back_minor) // original[1]
                self.pocket_minor += after - before
            self.done[of] = (original, named, paid_minor, undone_minor + back_minor)

    def state(self) -> tuple[object, ...]:
        """Give what decides what can be done from here on."""
        core = self._world.core
        accounts = []
        for card in self._cards:
            first, _, row, _, _ = core.card(card)
            accounts.append(tuple(core.account(first + at)[4] for at in range(self._slots(row))))
        undone = tuple((step, undone) for step, _, _, undone in self.done if undone < step[1])
        return (self.pocket_minor, tuple(accounts), undone)

    def value_minor(self) -> int:
        """Give money and points, on the cards and in the pocket."""
        total = self.pocket_minor
        core = self._world.core
        definitions = (self._world.definition, self._world.linked)
        for card, definition in zip(self._cards, definitions, strict=False):
            assert definition is not None
            first = core.card(card)[0]
            at = 0
            for wallet in definition.wallets:
                balance = sum(core.account(first + at + held)[4] for held in range(1 + wallet.held))
                at += 1 + wallet.held
                if wallet.unit == "money":
                    total += balance
                elif wallet.unit == "points" and definition.tender is not None:
                    total += balance * definition.tender.point_value_minor
                elif wallet.unit == "points" and definition.pricing:
                    total += balance
        return total

    def _slots(self, row: int) -> int:
        definition = self._world.definition
        rows = self._world.directory.programme_rows
        if rows[definition.programme] != row:
            assert self._world.linked is not None
            definition = self._world.linked
        wallets = sum(1 + wallet.held for wallet in definition.wallets)
        return wallets + len(definition.counters())


ASKED: Mapping[str, tuple[str, str, Extra]] = {
    "load": ("0200", "210000", {}),
    "activate": ("0200", "720000", {}),
    "buy": ("0200", "000000", {}),
    "pay with points": ("0200", "000000", {48: POINTS_WANTED}),
    "withdraw": ("0200", "010000", {}),
    "refund": ("0200", "200000", {}),
    "reverse": ("0400", "000000", {}),
}


def _tag(private: str, name: str) -> int:
    while private:
        count = int(private[2:5])
        if private[:2] == name:
            return int(private[5 : 5 + count])
        private = private[5 + count :]
    return 0


class _Search:
    """Breadth first through what one kind of members can do at one place and time."""

    def __init__(self, world: _World, segment: Segment, sequences_max: int) -> None:
        self._world = world
        self._segment = segment
        self._most = sequences_max
        self._amounts = amounts_of(world.definition)
        self.tried = 0

    def run(self) -> tuple[tuple[Step, ...], int] | None:
        """Give the first sequence that leaves more, and how much more."""
        level: list[tuple[Step, ...]] = [()]
        seen: set[tuple[object, ...]] = set()
        for _ in range(DEPTH):
            following = []
            for sequence in level:
                for step in self._next_steps(sequence):
                    if self.tried >= self._most:
                        return None
                    longer = (*sequence, step)
                    holder, gained = self._carry_out(longer)
                    if holder is None:
                        continue
                    if gained > 0:
                        return longer, gained
                    state = holder.state()
                    if state not in seen:
                        seen.add(state)
                        following.append(longer)
            level = following
        return None

    def _carry_out(self, sequence: tuple[Step, ...]) -> tuple[_Holder | None, int]:
        self.tried += 1
        holder = self._world.new_card()
        self._prepare(holder)
        before = holder.value_minor()
        holder.done.clear()
        for step in sequence:
            if not holder.carry_out(step, self._segment):
                return None, 0
        return holder, holder.value_minor() - before

    def _prepare(self, holder: _Holder) -> None:
        """Make the card valid, and put money and a few points on it, as far as it takes them."""
        definition = self._world.definition
        if definition.membership is not None:
            self._world.ask("0200", "900000", 0, holder.pan, self._segment, {})
        most = self._amounts[-1]
        if definition.activation is not None:
            holder.carry_out(("activate", most, -1), self._segment)
        holder.carry_out(("load", most, -1), self._segment)
        if definition.tender is not None:
            holder.carry_out(("buy", most // 2 or 1, -1), self._segment)

    def _next_steps(self, sequence: tuple[Step, ...]) -> Iterator[Step]:
        can = self._world.definition.operations
        for amount_minor in self._amounts:
            if Operation.PURCHASE in can:
                yield ("buy", amount_minor, -1)
                if self._world.definition.tender is not None or self._world.definition.pricing:
                    yield ("pay with points", amount_minor, -1)
        for of, (what, amount_minor, _) in enumerate(sequence):
            if what in ("buy", "pay with points"):
                for part in dict.fromkeys((amount_minor, amount_minor - 1, amount_minor // 2, 1)):
                    if part > 0:
                        yield ("refund", part, of)
            if what not in ("refund", "reverse"):
                yield ("reverse", amount_minor, of)
        for operation, name in MONEY_STEPS:
            if operation in can:
                yield (name, _sold_for(self._world.definition), -1)


MONEY_STEPS = (
    (Operation.LOAD, "load"),
    (Operation.WITHDRAWAL, "withdraw"),
    (Operation.ACTIVATION, "activate"),
)


def _sold_for(definition: Programme) -> int:
    """Give the amount that is loaded, sold or withdrawn."""
    return amounts_of(definition)[-1] // 2 or 1


def amounts_of(definition: Programme) -> tuple[int, ...]:
    """Give amounts at which rules begin, round or end; the last one is the largest."""
    found = {1, ROUND_MINOR}
    for earn in definition.earning:
        found |= {earn.per_minor, earn.when.amount_min_minor}
    for rule in definition.discounts:
        found.add(rule.when.amount_min_minor)
    if definition.tender is not None:
        value_minor = definition.tender.point_value_minor
        found.add(value_minor * max(1, definition.tender.points_min))
    limits = definition.limits
    bounds = [AMOUNT_MINOR_MAX // 100, limits.transaction_minor_max, limits.balance_minor_max]
    if definition.activation is not None:
        bounds.append(definition.activation.most_minor)
    most = min(bound for bound in bounds if bound)
    small = sorted(one for one in found if 0 < one <= most)
    return (*small, min(most, 10 * small[-1]))
