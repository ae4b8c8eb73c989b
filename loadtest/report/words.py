"""Every saying of the report, in English and Persian.

Owns the wording, and nothing else. Units are part of an axis's name.
"""

from typing import Final

from acquirers.terminal.texts import Text

TITLE: Final = Text("Load run", "گزارش آزمون بار")
FAILED: Final = Text("Failed", "ناموفق")
NO_FAULT: Final = Text("No fault", "بی‌خطا")
FAULTS: Final = Text("faults in {answered} answers", "خطا در {answered} پاسخ")
IN_ANSWERS: Final = Text("in {answered} answers", "در {answered} پاسخ")
BOOKS_AGREE: Final = Text(
    "The books agree with the independent model: {accounts} accounts.",
    "دفترها با مدل مستقل یکی است: {accounts} حساب.",
)
BOOKS_DIFFER: Final = Text(
    "accounts of {accounts} differ from the independent model",
    "حساب از {accounts} حساب با مدل مستقل فرق دارد",
)
BOOKS_UNKNOWN: Final = Text("The books were not compared.", "دفترها مقایسه نشد.")

FAULT_NAMES: Final[dict[str, Text]] = {
    "cross_talk": Text("replies that belong to another request", "پاسخ‌هایی از آنِ درخواستی دیگر"),
    "wrong_echo": Text("replies that echo another value", "پاسخ‌هایی با مقدار بازگشتی نادرست"),
    "double_reply": Text("requests answered twice", "درخواست‌هایی با دو پاسخ"),
    "missing_reply": Text("requests never answered", "درخواست‌های بی‌پاسخ"),
    "repeat_differs": Text("repeats answered differently", "تکرارهایی با پاسخ متفاوت"),
    "unreadable": Text("unreadable replies", "پاسخ‌های ناخوانا"),
    "unexpected": Text("replies with an unexpected code", "پاسخ‌هایی با کد نامنتظر"),
    "connections_lost": Text("connections lost", "اتصال‌های قطع‌شده"),
}

CLOSED_LOOP: Final = Text(
    "Closed loop: a slow host is asked less, so latency under load looks better than it is.",
    "حلقه بسته: از میزبان کند کمتر پرسیده می‌شود و تأخیر بهتر از واقع دیده می‌شود.",
)
SLIPPED: Final = Text(
    "The generator itself was late by {slip} ms at p99: part of the latency is its own.",
    "خود مولد در صدک ۹۹ به اندازه {slip} میلی‌ثانیه دیر بود: بخشی از تأخیر از آنِ اوست.",
)
TIMED_OUT: Final = Text(
    "{count} messages had no answer in time, {late} of them were answered later.",
    "{count} پیام در مهلت پاسخ نگرفت؛ {late} تای آن‌ها دیرتر پاسخ گرفت.",
)
UNAVAILABLE: Final = Text(
    "{count} messages were declined with 91: the host could not decide.",
    "{count} پیام با کد ۹۱ رد شد: میزبان نتوانست تصمیم بگیرد.",
)
BEHIND: Final = Text(
    "{count} messages were still waiting to be sent at the end: more was offered than went out.",
    "{count} پیام در پایان هنوز فرستاده نشده بود: بیش از آنچه رفت عرضه شد.",
)

ANSWERED_PER_SECOND: Final = Text("answered", "پاسخ داده‌شده")
PER_SECOND: Final = Text("/s", "در ثانیه")
MILLISECONDS: Final = Text("ms", "میلی‌ثانیه")
MICROSECONDS: Final = Text("µs", "میکروثانیه")
MEDIAN: Final = Text("median", "میانه")
LONGEST: Final = Text("longest", "بیشترین")
MEAN: Final = Text("mean", "میانگین")
APPROVED: Final = Text("approved", "موفق")
DECLINED: Final = Text("declined", "ناموفق")
TIMED_OUT_SHORT: Final = Text("timed out", "بی‌پاسخ در مهلت")
ROWS_A_COMMIT: Final = Text("rows a commit", "سطر در هر ثبت")
PERCENTILE: Final = Text("p{percent}", "صدک {percent}")

THROUGHPUT: Final = Text("Throughput", "گذردهی")
MESSAGES_PER_SECOND: Final = Text("messages/s", "پیام در ثانیه")
DUE: Final = Text("due", "موعد رسیده")
SENT: Final = Text("sent", "فرستاده")
ANSWERED: Final = Text("answered", "پاسخ گرفته")
LATENCY: Final = Text("Latency over time", "تأخیر در گذر زمان")
LATENCY_MS: Final = Text("latency, ms (log)", "تأخیر، میلی‌ثانیه (لگاریتمی)")
WORST_OF: Final = Text(
    "Each point is the worst of {count} seconds.", "هر نقطه بدترینِ {count} ثانیه است."
)
SHAPE: Final = Text("Latency by percentile, whole run", "تأخیر به تفکیک صدک، کل آزمون")
SHAPE_X: Final = Text(
    "share of answers that were at least as fast", "سهم پاسخ‌های دست‌کم به همین تندی"
)
WAITING: Final = Text("Waiting", "در انتظار")
MESSAGES: Final = Text("messages", "پیام")
OUTSTANDING: Final = Text("sent, not answered", "فرستاده و بی‌پاسخ")
BACKLOG: Final = Text("due, not sent", "موعد رسیده و نافرستاده")
TIME_S: Final = Text("time, s", "زمان، ثانیه")
TIME_MINUTES: Final = Text("time, min:s", "زمان، دقیقه:ثانیه")
TIME_HOURS: Final = Text("time, h:min", "زمان، ساعت:دقیقه")
COMMITS: Final = Text("Journal rows in one commit", "سطرهای هر ثبت در دفتر")
ROWS: Final = Text("rows", "سطر")
CPU: Final = Text("CPU", "پردازنده")
CORES: Final = Text("cores busy", "هسته مشغول")
MEMORY: Final = Text("Memory", "حافظه")
MEBIBYTES: Final = Text("MiB resident", "مبی‌بایت در حافظه")

CURVE: Final = Text("Saturation", "اشباع")
RATE_AXIS: Final = Text("rate, arrivals/s", "نرخ، ورود در ثانیه")
GOODPUT: Final = Text("goodput", "گذردهی مفید")
IDEAL: Final = Text("all that is offered", "هرچه عرضه شود")
CURVE_LATENCY: Final = Text("Latency against load", "تأخیر در برابر بار")
LIMIT_MARK: Final = Text("limit {rate}", "حد {rate}")
TARGET_MARK: Final = Text("target p99 {milliseconds} ms", "هدف صدک ۹۹: {milliseconds} میلی‌ثانیه")

OVER_TIME: Final = Text("Over time", "در گذر زمان")
LIMIT: Final = Text("The limit", "حد")
LIMIT_FOUND: Final = Text(
    "{rate} arrivals/s held p99 ≤ {milliseconds} ms, with {share} answered in time, for"
    " {seconds} s.",
    "{rate} ورود در ثانیه با صدک ۹۹ تا {milliseconds} میلی‌ثانیه و {share} پاسخ در مهلت، {seconds}"
    " ثانیه پایدار ماند.",
)
LIMIT_ABOVE: Final = Text(
    "It is higher: this was the highest rate asked for.",
    "حد بالاتر است: نرخی بیش از این آزموده نشد.",
)
LIMIT_NONE: Final = Text("No rate held the target.", "هیچ نرخی به هدف نرسید.")
LIMIT_NOT_CONFIRMED: Final = Text(
    "Rates held for seconds, none for the full time.",
    "نرخ‌هایی چند ثانیه پایدار ماندند و هیچ‌یک تا پایان نه.",
)
PROBES: Final = Text("How the limit was found", "حد چگونه یافت شد")
PHASE: Final = Text("phase", "مرحله")
PHASES: Final[dict[str, Text]] = {
    "ascent": Text("ascent", "صعود"),
    "bisection": Text("bisection", "دونیم‌سازی"),
    "confirmation": Text("confirmation", "تأیید"),
    "doubt": Text("doubt", "تردید"),
}
RATE: Final = Text("rate", "نرخ")
SECONDS: Final = Text("seconds", "ثانیه")
HELD: Final = Text("held", "پایدار")
RESULT: Final = Text("result", "نتیجه")

WHO_ANSWERED_WHAT: Final = Text("Answers", "پاسخ‌ها")
DECLINE_MIX: Final = Text("Declines by code", "تراکنش‌های ناموفق به تفکیک کد")
NO_DECLINES: Final = Text("Nothing was declined.", "هیچ تراکنشی ناموفق نبود.")
CODE: Final = Text("code", "کد")
MEANING: Final = Text("meaning", "معنا")
COUNT: Final = Text("count", "تعداد")
OF_DECLINES: Final = Text("of declines", "از ناموفق‌ها")
KINDS: Final = Text("By kind of message", "به تفکیک نوع پیام")
KIND: Final = Text("kind", "نوع")
REPEATED: Final = Text("repeats", "تکرار")
ALL: Final = Text("all", "همه")

PROCESSES: Final = Text("What it cost", "هزینه")
PROCESS: Final = Text("process", "فرایند")
CORES_MEAN: Final = Text("cores, mean", "هسته، میانگین")
CORES_MOST: Final = Text("cores, most", "هسته، بیشترین")
CPU_A_MESSAGE: Final = Text("CPU a message, µs", "پردازنده هر پیام، میکروثانیه")
MEMORY_FIRST: Final = Text("memory at first, MiB", "حافظه در آغاز، مبی‌بایت")
MEMORY_LAST: Final = Text("at the end", "در پایان")
MEMORY_MOST: Final = Text("most", "بیشترین")

FINDINGS: Final = Text("Findings", "یافته‌ها")
SETTING: Final = Text("Setting", "شرایط آزمون")
SETTINGS: Final[dict[str, Text]] = {
    "command": Text("command", "فرمان"),
    "host": Text("host", "میزبان"),
    "target": Text("target", "هدف"),
    "workload": Text("workload", "ترکیب بار"),
    "arrival": Text("arrival", "ورود"),
    "loop": Text("loop", "حلقه"),
    "seed": Text("seed", "بذر"),
    "connections": Text("connections", "اتصال"),
    "window": Text("outstanding a connection", "پیام در راه هر اتصال"),
    "began_at": Text("began", "آغاز"),
    "seconds": Text("measured, s", "سنجش، ثانیه"),
    "warmup_seconds": Text("warm-up, s", "گرم‌کردن، ثانیه"),
    "generator": Text("generator, CPU a message, µs", "مولد، پردازنده هر پیام، میکروثانیه"),
    "slip": Text("generator late at p99, ms", "دیرکرد مولد در صدک ۹۹، میلی‌ثانیه"),
    "cpu": Text("CPU", "پردازنده"),
    "cores": Text("cores", "هسته‌ها"),
    "memory": Text("memory", "حافظه"),
    "kernel": Text("kernel", "هسته سیستم‌عامل"),
    "python": Text("Python", "پایتون"),
    "commit": Text("commit", "نسخه کد"),
}
OPEN: Final = Text("open", "باز")
CLOSED: Final = Text("closed", "بسته")

METHOD_OPEN: Final = Text(
    "Latency counts from the moment at which the schedule wanted a message to leave, so waiting in"
    " the generator's queue is part of it. Percentiles are exact to three digits (HDR histogram).",
    "تأخیر از لحظه‌ای شمرده می‌شود که برنامه زمانی فرستادن پیام را خواسته است؛ پس انتظار در صف مولد"
    " هم بخشی از آن است. صدک‌ها تا سه رقم دقیق‌اند (نمودار فراوانی HDR).",
)
METHOD_CLOSED: Final = Text(
    "Latency counts from the moment at which a message left. Percentiles are exact to three digits"
    " (HDR histogram).",
    "تأخیر از لحظه رفتن پیام شمرده می‌شود. صدک‌ها تا سه رقم دقیق‌اند (نمودار فراوانی HDR).",
)
METHOD_MEMORY: Final = Text(
    "A process stands for all that it started; what its processes share is counted once.",
    "هر فرایند نماینده همه زیرفرایندهای خود است؛ حافظه مشترک یک بار شمرده می‌شود.",
)
