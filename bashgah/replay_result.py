"""What a replay says: totals, members, merchants, levels, in one structure that is JSON as it is.

Owns the sums over workers, who wins and loses, and what each figure means. Must not know how they
are drawn (`bashgah.replay_report`) nor how a past is read.

Money is in the club's minor units. A pair is what happened and what the draft decides. A member's
gain of a world is: discounts + points earned and not ended, at what a point is worth there +
what an organisation gave - fees. Winners gain more by the draft than they did.
"""

from array import array
from collections.abc import Callable, Sequence

import msgspec

from bashgah.replay_processes import Past
from switch.lab import DRAFTED, HAPPENED, SUMS, Part, jalali_month, total_of
from switch.programme import Programme
from switch.reasons import Reason

QUANTILES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
DECILES = 10
RECENT_DAYS = (7, 30, 90)
BINS = 41
MERCHANTS_TOLD_MAX = 500

ASSUMPTIONS = (
    "behaviour",
    "points",
    "declined",
    "undone",
    "clock",
    "referred",
)
"""What the figures take for granted; the report has a sentence for each."""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """What happened and what the draft decides."""

    happened: int
    draft: int


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """A Jalali month, e.g. 1405/03, with its figures by name and the points owed at its end."""

    month: str
    happened: dict[str, int]
    draft: dict[str, int]
    points_owed: Pair


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule of the draft gave; refunds are not taken off."""

    name: str
    times: int
    discount_minor: int
    points: int


class Decline(msgspec.Struct, frozen=True, kw_only=True):
    """How often a reason of the programme's declined."""

    reason: str
    happened: int
    draft: int


class Gains(msgspec.Struct, frozen=True, kw_only=True):
    """Differences of gains over some members or merchants, in minor units."""

    count: int
    winners: int
    losers: int
    same: int
    sum_minor: int
    won_minor: int
    lost_minor: int
    quantiles_minor: dict[str, int]


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Some members: by their level, by how much they bought, by when they were last here."""

    by: str
    name: str
    gains: Gains


class Merchant(msgspec.Struct, frozen=True, kw_only=True):
    """A shop: what it sold, what it got for it with what was paid at the till, what it gave."""

    merchant: str
    name: str
    name_fa: str
    sales_minor: Pair
    income_minor: Pair
    discount_borne_minor: Pair
    commission_minor: Pair


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """How many members' differences lie from `from_minor` up to `to_minor`."""

    from_minor: int
    to_minor: int
    members: int


class Tiers(msgspec.Struct, frozen=True, kw_only=True):
    """How many members of each level (rows) would have which (columns)."""

    before: list[str]
    after: list[str]
    members: list[list[int]]
    changed: int


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """How fast it went; a worker's time has reading, decoding, both books and all sums in it."""

    workers: int
    seconds: float
    rows_before: int
    rows: int
    purchases: int
    worker_cpu_seconds: float
    worker_read_seconds: float
    purchases_per_core_second: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A draft over the past. `liability`: points owed in the end, and in money."""

    programme: int
    name: str
    name_fa: str
    draft_version: int
    live_version: int
    versions_in_between: list[int]
    months_asked: int
    first_day: int
    last_day: int
    point_value_minor: Pair
    members: int
    counts: dict[str, int]
    happened: dict[str, int]
    draft: dict[str, int]
    cost_minor: Pair
    points_at_start: int
    points_owed: Pair
    points_pending: Pair
    liability_minor: Pair
    money_on_cards_minor: Pair
    months: list[Month]
    rules: list[Rule]
    declines: list[Decline]
    gains: Gains
    histogram: list[Bin]
    segments: list[Segment]
    merchant_gains: Gains
    merchants: list[Merchant]
    tiers: Tiers | None
    assumptions: tuple[str, ...]
    speed: Speed


def report_of(past: Past, draft: Programme) -> Report:
    """Add up what the workers found."""
    parts = past.parts
    live = next(part.live for part in parts if part.live is not None)
    values = _point_values(live, draft)
    happened, drafted = (_totals(parts, world) for world in (HAPPENED, DRAFTED))
    start = sum(part.at_start.points for part in parts)
    held = [[part.at_end[world] for part in parts] for world in (HAPPENED, DRAFTED)]
    owed = Pair(
        happened=sum(one.points for one in held[HAPPENED]),
        draft=sum(one.points for one in held[DRAFTED]),
    )
    members = _Members(parts, values, past.window.last_day)
    merchants = _merchants(parts)
    incomes = [m.income_minor.draft - m.income_minor.happened for m in merchants]
    return Report(
        programme=draft.programme,
        name=draft.name,
        name_fa=draft.name_fa,
        draft_version=draft.version,
        live_version=live.version,
        versions_in_between=sorted({v for part in parts for v in part.versions}),
        months_asked=len(past.window.month_days),
        first_day=past.window.first_day,
        last_day=past.window.last_day,
        point_value_minor=Pair(happened=values[0], draft=values[1]),
        members=len(members.differences),
        counts={name: sum(part.counts[name] for part in parts) for name in parts[0].counts},
        happened=happened,
        draft=drafted,
        cost_minor=Pair(
            happened=_cost_minor(happened, values[0], owed.happened - start),
            draft=_cost_minor(drafted, values[1], owed.draft - start),
        ),
        points_at_start=start,
        points_owed=owed,
        points_pending=Pair(
            happened=sum(one.pending_points for one in held[HAPPENED]),
            draft=sum(one.pending_points for one in held[DRAFTED]),
        ),
        liability_minor=Pair(happened=owed.happened * values[0], draft=owed.draft * values[1]),
        money_on_cards_minor=Pair(
            happened=sum(one.money_minor for one in held[HAPPENED]),
            draft=sum(one.money_minor for one in held[DRAFTED]),
        ),
        months=_months(past, start),
        rules=_rules(parts, draft),
        declines=_declines(parts),
        gains=gains_of(members.differences),
        histogram=histogram_of(members.differences),
        segments=members.segments(live),
        merchant_gains=gains_of(incomes),
        merchants=sorted(
            merchants,
            key=lambda m: (-abs(m.income_minor.draft - m.income_minor.happened), m.merchant),
        )[:MERCHANTS_TOLD_MAX],
        tiers=_tiers(parts, live, draft),
        assumptions=ASSUMPTIONS,
        speed=_speed(past),
    )


def _point_values(live: Programme, draft: Programme) -> tuple[int, int]:
    """Give what a point is worth in each world; where points pay nothing, what the other says."""
    before = live.tender.point_value_minor if live.tender is not None else 0
    after = draft.tender.point_value_minor if draft.tender is not None else 0
    return before or after, after or before


def _totals(parts: Sequence[Part], world: int) -> dict[str, int]:
    return total_of([row for part in parts for row in part.months[world]])


def _cost_minor(figures: dict[str, int], value_minor: int, owed_more: int) -> int:
    """Give what a world costs the club: discounts, points paid and newly owed, less its income."""
    return (
        figures["discount_club_minor"]
        + figures["points_paid_minor"]
        + owed_more * value_minor
        - figures["commission_minor"]
        - figures["fees_minor"]
        - figures["breakage_minor"]
    )


def _months(past: Past, start: int) -> list[Month]:
    owed = [start, start]
    found = []
    for at, day in enumerate(past.window.month_days):
        figures = []
        for world in (HAPPENED, DRAFTED):
            sums = total_of([part.months[world][at] for part in past.parts])
            owed[world] += sums["points_earned"] - sums["points_redeemed"] - sums["points_expired"]
            figures.append(sums)
        year, month = jalali_month(day)
        found.append(
            Month(
                month=f"{year}/{month:02d}",
                happened=figures[HAPPENED],
                draft=figures[DRAFTED],
                points_owed=Pair(happened=owed[HAPPENED], draft=owed[DRAFTED]),
            )
        )
    return found


def _rules(parts: Sequence[Part], draft: Programme) -> list[Rule]:
    found = []
    for at, name in enumerate(draft.rule_names()):
        uses = [part.rules[at] for part in parts]
        found.append(
            Rule(
                name=name,
                times=sum(use[0] for use in uses),
                discount_minor=sum(use[1] for use in uses),
                points=sum(use[2] for use in uses),
            )
        )
    return found


def _declines(parts: Sequence[Part]) -> list[Decline]:
    reasons = {reason for part in parts for world in part.declined for reason in world}
    return [
        Decline(
            reason=Reason(reason).name.lower(),
            happened=sum(part.declined[HAPPENED].get(reason, 0) for part in parts),
            draft=sum(part.declined[DRAFTED].get(reason, 0) for part in parts),
        )
        for reason in sorted(reasons)
    ]


def _merchants(parts: Sequence[Part]) -> list[Merchant]:
    names = {name: said for part in parts for name, said in part.merchant_names.items()}
    figures: list[dict[str, list[int]]] = [{}, {}]
    for part in parts:
        for world in (HAPPENED, DRAFTED):
            for name, sums in part.merchants[world].items():
                known = figures[world].setdefault(name, [0] * len(SUMS))
                figures[world][name] = [a + b for a, b in zip(known, sums, strict=True)]
    nothing = [0] * len(SUMS)
    found = []
    for name in sorted(figures[HAPPENED].keys() | figures[DRAFTED].keys()):
        both = [total_of([figures[world].get(name, nothing)]) for world in (HAPPENED, DRAFTED)]

        def pair(read: Callable[[dict[str, int]], int], both: list[dict[str, int]] = both) -> Pair:
            return Pair(happened=read(both[HAPPENED]), draft=read(both[DRAFTED]))

        found.append(
            Merchant(
                merchant=name,
                name=names[name][0],
                name_fa=names[name][1],
                sales_minor=pair(lambda sums: sums["sales_minor"]),
                income_minor=pair(lambda sums: sums["merchants_minor"] + sums["cash_minor"]),
                discount_borne_minor=pair(
                    lambda sums: sums["discount_minor"] - sums["discount_club_minor"]
                ),
                commission_minor=pair(lambda sums: sums["commission_minor"]),
            )
        )
    return found


def _tiers(parts: Sequence[Part], live: Programme, draft: Programme) -> Tiers | None:
    if live.tiers is None or draft.tiers is None:
        return None
    before = [level.name for level in live.tiers.levels]
    after = [level.name for level in draft.tiers.levels]
    members = [[0] * len(after) for _ in before]
    changed = 0
    for part in parts:
        for was, would_be in zip(*part.tiers, strict=True):
            members[was][would_be] += 1
            changed += before[was] != after[would_be]
    return Tiers(before=before, after=after, members=members, changed=changed)


def _speed(past: Past) -> Speed:
    cpu_seconds = sum(part.cpu_ms for part in past.parts) / 1_000
    purchases = sum(part.counts["purchases"] for part in past.parts)
    return Speed(
        workers=past.workers,
        seconds=round(past.seconds, 2),
        rows_before=past.rows_before,
        rows=sum(part.counts["rows"] for part in past.parts),
        purchases=purchases,
        worker_cpu_seconds=round(cpu_seconds, 2),
        worker_read_seconds=round(sum(part.read_ms for part in past.parts) / 1_000, 2),
        purchases_per_core_second=round(purchases / cpu_seconds) if cpu_seconds else 0,
    )


# --- members --------------------------------------------------------------------------------------


class _Members:
    """Columns of all members, and the segments that they fall into."""

    def __init__(self, parts: Sequence[Part], values: tuple[int, int], last_day: int) -> None:
        columns = {name: _joined([part.cards[name] for part in parts]) for name in parts[0].cards}
        self.differences = [
            after + points_after * values[1] - before - points_before * values[0]
            for before, points_before, after, points_after in zip(
                columns["minor_before"],
                columns["points_before"],
                columns["minor_after"],
                columns["points_after"],
                strict=True,
            )
        ]
        self._sales = columns["sales"]
        self._purchases = columns["purchases"]
        self._days = columns["day"]
        self._tiers = b"".join(part.tiers[HAPPENED] for part in parts)
        self._last_day = last_day

    def segments(self, live: Programme) -> list[Segment]:
        """Give members by level, by how much they bought, and by when they were last here."""
        found: list[Segment] = []
        if live.tiers is not None and len(self._tiers) == len(self.differences):
            for at, level in enumerate(live.tiers.levels):
                chosen = [d for d, t in zip(self.differences, self._tiers, strict=True) if t == at]
                found.append(Segment(by="tier", name=level.name, gains=gains_of(chosen)))
        return found + self._by_sales() + self._by_last_day()

    def _by_sales(self) -> list[Segment]:
        buyers = sorted(
            (at for at, count in enumerate(self._purchases) if count),
            key=lambda at: self._sales[at],
        )
        found = []
        for decile in range(DECILES):
            first = len(buyers) * decile // DECILES
            last = len(buyers) * (decile + 1) // DECILES
            chosen = [self.differences[at] for at in buyers[first:last]]
            found.append(Segment(by="sales", name=str(decile + 1), gains=gains_of(chosen)))
        return found

    def _by_last_day(self) -> list[Segment]:
        bounds = (*RECENT_DAYS, None)
        groups: list[list[int]] = [[] for _ in bounds]
        never: list[int] = []
        for difference, count, day in zip(
            self.differences, self._purchases, self._days, strict=True
        ):
            if not count:
                never.append(difference)
                continue
            ago = self._last_day - day
            at = next((at for at, most in enumerate(RECENT_DAYS) if ago <= most), len(RECENT_DAYS))
            groups[at].append(difference)
        names = [f"<= {most}" if most is not None else f"> {RECENT_DAYS[-1]}" for most in bounds]
        found = [
            Segment(by="recency", name=name, gains=gains_of(group))
            for name, group in zip(names, groups, strict=True)
        ]
        return [*found, Segment(by="recency", name="never", gains=gains_of(never))]


def gains_of(differences: Sequence[int]) -> Gains:
    """Say who wins and who loses."""
    in_order = sorted(differences)
    count = len(in_order)
    won = [one for one in in_order if one > 0]
    lost = [one for one in in_order if one < 0]
    return Gains(
        count=count,
        winners=len(won),
        losers=len(lost),
        same=count - len(won) - len(lost),
        sum_minor=sum(won) + sum(lost),
        won_minor=sum(won),
        lost_minor=-sum(lost),
        quantiles_minor={
            f"{share:g}": in_order[min(count - 1, int(share * count))] for share in QUANTILES
        }
        if count
        else {},
    )


def histogram_of(differences: Sequence[int]) -> list[Bin]:
    """Count members by their difference, between the first and the last hundredth of them.

    Those beyond are in the outermost bins; who neither wins nor loses is in none.
    """
    changed = sorted(one for one in differences if one)
    if not changed:
        return []
    low = min(0, changed[len(changed) // 100])
    high = max(0, changed[len(changed) - 1 - len(changed) // 100]) + 1
    width = max(1, -(-(high - low) // BINS))
    first = low // width  # a bin begins at zero: no bin has both winners and losers
    last = (high - 1) // width
    counts = [0] * (last - first + 1)
    for one in changed:
        counts[min(max(one // width, first), last) - first] += 1
    return [
        Bin(from_minor=(first + at) * width, to_minor=(first + at + 1) * width, members=count)
        for at, count in enumerate(counts)
    ]


def _joined(columns: Sequence[bytes]) -> "array[int]":
    found = array("q")
    for column in columns:
        found.frombytes(column)
    return found
