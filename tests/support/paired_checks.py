"""What is always true of a shop and its plain model: books, messages, and what replies tell.

Owns comparisons; asks and changes nothing.
"""

from datetime import timedelta

from switch._audit import held_balances, open_holds, points
from switch._core import Core
from switch.directory import Directory
from switch.operations import ExchangeState, Operation
from tests.model.book import Account
from tests.model.calendars import EPOCH
from tests.model.entry import budget_key
from tests.model.pricing import Place, Priced
from tests.model.switch import Answer, PlainSwitch
from tests.support.shop import BOOKS, CAFE, TEHRAN_S, Said, tags

CLUB_SLOTS = (
    "float",
    "discounts",
    "points paid",
    "fees",
    "points issued",
    "points redeemed",
    "counts",
    "points expired",
    "breakage",
    "late charges",
)
BALANCE_MAX = 999_999_999_999
TOLD = (
    "DS",
    "DF",
    "WD",
    "PX",
    "PV",
    "NP",
    "PW",
    "CA",
    "PE",
    "WE",
    "FE",
    "TI",
    "UN",
    "LB",
    "LE",
)
TOLD_LATER = ("IN", "IC", "IA", "ID", "OW", "DM", "RB", "VR", "VT")


# --- what a reply tells ---------------------------------------------------------------------------


def check_told(
    model: PlainSwitch, said: Said, answer: Answer, card: int, place: Place, now_s: int
) -> None:
    """A reply tells amounts, rules, dates and balances as they are, and they add up."""
    priced = answer.priced
    told = tags(said.elements.get("48", ""))
    if priced is None:
        assert "54" not in said.elements
        assert told.get("OW", "") == str(answer.debt_minor or "")
        assert told.get("RB", "") == str(answer.rebate_minor or "")
        assert (told.get("LB", ""), told.get("LE", "")) == (answer.bound, "")
        return
    assert {name: told.get(name, "") for name in (*TOLD, *TOLD_LATER)} == {
        tag: str(value or "") for tag, value in _to_tell(model, priced, said, card).items()
    }
    if "4" in said.elements:
        paid = [int(said.tag(tag) or "0") for tag in ("DS", "NP", "PV", "CA")]
        amount = int(said.elements["4"])
        assert amount == priced.amount_minor
        if said.elements["3"][:2] in ("00", "01"):
            assert amount == sum(paid)
    if "54" in said.elements:
        _check_balances(model, said, card, place, now_s)


def _to_tell(model: PlainSwitch, priced: Priced, said: Said, card: int) -> dict[str, object]:
    funding = model.programmes[model.cards[card].programme].funding
    bought = said.elements["3"][:2] == "00"
    parts = [
        f"{fund.wallet}:{part}"
        for fund, part in zip(funding, priced.parts if bought else (), strict=False)
        if part
    ]
    return {
        "DS": priced.discount_minor,
        "DF": priced.funder,
        "WD": priced.discount_rule,
        "PX": priced.points,
        "PV": priced.points_value_minor,
        "NP": priced.money_minor,
        "PW": " ".join(parts) if len(funding) > 1 else "",
        "CA": priced.cash_minor,
        "PE": priced.earned,
        "WE": priced.earn_rule,
        "LB": priced.bound,
        "LE": priced.earn_bound,
        "FE": priced.told_fee_minor,
        "TI": priced.level,
        "UN": _last_day(priced.until_s),
        "IN": priced.plan,
        "IC": priced.instalments,
        "IA": priced.first_minor,
        "ID": _last_day(priced.first_ends_s),
        "OW": priced.debt_minor,
        "DM": priced.due_minor,
        "RB": priced.rebate_minor,
        "VR": priced.voucher_minor,
        "VT": priced.voucher_points,
    }


def _last_day(ends_s: int) -> str:
    last = (ends_s + TEHRAN_S - 1) // 86_400
    return f"{EPOCH + timedelta(days=last):%Y%m%d}" if ends_s else ""


def _check_balances(model: PlainSwitch, said: Said, card: int, place: Place, now_s: int) -> None:
    """What the card has of each wallet that is told, and what of it can be spent now."""
    entry = model.entry(0, card, place, now_s)
    for wallet in entry.programme.wallets:
        if wallet.account_type < 0:
            continue
        has = [
            model.book.balance(entry.wallet(name)) for name in (wallet.name, f"{wallet.name} held")
        ]
        told = said.balances()
        key = f"{wallet.account_type:02d}"
        if key + "01" not in told:
            assert said.elements["3"] == "316000"
            continue
        assert told[key + "01"] == min(sum(has), BALANCE_MAX)
        assert max(0, told[key + "02"]) == min(entry.spendable(wallet.name), BALANCE_MAX)


# --- the books ------------------------------------------------------------------------------------


def check_books(core: Core, model: PlainSwitch, organisation: tuple[int, int]) -> None:
    """Every balance and lot is the model's; units sum to zero. `organisation`: number, account."""
    book = model.book
    assert core.imbalances() == []
    for slot, name in enumerate(CLUB_SLOTS):
        assert core.account(core.club_account(1, slot))[4] == book.balance(("club", 0, name)), name
    for row, merchant in enumerate((CAFE, BOOKS)):
        account = core.merchant_account(row)
        assert core.account(account)[4] == book.balance(("merchant", 0, merchant))
    number, account = organisation
    assert core.account(account)[4] == book.balance(("organisation", number, ""))
    for card, plain in enumerate(model.cards):
        first = core.card(card)[0]
        for slot, name in enumerate(model.accounts[plain.programme]):
            _check_account(core, model, first + slot, ("card", card, name))
        assert core.card_limits(card) == (plain.day, plain.spent_minor, plain.count)


def _check_account(core: Core, model: PlainSwitch, number: int, wallet: Account) -> None:
    name = wallet[2]
    _, _, _, _, balance, floor = core.account(number)
    assert balance == model.book.balance(wallet), name
    if wallet in model.book.floors:
        assert floor == model.book.floors[wallet], name
    found = core.lots(number)
    lots = [(lot_name, *lot) for lot_name, lot in model.book.in_order(wallet)]
    if name == "items":  # named by a digest of the serial number
        assert sorted(lot[1:] for lot in found) == sorted(lot[1:] for lot in lots)
    else:
        assert found == lots, name
    assert not found or balance == sum(lot[1] for lot in found), name


def check_budgets(core: Core, model: PlainSwitch, directory: Directory) -> None:
    """Budgets of all cards have counted the same."""
    for found in directory.budgets.all():
        for merchant, account in zip(directory.merchants, found.accounts, strict=False):
            if account >= 0:
                plain: Account = ("budget", 0, budget_key(found.budget, merchant))
                assert core.account(account)[4] == model.book.balance(plain)
                assert core.lots(account) == [
                    (name, *lot) for name, lot in model.book.in_order(plain)
                ]


def balances(core: Core) -> list[int]:
    """Give every account's balance."""
    return [core.account(number)[4] for number in range(core.account_count)]


def check_limits(core: Core, before: list[int]) -> None:
    """No account has gone below its floor, or further below, by what was only asked for."""
    for number, was in enumerate(before):
        _, _, _, _, balance, floor = core.account(number)
        assert balance >= floor or balance >= was, f"account {number} is beyond its limit"


def check_messages(core: Core, model: PlainSwitch) -> None:
    """What became of each message is what the model says."""
    for exchange in model.exchanges:
        found = core.exchange(exchange.seq)
        assert found is not None
        if exchange.operation is not Operation.REVERSAL:
            assert found[:4] == (
                exchange.state,
                exchange.approved_minor,
                exchange.undone_minor,
                exchange.operation,
            )


def check_holds(core: Core, model: PlainSwitch) -> None:
    """What is held is what open holds hold, and they are the model's."""
    held: dict[Account, int] = {}
    still = [hold for hold in model.exchanges if hold.state is ExchangeState.HELD]
    for hold in still:
        for posting in hold.postings:
            undone = posting.amount * hold.undone_minor // hold.approved_minor
            if posting.target[2].endswith(" held"):
                held[posting.target] = held.get(posting.target, 0) + posting.amount - undone
    assert sorted(held_balances(core).values()) == sorted(n for n in held.values() if n)
    assert sorted(seq for seq, _, _ in open_holds(core)) == sorted(hold.seq for hold in still)


def check_points(core: Core) -> None:
    """Points issued less redeemed less expired are what cards have."""
    for _, issued, redeemed, expired, on_cards, in_lots in points(core):
        assert issued - redeemed - expired == on_cards == in_lots
