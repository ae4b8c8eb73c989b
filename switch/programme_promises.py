"""What a version takes from members: what they hold already, and what they were to get.

Owns the comparison of two versions. What breaks a promise is never allowed; what takes something
away is, after a notice (`switch.notices`). Each finding is a sentence with its counter-example.
"""

from collections.abc import Iterator

from switch.operations import Operation
from switch.programme import Programme
from switch.rules import Budget, Cap, DiscountRule, EarnRule, Limits, When

KEPT = (Operation.WITHDRAWAL, Operation.ITEM_CLAIM, Operation.ITEM_INQUIRY)
"""How members get what is theirs."""


def breaks(old: Programme, new: Programme) -> list[str]:
    """Give what members hold under the old version and would lose with the new one."""
    return [
        *_wallets_broken(old, new),
        *_points_broken(old, new),
        *_standing_broken(old, new),
        *_uses_broken(old, new),
    ]


def takes_away(old: Programme, new: Programme) -> list[str]:
    """Give what members would get less of from the new version on."""
    return [
        *(
            f"operations: {operation.name.lower()} is no longer possible"
            for operation in old.operations
            if operation not in new.operations
        ),
        *_discounts_taken(old.discounts, new.discounts),
        *_earning_taken(old.earning, new.earning),
        *_caps_taken(old.caps, new.caps),
        *_budgets_taken(old.budgets, new.budgets),
        *_inactivity_taken(old, new),
        *_limits_taken(old.limits, new.limits),
        *_fees_taken(old, new),
    ]


# --- what members hold ----------------------------------------------------------------------------


def _wallets_broken(old: Programme, new: Programme) -> Iterator[str]:
    wallets = {wallet.name: wallet for wallet in new.wallets}
    for wallet in old.wallets:
        if wallets.get(wallet.name) != wallet:
            yield f"wallet {wallet.name}: a card with a balance in it has no such wallet any more"
    funds = {fund.wallet: fund for fund in new.funding}
    for fund in old.funding:
        still = funds.get(fund.wallet)
        if still is None:
            yield f"funding: a card with 1 rial in {fund.wallet} could not pay with it any more"
        elif not is_as_wide(still.when, fund.when):
            yield f"funding: {fund.wallet} would pay in fewer places or at fewer times"
    if old.loaded() and old.loaded() != new.loaded() and Operation.WITHDRAWAL in old.operations:
        yield f"purse: a card with 1 rial in {old.loaded()} could not withdraw it any more"
    for operation in KEPT:
        if operation in old.operations and operation not in new.operations:
            yield f"operations: {operation.name.lower()} is how members get what is theirs"
    if new.money_floor_minor > old.money_floor_minor:
        yield (
            f"money_floor_minor: a card at {old.money_floor_minor} would be"
            f" {new.money_floor_minor - old.money_floor_minor} below its floor"
        )


def _points_broken(old: Programme, new: Programme) -> Iterator[str]:
    if old.tender is None:
        return
    if new.tender is None:
        yield "tender: a card with 1 point could not pay with it any more"
        return
    was, now = old.tender.point_value_minor, new.tender.point_value_minor
    if now < was:
        yield f"tender: 100 points of before were worth {100 * was} and would be worth {100 * now}"
    if new.tender.points_min > old.tender.points_min:
        yield f"tender: a card with {old.tender.points_min} points could use them and could no more"
    if Operation.POINTS_PAYMENT in old.operations and (
        Operation.POINTS_PAYMENT not in new.operations
    ):
        yield "operations: a card with points could not pay with points alone any more"


def _standing_broken(old: Programme, new: Programme) -> Iterator[str]:
    if old.tiers is not None:
        tiers = new.tiers
        if tiers is None or (tiers.of, tiers.period) != (old.tiers.of, old.tiers.period):
            yield "tiers: what members have collected for their level would count for nothing"
        else:
            now = {level.name: level.at for level in tiers.levels}
            for level in old.tiers.levels:
                if level.name not in now:
                    yield f"tier {level.name}: a member who has collected {level.at} would lose it"
                elif now[level.name] > level.at:
                    yield (
                        f"tier {level.name}: a member who has collected {level.at} has it and would"
                        f" lose it, as it would begin at {now[level.name]}"
                    )
    if old.activation is None and new.activation is not None:
        yield "activation: a card that was good would wait to be activated"
    if old.membership is None and new.membership is not None:
        yield "membership: a card that was good would have none that is valid"
    if old.stock is not None and new.stock != old.stock:
        yield "stock: a voucher that was sold could not be redeemed as before"
    if old.items is not None and new.items is None:
        yield "items: an item registered yesterday would be under warranty no more"


def _uses_broken(old: Programme, new: Programme) -> Iterator[str]:
    before = {cap.name: cap for cap in old.caps}
    for cap in new.caps:
        was = before.get(cap.name)
        if cap.period.kind != "no end":
            continue
        if was is None:
            yield f"cap {cap.name}: cards that had no such bound for life would have one"
        elif (was.of, was.period) == (cap.of, cap.period) and cap.most < was.most:
            yield f"cap {cap.name}: a card was given {was.most} for life and would have {cap.most}"


# --- what members were to get ---------------------------------------------------------------------


def _discounts_taken(old: tuple[DiscountRule, ...], new: tuple[DiscountRule, ...]) -> Iterator[str]:
    now = {rule.name: rule for rule in new}
    for rule in old:
        found = now.get(rule.name)
        if found is None:
            yield f"discount {rule.name}: there is none any more"
        elif found.discount_bps < rule.discount_bps:
            yield f"discount {rule.name}: {rule.discount_bps} → {found.discount_bps} basis points"
        elif _is_lower(found.max_minor, rule.max_minor):
            yield f"discount {rule.name}: its bound goes down to {found.max_minor}"
        elif not is_as_wide(found.when, rule.when):
            yield f"discount {rule.name}: it holds less often"
    if _shadows(old, new):
        yield "discounts: another rule comes first now"


def _earning_taken(old: tuple[EarnRule, ...], new: tuple[EarnRule, ...]) -> Iterator[str]:
    now = {rule.name: rule for rule in new}
    for rule in old:
        found = now.get(rule.name)
        if found is None:
            yield f"earning {rule.name}: there is none any more"
        elif found.points * rule.per_minor < rule.points * found.per_minor:
            yield f"earning {rule.name}: fewer points for the same amount"
        elif found.per_minor > rule.per_minor:
            yield f"earning {rule.name}: less than {found.per_minor} would earn nothing"
        elif _is_lower(found.points_max, rule.points_max):
            yield f"earning {rule.name}: its bound goes down to {found.points_max}"
        elif found.available_after_days > rule.available_after_days:
            yield f"earning {rule.name}: points open later"
        elif found.ending() != rule.ending() and not (
            found.ending().after_days >= rule.ending().after_days > 0
        ):
            yield f"earning {rule.name}: points end in another way"
        elif not is_as_wide(found.when, rule.when):
            yield f"earning {rule.name}: it holds less often"
    if _shadows(old, new):
        yield "earning: another rule comes first now"


def _shadows(
    old: tuple[DiscountRule, ...] | tuple[EarnRule, ...],
    new: tuple[DiscountRule, ...] | tuple[EarnRule, ...],
) -> bool:
    """Say whether a rule that was there stands behind one that did not stand before it."""
    before = [rule.name for rule in old]
    after = [rule.name for rule in new]
    return any(
        set(after[: after.index(name)]) - set(before[: before.index(name)])
        for name in before
        if name in after
    )


def _caps_taken(old: tuple[Cap, ...], new: tuple[Cap, ...]) -> Iterator[str]:
    before = {cap.name: cap for cap in old}
    for cap in new:
        was = before.get(cap.name)
        if was is None:
            yield f"cap {cap.name}: {cap.most} {cap.of} in a {cap.period.kind}, unbounded before"
        elif (was.of, was.period, was.per) != (cap.of, cap.period, cap.per) or cap.most < was.most:
            yield f"cap {cap.name}: {was.most} → {cap.most}"


def _budgets_taken(old: tuple[Budget, ...], new: tuple[Budget, ...]) -> Iterator[str]:
    """What a budget counts stays (`switch.budget_accounts`); its bound and rules may change."""
    before = {budget.name: budget for budget in old}
    for budget in new:
        was = before.get(budget.name)
        if was is None:
            yield (
                f"budget {budget.name}: {budget.most} {budget.of} in a {budget.period.kind} for"
                " all cards together, unbounded before"
            )
        elif budget.most < was.most:
            yield f"budget {budget.name}: {was.most} → {budget.most}"
        elif was.rules and not (budget.rules and set(budget.rules) <= set(was.rules)):
            yield f"budget {budget.name}: it bounds more rules"


def _inactivity_taken(old: Programme, new: Programme) -> Iterator[str]:
    if _is_lower(new.inactive_days, old.inactive_days):
        yield f"inactivity: points end after {new.inactive_days} days without use"
    spared = {rule.name for rule in old.earning if not rule.ends_inactive}
    for rule in new.earning:
        if new.inactive_days and rule.name in spared and rule.ends_inactive:
            yield f"earning {rule.name}: its points end with inactivity"


def _limits_taken(old: Limits, new: Limits) -> Iterator[str]:
    for name in old.__struct_fields__:
        was, now = getattr(old, name), getattr(new, name)
        if _is_lower(now, was):
            yield f"limits: {name} goes down to {now}"


def _fees_taken(old: Programme, new: Programme) -> Iterator[str]:
    was, now = old.membership, new.membership
    if was is not None and now is not None:
        if (now.fee_minor, now.fee_points) != (was.fee_minor, was.fee_points) and not (
            now.fee_minor <= was.fee_minor and now.fee_points <= was.fee_points
        ):
            yield f"membership: the next one costs {now.fee_minor} rials or {now.fee_points} points"
        if now.valid != was.valid or now.grace_days < was.grace_days:
            yield "membership: the next one has other terms"
    if old.referral is not None and (
        new.referral is None or new.referral.points < old.referral.points
    ):
        yield "referral: less for each purchase"
    if old.items is not None and new.items is not None and old.items != new.items:
        yield "items: what is registered from then on has other terms"
    if (
        old.activation is not None
        and new.activation is not None
        and old.activation.again
        and (not new.activation.again)
    ):
        yield "activation: a card can be activated only once"
    if old.credit is not None and new.credit is not None:
        source = new.credit.pays_from
        if source and source != old.credit.pays_from:
            yield f"credit: what is due is paid from {source} by itself"
    if was is not None and now is not None and now.renews_from not in ("", was.renews_from):
        yield f"membership: its fee is paid from {now.renews_from} by itself"
    if (was_of := old.vouchers) is not None:
        now_of = new.vouchers
        if now_of is None or now_of.programme != was_of.programme:
            yield "vouchers: those that are sold could not be redeemed into these cards any more"
        elif (was_of.money and not now_of.money) or (was_of.points and not now_of.points):
            yield "vouchers: some of them could not be redeemed into these cards any more"
        elif now_of.ends != was_of.ends:
            yield "vouchers: what they are worth ends in another way"
        elif now_of.tries_max < was_of.tries_max:
            yield f"vouchers: {was_of.tries_max} → {now_of.tries_max} wrong PINs a day"
    if old.cash and not new.cash:
        yield "cash: what the wallets do not pay cannot be paid at the till any more"


def _is_lower(now: int, was: int) -> bool:
    """Compare bounds, of which 0 is none."""
    return now != 0 and (was == 0 or now < was)


def is_as_wide(now: When, was: When) -> bool:
    """Say whether a condition holds wherever another one does."""
    lists = ("merchants", "categories", "weekdays", "tiers")
    for name in lists:
        wide, narrow = set(getattr(now, name)), set(getattr(was, name))
        if wide and not (narrow and narrow <= wide):
            return False
    return (
        now.hour_from <= was.hour_from
        and now.hour_to >= was.hour_to
        and now.amount_min_minor <= was.amount_min_minor
    )
