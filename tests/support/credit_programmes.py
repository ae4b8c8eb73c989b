"""Random credit for property tests: plans of any kind, and what being late and paying early are.

Owns Hypothesis strategies; knows nothing of what is decided.
"""

import msgspec
from hypothesis import strategies as st

from switch.calendar import Calendar
from switch.instalments import PROFIT, QARZ, FeeKind, Rest, Terms
from switch.programme import Programme
from switch.rules import Credit, InstalmentPlan, Wallet

SELDOM = st.sampled_from([False, False, True])


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    """Give a way to pay later of a few months, of any kind."""
    fee = draw(st.sampled_from(FeeKind))
    count = draw(st.sampled_from([1, 2, 3, 4, 12, 14]))
    if fee is FeeKind.QARZ_11 and count == 1:
        count = 2  # a year's only instalment would be a fee on nothing
    return Terms(
        count=count,
        calendar=draw(st.sampled_from(Calendar)),
        months_between=1 if fee in QARZ else draw(st.sampled_from([1, 1, 3])),
        first_due_months=draw(st.sampled_from([0, 1])),
        grace_count=draw(st.integers(0, count - 1)) if fee in PROFIT else 0,
        multiple_minor=draw(st.sampled_from([1, 1, 10, 1_000])),
        rest=draw(st.sampled_from(Rest)),
        fee=fee,
        rate_bps=0 if fee is FeeKind.NONE else draw(st.sampled_from([1, 400, 1_800, 10_000])),
        **draw(being_late()),
    )


LATE = ("late_rate_bps", "late_cap_bps", "late_tolerance_days", "rebate_bps")


def being_late() -> st.SearchStrategy[dict[str, int]]:
    """Give what a plan says of being late and of paying early."""
    late = st.sampled_from(
        [(0, 0, 0), (1_800, 1_000, 3), (10_000, 300, 0), (3_650, 10_000, 2), (1, 1, 30)]
    )
    rebate = st.sampled_from([0, 0, 200, 10_000])
    return st.tuples(late, rebate).map(
        lambda said: dict(zip(LATE, (*said[0], said[1]), strict=True))
    )


@st.composite
def _as_mild(draw: st.DrawFn, plans: list[Terms], before: Credit) -> list[Terms]:
    """Give plans that cost nobody more who owes by one of before: as many, as late, or milder."""
    were = [plan.terms for plan in before.plans]
    found = [*plans, *were[len(plans) :]]
    for number, was in enumerate(were):
        late = {name: getattr(was, name) for name in LATE}
        if draw(SELDOM):
            half = was.late_rate_bps // 2
            late |= {"late_rate_bps": half, "late_cap_bps": half and was.late_cap_bps}
            late |= {"rebate_bps": max(300, was.rebate_bps)}
        found[number] = msgspec.structs.replace(found[number], **late)
    return found


@st.composite
def credits_of(
    draw: st.DrawFn, wallet: str, wallets: tuple[Wallet, ...], before: Programme | None
) -> Credit:
    """Give credit with a few plans, named by their order; `before`: mostly milder than that."""
    plans = draw(st.lists(terms(), min_size=1, max_size=3))
    were = before.credit if before is not None else None
    if were is not None and not (draw(SELDOM) and draw(SELDOM)):
        plans = draw(_as_mild(plans, were))
    payers = [each.name for each in wallets if each.name == "money" != wallet]
    return Credit(
        wallet=wallet,
        limit_minor=draw(st.sampled_from([0, 60_000, 600_000, 600_000, 5_000_000])),
        pays_from=draw(st.sampled_from(["", *payers, *payers])),
        plans=tuple(InstalmentPlan(name=f"p{at}", terms=each) for at, each in enumerate(plans)),
    )
