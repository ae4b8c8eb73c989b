"""Random programmes for property tests: every rule, bound and rounding that a programme can have.

Owns Hypothesis strategies; knows the shops of `tests.support.shop` and nothing of what is decided.
"""

from typing import Any

import msgspec
from hypothesis import strategies as st

from issuers.purse import OPERATIONS
from switch.operations import Operation
from switch.programme import ACCOUNTS_MAX, Programme
from switch.rules import (
    Activation,
    Allowance,
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
from tests.support.credit_programmes import SELDOM, being_late, credits_of
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
    Operation.REPAYMENT,
    Operation.SETTLEMENT,
    Operation.DEBT_INQUIRY,
)
MONEY_IN_AND_OUT = (Operation.LOAD, Operation.WITHDRAWAL)
ORGANISATION = 7
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
GIFT = Wallet(name="gift", unit="money", dated=True, held=True, account_type=10)
MONEY = Wallet(name="money", unit="money", held=True, account_type=0)
BON = Wallet(name="bon", unit="money", dated=True, held=True)
FUNDED_BON = msgspec.structs.replace(BON, funder="organisation")
CREDIT = Wallet(name="credit", unit="money", held=True)
POINTS = Wallet(name="points", unit="points", dated=True, held=True, account_type=60)
EVERY_WALLET = (GIFT, MONEY, FUNDED_BON, CREDIT, POINTS)
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
def _tiers(draw: st.DrawFn) -> Tiers | None:
    """Give levels, or none."""
    if draw(st.booleans()):
        return None
    return Tiers(
        levels=LEVELS[: draw(st.integers(1, 3))],
        of=draw(st.sampled_from(["paid", "earned"])),
        period=draw(PERIODS.filter(lambda period: period.kind != "no end")),
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


RULES = ("discounts", "earning", "budgets", "points_price_minor")


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
                ends_inactive=not draw(SELDOM),
            )
        )
    rules = {"discounts": tuple(discounts), "earning": tuple(earning)}
    return {**rules, "budgets": draw(budgets(rules)), "points_price_minor": 90}


@st.composite
def _allowance(draw: st.DrawFn, wallets: tuple[Wallet, ...]) -> dict[str, Any]:
    """Give what an organisation gives each card; mostly, if it funds a wallet of it."""
    if all(wallet.funder != "organisation" for wallet in wallets):
        return {}
    allowance = Allowance(
        wallet="bon",
        amount_minor=draw(st.sampled_from([1, 30_000, 60_000])),
        period=draw(PERIODS.filter(lambda period: period.kind != "no end")),
    )
    return {
        "organisation": ORGANISATION,
        "allowance": None if draw(SELDOM) and draw(SELDOM) else allowance,
    }


def _renewing(wallets: tuple[Wallet, ...], owes: str, fee: tuple[int, int]) -> list[str]:
    """Name the wallets that could pay a fee in money or in points by themselves."""
    unit = "money" if fee[0] else "points" if fee[1] else ""
    return [
        wallet.name
        for wallet in wallets
        if wallet.unit == unit and wallet.funder == "club" and wallet.name != owes
    ]


@st.composite
def _parts(
    draw: st.DrawFn, payers: list[str], wallets: tuple[Wallet, ...], owes: str, *, many: bool
) -> dict[str, Any]:
    """Give what keeps count: activation, membership, items, caps named by their order."""
    maybe = st.booleans
    activation = Activation(
        wallet="gift" if many else draw(st.sampled_from(payers or ["none"])),
        ends=draw(st.one_of(ENDINGS, st.just(Ending()))),
        most_minor=draw(st.sampled_from([0, 90_000])),
        again=many or draw(maybe()),
    )
    fee = draw(st.sampled_from([(0, 0), (5_000, 0), (0, 3)]))
    membership = Membership(
        valid=draw(ENDINGS),
        fee_minor=fee[0],
        fee_points=fee[1],
        grace_days=draw(st.sampled_from([0, 0, 10])),
        renews_from=draw(st.sampled_from(_renewing(wallets, owes, fee) or [""])),
    )
    caps = [draw(CAPS) for _ in range(draw(st.integers(0, 3)))]
    return {
        "activation": activation if payers and (many or not draw(SELDOM)) else None,
        "membership": membership if draw(SELDOM) and not many else None,
        "items": draw(st.builds(Items, term=ENDINGS, claims=st.integers(1, 3)))
        if not draw(SELDOM)
        else None,
        "caps": tuple(msgspec.structs.replace(cap, name=f"c{at}") for at, cap in enumerate(caps)),
        "spare_counters": 1,
    }


@st.composite
def products(draw: st.DrawFn, *, before: Programme | None = None, many: bool = False) -> Programme:
    """Give a programme 1 of club 1 with any parts; `before`: a later version of that one.

    It has the same wallets then; whether there are spare counters for its new ones is the switch's
    business. `many`: several wallets pay, each with a way to be filled, in any order, and little
    stands in their way.
    """
    maybe = st.booleans
    tiers, rules = draw(_tiers()), None
    if before is not None and draw(maybe()):  # the same rules under another version
        tiers = before.tiers
        rules = {name: getattr(before, name) for name in RULES}
    wallets = before.wallets if before else draw(_wallets(many=many))
    payers = [wallet.name for wallet in wallets if wallet.unit == "money"]
    if before is not None:
        payers = [fund.wallet for fund in before.funding]
    elif many:
        payers = draw(st.permutations(payers))
    elif not draw(maybe()):
        payers = payers[::-1]
    owes = before.credit.wallet if before and before.credit else ""
    if before is None:
        owes = draw(_owing(wallets))
    funded = {wallet.name for wallet in wallets if wallet.funder == "organisation"}
    purse = draw(st.sampled_from(["", *[name for name in payers if name not in funded]]))
    if many and "money" in payers:
        purse = "money"
    operations: tuple[Operation, ...] = (*OPERATIONS, *CARD_OPERATIONS)
    if (purse or next(iter(payers), "")) in funded:
        operations = tuple(each for each in operations if each not in MONEY_IN_AND_OUT)
    funding = tuple(
        Fund(
            wallet=name,
            when=When() if many and not draw(SELDOM) else draw(_leveled(tiers)),
            earns=not draw(SELDOM),
        )
        for name in payers
    )
    referral = before.referral is not None if before else not many and draw(SELDOM)
    fields = {
        "wallets": wallets,
        "credit": draw(credits_of(owes, wallets, before)) if owes else None,
        "tiers": tiers,
        "funding": funding,
        **draw(_parts(payers, wallets, owes, many=many)),
        **(rules or draw(_rules(tiers))),
        **draw(_allowance(wallets)),
    }
    return Programme(
        programme=1,
        version=before.version + 1 if before else 1,
        club=1,
        name="Products",
        name_fa="فرآورده‌ها",
        operations=operations,
        purse=purse,
        cash=not many and draw(SELDOM),
        referral=Referral(programme=MEMBERS, points=7) if referral else None,
        tender=draw(TENDERS if many else st.one_of(TENDERS, st.none())),
        inactive_days=draw(st.sampled_from([0, 2, 2, 45])),
        limits=Limits() if many else draw(LIMITS),
        commission_bps=draw(st.sampled_from([0, 77, 10_000])),
        hold_seconds=draw(st.sampled_from([60, 86_400])),
        preauthorisation_hold_seconds=7 * 86_400,
        money_floor_minor=draw(st.sampled_from([0, 0, -50_000, 1_000])),
        **_fitting(fields),
    )


@st.composite
def owing_products(draw: st.DrawFn) -> Programme:
    """Give `products(many=True)` whose cards owe at once, and soon too late; some are members."""
    base = draw(products(many=True).filter(lambda each: each.credit is not None))
    credit = base.credit
    assert credit is not None
    plans = []
    for plan in credit.plans:
        said = draw(being_late().filter(lambda said: said["late_rate_bps"] > 1))
        terms = msgspec.structs.replace(plan.terms, first_due_months=0, **said)
        plans.append(msgspec.structs.replace(plan, terms=terms))
    limit = draw(st.sampled_from([600_000, 5_000_000]))
    rest = [fund for fund in base.funding if fund.wallet != credit.wallet]
    has_room = base.tiers is None or len(base.wallets) < len(EVERY_WALLET)
    fee = draw(st.sampled_from([(5_000, 0), (0, 3)]))
    membership = Membership(
        valid=Ending(after_days=draw(st.sampled_from([3, 20]))),
        fee_minor=fee[0],
        fee_points=fee[1],
        grace_days=draw(st.sampled_from([0, 10])),
        renews_from=draw(st.sampled_from(_renewing(base.wallets, credit.wallet, fee))),
    )
    return msgspec.structs.replace(
        base,
        funding=(Fund(wallet=credit.wallet), *rest),
        credit=msgspec.structs.replace(credit, limit_minor=limit, plans=tuple(plans)),
        membership=membership if has_room and draw(st.booleans()) else None,
        items=None,
        caps=(),
        spare_counters=0,
        commission_bps=77,
    )


def _fitting(fields: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a card has no accounts for: caps first, then items, then membership."""
    accounts = sum(1 + wallet.held for wallet in fields["wallets"]) + fields["spare_counters"]
    counters = sum(fields[name] is not None for name in ("tiers", "activation"))
    credit = fields["credit"]
    if credit is not None:
        counters += 3 + credit.charges_late()
    room = ACCOUNTS_MAX - accounts - counters
    if room < 0:
        fields["spare_counters"] += room
        room = 0
    for name in ("membership", "items"):
        if fields[name] is not None and room == 0:
            fields[name] = None
        room -= fields[name] is not None
    fields["caps"] = fields["caps"][:room]
    return fields


@st.composite
def _wallets(draw: st.DrawFn, *, many: bool) -> tuple[Wallet, ...]:
    """Give wallets: of `many` three or four that pay, else some, mostly all."""
    if many:
        left_out = draw(st.sampled_from([None, None, MONEY, CREDIT]))
        return draw(_ending((*(wallet for wallet in EVERY_WALLET if wallet is not left_out),)))
    bon = draw(st.sampled_from([BON, FUNDED_BON]))
    return draw(_ending((*draw(_some((GIFT, MONEY, bon))), POINTS)))


@st.composite
def _ending(draw: st.DrawFn, wallets: tuple[Wallet, ...]) -> tuple[Wallet, ...]:
    """Have some wallets end with their card."""
    return tuple(
        msgspec.structs.replace(wallet, ends_with_card=wallet != CREDIT and draw(SELDOM))
        for wallet in wallets
    )


@st.composite
def _owing(draw: st.DrawFn, wallets: tuple[Wallet, ...]) -> str:
    """Give the name of the wallet that credit is given in; "" = none."""
    names = [wallet.name for wallet in wallets if not wallet.ends_with_card]
    if "credit" in names:
        return "credit"
    return draw(st.sampled_from(["", "money"])) if "money" in names else ""


def _some(wallets: tuple[Wallet, ...]) -> st.SearchStrategy[tuple[Wallet, ...]]:
    """Give some of them, mostly all, in their order."""
    kept = st.lists(st.sampled_from([True, True, False]), min_size=3, max_size=3)
    return kept.map(
        lambda keep: tuple(wallet for wallet, is_in in zip(wallets, keep, strict=True) if is_in)
    )
