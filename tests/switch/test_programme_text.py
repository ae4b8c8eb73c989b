"""What members are told, in Persian and English: golden texts, made from the definitions."""

import msgspec

from issuers.credit import credit
from issuers.purse import CAFE, purse
from switch._calendar import day_number
from switch.calendar import Calendar
from switch.instalments import FeeKind, Terms
from switch.operations import Operation
from switch.programme_text import OPERATIONS, announcement, difference, how_it_works
from switch.programme_words import number, percent, rials
from switch.rules import Budget, Cap, Credit, InstalmentPlan, Period, When
from tests.support.shop import BOOKS

replace = msgspec.structs.replace
OLD = purse(1, 1, 1)
NEW = replace(
    OLD,
    version=2,
    discounts=(
        replace(OLD.discounts[0], discount_bps=1250, max_minor=0),
        replace(OLD.discounts[1], when=When(merchants=(BOOKS,), hour_from=8, hour_to=20)),
    ),
    earning=OLD.earning[1:],
    caps=(Cap(name="month", of="discount", most=2_000_000),),
)
FOR_EVER = Period(kind="no end")
NAMES = {BOOKS: ("Ketab", "کتاب")}

IN_ENGLISH = """\
Purse: from 22 December 2026
- Changed: 12.5% off at cafés and restaurants on Thursdays and Fridays (paid by the shop). Until \
now: 10% off at cafés and restaurants on Thursdays and Fridays, at most 500,000 rials each time \
(paid by the shop).
- Changed: 5% off at Ketab from 8:00 to 20:00, at most 1,000,000 rials each time (paid by the \
club). Until now: 5% off at book shops for 200,000 rials or more, at most 1,000,000 rials each \
time (paid by the club).
- New: At most 2,000,000 rials of discounts a month.
- No longer: 2 points for every 10,000 rials at cafés and restaurants; they end after 365 days.
- No longer: If several rules hold, the first one counts: cafe-double, base."""

IN_PERSIAN = """\
کیف پول باشگاه: از ۱ دی ۱۴۰۵
- تغییر: ۱۲٫۵٪ تخفیف در کافه‌ها و رستوران‌ها، روزهای پنجشنبه و جمعه (از سوی فروشگاه). \
تاکنون: ۱۰٪ تخفیف در کافه‌ها و رستوران‌ها، روزهای پنجشنبه و جمعه، هر بار حداکثر ۵۰۰٬۰۰۰ ریال \
(از سوی فروشگاه).
- تغییر: ۵٪ تخفیف در کتاب از ساعت ۸:۰۰ تا ۲۰:۰۰، هر بار حداکثر ۱٬۰۰۰٬۰۰۰ ریال (از سوی باشگاه). \
تاکنون: ۵٪ تخفیف در کتاب‌فروشی‌ها برای ۲۰۰٬۰۰۰ ریال و بیشتر، هر بار حداکثر ۱٬۰۰۰٬۰۰۰ ریال \
(از سوی باشگاه).
- تازه: در هر ماه حداکثر ۲٬۰۰۰٬۰۰۰ ریال تخفیف.
- دیگر نه: ۲ امتیاز برای هر ۱۰٬۰۰۰ ریال در کافه‌ها و رستوران‌ها؛ پایان: ۳۶۵ روز بعد.
- دیگر نه: اگر چند قاعده برقرار باشد نخستین آن‌ها ملاک است: cafe-double, base."""


def test_what_changes_is_announced_in_both_languages() -> None:
    day = day_number(Calendar.JALALI, 1405, 10, 1)

    said = announcement(OLD, NEW, day, NAMES)

    assert said.en == IN_ENGLISH
    assert said.fa == IN_PERSIAN


def test_a_version_that_changes_nothing_for_members_says_so() -> None:
    said = announcement(OLD, replace(OLD, version=2), 20_000, NAMES)

    assert said.en.endswith("- Nothing changes for you.")
    assert said.fa.endswith("- برای شما چیزی تغییر نمی‌کند.")
    assert difference(OLD, OLD, NAMES) == ()


def test_how_it_works_has_a_sentence_for_each_rule_under_a_key_of_its_own() -> None:
    lines = how_it_works(OLD, NAMES)
    keys = [line.key for line in lines]

    assert len(set(keys)) == len(keys)
    assert {"discount/cafe-weekend", "discount/books", "earn/base", "tender", "funding"} <= {*keys}
    assert difference(None, OLD, NAMES) == lines
    assert CAFE == 5812


def test_what_credit_costs_is_said_plan_by_plan() -> None:
    terms = Terms(
        count=12,
        fee=FeeKind.PROFIT_DECLINING,
        rate_bps=1_800,
        rebate_bps=100,
        late_rate_bps=1_200,
        late_tolerance_days=5,
        late_cap_bps=1_000,
    )
    plans = (InstalmentPlan(name="twelve", terms=terms),)
    definition = replace(credit(1, 1, 1), credit=Credit(limit_minor=1_000, plans=plans))

    said = {line.key: line for line in how_it_works(definition, NAMES)}

    assert said["credit"].en == "A new card has credit up to 1,000 rials, from “credit”."
    assert said["plan/twelve"].en == (
        "Plan “twelve”: 12 instalments, each 1 months after the one before, the first after 1;"
        " it costs 18% a year; 1% off what is paid before it is due; more than 5 days late costs"
        " 12% a year of what is overdue, at most 10% of it."
    )
    assert "دیرکرد بیش از ۵ روز: ۱۲٪ در سال" in said["plan/twelve"].fa


def test_budgets_and_who_pays_for_points_are_said_in_both_languages() -> None:
    paid = replace(OLD.earning[1], funder="shared", merchant_share_bps=5_000, ends_inactive=False)
    said = {
        line.key: line
        for line in how_it_works(
            replace(
                OLD,
                earning=(paid,),
                points_price_minor=90,
                inactive_days=365,
                caps=(Cap(name="here", of="count", most=2, per="merchant"),),
                budgets=(
                    Budget(name="off", of="discount", most=5_000, per="merchant", funder="club"),
                    Budget(name="all", of="earned", most=7, period=FOR_EVER, rules=("base",)),
                ),
            ),
            NAMES,
        )
    }

    keys = ("cap/here", "budget/off", "budget/all", "inactivity", "price of points", "earn/base")
    assert [said[key].en for key in keys] == [
        "At most 2 purchases a month at the same shop.",
        "All cards together: At most 5,000 rials of discounts a month at each shop."
        " Only what the club pays counts.",
        "All cards together: At most 7 points earned in all. Only by: base.",
        "Points end when the card is not used for 365 days, but not those of base.",
        "Shops pay the club 90 rials for each point that they give.",
        "1 point for every 10,000 rials; they end after 365 days"
        " (paid by shared: 50% by the shop).",
    ]
    assert [said[key].fa for key in keys] == [
        "در هر ماه در یک فروشگاه حداکثر ۲ بار خرید.",
        "همهٔ کارت‌ها با هم: در هر ماه در هر فروشگاه حداکثر ۵٬۰۰۰ ریال تخفیف."
        " تنها سهم باشگاه به حساب می‌آید.",
        "همهٔ کارت‌ها با هم: در مجموع حداکثر ۷ امتیاز. تنها با قاعدهٔ: base.",
        "امتیازها با ۳۶۵ روز استفاده نکردن از کارت پایان می‌یابد، جز امتیازهای base.",
        "بهای هر امتیاز اهدایی فروشگاه: ۹۰ ریال.",
        "۱ امتیاز برای هر ۱۰٬۰۰۰ ریال؛ پایان: ۳۶۵ روز بعد (از سوی مشترک: ۵۰٪ با فروشگاه).",
    ]


def test_every_operation_that_a_programme_may_name_can_be_said() -> None:
    of_cards = {Operation(number) for number in (1, 2, 4, 5, 6, 7, 8, *range(16, 26))}

    assert set(OPERATIONS) == of_cards


def test_a_programme_that_gives_credit_can_be_said() -> None:
    keys = {line.key for line in how_it_works(credit(1, 1, 1), NAMES)}

    assert {"operation/REPAYMENT", "operation/SETTLEMENT", "operation/DEBT_INQUIRY"} <= keys


def test_numbers_have_persian_digits_and_separators() -> None:
    assert number(1_234_567).fa == "۱٬۲۳۴٬۵۶۷"
    assert rials(5_000).en == "5,000 rials"
    assert (percent(250).fa, percent(1000).en) == ("۲٫۵٪", "10%")
