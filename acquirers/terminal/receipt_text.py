"""A receipt as plain text of 40 columns, in Persian (right to left, Jalali date) or English.

Owns wording and layout. Must not know messages or elements.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Final

from msgspec import Struct

from acquirers.terminal import persian
from acquirers.terminal.orders import HOLDS, Service
from acquirers.terminal.receipt import Balance, Receipt
from acquirers.terminal.texts import Language, Text, code_text, reason_text

COLUMNS: Final = 40
"""Thermal paper of 80 mm prints 42 to 48; 40 fits 57 mm paper in its condensed type too."""

TITLES: Final[dict[Service, Text]] = {
    Service.PURCHASE: Text("PURCHASE", "خرید"),
    Service.POINTS: Text("PAYMENT WITH POINTS", "پرداخت با امتیاز"),
    Service.MIXED: Text("PURCHASE, POINTS AND MONEY", "خرید با امتیاز و موجودی"),
    Service.INSTALMENTS: Text("PURCHASE IN INSTALMENTS", "خرید اقساطی"),
    Service.REFUND: Text("REFUND", "برگشت خرید"),
    Service.LOAD: Text("TOP-UP", "افزایش موجودی"),
    Service.BALANCE: Text("BALANCE", "مانده حساب"),
    Service.POINTS_BALANCE: Text("POINTS BALANCE", "مانده امتیاز"),
    Service.DEBT: Text("DEBT", "استعلام بدهی"),
    Service.REPAYMENT: Text("REPAYMENT", "پرداخت بدهی"),
    Service.SETTLEMENT: Text("SETTLEMENT OF THE DEBT", "تسویه کامل بدهی"),
    Service.ACTIVATION: Text("CARD SOLD", "فعال‌سازی کارت"),
    Service.WITHDRAWAL: Text("WITHDRAWAL", "برداشت وجه"),
    Service.RENEWAL: Text("MEMBERSHIP RENEWED", "تمدید عضویت"),
    Service.REGISTER_ITEM: Text("ITEM REGISTERED", "ثبت ضمانت کالا"),
    Service.ITEM: Text("ITEM", "استعلام ضمانت"),
    Service.CLAIM: Text("WARRANTY CLAIM", "استفاده از ضمانت"),
    Service.REDEEM: Text("VOUCHER REDEEMED", "شارژ با کارت شارژ"),
    Service.HOLD: Text("AUTHORISATION", "مسدودی مبلغ"),
    Service.PREAUTHORISATION: Text("PRE-AUTHORISATION", "پیش‌مجوز خرید"),
    Service.COMPLETION: Text("COMPLETION", "تکمیل خرید"),
    Service.REVERSAL: Text("REVERSAL", "ابطال تراکنش"),
    Service.SIGN_ON: Text("SIGN-ON", "ورود پایانه"),
    Service.SIGN_OFF: Text("SIGN-OFF", "خروج پایانه"),
    Service.ECHO: Text("LINE TEST", "آزمون ارتباط"),
    Service.CUT_OVER: Text("CUT-OVER", "آغاز روز مالی"),
    Service.KEY_EXCHANGE: Text("KEY EXCHANGE", "تبادل کلید"),
}

HEADING: Final = Text("B A S H G A H", "باشگاه")
MERCHANT: Final = Text("Merchant", "پذیرنده")
TERMINAL: Final = Text("Terminal", "پایانه")
TIME: Final = Text("Time", "زمان")
CARD: Final = Text("Card", "کارت")
GROSS: Final = Text("Amount", "مبلغ")
APPROVED_PART: Final = Text("Approved", "مبلغ پذیرفته‌شده")
DISCOUNT: Final = Text("Discount", "تخفیف")
PAID: Final = Text("Paid from card", "پرداخت از کارت")
HELD: Final = Text("Held on card", "مسدود روی کارت")
POINTS_PAID: Final = Text("Points redeemed", "امتیاز خرج‌شده")
POINTS_VALUE: Final = Text("Worth", "ارزش امتیاز")
CASH: Final = Text("To pay in cash", "پرداخت نقدی")
FEE: Final = Text("Fee to collect", "کارمزد دریافتی")
FEE_PAID: Final = Text("Of it for fees", "سهم کارمزد")
DEBT_OF_MONTH: Final = Text("Debt of this month", "بدهی این ماه")
DEBT_WHOLE: Final = Text("To end the debt now", "مبلغ تسویه کامل")
REBATE: Final = Text("Rebate, taken off", "تخفیف خوش‌حسابی")
PLAN: Final = Text("Instalment plan", "طرح اقساط")
INSTALMENTS: Final = Text("Instalments", "تعداد اقساط")
FIRST_INSTALMENT: Final = Text("First instalment", "مبلغ قسط اول")
FIRST_DUE: Final = Text("First one due", "سررسید قسط اول")
TIER: Final = Text("Level", "سطح عضویت")
UNTIL: Final = Text("Valid until", "اعتبار تا")
SERIAL: Final = Text("Serial no.", "شماره سریال")
DEBTS_TOLD: Final = frozenset({Service.DEBT, Service.REPAYMENT})
"""They say what is owed, though it be nothing."""
FEES_PAID: Final = frozenset({Service.REPAYMENT, Service.SETTLEMENT})
WALLETS: Final[dict[str, Text]] = {
    "gift": Text("  of gift money", "  از هدیه"),
    "money": Text("  of the purse", "  از کیف پول"),
    "bon": Text("  of the bon", "  از بن"),
    "credit": Text("  on credit", "  از اعتبار"),
    "qarz": Text("  of qarz-al-hasaneh", "  از قرض‌الحسنه"),
}
"""Wallets that clubs have today; another one is told by its own name."""
VOUCHER_VALUE: Final = Text("Voucher's value", "ارزش کارت شارژ")
VOUCHER_POINTS: Final = Text("Voucher's points", "امتیاز کارت شارژ")
EARNED: Final = Text("Points earned", "امتیاز این خرید")
LEDGERS: Final[dict[str, Text]] = {
    "00": Text("Balance", "مانده حساب"),
    "10": Text("Bon or gift", "مانده بن یا هدیه"),
    "30": Text("Credit balance", "بستانکاری"),
}
LEFT: Final[dict[str, Text]] = {
    "00": Text("Available", "موجودی قابل برداشت"),
    "10": Text("Of it to spend", "قابل خرج از آن"),
    "30": Text("Credit left", "اعتبار باقی‌مانده"),
}
"""By account type of DE 54; of one that clubs do not have today, as of money."""
CREDIT: Final = "30"
OWED: Final = Text("Principal owed", "مانده اصل بدهی")
POINTS_LEFT: Final = Text("Points", "امتیاز")
TRACE: Final = Text("Trace no.", "شماره پیگیری")
REFERENCE: Final = Text("Reference no.", "شماره ارجاع")
APPROVAL: Final = Text("Approval code", "کد مجوز")
CODE: Final = Text("Response code", "کد پاسخ")
RIAL: Final = Text("rial", "ریال")
POINTS: Final = Text("points", "امتیاز")


class Line(Struct, frozen=True, gc=False):
    """A label and its value. `latin` marks a value that reads left to right in Persian too."""

    label: Text
    value: str
    latin: bool = False


class Page(Struct, frozen=True, kw_only=True):
    """How one language is laid out: numbers, moments, a line with its label, a line by itself."""

    language: Language
    grouped: Callable[[int], str]
    moment: Callable[[datetime], str]
    day: Callable[[date], str]
    labelled: Callable[[Line], str]
    centred: Callable[[Text], str]


def render(receipt: Receipt, language: Language, heading: Text = HEADING) -> str:
    """Give the receipt as lines of 40 columns, newline at the end of each.

    `heading` is what the shop prints on top: its name.
    """
    page = PERSIAN_PAGE if language is Language.PERSIAN else ENGLISH_PAGE
    return "".join(f"{line}\n" for line in _lines(receipt, page, heading))


def _lines(receipt: Receipt, page: Page, heading: Text) -> Iterator[str]:
    rule = "-" * COLUMNS
    yield page.centred(heading)
    yield page.centred(TITLES[receipt.service])
    yield rule
    yield from map(page.labelled, _parties(receipt, page))
    yield rule
    facts = list(_standing(receipt, page))
    yield from map(page.labelled, facts)
    money = list(_money(receipt, page))
    yield from map(page.labelled, money)
    if facts or money:
        yield rule
    yield from map(page.labelled, _references(receipt))
    yield from map(page.centred, _verdict(receipt))


def _parties(receipt: Receipt, page: Page) -> Iterator[Line]:
    yield Line(MERCHANT, receipt.merchant_id, latin=True)
    yield Line(TERMINAL, receipt.terminal_id, latin=True)
    yield Line(TIME, page.moment(receipt.local_at))
    if receipt.card_masked:
        yield Line(CARD, receipt.card_masked, latin=True)


def _standing(receipt: Receipt, page: Page) -> Iterator[Line]:
    """Give which item it is about, until when something is valid, and the card's level."""
    if receipt.serial:
        yield Line(SERIAL, receipt.serial, latin=True)
    if receipt.until is not None:
        yield Line(UNTIL, page.day(receipt.until))
    if receipt.tier:
        yield Line(TIER, receipt.tier, latin=True)


class Amounts(Struct, frozen=True):
    """Lines with an amount, in a page's language."""

    page: Page

    def rials(self, label: Text, amount_minor: int) -> Line:
        """Give a line with an amount of money."""
        return Line(label, f"{self.page.grouped(amount_minor)} {RIAL.said_in(self.page.language)}")

    def points(self, label: Text, count: int) -> Line:
        """Give a line with a number of points."""
        return Line(label, f"{self.page.grouped(count)} {POINTS.said_in(self.page.language)}")


def _money(receipt: Receipt, page: Page) -> Iterator[Line]:
    """Give what was asked, what it came down to, who paid it, and what is left."""
    lines = Amounts(page)
    if receipt.requested_minor:
        yield lines.rials(GROSS, receipt.requested_minor)
    if receipt.approved and receipt.approved_minor != receipt.requested_minor:
        yield lines.rials(APPROVED_PART, receipt.approved_minor)
    if receipt.discount_minor:
        yield lines.rials(DISCOUNT, receipt.discount_minor)
    if receipt.points_redeemed:
        yield lines.points(POINTS_PAID, receipt.points_redeemed)
        yield lines.rials(POINTS_VALUE, receipt.points_value_minor)
    if receipt.paid_minor:
        yield lines.rials(HELD if receipt.service in HOLDS else PAID, receipt.paid_minor)
    for name, amount_minor in receipt.paid_by:
        yield lines.rials(WALLETS.get(name, Text(f"  {name}", f"  {name}")), amount_minor)
    if receipt.cash_minor:
        yield lines.rials(CASH, receipt.cash_minor)
    if receipt.fee_minor:
        yield lines.rials(FEE_PAID if receipt.service in FEES_PAID else FEE, receipt.fee_minor)
    if receipt.voucher_minor:
        yield lines.rials(VOUCHER_VALUE, receipt.voucher_minor)
    if receipt.voucher_points:
        yield lines.points(VOUCHER_POINTS, receipt.voucher_points)
    yield from _instalments(receipt, lines)
    yield from _debt(receipt, lines)
    if receipt.points_earned:
        yield lines.points(EARNED, receipt.points_earned)
    yield from _balances(receipt.balances, lines)


def _debt(receipt: Receipt, lines: Amounts) -> Iterator[Line]:
    """Give what has to be paid this month first: it is what a member asks for."""
    told = receipt.approved and receipt.service in DEBTS_TOLD
    if told or receipt.due_minor:
        yield lines.rials(DEBT_OF_MONTH, receipt.due_minor)
    if told or receipt.owed_minor:
        yield lines.rials(DEBT_WHOLE, receipt.owed_minor)
    if receipt.rebate_minor:
        yield lines.rials(REBATE, receipt.rebate_minor)


def _instalments(receipt: Receipt, lines: Amounts) -> Iterator[Line]:
    """Give what a purchase that is paid later comes to."""
    if not receipt.plan:
        return
    yield Line(PLAN, receipt.plan, latin=True)
    yield Line(INSTALMENTS, lines.page.grouped(receipt.instalments))
    yield lines.rials(FIRST_INSTALMENT, receipt.first_instalment_minor)
    if receipt.first_due is not None:
        yield Line(FIRST_DUE, lines.page.day(receipt.first_due))


def _balances(balances: tuple[Balance, ...], lines: Amounts) -> Iterator[Line]:
    """Give the money of each kind, what of it is available when that is less, and the points."""
    money = [balance for balance in balances if not balance.in_points]
    ledgers = {balance.account: balance.value for balance in money if not balance.available}
    for balance in money:
        account, value = balance.account, balance.value
        if not balance.available and account == CREDIT and value <= 0:
            yield lines.rials(OWED, -value)
        elif not balance.available:
            yield lines.rials(LEDGERS.get(account, LEDGERS["00"]), value)
        elif value != ledgers.get(account):
            yield lines.rials(LEFT.get(account, LEFT["00"]), value)
    for balance in balances:
        if balance.in_points and balance.available:
            yield lines.points(POINTS_LEFT, balance.value)


def _references(receipt: Receipt) -> Iterator[Line]:
    yield Line(TRACE, receipt.stan, latin=True)
    if receipt.rrn:
        yield Line(REFERENCE, receipt.rrn, latin=True)
    if receipt.approval_code:
        yield Line(APPROVAL, receipt.approval_code, latin=True)
    yield Line(CODE, receipt.response_code, latin=True)


def _verdict(receipt: Receipt) -> Iterator[Text]:
    """Give what the code means, and the reason where it says more."""
    verdict = code_text(receipt.response_code)
    yield verdict
    reason = reason_text(receipt.reason) if receipt.reason else None
    if reason is not None and reason.persian != verdict.persian:
        yield reason


def _english_line(line: Line) -> str:
    label = line.label.english
    return f"{label} {line.value:>{COLUMNS - len(label) - 1}}"


def _persian_line(line: Line) -> str:
    value = persian.left_to_right(line.value) if line.latin else line.value
    return persian.right_to_left_line(line.label.persian, value, COLUMNS)


ENGLISH_PAGE: Final = Page(
    language=Language.ENGLISH,
    grouped="{:,}".format,
    moment="{:%Y-%m-%d %H:%M:%S}".format,
    day="{:%Y-%m-%d}".format,
    labelled=_english_line,
    centred=lambda text: text.english.center(COLUMNS).rstrip(),
)
PERSIAN_PAGE: Final = Page(
    language=Language.PERSIAN,
    grouped=persian.grouped,
    moment=persian.jalali,
    day=persian.jalali_day,
    labelled=_persian_line,
    centred=lambda text: persian.right_to_left_centred(text.persian, COLUMNS),
)
