"""What a cardholder or merchant is told: every response code and reason, in English and Persian.

Owns the wording, and nothing else. Each line fits a receipt of 40 columns. Must not know which rule
led to a code: the reply says so itself in `48.RC`.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from switch.reasons import Reason
from switch.response_codes import ResponseCode as Code


class Language(StrEnum):
    """Languages of receipts and questions."""

    ENGLISH = "en"
    PERSIAN = "fa"


class Text(Struct, frozen=True, gc=False):
    """One saying in both languages."""

    english: str
    persian: str

    def said_in(self, language: Language) -> str:
        """Give the saying in a language."""
        return self.persian if language is Language.PERSIAN else self.english


UNKNOWN_CODE: Final = Text("Declined", "تراکنش ناموفق")

CODES: Final[dict[str, Text]] = {
    Code.APPROVED: Text("Approved", "تراکنش موفق"),
    Code.INVALID_MERCHANT: Text("Unknown merchant", "پذیرنده نامعتبر است"),
    Code.DO_NOT_HONOUR: Text("Do not honour", "تراکنش پذیرفته نشد"),
    Code.PARTIALLY_APPROVED: Text("Approved in part", "بخشی از مبلغ پذیرفته شد"),
    Code.INVALID_TRANSACTION: Text("Invalid transaction", "تراکنش نامعتبر است"),
    Code.INVALID_AMOUNT: Text("Invalid amount", "مبلغ نامعتبر است"),
    Code.INVALID_CARD: Text("No such card", "شماره کارت نامعتبر است"),
    Code.ORIGINAL_NOT_FOUND: Text("Original not found", "تراکنش اصلی یافت نشد"),
    Code.FORMAT_ERROR: Text("Format error", "قالب پیام نادرست است"),
    Code.LOST_CARD: Text("Lost card", "کارت گم‌شده است"),
    Code.STOLEN_CARD: Text("Stolen card", "کارت سرقتی است"),
    Code.INSUFFICIENT_FUNDS: Text("Insufficient funds", "موجودی کافی نیست"),
    Code.EXPIRED_CARD: Text("Expired card", "تاریخ انقضای کارت نامعتبر است"),
    Code.INCORRECT_PIN: Text("Wrong PIN", "رمز نادرست است"),
    Code.NOT_PERMITTED_TO_CARD: Text(
        "Not permitted to this card", "این عملیات برای کارت مجاز نیست"
    ),
    Code.NOT_PERMITTED_TO_TERMINAL: Text(
        "Not permitted to this terminal", "این عملیات برای پایانه مجاز نیست"
    ),
    Code.EXCEEDS_AMOUNT_LIMIT: Text("Above the amount limit", "مبلغ بیش از سقف مجاز است"),
    Code.RESTRICTED_CARD: Text("Card is blocked", "کارت مسدود است"),
    Code.SECURITY_VIOLATION: Text("Security check failed", "کنترل امنیتی ناموفق بود"),
    Code.EXCEEDS_COUNT_LIMIT: Text("Above the count limit", "تعداد بیش از سقف مجاز است"),
    Code.PIN_TRIES_EXCEEDED: Text("No PIN tries left", "دفعات مجاز رمز تمام شد"),
    Code.UNAVAILABLE: Text("Service unavailable, try again", "سامانه در دسترس نیست"),
    Code.DUPLICATE: Text("Duplicate with other content", "تراکنش تکراری است"),
    Code.SYSTEM_MALFUNCTION: Text("System malfunction", "خطای سامانه"),
}

REASONS: Final[dict[str, Text]] = {
    reason.name.lower(): text
    for reason, text in {
        Reason.NONE: Text("No reason given", "بدون توضیح"),
        Reason.FORMAT_ERROR: Text("The message could not be read", "پیام خوانده نشد"),
        Reason.UNKNOWN_MESSAGE_TYPE: Text("Unknown message type", "نوع پیام ناشناخته است"),
        Reason.UNKNOWN_PROCESSING_CODE: Text("Unknown processing code", "کد عملیات ناشناخته است"),
        Reason.MANDATORY_ELEMENT_MISSING: Text("A mandatory element is missing", "پیام ناقص است"),
        Reason.CLOCK_OUTSIDE_WINDOW: Text("Terminal clock is wrong", "ساعت پایانه درست نیست"),
        Reason.DUPLICATE_WITH_OTHER_CONTENT: Text(
            "Trace number was used before", "شماره پیگیری تکراری است"
        ),
        Reason.WRONG_CURRENCY: Text("Wrong currency", "واحد پول نادرست است"),
        Reason.AMOUNT_IS_ZERO: Text("Amount is zero", "مبلغ صفر است"),
        Reason.AMOUNT_TOO_LARGE: Text("Amount is too large", "مبلغ بیش از اندازه است"),
        Reason.UNKNOWN_NETWORK_CODE: Text("Unknown network code", "کد مدیریت شبکه ناشناخته است"),
        Reason.WRONG_ACQUIRER: Text("Acquirer code is wrong", "کد پذیرندگی نادرست است"),
        Reason.MAC_MISSING: Text("Message is not authenticated", "پیام بدون کد اصالت است"),
        Reason.MAC_WRONG: Text("Message authentication failed", "کد اصالت پیام نادرست است"),
        Reason.KEY_SERIAL_REPEATED: Text("Terminal key was used before", "کلید پایانه تکراری است"),
        Reason.NO_TERMINAL_KEYS: Text("Terminal has no keys", "پایانه کلید ندارد"),
        Reason.UNKNOWN_TERMINAL: Text("Unknown terminal", "پایانه تعریف نشده است"),
        Reason.TERMINAL_BLOCKED: Text("Terminal is blocked", "پایانه مسدود است"),
        Reason.TERMINAL_SIGNED_OFF: Text("Terminal is signed off", "پایانه از سامانه خارج است"),
        Reason.UNKNOWN_MERCHANT: Text("Unknown merchant", "پذیرنده تعریف نشده است"),
        Reason.MERCHANT_BLOCKED: Text("Merchant is blocked", "پذیرنده مسدود است"),
        Reason.UNKNOWN_CARD: Text("Card number is unknown", "شماره کارت ناشناخته است"),
        Reason.CARD_BLOCKED: Text("Card is blocked", "کارت مسدود است"),
        Reason.CARD_LOST: Text("Card was reported lost", "مفقودی کارت اعلام شده است"),
        Reason.CARD_STOLEN: Text("Card was reported stolen", "سرقت کارت اعلام شده است"),
        Reason.CARD_CLOSED: Text("Card account is closed", "حساب کارت بسته است"),
        Reason.CARD_EXPIRED: Text("Card has expired", "اعتبار کارت به پایان رسیده است"),
        Reason.EXPIRY_MISMATCH: Text("Expiry date does not match", "تاریخ انقضا نادرست است"),
        Reason.OTHER_CLUB: Text("Card belongs to another club", "کارت از باشگاه دیگری است"),
        Reason.OPERATION_NOT_ALLOWED: Text("Not allowed by the programme", "طرح کارت اجازه ندارد"),
        Reason.INSUFFICIENT_FUNDS: Text("Not enough money", "موجودی کافی نیست"),
        Reason.INSUFFICIENT_POINTS: Text("Not enough points", "امتیاز کافی نیست"),
        Reason.ABOVE_TRANSACTION_LIMIT: Text("Above the limit per payment", "بیش از سقف هر تراکنش"),
        Reason.ABOVE_DAY_AMOUNT: Text("Above the daily amount", "بیش از سقف مبلغ روزانه"),
        Reason.ABOVE_DAY_COUNT: Text("Above the daily count", "بیش از تعداد مجاز روزانه"),
        Reason.ABOVE_BALANCE_LIMIT: Text(
            "Above the card's balance limit", "بیش از سقف موجودی کارت"
        ),
        Reason.PARTIALLY_APPROVED: Text(
            "Only a part was available", "موجودی برای بخشی از مبلغ بود"
        ),
        Reason.CHIP_EXPECTED: Text("Insert the chip", "از تراشه کارت استفاده کنید"),
        Reason.CARD_CODE_WRONG: Text("Card is not genuine", "اصالت کارت تأیید نشد"),
        Reason.CRYPTOGRAM_MISSING: Text("Chip gave no proof", "تراشه رمزنگاشت نداد"),
        Reason.CRYPTOGRAM_REPEATED: Text("Chip was read before", "رمزنگاشت تراشه تکراری است"),
        Reason.DYNAMIC_CODE_WRONG: Text(
            "Code of this tap is wrong", "کد یک‌بارمصرف کارت نادرست است"
        ),
        Reason.CRYPTOGRAM_WRONG: Text("Chip is not genuine", "اصالت تراشه تأیید نشد"),
        Reason.PIN_MISSING: Text("PIN needed", "رمز کارت لازم است"),
        Reason.PIN_TRIES_EXCEEDED: Text("No PIN tries left", "دفعات مجاز رمز تمام شد"),
        Reason.PIN_UNREADABLE: Text("PIN could not be read", "رمز خوانده نشد"),
        Reason.PIN_WRONG: Text("Wrong PIN", "رمز نادرست است"),
        Reason.ORIGINAL_NOT_FOUND: Text("Original not found", "تراکنش اصلی یافت نشد"),
        Reason.ORIGINAL_REVERSED_BEFORE_ARRIVAL: Text(
            "It was reversed before it arrived", "پیش از رسیدن برگشت خورده است"
        ),
        Reason.HOLD_ALREADY_CAPTURED: Text("Hold was captured before", "مبلغ پیش‌تر برداشت شده"),
        Reason.HOLD_ALREADY_RELEASED: Text("Hold was released before", "مسدودی پیش‌تر آزاد شده"),
        Reason.HOLD_EXPIRED: Text("Hold has expired", "مهلت مسدودی گذشته است"),
        Reason.CAPTURE_ABOVE_HOLD: Text("More than was held", "بیش از مبلغ مسدودشده است"),
        Reason.REFUND_ABOVE_ORIGINAL: Text(
            "More than is left to refund", "بیش از باقی‌مانده خرید است"
        ),
        Reason.ORIGINAL_IS_ANOTHER_CARD: Text(
            "Original is of another card", "خرید با کارت دیگری بود"
        ),
        Reason.ORIGINAL_NOT_REFUNDABLE: Text(
            "Original cannot be refunded", "این تراکنش برگشت ندارد"
        ),
        Reason.REVERSED_UNKNOWN_ORIGINAL: Text(
            "Original had not arrived", "تراکنش اصلی نرسیده بود"
        ),
        Reason.REVERSED_BEFORE: Text("It was reversed before", "پیش‌تر برگشت خورده است"),
        Reason.REPLACEMENT_ABOVE_ORIGINAL: Text("More than the original", "بیش از مبلغ اصلی است"),
        Reason.REVERSED_DECLINED_ORIGINAL: Text(
            "Original had been declined", "تراکنش اصلی ناموفق بود"
        ),
        Reason.LEDGER_UNAVAILABLE: Text("Ledger is away, try again", "دفتر کل در دسترس نیست"),
        Reason.OVERLOADED: Text("Too busy, try again", "سامانه پرمشغله است"),
        Reason.TOO_MANY_MOVES: Text("Too many parts", "اجزای تراکنش بیش از اندازه است"),
        Reason.PRICING_FAILED: Text("Could not be priced", "محاسبه مبلغ ممکن نشد"),
        Reason.CARD_NOT_ACTIVATED: Text("Card has not been activated", "کارت فعال نشده است"),
        Reason.CARD_ALREADY_ACTIVATED: Text("Card is activated already", "کارت قبلاً فعال شده است"),
        Reason.CARD_NOT_LINKED: Text("Guest card of no member", "کارت مهمان به عضوی وصل نیست"),
        Reason.MEMBERSHIP_ENDED: Text("Membership has ended", "عضویت به پایان رسیده است"),
        Reason.ABOVE_PERIOD_AMOUNT: Text("Above the period's amount", "مبلغ بیش از سقف دوره است"),
        Reason.ABOVE_PERIOD_COUNT: Text("Above the period's count", "تعداد بیش از سقف دوره است"),
        Reason.ABOVE_MERCHANT_AMOUNT: Text(
            "Above the amount here", "مبلغ بیش از سقف این پذیرنده است"
        ),
        Reason.ABOVE_MERCHANT_COUNT: Text(
            "Used here too often", "تعداد بیش از سقف این پذیرنده است"
        ),
        Reason.ABOVE_BUDGET_AMOUNT: Text("The club's budget is used", "بودجه باشگاه تمام شده است"),
        Reason.ABOVE_BUDGET_COUNT: Text("The club's budget is used", "بودجه باشگاه تمام شده است"),
        Reason.ITEM_MISSING: Text("No serial number", "شماره سریال داده نشده است"),
        Reason.ITEM_UNKNOWN: Text("No such item", "کالایی با این سریال ثبت نشده است"),
        Reason.ITEM_KNOWN: Text("Item is registered already", "این کالا قبلاً ثبت شده است"),
        Reason.ITEM_TERM_ENDED: Text("The warranty has ended", "مهلت ضمانت به پایان رسیده است"),
        Reason.ITEM_CLAIMED: Text("No claims are left", "سهم استفاده از ضمانت تمام شده است"),
        Reason.VOUCHER_REFUSED: Text("This PIN is not good", "رمز کارت شارژ معتبر نیست"),
        Reason.VOUCHER_PRICE_IS_ANOTHER: Text(
            "The voucher has another price", "بهای کارت شارژ مبلغ دیگری است"
        ),
        Reason.VOUCHER_TRIES_EXCEEDED: Text(
            "No more voucher PINs today", "دفعات مجاز رمز شارژ تمام شد"
        ),
        Reason.VOUCHER_REDEEMED: Text("The voucher was used before", "این کارت شارژ مصرف شده است"),
        Reason.VOUCHER_UNREADABLE: Text("Look at the digits again", "رقم‌های رمز را بازبینی کنید"),
        Reason.INSTALMENTS_REFUSED: Text("No such instalment plan", "این طرح اقساط ممکن نیست"),
        Reason.SETTLEMENT_IS_ANOTHER: Text("The settlement is another", "مبلغ تسویه چیز دیگری است"),
        Reason.PROGRAMME_RETIRED: Text(
            "This card's programme has ended", "طرح این کارت پایان یافته است"
        ),
        Reason.HSM_UNAVAILABLE: Text("Cannot be checked now", "بررسی امنیتی اکنون ممکن نیست"),
        Reason.ISSUER_DECLINED: Text("Declined by the card's bank", "بانک صادرکننده نپذیرفت"),
        Reason.ISSUER_TIMEOUT: Text("The card's bank did not answer", "بانک صادرکننده پاسخ نداد"),
        Reason.ISSUER_UNAVAILABLE: Text("The card's bank is away", "بانک صادرکننده در دسترس نیست"),
    }.items()
}


def code_text(response_code: str) -> Text:
    """Give the saying for DE 39; the general one for a code this table does not know."""
    return CODES.get(response_code, UNKNOWN_CODE)


def reason_text(reason: str) -> Text | None:
    """Give the saying for `48.RC`, or nothing for a reason this table does not know."""
    return REASONS.get(reason)
