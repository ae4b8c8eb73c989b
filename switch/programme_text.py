"""What a programme says to its members, and what changes with a version: Persian and English.

Owns the sentences. All of them are made from the definition, rule by rule, so that what is
announced is what decides; the difference of two versions is the difference of their sentences.
Must not know who reads them or where they are shown.
"""

from collections.abc import Iterator

import msgspec

from switch.instalments import FeeKind, Terms
from switch.operations import Operation
from switch.programme import Programme
from switch.programme_words import (
    NOTHING,
    MerchantNames,
    Said,
    category,
    date,
    hour,
    listed,
    merchants,
    number,
    percent,
    points,
    rials,
    weekdays,
)
from switch.rules import (
    Budget,
    Cap,
    Credit,
    DiscountRule,
    EarnRule,
    Ending,
    Membership,
    Period,
    When,
)

OPERATIONS = {
    Operation.PURCHASE: Said("pay for purchases", "خرید"),
    Operation.POINTS_PAYMENT: Said("pay with points alone", "پرداخت تنها با امتیاز"),
    Operation.LOAD: Said("be charged with money", "شارژ کارت"),
    Operation.BALANCE: Said("show its balance", "مشاهدهٔ موجودی"),
    Operation.POINTS_BALANCE: Said("show its points", "مشاهدهٔ امتیاز"),
    Operation.HOLD: Said("reserve an amount", "رزرو مبلغ"),
    Operation.PREAUTHORISATION: Said("reserve an amount for days", "رزرو چندروزهٔ مبلغ"),
    Operation.ACTIVATION: Said("be activated at the till", "فعال‌سازی در فروشگاه"),
    Operation.WITHDRAWAL: Said("pay its money out", "برداشت وجه"),
    Operation.RENEWAL: Said("be renewed at the till", "تمدید در فروشگاه"),
    Operation.VOUCHER_REDEMPTION: Said("take a voucher by its PIN", "شارژ با رمز کارت شارژ"),
    Operation.ITEM_REGISTRATION: Said("register an item's warranty", "ثبت ضمانت کالا"),
    Operation.ITEM_INQUIRY: Said("look up a warranty", "استعلام ضمانت"),
    Operation.ITEM_CLAIM: Said("claim a warranty", "استفاده از ضمانت"),
    Operation.REPAYMENT: Said("have a debt paid back", "بازپرداخت بدهی"),
    Operation.SETTLEMENT: Said("have all of its debt paid", "تسویهٔ یکجای بدهی"),
    Operation.DEBT_INQUIRY: Said("show its debt", "استعلام بدهی"),
}
UNITS = {
    "money": Said("money", "پول"),
    "points": Said("points", "امتیاز"),
    "count": Said("counts", "تعداد"),
}
PERIODS = {
    "day": Said("day", "روز"),
    "week": Said("week", "هفته"),
    "month": Said("month", "ماه"),
    "quarter": Said("quarter", "فصل"),
    "half-year": Said("half-year", "نیم‌سال"),
    "year": Said("year", "سال"),
}
CALENDARS = {"jalali": NOTHING, "gregorian": Said(" (Gregorian)", " میلادی")}
FUNDERS = {"merchant": Said("the shop", "فروشگاه"), "club": Said("the club", "باشگاه")}
PINS = {
    "if_sent": Said("A PIN that is entered has to be right.", "رمز واردشده باید درست باشد."),
    "always": Said("Purchases need the PIN.", "خرید با رمز انجام می‌شود."),
}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence of a programme; `key` names what it is about, the same in each version."""

    key: str
    en: str
    fa: str


def how_it_works(programme: Programme, names: MerchantNames) -> tuple[Line, ...]:
    """Say all of a programme, rule by rule."""
    return tuple(Line(key=key, en=said.en, fa=said.fa) for key, said in _said(programme, names))


def difference(old: Programme | None, new: Programme, names: MerchantNames) -> tuple[Line, ...]:
    """Say what a version adds, changes and takes away; without an old one: all of it."""
    if old is None:
        return how_it_works(new, names)
    before = {line.key: line for line in how_it_works(old, names)}
    after = {line.key: line for line in how_it_works(new, names)}
    changes = []
    for key, line in after.items():
        was = before.get(key)
        if was is None:
            changes.append(Line(key=key, en=f"New: {line.en}", fa=f"تازه: {line.fa}"))
        elif was != line:
            en = f"Changed: {line.en} Until now: {was.en}"
            changes.append(Line(key=key, en=en, fa=f"تغییر: {line.fa} تاکنون: {was.fa}"))
    changes += [
        Line(key=key, en=f"No longer: {line.en}", fa=f"دیگر نه: {line.fa}")
        for key, line in before.items()
        if key not in after
    ]
    return tuple(changes)


def announcement(
    old: Programme | None, new: Programme, live_day: int, names: MerchantNames
) -> Said:
    """Say what members are told before a version is live on a local day."""
    on = date(live_day)
    changes = difference(old, new, names)
    begins = Said(f"{new.name}: from {on.en}", f"{new.name_fa}: از {on.fa}")
    nothing = Said("- Nothing changes for you.", "- برای شما چیزی تغییر نمی‌کند.")
    return Said(
        "\n".join(
            [begins.en, *(f"- {line.en}" for line in changes)] + [nothing.en] * (not changes)
        ),
        "\n".join(
            [begins.fa, *(f"- {line.fa}" for line in changes)] + [nothing.fa] * (not changes)
        ),
    )


def _said(programme: Programme, names: MerchantNames) -> Iterator[tuple[str, Said]]:
    for operation in programme.operations:
        can = OPERATIONS[operation]
        yield (
            f"operation/{operation.name}",
            Said(f"The card can {can.en}.", f"امکان کارت: {can.fa}."),
        )
    yield from _wallets(programme, names)
    yield from _standing(programme)
    for rule in programme.discounts:
        yield f"discount/{rule.name}", _discount(rule, names)
    for earn in programme.earning:
        yield f"earn/{earn.name}", _earning(earn, names)
    if programme.inactive_days:
        yield "inactivity", _inactivity(programme)
    for what, rules in (("discount", programme.discounts), ("earn", programme.earning)):
        if len(rules) > 1:
            order = ", ".join(rule.name for rule in rules)
            first = Said(
                f"If several rules hold, the first one counts: {order}.",
                f"اگر چند قاعده برقرار باشد نخستین آن‌ها ملاک است: {order}.",
            )
            yield f"order/{what}", first
    if programme.pricing:
        yield (
            "pricing",
            Said("Prices follow the issuer's own rules.", "قیمت را صادرکننده تعیین می‌کند."),
        )
    yield from _bounds(programme)


def _wallets(programme: Programme, names: MerchantNames) -> Iterator[tuple[str, Said]]:
    for wallet in programme.wallets:
        ends = Said(", kept by when they end", "، با تاریخ پایان") if wallet.dated else NOTHING
        if wallet.ends_with_card:
            ends += Said("; it ends with the card", "؛ با پایان اعتبار کارت پایان می‌یابد")
        unit = UNITS[wallet.unit]
        yield (
            f"wallet/{wallet.name}",
            Said(
                f"The card has “{wallet.name}”: {unit.en}{ends.en}.",
                f"کارت «{wallet.name}» دارد: {unit.fa}{ends.fa}.",
            ),
        )
    payers = []
    for fund in programme.funding:
        without = NOTHING if fund.earns else Said(" (earns nothing)", " (بدون کسب امتیاز)")
        payers.append(
            Said(f"“{fund.wallet}”", f"«{fund.wallet}»") + _when(fund.when, names) + without
        )
    if programme.cash:
        payers.append(Said("at the till", "نقد در فروشگاه"))
    if payers:
        yield (
            "funding",
            Said(
                "Purchases are paid from: " + "; then ".join(one.en for one in payers) + ".",
                "خرید پرداخت می‌شود از: " + "؛ سپس ".join(one.fa for one in payers) + ".",
            ),
        )
    if programme.loaded():
        purse = programme.loaded()
        yield "purse", Said(f"Money is charged into “{purse}”.", f"شارژ در «{purse}» می‌نشیند.")
    tender = programme.tender
    if tender is not None:
        worth, least = rials(tender.point_value_minor), points(tender.points_min)
        yield (
            "tender",
            Said(
                f"A point pays {worth.en}; at least {least.en} at once.",
                f"هر امتیاز {worth.fa} می‌ارزد؛ دست‌کم {least.fa} در هر بار.",
            ),
        )


def _standing(programme: Programme) -> Iterator[tuple[str, Said]]:
    tiers = programme.tiers
    if tiers is not None:
        for level in tiers.levels:
            needs = rials(level.at) if tiers.of == "paid" else points(level.at)
            of = Said("paid", "پرداخت") if tiers.of == "paid" else Said("earned", "کسب")
            within = _period(tiers.period)
            yield (
                f"tier/{level.name}",
                Said(
                    f"Level “{level.name}”: from {needs.en} {of.en} in this or"
                    f" the last {within.en}.",
                    f"سطح «{level.name}»: از {needs.fa} {of.fa} در این {within.fa} یا"
                    f" {within.fa} پیش.",
                ),
            )
    activation = programme.activation
    if activation is not None:
        most = NOTHING
        if activation.most_minor:
            bound = rials(activation.most_minor)
            most = Said(f", at most {bound.en}", f"، حداکثر {bound.fa}")
        again = Said("can", "می‌توان") if activation.again else Said("cannot", "نمی‌توان")
        ends = _ending(activation.ends)
        yield (
            "activation",
            Said(
                f"Activated when sold, into “{activation.wallet}”{most.en}; it ends {ends.en} and"
                f" {again.en} be activated again.",
                f"هنگام فروش فعال می‌شود، در «{activation.wallet}»{most.fa}؛ پایان: {ends.fa}؛"
                f" دوباره {again.fa} فعالش کرد.",
            ),
        )
    if programme.credit is not None:
        yield from _credit(programme.credit)
    yield from _vouchers(programme)
    if programme.membership is not None:
        yield "membership", _membership(programme.membership)
    if programme.referral is not None:
        given = points(programme.referral.points)
        yield (
            "referral",
            Said(
                f"The member who gave this card gets {given.en} for each purchase with it.",
                f"عضوی که این کارت را داده است از هر خرید {given.fa} می‌گیرد.",
            ),
        )
    if programme.items is not None:
        claims, term = number(programme.items.claims), _ending(programme.items.term)
        yield (
            "items",
            Said(
                f"A registered item is under warranty; it ends {term.en}. Claims: {claims.en}.",
                f"کالای ثبت‌شده ضمانت دارد؛ پایان: {term.fa}. دفعات استفاده: {claims.fa}.",
            ),
        )


def _credit(credit: Credit) -> Iterator[tuple[str, Said]]:
    most = rials(credit.limit_minor)
    yield (
        "credit",
        Said(
            f"A new card has credit up to {most.en}, from “{credit.wallet}”.",
            f"اعتبار کارت تازه تا {most.fa} است، از «{credit.wallet}».",
        ),
    )
    if credit.pays_from:
        yield (
            "credit/pays-from",
            Said(
                f"What is due is paid from “{credit.pays_from}” by itself.",
                f"آنچه سررسید می‌شود خودکار از «{credit.pays_from}» پرداخت می‌شود.",
            ),
        )
    for plan in credit.plans:
        terms = plan.terms
        count, months, first = (
            number(n) for n in (terms.count, terms.months_between, terms.first_due_months)
        )
        said = Said(
            f"Plan “{plan.name}”: {count.en} instalments, each {months.en} months after the one"
            f" before, the first after {first.en}",
            f"طرح «{plan.name}»: {count.fa} قسط به فاصلهٔ {months.fa} ماه، نخستین پس از"
            f" {first.fa} ماه",
        )
        if terms.rate_bps:
            rate = percent(terms.rate_bps)
            yearly = terms.fee not in (FeeKind.FLAT_SPREAD, FeeKind.FLAT_FIRST)
            said += Said(f"; it costs {rate.en}", f"؛ هزینه: {rate.fa}")
            said += Said(" a year", " در سال") if yearly else NOTHING
        if terms.rebate_bps:
            back = percent(terms.rebate_bps)
            said += Said(
                f"; {back.en} off what is paid before it is due",
                f"؛ {back.fa} تخفیف آنچه پیش از سررسید پرداخت شود",
            )
        if terms.late_rate_bps:
            said += _late(terms)
        yield f"plan/{plan.name}", said + Said(".", ".")


def _late(terms: Terms) -> Said:
    rate, days, bound = (
        percent(terms.late_rate_bps),
        number(terms.late_tolerance_days),
        percent(terms.late_cap_bps),
    )
    return Said(
        f"; more than {days.en} days late costs {rate.en} a year of what is overdue, at most"
        f" {bound.en} of it",
        f"؛ دیرکرد بیش از {days.fa} روز: {rate.fa} در سال از مبلغ معوق، حداکثر {bound.fa} آن",
    )


def _vouchers(programme: Programme) -> Iterator[tuple[str, Said]]:
    if programme.stock is not None:
        yield (
            "stock",
            Said(
                "Its value goes to whoever enters its PIN first, once, into another card.",
                "ارزش آن به کارتی می‌رسد که رمزش را نخست وارد کند؛ تنها یک بار.",
            ),
        )
    vouchers = programme.vouchers
    if vouchers is None:
        return
    into = listed(Said(f"“{one}”", f"«{one}»") for one in (vouchers.money, vouchers.points) if one)
    tries, ends = number(vouchers.tries_max), _ending(vouchers.ends)
    dated = {wallet.name for wallet in programme.wallets if wallet.dated}
    end = NOTHING
    if dated & {vouchers.money, vouchers.points}:
        end = Said(f"; what ends there ends {ends.en}", f"؛ پایان در کیف تاریخ‌دار: {ends.fa}")
    yield (
        "vouchers",
        Said(
            f"A voucher's value enters {into.en}{end.en}. Wrong PINs a day: at most {tries.en}.",
            f"ارزش کارت شارژ در {into.fa} می‌نشیند{end.fa}. رمز نادرست: حداکثر {tries.fa} در روز.",
        ),
    )


def _membership(membership: Membership) -> Said:
    fee = rials(membership.fee_minor)
    if membership.fee_points:
        fee = points(membership.fee_points)
    ends, grace, reminder = (
        _ending(membership.valid),
        number(membership.grace_days),
        number(membership.reminder_days),
    )
    renewed = NOTHING
    if source := membership.renews_from:
        renewed = Said(f" It renews itself from “{source}”.", f" تمدید خودکار از «{source}».")
    said = Said(
        f"A membership ends {ends.en}; it costs {fee.en}. Days of grace: {grace.en}. We remind you"
        f" {reminder.en} days before.",
        f"پایان عضویت: {ends.fa}؛ هزینه: {fee.fa}. مهلت پس از پایان: {grace.fa} روز. یادآوری:"
        f" {reminder.fa} روز پیش از پایان.",
    )
    return said + renewed


def _discount(rule: DiscountRule, names: MerchantNames) -> Said:
    share, where = percent(rule.discount_bps), _when(rule.when, names)
    most = NOTHING
    if rule.max_minor:
        bound = rials(rule.max_minor)
        most = Said(f", at most {bound.en} each time", f"، هر بار حداکثر {bound.fa}")
    who = _payer(rule)
    return Said(
        f"{share.en} off{where.en}{most.en} (paid by {who.en}).",
        f"{share.fa} تخفیف{where.fa}{most.fa} (از سوی {who.fa}).",
    )


def _payer(rule: DiscountRule | EarnRule) -> Said:
    if rule.funder != "shared":
        return FUNDERS[rule.funder]
    part = percent(rule.merchant_share_bps)
    return Said(f"shared: {part.en} by the shop", f"مشترک: {part.fa} با فروشگاه")


def _earning(rule: EarnRule, names: MerchantNames) -> Said:
    given, per, where = points(rule.points), rials(rule.per_minor), _when(rule.when, names)
    most, opens = NOTHING, NOTHING
    if rule.points_max:
        bound = points(rule.points_max)
        most = Said(f", at most {bound.en} each time", f"، هر بار حداکثر {bound.fa}")
    if rule.available_after_days:
        days = number(rule.available_after_days)
        opens = Said(
            f"; they can be used {days.en} days later", f"؛ قابل استفاده پس از {days.fa} روز"
        )
    ends, who = _ending(rule.ending()), NOTHING
    if rule.funder != "club":
        payer = _payer(rule)
        who = Said(f" (paid by {payer.en})", f" (از سوی {payer.fa})")
    return Said(
        f"{given.en} for every {per.en}{where.en}{most.en}{opens.en}; they end {ends.en}{who.en}.",
        f"{given.fa} برای هر {per.fa}{where.fa}{most.fa}{opens.fa}؛ پایان: {ends.fa}{who.fa}.",
    )


def _inactivity(programme: Programme) -> Said:
    days = number(programme.inactive_days)
    kept = ", ".join(rule.name for rule in programme.earning if not rule.ends_inactive)
    spared = Said(f", but not those of {kept}", f"، جز امتیازهای {kept}") if kept else NOTHING
    return Said(
        f"Points end when the card is not used for {days.en} days{spared.en}.",
        f"امتیازها با {days.fa} روز استفاده نکردن از کارت پایان می‌یابد{spared.fa}.",
    )


def _bounds(programme: Programme) -> Iterator[tuple[str, Said]]:
    for cap in programme.caps:
        yield f"cap/{cap.name}", _cap(cap)
    for budget in programme.budgets:
        yield f"budget/{budget.name}", _budget(budget)
    limits = programme.limits
    bounds = (
        ("transaction", "one purchase or load", "هر خرید یا شارژ", limits.transaction_minor_max),
        ("day", "one day", "هر روز", limits.day_minor_max),
        ("balance", "the balance", "موجودی", limits.balance_minor_max),
    )
    for key, en, fa, bound in bounds:
        if bound:
            most = rials(bound)
            yield f"limit/{key}", Said(f"At most {most.en}: {en}.", f"سقف {fa}: {most.fa}.")
    if limits.day_count_max:
        count = number(limits.day_count_max)
        yield "limit/count", Said(f"At most {count.en} a day.", f"حداکثر {count.fa} بار در روز.")
    if programme.commission_bps:
        share = percent(programme.commission_bps)
        yield (
            "commission",
            Said(f"Shops pay the club {share.en}.", f"کارمزد فروشگاه: {share.fa}."),
        )
    if programme.points_price_minor:
        price = rials(programme.points_price_minor)
        yield (
            "price of points",
            Said(
                f"Shops pay the club {price.en} for each point that they give.",
                f"بهای هر امتیاز اهدایی فروشگاه: {price.fa}.",
            ),
        )
    hold, long_hold = (
        number(programme.hold_seconds // 60),
        number(programme.preauthorisation_hold_seconds // 60),
    )
    if Operation.HOLD in programme.operations:
        yield (
            "hold",
            Said(f"Reserves end after {hold.en} minutes.", f"پایان رزرو: {hold.fa} دقیقه."),
        )
    if Operation.PREAUTHORISATION in programme.operations:
        yield (
            "long hold",
            Said(
                f"Reserves for days end after {long_hold.en} minutes.",
                f"پایان رزرو چندروزه: {long_hold.fa} دقیقه.",
            ),
        )
    if programme.money_floor_minor:
        floor = number(programme.money_floor_minor)
        yield "floor", Said(f"The purse's least: {floor.en} rials.", f"کف کیف: {floor.fa} ریال.")
    if asked := PINS.get(programme.security.pin):
        yield "pin", asked
    if programme.notice_days:
        days = number(programme.notice_days)
        yield (
            "notice",
            Said(
                f"Changes are announced {days.en} days before.",
                f"تغییرها {days.fa} روز پیش‌تر اعلام می‌شود.",
            ),
        )


def _cap(cap: Cap) -> Said:
    return _at_most(cap, Said(" at the same shop", " در یک فروشگاه"))


def _budget(budget: Budget) -> Said:
    """What all cards share, and what of it counts."""
    most = _at_most(budget, Said(" at each shop", " در هر فروشگاه"))
    counts = NOTHING
    if budget.rules:
        names = ", ".join(budget.rules)
        counts += Said(f" Only by: {names}.", f" تنها با قاعدهٔ: {names}.")
    if budget.funder:
        who = FUNDERS[budget.funder]
        counts += Said(f" Only what {who.en} pays counts.", f" تنها سهم {who.fa} به حساب می‌آید.")
    return Said(f"All cards together: {most.en}", f"همهٔ کارت‌ها با هم: {most.fa}") + counts


def _at_most(bound: Cap | Budget, each: Said) -> Said:
    in_rials = bound.of in ("spent", "discount")
    most = rials(bound.most) if in_rials else number(bound.most)
    of = {
        "spent": Said("spent", "خرید"),
        "count": Said("purchases", "بار خرید"),
        "discount": Said("of discounts", "تخفیف"),
        "earned": Said("points earned", "امتیاز"),
    }[bound.of]
    where = each if bound.per == "merchant" else NOTHING
    if bound.period.kind == "no end":
        return Said(
            f"At most {most.en} {of.en} in all{where.en}.",
            f"در مجموع{where.fa} حداکثر {most.fa} {of.fa}.",
        )
    within = _period(bound.period)
    return Said(
        f"At most {most.en} {of.en} a {within.en}{where.en}.",
        f"در هر {within.fa}{where.fa} حداکثر {most.fa} {of.fa}.",
    )


def _period(period: Period) -> Said:
    return PERIODS[period.kind] + CALENDARS[period.calendar]


def _ending(ending: Ending) -> Said:
    if ending.after_days:
        days = number(ending.after_days)
        return Said(f"after {days.en} days", f"{days.fa} روز بعد")
    if ending.after_months:
        months = number(ending.after_months) + Said(" months", " ماه")
        months += CALENDARS[ending.calendar]
        return Said(f"after {months.en}", f"{months.fa} بعد")
    if ending.period is None or ending.period.kind == "no end":
        return Said("never", "ندارد")
    within = _period(ending.period)
    if ending.periods_more:
        more = number(ending.periods_more)
        return Said(f"with the {within.en} {more.en} later", f"آخر {within.fa}، {more.fa} دوره بعد")
    return Said(f"with the {within.en}", f"آخر همان {within.fa}")


def _when(when: When, names: MerchantNames) -> Said:
    """Say a condition as the end of a sentence; nothing for one that always holds."""
    said = NOTHING
    if when.merchants:
        places = merchants(when.merchants, names)
        said += Said(f" at {places.en}", f" در {places.fa}")
    if when.categories:
        kinds = listed(map(category, when.categories))
        said += Said(f" at {kinds.en}", f" در {kinds.fa}")
    if when.weekdays:
        days = weekdays(when.weekdays)
        said += Said(f" on {days.en}", f"، روزهای {days.fa}")
    if (when.hour_from, when.hour_to) != (0, 24):
        begins, ends = hour(when.hour_from), hour(when.hour_to)
        said += Said(f" from {begins.en} to {ends.en}", f" از ساعت {begins.fa} تا {ends.fa}")
    if when.amount_min_minor:
        least = rials(when.amount_min_minor)
        said += Said(f" for {least.en} or more", f" برای {least.fa} و بیشتر")
    if when.tiers:
        levels = listed(Said(f"“{name}”", f"«{name}»") for name in when.tiers)
        said += Said(f" for level {levels.en}", f" برای سطح {levels.fa}")
    return said
