"""Random programmes for property tests: every rule, bound and rounding that a programme can have.

Owns Hypothesis strategies; knows the shops of `tests.support.shop` and nothing of what is decided.
"""

from typing import Any

import msgspec
from hypothesis import strategies as st

from issuers.purse import OPERATIONS
from switch.operations import Operation
from switch.programme import Programme
from switch.rules import (
    Activation,
    Budget,
    Cap,
    DiscountRule,
    EarnRule,
    Ending,
    Fund,
    Items,
    Limits,
    Membership,
    Period,
    Referral,
    Tender,
    Tier,
    Tiers,
    Wallet,
    When,
    shortest_days,
)
from tests.support.shop import BOOKS, CAFE

AMOUNTS = st.one_of(
    st.integers(1, 300),
    st.integers(1, 90_000),
    st.integers(1, 90_000),
    st.integers(1, 2_000_000),
    st.sampled_from([1_000, 10_000, 100_000, 999_999_999_999]),
)


def _subset(*values: object) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=2).map(tuple)


@st.composite
def whens(draw: st.DrawFn) -> When:
    """Give conditions that often hold in the shops of the tests."""
    begins = draw(st.integers(0, 23))
    return draw(
        st.one_of(
            st.just(When()),
            st.builds(
                When,
                merchants=_subset(CAFE, BOOKS),
                categories=_subset(5812, 5942, 7999),
                weekdays=_subset(*range(7)),
                hour_from=st.just(begins),
                hour_to=st.integers(begins + 1, 24),
                amount_min_minor=st.sampled_from([0, 0, 1, 100, 50_000]),
            ),
        )
    )


DISCOUNTS = st.builds(
    DiscountRule,
    name=st.just("unnamed"),
    when=whens(),
    discount_bps=st.one_of(
        st.sampled_from([0, 1, 500, 3333, 9_999, 10_000]), st.integers(0, 10_000)
    ),
    max_minor=st.sampled_from([0, 0, 1, 7, 5_000]),
    funder=st.sampled_from(["merchant", "club"]),
)
EARNINGS = st.builds(
    EarnRule,
    name=st.just("unnamed"),
    when=whens(),
    points=st.sampled_from([0, 1, 3, 50]),
    per_minor=st.sampled_from([1, 7, 100, 10_000]),
    points_max=st.sampled_from([0, 1, 10, 1_000]),
    available_after_days=st.sampled_from([0, 0, 1, 3]),
    expires_after_days=st.sampled_from([0, 3, 5, 30, 365]),
)
TENDERS = st.builds(
    Tender,
    point_value_minor=st.sampled_from([1, 3, 100, 1_000]),
    points_min=st.sampled_from([0, 1, 10]),
)
LIMITS = st.builds(
    Limits,
    transaction_minor_max=st.sampled_from([0, 0, 0, 500_000]),
    day_minor_max=st.sampled_from([0, 0, 0, 1_000_000]),
    day_count_max=st.sampled_from([0, 0, 0, 4]),
    balance_minor_max=st.sampled_from([0, 0, 0, 3_000_000]),
)


@st.composite
def programmes(draw: st.DrawFn, *, version: int = 1) -> Programme:
    """Give a programme of club 1 whose rules are named by their order."""
    discounts = draw(st.lists(DISCOUNTS, max_size=3))
    earning = draw(st.lists(EARNINGS, min_size=1, max_size=3))
    unwanted = draw(st.sampled_from([None] * 20 + list(OPERATIONS)))
    replace = msgspec.structs.replace
    return Programme(
        programme=1,
        version=version,
        club=1,
        name="Random",
        name_fa="تصادفی",
        operations=tuple(operation for operation in OPERATIONS if operation is not unwanted),
        discounts=tuple(replace(rule, name=f"d{at}") for at, rule in enumerate(discounts)),
        earning=tuple(replace(rule, name=f"e{at}") for at, rule in enumerate(earning)),
        tender=draw(st.one_of(TENDERS, TENDERS, TENDERS, st.none())),
        limits=draw(LIMITS),
        commission_bps=draw(st.sampled_from([0, 1, 100, 10_000])),
        hold_seconds=draw(st.sampled_from([60, 86_400])),
        preauthorisation_hold_seconds=7 * 86_400,
        money_floor_minor=draw(st.sampled_from([0, 0, -50_000, 1_000])),
    )


# --- every part of a programme --------------------------------------------------------------------

CARD_OPERATIONS = (
    Operation.ACTIVATION,
    Operation.WITHDRAWAL,
    Operation.RENEWAL,
    Operation.ITEM_REGISTRATION,
    Operation.ITEM_INQUIRY,
    Operation.ITEM_CLAIM,
)
MEMBERS = 2  # the programme whose cards a referral rewards
CALENDARS = st.sampled_from(["jalali", "gregorian"])
PERIODS = st.builds(
    Period,
    kind=st.sampled_from(["day", "week", "month", "quarter", "half-year", "year", "no end"]),
    calendar=CALENDARS,
)
ENDINGS = st.one_of(
    st.builds(Ending, after_days=st.sampled_from([3, 5, 30, 200])),
    st.builds(Ending, after_months=st.sampled_from([1, 6, 12]), calendar=CALENDARS),
    st.builds(
        Ending,
        period=PERIODS.filter(lambda period: period.kind != "no end"),
        periods_more=st.sampled_from([0, 0, 1, 3]),
    ),
)
LEVELS = (Tier(name="blue", at=0), Tier(name="silver", at=40_000), Tier(name="gold", at=400_000))
WALLETS = (
    Wallet(name="gift", unit="money", dated=True, held=True, account_type=10),
    Wallet(name="money", unit="money", held=True, account_type=0),
    Wallet(name="bon", unit="money", dated=True, held=True),
    Wallet(name="points", unit="points", dated=True, held=True, account_type=60),
)
CAPS = st.builds(
    Cap,
    name=st.just("unnamed"),
    of=st.sampled_from(["spent", "count", "discount", "earned"]),
    most=st.sampled_from([6, 30, 1_000, 200_000]),
    period=PERIODS,
    per=st.sampled_from(["card", "card", "merchant"]),
).map(
    # A bound on amounts that is met by every purchase is none to test.
    lambda cap: cap if cap.of != "spent" else msgspec.structs.replace(cap, most=cap.most * 1_000)
)


@st.composite
def budgets(draw: st.DrawFn, rules: dict[str, Any]) -> tuple[Budget, ...]:
    """Give budgets whose names say what they count: that stays, whatever version names them."""
    found = {}
    for _ in range(draw(st.integers(0, 3))):
        of = draw(st.sampled_from(["spent", "count", "discount", "earned"]))
        per = draw(st.sampled_from(["club", "merchant"]))
        funder = draw(st.sampled_from(["", "club", "merchant"])) if of == "discount" else ""
        period = draw(PERIODS)
        names = [rule.name for rule in rules.get({"discount": "discounts"}.get(of, "earning"), ())]
        some = draw(st.lists(st.sampled_from(names), unique=True)) if names else []
        name = f"{of[:2]} {per[:1]}{funder[:1]} {period.kind} {period.calendar[:1]}"
        most = draw(st.sampled_from([6, 30, 1_000, 200_000])) * (1_000 if of == "spent" else 1)
        found[name] = msgspec.convert(
            {
                "name": name,
                "of": of,
                "most": most,
                "period": msgspec.to_builtins(period),
                "per": per,
                "funder": funder,
                "rules": some if of in ("discount", "earned") else [],
            },
            Budget,
        )
    return tuple(found.values())


@st.composite
def _leveled(draw: st.DrawFn, tiers: Tiers | None) -> When:
    """Give conditions that may ask for levels."""
    when = draw(whens())
    if tiers is None or not draw(st.booleans()):
        return when
    names = tuple(level.name for level in tiers.levels)
    return msgspec.structs.replace(when, tiers=draw(_subset(*names)))


@st.composite
def _rules(draw: st.DrawFn, tiers: Tiers | None) -> dict[str, Any]:
    """Give discounts and earning, named by their order."""
    discounts = []
    for at in range(draw(st.integers(0, 3))):
        funder = draw(st.sampled_from(["merchant", "club", "shared"]))
        discounts.append(
            msgspec.structs.replace(
                draw(DISCOUNTS),
                name=f"d{at}",
                when=draw(_leveled(tiers)),
                funder=funder,
                merchant_share_bps=draw(st.sampled_from([0, 3_333, 10_000]))
                if funder == "shared"
                else 0,
            )
        )
    earning = []
    for at in range(draw(st.integers(1, 3))):
        rule = msgspec.structs.replace(draw(EARNINGS), name=f"e{at}", when=draw(_leveled(tiers)))
        if draw(st.booleans()):
            ending = draw(ENDINGS)
            opens, last = rule.available_after_days, shortest_days(ending)
            rule = msgspec.structs.replace(
                rule,
                available_after_days=opens if last is None else min(opens, last),
                expires_after_days=0,
                expires=ending,
            )
        funder = draw(st.sampled_from(["club", "club", "merchant", "shared"]))
        earning.append(
            msgspec.structs.replace(
                rule,
                funder=funder,
                merchant_share_bps=draw(st.sampled_from([0, 3_333, 10_000]))
                if funder == "shared"
                else 0,
                points_price_minor=draw(st.sampled_from([0, 0, 7])),
                ends_inactive=not draw(_seldom()),
            )
        )
    rules = {"discounts": tuple(discounts), "earning": tuple(earning)}
    return {**rules, "budgets": draw(budgets(rules)), "points_price_minor": 90}


@st.composite
def _parts(draw: st.DrawFn, payers: list[str]) -> dict[str, Any]:
    """Give what keeps count: activation, membership, items, caps named by their order."""
    maybe = st.booleans
    activation = Activation(
        wallet=draw(st.sampled_from(payers or ["none"])),
        ends=draw(st.one_of(ENDINGS, st.just(Ending()))),
        most_minor=draw(st.sampled_from([0, 90_000])),
        again=draw(maybe()),
    )
    fee = draw(st.sampled_from([(0, 0), (5_000, 0), (0, 3)]))
    membership = Membership(
        valid=draw(ENDINGS),
        fee_minor=fee[0],
        fee_points=fee[1],
        grace_days=draw(st.sampled_from([0, 0, 10])),
    )
    caps = [draw(CAPS) for _ in range(draw(st.integers(0, 3)))]
    return {
        "activation": activation if payers and not draw(_seldom()) else None,
        "membership": membership if draw(_seldom()) else None,
        "items": draw(st.builds(Items, term=ENDINGS, claims=st.integers(1, 3)))
        if not draw(_seldom())
        else None,
        "caps": tuple(msgspec.structs.replace(cap, name=f"c{at}") for at, cap in enumerate(caps)),
        "spare_counters": 1,
    }


@st.composite
def products(draw: st.DrawFn, *, before: Programme | None = None) -> Programme:
    """Give a programme 1 of club 1 with any parts; `before`: a later version of that one.

    It has the same wallets then, and no more new counters than there are spare ones.
    """
    maybe = st.booleans
    tiers = None
    if draw(maybe()):
        tiers = Tiers(
            levels=LEVELS[: draw(st.integers(1, 3))],
            of=draw(st.sampled_from(["paid", "earned"])),
            period=draw(PERIODS.filter(lambda period: period.kind != "no end")),
        )
    wallets = before.wallets if before else (*draw(_some(WALLETS[:3])), WALLETS[3])
    payers = [wallet.name for wallet in wallets if wallet.unit == "money"]
    if before is None and not draw(maybe()):
        payers = payers[::-1]
    purse = draw(st.sampled_from(["", *payers]))
    funding = tuple(
        Fund(
            wallet=name,
            when=draw(_leveled(tiers)),
            earns=not draw(_seldom()),
        )
        for name in payers
    )
    referral = draw(_seldom()) if before is None else before.referral is not None
    return Programme(
        programme=1,
        version=before.version + 1 if before else 1,
        club=1,
        name="Products",
        name_fa="فرآورده‌ها",
        operations=(*OPERATIONS, *CARD_OPERATIONS),
        wallets=wallets,
        funding=funding,
        purse=purse,
        cash=draw(_seldom()),
        referral=Referral(programme=MEMBERS, points=7) if referral else None,
        tender=draw(st.one_of(TENDERS, st.none())),
        limits=draw(LIMITS),
        commission_bps=draw(st.sampled_from([0, 77, 10_000])),
        hold_seconds=draw(st.sampled_from([60, 86_400])),
        preauthorisation_hold_seconds=7 * 86_400,
        money_floor_minor=draw(st.sampled_from([0, 0, -50_000, 1_000])),
        tiers=tiers,
        **draw(_parts(payers)),
        **draw(_rules(tiers)),
    )


def _seldom() -> st.SearchStrategy[bool]:
    return st.sampled_from([False, False, True])


def _some(wallets: tuple[Wallet, ...]) -> st.SearchStrategy[tuple[Wallet, ...]]:
    """Give some of them, mostly all, in their order."""
    kept = st.lists(st.sampled_from([True, True, False]), min_size=3, max_size=3)
    return kept.map(
        lambda keep: tuple(wallet for wallet, is_in in zip(wallets, keep, strict=True) if is_in)
    )
