"""Receipts as they are printed, whole."""

from datetime import date

import msgspec
import pytest

from acquirers.terminal.orders import Service
from acquirers.terminal.persian import columns_of
from acquirers.terminal.receipt import Balance, Receipt
from acquirers.terminal.receipt_text import COLUMNS, TITLES, render
from acquirers.terminal.texts import Language, Text
from tests.acquirers.terminal.samples import MOMENT

MIXED = Receipt(
    service=Service.MIXED,
    merchant_id="M00000000000001",
    terminal_id="T0000001",
    card_masked="502229******0017",
    local_at=MOMENT,
    stan="000017",
    rrn="632609000017",
    approval_code="A1B2C3",
    response_code="00",
    reason="",
    requested_minor=250_000,
    approved_minor=250_000,
    discount_minor=12_500,
    discount_rule="tuesday",
    paid_minor=197_500,
    points_redeemed=40,
    points_value_minor=40_000,
    points_earned=19,
    earning_rule="base",
    balances=(
        Balance(account="00", in_points=False, available=False, value=1_052_500),
        Balance(account="00", in_points=False, available=True, value=1_002_500),
        Balance(account="60", in_points=True, available=False, value=219),
        Balance(account="60", in_points=True, available=True, value=200),
    ),
)

ENGLISH = """\
             B A S H G A H
       PURCHASE, POINTS AND MONEY
----------------------------------------
Merchant                 M00000000000001
Terminal                        T0000001
Time                 2026-11-22 09:50:07
Card                    502229******0017
----------------------------------------
Amount                      250,000 rial
Discount                     12,500 rial
Points redeemed                40 points
Worth                        40,000 rial
Paid from card              197,500 rial
Points earned                  19 points
Balance                   1,052,500 rial
Available                 1,002,500 rial
Points                        200 points
----------------------------------------
Trace no.                         000017
Reference no.               632609000017
Approval code                     A1B2C3
Response code                         00
                Approved
"""

PERSIAN = """\
                 باشگاه
        خرید با امتیاز و موجودی
----------------------------------------
پذیرنده                  M00000000000001
پایانه                          T0000001
زمان                 ۱۴۰۵/۰۹/۰۱ ۰۹:۵۰:۰۷
کارت                    502229******0017
----------------------------------------
مبلغ                        ۲۵۰٬۰۰۰ ریال
تخفیف                        ۱۲٬۵۰۰ ریال
امتیاز خرج‌شده                  ۴۰ امتیاز
ارزش امتیاز                  ۴۰٬۰۰۰ ریال
پرداخت از کارت              ۱۹۷٬۵۰۰ ریال
امتیاز این خرید                ۱۹ امتیاز
مانده حساب                ۱٬۰۵۲٬۵۰۰ ریال
موجودی قابل برداشت        ۱٬۰۰۲٬۵۰۰ ریال
امتیاز                        ۲۰۰ امتیاز
----------------------------------------
شماره پیگیری                      000017
شماره ارجاع                 632609000017
کد مجوز                           A1B2C3
کد پاسخ                               00
              تراکنش موفق
"""

MARKS = dict.fromkeys(map(ord, "\u202b\u202c\u200e\u200f"))


def without_marks(text: str) -> str:
    lines = text.translate(MARKS).splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines)


def test_an_english_receipt_of_a_mixed_payment() -> None:
    assert render(MIXED, Language.ENGLISH) == ENGLISH


def test_a_persian_receipt_of_a_mixed_payment() -> None:
    assert without_marks(render(MIXED, Language.PERSIAN)) == PERSIAN


def test_every_persian_line_is_embedded_and_forty_columns_wide() -> None:
    for line in render(MIXED, Language.PERSIAN).splitlines():
        assert columns_of(line) == COLUMNS
        assert line == "-" * COLUMNS or (line[0], line[-1]) == ("\u202b", "\u202c")


def test_latin_values_of_a_persian_receipt_are_guarded() -> None:
    text = render(MIXED, Language.PERSIAN)

    for value in ("M00000000000001", "T0000001", "502229******0017", "A1B2C3", "632609000017"):
        assert f"\u200e{value}\u200e" in text


def test_a_decline_says_code_and_reason_and_no_points() -> None:
    declined = msgspec.structs.replace(
        MIXED,
        response_code="51",
        reason="insufficient_points",
        approval_code="",
        discount_minor=0,
        paid_minor=0,
        points_redeemed=0,
        points_value_minor=0,
        points_earned=0,
        balances=(),
    )

    english = render(declined, Language.ENGLISH).splitlines()
    persian = without_marks(render(declined, Language.PERSIAN)).splitlines()

    assert [line.strip() for line in english[-3:]] == [
        "Response code                         51",
        "Insufficient funds",
        "Not enough points",
    ]
    assert [line.strip() for line in persian[-2:]] == ["موجودی کافی نیست", "امتیاز کافی نیست"]
    assert not any("Approval" in line or "Paid" in line for line in english)


def test_a_reason_that_repeats_the_code_is_said_once() -> None:
    blocked = msgspec.structs.replace(MIXED, response_code="62", reason="card_blocked")

    assert render(blocked, Language.PERSIAN).count("کارت مسدود است") == 1


def test_a_partial_approval_shows_what_was_asked_and_what_was_approved() -> None:
    partial = msgspec.structs.replace(MIXED, response_code="10", approved_minor=100_000)

    lines = render(partial, Language.ENGLISH).splitlines()

    assert "Amount                      250,000 rial" in lines
    assert "Approved                    100,000 rial" in lines


def test_balances_without_holds_are_one_line() -> None:
    free = msgspec.structs.replace(
        MIXED,
        balances=(
            Balance(account="00", in_points=False, available=False, value=500),
            Balance(account="00", in_points=False, available=True, value=500),
        ),
    )

    text = render(free, Language.ENGLISH)

    assert "Balance                         500 rial\n" in text
    assert "Available" not in text


def test_a_hold_is_not_called_paid() -> None:
    hold = msgspec.structs.replace(MIXED, service=Service.HOLD)

    assert "Held on card                197,500 rial\n" in render(hold, Language.ENGLISH)


def test_the_shop_puts_its_name_on_top() -> None:
    shop = Text("Book City", "شهر کتاب")

    assert render(MIXED, Language.ENGLISH, shop).splitlines()[0].strip() == "Book City"
    assert "شهر کتاب" in render(MIXED, Language.PERSIAN, shop).splitlines()[0]


def test_a_network_message_has_no_card_and_no_money() -> None:
    echo = msgspec.structs.replace(
        MIXED,
        service=Service.ECHO,
        card_masked="",
        requested_minor=0,
        approved_minor=0,
        discount_minor=0,
        paid_minor=0,
        points_redeemed=0,
        points_earned=0,
        balances=(),
        rrn="",
        approval_code="",
    )

    lines = render(echo, Language.ENGLISH).splitlines()

    assert lines[1].strip() == "LINE TEST"
    assert not any("rial" in line or "Card" in line for line in lines)
    assert lines.count("-" * COLUMNS) == 2


@pytest.mark.parametrize("service", sorted(Service))
def test_every_service_has_a_title_that_fits(service: Service) -> None:
    title = TITLES[service]

    assert len(title.english) <= COLUMNS
    assert columns_of(title.persian) <= COLUMNS


def told(receipt: Receipt, language: Language) -> list[str]:
    """Give the lines between the card and the trace number, without marks of direction."""
    plain = "".join(c for c in render(receipt, language) if c not in "\u202b\u202c\u200e\u200f")
    block = plain.split("-" * COLUMNS)[2]
    return [" ".join(line.split()) for line in block.strip().splitlines()]


OF_PRODUCTS = msgspec.structs.replace(
    MIXED,
    service=Service.PURCHASE,
    points_redeemed=0,
    balances=(),
    paid_by=(("gift", 150_000), ("money", 47_500), ("own", 1)),
    cash_minor=40_000,
    fee_minor=5_000_000,
    tier="gold",
    until=date(2027, 4, 14),
    serial="TV-55/0012",
)


def test_what_products_say_is_on_the_receipt() -> None:
    assert told(OF_PRODUCTS, Language.ENGLISH) == [
        "Serial no. TV-55/0012",
        "Valid until 2027-04-14",
        "Level gold",
        "Amount 250,000 rial",
        "Discount 12,500 rial",
        "Paid from card 197,500 rial",
        "of gift money 150,000 rial",
        "of the purse 47,500 rial",
        "own 1 rial",
        "To pay in cash 40,000 rial",
        "Fee to collect 5,000,000 rial",
        "Points earned 19 points",
    ]


def test_a_persian_receipt_has_the_jalali_date() -> None:
    lines = told(OF_PRODUCTS, Language.PERSIAN)

    assert "اعتبار تا ۱۴۰۶/۰۱/۲۵" in lines
    assert "پرداخت نقدی ۴۰٬۰۰۰ ریال" in lines
    assert "کارمزد دریافتی ۵٬۰۰۰٬۰۰۰ ریال" in lines
    assert "از هدیه ۱۵۰٬۰۰۰ ریال" in lines


IN_PARTS = msgspec.structs.replace(
    MIXED,
    service=Service.INSTALMENTS,
    requested_minor=10_000_000,
    approved_minor=10_000_000,
    discount_minor=0,
    paid_minor=10_000_000,
    points_redeemed=0,
    points_earned=0,
    plan="four",
    instalments=4,
    first_instalment_minor=2_500_000,
    first_due=date(2026, 11, 27),
    balances=(
        Balance(account="30", in_points=False, available=False, value=-10_000_000),
        Balance(account="30", in_points=False, available=True, value=190_000_000),
    ),
)


def test_a_purchase_in_instalments_tells_what_it_comes_to() -> None:
    assert told(IN_PARTS, Language.ENGLISH) == [
        "Amount 10,000,000 rial",
        "Paid from card 10,000,000 rial",
        "Instalment plan four",
        "Instalments 4",
        "First instalment 2,500,000 rial",
        "First one due 2026-11-27",
        "Principal owed 10,000,000 rial",
        "Credit left 190,000,000 rial",
    ]


def test_its_persian_receipt_has_the_jalali_due_day() -> None:
    assert told(IN_PARTS, Language.PERSIAN)[2:] == [
        "طرح اقساط four",
        "تعداد اقساط ۴",
        "مبلغ قسط اول ۲٬۵۰۰٬۰۰۰ ریال",
        "سررسید قسط اول ۱۴۰۵/۰۹/۰۶",
        "مانده اصل بدهی ۱۰٬۰۰۰٬۰۰۰ ریال",
        "اعتبار باقی‌مانده ۱۹۰٬۰۰۰٬۰۰۰ ریال",
    ]


def debt_of(service: Service, **changes: object) -> Receipt:
    nothing = {"requested_minor": 0, "approved_minor": 0, "paid_minor": 0, "plan": ""}
    return msgspec.structs.replace(IN_PARTS, service=service, **{**nothing, **changes})


def test_the_debt_of_this_month_is_what_an_inquiry_says_first() -> None:
    inquiry = debt_of(Service.DEBT, due_minor=1_180_000, owed_minor=10_150_000)

    assert told(inquiry, Language.ENGLISH) == [
        "Debt of this month 1,180,000 rial",
        "To end the debt now 10,150,000 rial",
        "Principal owed 10,000,000 rial",
        "Credit left 190,000,000 rial",
    ]
    assert told(inquiry, Language.PERSIAN)[0] == "بدهی این ماه ۱٬۱۸۰٬۰۰۰ ریال"


def test_nothing_owed_is_said_too() -> None:
    assert told(debt_of(Service.DEBT, balances=()), Language.ENGLISH) == [
        "Debt of this month 0 rial",
        "To end the debt now 0 rial",
    ]


def test_a_rebate_is_said_with_what_it_was_taken_off_and_when_it_is_given() -> None:
    inquiry = debt_of(Service.DEBT, owed_minor=9_800_000, rebate_minor=200_000, balances=())
    settled = debt_of(
        Service.SETTLEMENT,
        requested_minor=9_800_000,
        approved_minor=9_800_000,
        rebate_minor=200_000,
        balances=(),
    )

    assert told(inquiry, Language.ENGLISH)[1:] == [
        "To end the debt now 9,800,000 rial",
        "Rebate, taken off 200,000 rial",
    ]
    assert told(settled, Language.ENGLISH) == [
        "Amount 9,800,000 rial",
        "Rebate, taken off 200,000 rial",
    ]
    assert told(settled, Language.PERSIAN)[1] == "تخفیف خوش‌حسابی ۲۰۰٬۰۰۰ ریال"


def test_a_declined_inquiry_says_nothing_of_a_debt() -> None:
    declined = debt_of(Service.DEBT, balances=(), response_code="57")

    assert "Debt of" not in render(declined, Language.ENGLISH)


def test_a_repayment_says_what_went_to_fees_and_what_is_still_due() -> None:
    paid = debt_of(
        Service.REPAYMENT, requested_minor=200_000, approved_minor=200_000, fee_minor=180_000
    )

    assert told(paid, Language.ENGLISH)[:4] == [
        "Amount 200,000 rial",
        "Of it for fees 180,000 rial",
        "Debt of this month 0 rial",
        "To end the debt now 0 rial",
    ]


def test_more_than_was_owed_is_the_cards_credit_balance() -> None:
    over = debt_of(
        Service.BALANCE,
        balances=(
            Balance(account="30", in_points=False, available=False, value=500_000),
            Balance(account="30", in_points=False, available=True, value=200_500_000),
        ),
    )

    assert told(over, Language.ENGLISH) == [
        "Credit balance 500,000 rial",
        "Credit left 200,500,000 rial",
    ]


def test_a_bon_is_told_apart_from_the_purse_beside_it() -> None:
    both = debt_of(
        Service.BALANCE,
        balances=(
            Balance(account="10", in_points=False, available=False, value=500_000),
            Balance(account="10", in_points=False, available=True, value=400_000),
            Balance(account="00", in_points=False, available=False, value=70_000),
            Balance(account="00", in_points=False, available=True, value=70_000),
        ),
    )

    assert told(both, Language.ENGLISH) == [
        "Bon or gift 500,000 rial",
        "Of it to spend 400,000 rial",
        "Balance 70,000 rial",
    ]
