"""Every saying of the replay's page, in English and Persian.

Owns the wording, and nothing else.
"""

from typing import Final

from acquirers.terminal.texts import Text

TITLE: Final = Text("Replay", "بازپخش")
VERSION: Final = Text("draft {draft} over live {live}", "پیش‌نویس {draft} به جای نسخه {live}")
WINDOW: Final = Text("{first} to {last}", "{first} تا {last}")
HAPPENED: Final = Text("happened", "روی داد")
DRAFT: Final = Text("draft", "پیش‌نویس")
DIFFERENCE: Final = Text("difference", "تفاوت")
SHARE: Final = Text("change", "تغییر")

NOTHING_CHANGES: Final = Text(
    "The draft decides everything as it was.", "پیش‌نویس همه چیز را همان می‌کند که بود."
)
COSTS_MORE: Final = Text(
    "The draft would have cost the club {amount} more.",
    "این پیش‌نویس برای باشگاه {amount} گران‌تر تمام می‌شد.",
)
COSTS_LESS: Final = Text(
    "The draft would have cost the club {amount} less.",
    "این پیش‌نویس برای باشگاه {amount} ارزان‌تر تمام می‌شد.",
)
COSTS_THE_SAME: Final = Text(
    "The draft would have cost the club the same.", "هزینه باشگاه همان می‌ماند."
)
OF_MEMBERS: Final = Text(
    "Of {members} members {winners} win, {losers} lose, {same} see no difference.",
    "از {members} عضو، {winners} نفر سود و {losers} نفر زیان می‌کنند و برای {same} نفر فرقی ندارد.",
)
OF_TIERS: Final = Text(
    "{changed} members would have another level.", "سطح {changed} عضو تغییر می‌کرد."
)
OF_DECLINES: Final = Text(
    "{more} messages would be declined that were approved, {fewer} approved that were declined.",
    "{more} تراکنشِ پذیرفته رد می‌شد و {fewer} تراکنشِ ردشده پذیرفته.",
)

RIALS: Final = Text("rials", "ریال")
THOUSANDS: Final = Text("thousand rials", "هزار ریال")
MILLIONS: Final = Text("million rials", "میلیون ریال")
BILLIONS: Final = Text("billion rials", "میلیارد ریال")
POINTS: Final = Text("points", "امتیاز")
THOUSAND_POINTS: Final = Text("thousand points", "هزار امتیاز")
MILLION_POINTS: Final = Text("million points", "میلیون امتیاز")
MEMBERS: Final = Text("members", "عضو")

ASSUMED: Final = Text("Taken for granted", "فرض‌ها")
ASSUMPTIONS: Final[dict[str, Text]] = {
    "behaviour": Text(
        "The same cards ask the same shops for the same amounts at the same moments: nobody buys"
        " more, less or elsewhere because of the draft.",
        "همان کارت‌ها در همان فروشگاه‌ها همان مبلغ‌ها را در همان لحظه‌ها می‌پردازند:"
        " کسی به خاطر پیش‌نویس بیشتر، کمتر یا جای دیگری خرید نمی‌کند.",
    ),
    "points": Text(
        "Whoever paid with points pays with as many, as far as the draft has given them; whoever"
        " paid all with points does so again.",
        "هر که با امتیاز پرداخته همان اندازه می‌پردازد، تا جایی که پیش‌نویس به او داده باشد؛"
        " هر که همه را با امتیاز پرداخته باز هم چنین می‌کند.",
    ),
    "declined": Text(
        "What was declined and would be approved counts as bought, though its holder may have tried"
        " again. A declined hold stays declined.",
        "آنچه رد شده و اکنون پذیرفته می‌شود خرید به شمار می‌آید، هرچند شاید دوباره تلاش شده باشد."
        " مسدودیِ ردشده، ردشده می‌ماند.",
    ),
    "undone": Text(
        "Refunds and reversals take back the same share of what the draft made of the purchase.",
        "برگشت خرید و برگشت تراکنش همان سهم از آنچه پیش‌نویس از خرید ساخته را بازمی‌گرداند.",
    ),
    "clock": Text(
        "Points and money end, and allowances come, by the draft's terms; what had ended by the"
        " last row has ended in both.",
        "پایان امتیاز و پول و رسیدن سهمیه با شرط‌های پیش‌نویس است؛ هرچه تا آخرین ردیف به سر"
        " آمده باشد در هر دو تمام شده است.",
    ),
    "referred": Text(
        "Points that a guest's purchase gives to a member count as the guest card's gain.",
        "امتیازی که خرید مهمان به عضو می‌دهد سود کارت مهمان شمرده می‌شود.",
    ),
}

KEY_COST: Final = Text("cost to the club", "هزینه باشگاه")
KEY_OWED: Final = Text("points owed in the end", "امتیاز بدهکار در پایان")
KEY_LIABILITY: Final = Text("liability", "بدهی امتیازها")
KEY_EARNED: Final = Text("earned", "کسب‌شده")
KEY_REDEEMED: Final = Text("redeemed", "خرج‌شده")
KEY_WINNERS: Final = Text("winners", "سودبرده")
KEY_LOSERS: Final = Text("losers", "زیان‌دیده")

OVER_TIME: Final = Text("Month by month", "ماه به ماه")
OWED_PLOT: Final = Text("Points owed at the month's end", "امتیاز بدهکار در پایان ماه")
EARNED_PLOT: Final = Text("Points earned", "امتیاز کسب‌شده")
REDEEMED_PLOT: Final = Text("Points redeemed", "امتیاز خرج‌شده")
EXPIRED_PLOT: Final = Text("Points that ended", "امتیاز منقضی")
DISCOUNT_PLOT: Final = Text("Discounts", "تخفیف")
DISCOUNT_CLUB_PLOT: Final = Text("Discounts that the club pays", "تخفیف به هزینه باشگاه")
MONTH_AXIS: Final = Text("month", "ماه")

MONEY: Final = Text("What it costs and what is owed", "هزینه و بدهی")
TOTALS: Final[dict[str, Text]] = {
    "cost": Text("cost to the club", "هزینه باشگاه"),
    "liability": Text("points owed, in money", "بدهی امتیازها به ریال"),
    "points_owed": Text("points owed", "امتیاز بدهکار"),
    "points_pending": Text("of them not open yet", "از آن، هنوز بازنشده"),
    "purchases": Text("purchases approved", "خریدهای پذیرفته"),
    "declined": Text("declined by the programme", "ردشده به حکم برنامه"),
    "sales_minor": Text("sales, refunds taken off", "فروش، پس از برگشت‌ها"),
    "discount_minor": Text("discounts", "تخفیف"),
    "discount_club_minor": Text("… paid by the club", "… به هزینه باشگاه"),
    "discount_merchant": Text("… borne by merchants", "… به هزینه پذیرندگان"),
    "points_earned": Text("points earned", "امتیاز کسب‌شده"),
    "points_redeemed": Text("points redeemed", "امتیاز خرج‌شده"),
    "points_expired": Text("points that ended", "امتیاز منقضی"),
    "points_paid_minor": Text("paid to merchants for points", "پرداخت به پذیرنده بابت امتیاز"),
    "commission_minor": Text("commission from merchants", "کارمزد از پذیرندگان"),
    "fees_minor": Text("fees of members", "کارمزد و حق عضویت"),
    "granted_minor": Text("given by organisations", "اعطای سازمان‌ها"),
    "breakage_minor": Text("money that ended on cards", "پول منقضی کارت‌ها"),
    "money_on_cards": Text("money on cards in the end", "پول روی کارت‌ها در پایان"),
}
COST_MADE_OF: Final = Text(
    "Cost: discounts that the club pays, points paid to merchants and the rise of points owed (at"
    " what a point is worth), less commission, fees and money that ended.",
    "هزینه: تخفیفِ باشگاه، پرداخت به پذیرنده بابت امتیاز و افزایش امتیاز بدهکار"
    " (به ارزش هر امتیاز)، منهای کارمزد، حق عضویت و پول منقضی.",
)

WHO: Final = Text("Who wins, who loses", "سودبرندگان و زیان‌دیدگان")
GAIN_MADE_OF: Final = Text(
    "A member's gain: discounts, points earned and not ended at what a point is worth, and what an"
    " organisation gave, less fees. The difference is the draft's gain less what happened.",
    "سود عضو: تخفیف، امتیازِ کسب‌شده و منقضی‌نشده به ارزش هر امتیاز و اعطای سازمان، منهای کارمزدها."
    " تفاوت یعنی سود با پیش‌نویس منهای آنچه روی داد.",
)
SPREAD_PLOT: Final = Text("Members by their difference", "اعضا بر پایه تفاوت")
SPREAD_AXIS: Final = Text("difference, {unit}", "تفاوت، {unit}")
WINNERS: Final = Text("winners", "سودبرده")
LOSERS: Final = Text("losers", "زیان‌دیده")
BEYOND: Final = Text(
    "The outermost hundredths are in the outermost columns; who sees no difference is in none.",
    "صدک‌های دو سر در ستون‌های کناری است؛ کسی که فرقی نمی‌بیند در نمودار نیست.",
)
DECILE_PLOT: Final = Text(
    "Mean difference by how much members bought", "میانگین تفاوت بر پایه میزان خرید"
)
DECILE_AXIS: Final = Text("tenth of buyers, the smallest first", "دهک خریداران، از کم‌خریدترین")
EACH_MEMBER: Final = Text("{unit} a member", "{unit} برای هر عضو")
SEGMENT: Final = Text("members", "اعضا")
MEMBER_COUNT: Final = Text("count", "شمار")
SUM: Final = Text("sum", "جمع")
LOW: Final = Text("a tenth below", "یک‌دهم پایین‌تر از")
MEDIAN: Final = Text("median", "میانه")
HIGH: Final = Text("a tenth above", "یک‌دهم بالاتر از")
ALL_MEMBERS: Final = Text("all members", "همه اعضا")
BY_TIER: Final = Text("level {name}", "سطح {name}")
BY_SALES: Final = Text("tenth {name} by purchases", "دهک {name} خرید")
RECENCY: Final[dict[str, Text]] = {
    "<= 7": Text("here in the last week", "در هفته گذشته آمده"),
    "<= 30": Text("8 to 30 days ago", "۸ تا ۳۰ روز پیش آمده"),
    "<= 90": Text("31 to 90 days ago", "۳۱ تا ۹۰ روز پیش آمده"),
    "> 90": Text("more than 90 days ago", "بیش از ۹۰ روز پیش آمده"),
    "never": Text("bought nothing", "بی خرید"),
}

SHOPS: Final = Text("Merchants", "پذیرندگان")
OF_SHOPS: Final = Text(
    "Of {count} merchants {winners} get more, {losers} get less, {same} the same. What a merchant"
    " gets: from the club and at the till, less what it gives.",
    "از {count} پذیرنده، {winners} بیشتر و {losers} کمتر می‌گیرند و {same} همان اندازه."
    " دریافت پذیرنده: از باشگاه و سر صندوق، پس از کسر آنچه می‌دهد.",
)
SHOP: Final = Text("merchant", "پذیرنده")
SALES: Final = Text("sales", "فروش")
GETS: Final = Text("gets, happened", "دریافت، روی داد")
WOULD_GET: Final = Text("gets, draft", "دریافت، پیش‌نویس")
BORNE: Final = Text("discount borne, change", "تغییر تخفیف پذیرنده")
FIRST_SHOPS: Final = Text(
    "The {count} with the largest differences; the others are in the JSON file or add to nothing"
    " larger.",
    "{count} پذیرنده با بیشترین تفاوت؛ دیگران در پرونده JSON.",
)

LEVELS: Final = Text("Levels", "سطح‌ها")
LEVELS_READ: Final = Text(
    "Rows: the level that members have. Columns: the one that they would have.",
    "سطر: سطحی که عضو دارد. ستون: سطحی که می‌داشت.",
)
RULES: Final = Text("Rules of the draft", "قاعده‌های پیش‌نویس")
RULE: Final = Text("rule", "قاعده")
TIMES: Final = Text("times", "دفعات")
DISCOUNT: Final = Text("discount", "تخفیف")
EARNED_POINTS: Final = Text("points", "امتیاز")
DECLINES: Final = Text("Declines by the programme", "ردها به حکم برنامه")
REASON: Final = Text("reason", "دلیل")
NO_DECLINES: Final = Text("None in either.", "در هیچ‌یک نبود.")

METHOD: Final = Text("How it was done", "روش")
METHOD_TEXT: Final = Text(
    "{rows} rows of the window went through the draft's compiled plan in {workers} processes; the"
    " {before} rows before it were replayed first, so each card began with its own lots."
    " {purchases} purchases, {speed} a second and core, reading and both books included;"
    " {seconds} s in all.",
    "{rows} ردیفِ بازه از نقشه ترجمه‌شده پیش‌نویس در {workers} فرآیند گذشت؛"
    " {before} ردیفِ پیش از آن نخست بازپخش شد تا هر کارت با موجودی درست آغاز کند."
    " {purchases} خرید، {speed} خرید در ثانیه برای هر هسته با خواندن و هر دو دفتر؛"
    " روی هم {seconds} ثانیه.",
)
MOVES_DIFFER: Final = Text(
    "{differing} of {exchanges} messages of its cards make other moves.",
    "{differing} تراکنش از {exchanges} تراکنشِ کارت‌ها گردش دیگری دارد.",
)
WENT_LIVE: Final = Text(
    "Versions {versions} went live in the window; what happened is what they decided.",
    "نسخه‌های {versions} در این بازه به کار افتاد؛ «روی داد» یعنی آنچه آن‌ها تصمیم گرفتند.",
)
