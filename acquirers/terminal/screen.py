"""What a person sees of an operation: the exchange as the codec describes it, then the receipt.

Owns the order of things on the screen and the words for an operation that found no reply. Card data
is masked by `describe` and by the receipt. Must not know how the operation was carried out.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from acquirers.terminal import elements as de
from acquirers.terminal import persian
from acquirers.terminal.memory import Remembered
from acquirers.terminal.orders import CHANGES_THE_CARD
from acquirers.terminal.point_of_sale import ADVICES, Performed
from acquirers.terminal.receipt_text import COLUMNS, HEADING, TITLES, render
from acquirers.terminal.texts import Language, Text
from switch.iso8583 import Message, Spec, describe

NOT_SENT: Final = Text("Not sent: nothing happened", "ارسال نشد؛ تراکنشی انجام نشد")
NO_REPLY: Final = Text("No reply", "پاسخی نرسید")
REVERSED: Final = Text("No reply: reversed, nothing moved", "پاسخی نرسید؛ تراکنش ابطال شد")
UNKNOWN: Final = Text("No reply: outcome unknown, repeat it", "پاسخی نرسید؛ دوباره ارسال کنید")
REFUSED: Final = Text("The card refused its issuer's answer", "کارت پاسخ صادرکننده را نپذیرفت")
TAKEN_BACK: Final = Text("Reversed, nothing moved", "تراکنش ابطال شد")
NOT_TAKEN_BACK: Final = Text(
    "NOT YET REVERSED: repeat the reversal", "هنوز ابطال نشده است؛ ابطال را تکرار کنید"
)

NOTHING_OWED: Final = Text("Nothing is owed", "بدهی ندارد")
NOT_SETTLED: Final = Text("Not settled: nothing moved", "تسویه نشد؛ تراکنشی انجام نشد")
SETTLE: Final = Text(
    "pay {} rial and end the debt? (y/n)", "{} ریال پرداخت و بدهی تسویه شود؟ (y/n)"
)

MS_IN_NS: Final = 1_000_000


def exchange_lines(performed: Performed, spec: Spec) -> Iterator[str]:
    """Give request and reply as the codec describes them, masked, a heading before each."""
    yield from _described("request", performed.request, spec)
    if performed.answer is not None:
        elapsed_ms = performed.answer.elapsed_ns / MS_IN_NS
        repeats = f", {performed.answer.repeats} repeats" if performed.answer.repeats else ""
        heading = f"reply after {elapsed_ms:.1f} ms{repeats}"
        yield from _described(heading, performed.answer.reply, spec)
    else:
        yield f"--- no reply: {performed.fault}"
    if performed.reversal is not None:
        yield from _described("its reversal", performed.reversal.request, spec)
        yield from _described("reply", performed.reversal.reply, spec)


def outcome_text(performed: Performed, language: Language, heading: Text = HEADING) -> str:
    """Give the receipt, or what a person must know when there is none; newline at the end."""
    if performed.card_refused:
        return "".join(said(text, language) for text in _refused(performed))
    if performed.receipt is not None:
        return render(performed.receipt, language, heading)
    return said(_unanswered(performed), language)


def settle_question(owed_minor: int, language: Language) -> str:
    """Give the question whether a debt is to be ended."""
    in_persian = language is Language.PERSIAN
    amount = persian.grouped(owed_minor) if in_persian else f"{owed_minor:,}"
    return SETTLE.said_in(language).format(amount)


def said(text: Text, language: Language) -> str:
    """Give a saying as a line of the receipt's width; newline at the end."""
    if language is Language.PERSIAN:
        return f"{persian.right_to_left_centred(text.persian, COLUMNS)}\n"
    return f"{text.english.center(COLUMNS).rstrip()}\n"


def history_lines(exchanges: Sequence[Remembered], language: Language) -> Iterator[str]:
    """Give one line an exchange, newest first: reference, time, card, amount, code, operation."""
    for exchange in exchanges:
        title = TITLES[exchange.service].said_in(language)
        yield (
            f"{exchange.rrn}  {exchange.local_at:%m-%d %H:%M:%S}  {exchange.card_masked:<19}"
            f"  {exchange.amount_minor:>15,}  {exchange.response_code or '??':<2}  {title}"
        )


def _refused(performed: Performed) -> Iterator[Text]:
    """Say what became of an operation that the card refused after its approval."""
    yield REFUSED
    reversal = performed.reversal
    if performed.service in CHANGES_THE_CARD:
        done = reversal is not None and reversal.reply.get(de.RESPONSE_CODE) == "00"
        yield TAKEN_BACK if done else NOT_TAKEN_BACK


def _unanswered(performed: Performed) -> Text:
    if not performed.left:
        return NOT_SENT
    if performed.reversal is not None:
        return REVERSED
    if performed.service in CHANGES_THE_CARD or performed.service in ADVICES:
        return UNKNOWN
    return NO_REPLY


def _described(heading: str, message: Message, spec: Spec) -> Iterator[str]:
    yield f"--- {heading}"
    yield describe(message, spec)
