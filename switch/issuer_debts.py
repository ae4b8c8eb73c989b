"""What other banks were asked, and what they have to be told: the questions and the debts.

Owns what follows from the journal's events about questions to cards' own banks, live and on replay
alike. A question is money that may have moved at a bank; a debt is one that did not stand here, or
that was undone here, and that the bank has not acknowledged yet. Must not know how a bank is told
(`switch.issuer_desk`), nor sockets.

    issuer_asked ──► question ──► answered: approved, declined   nothing is owed
                        │
                        ├──► answered: owed; unanswered; the shard was taken over ──► debt
    issuer_undone (a reversal's row) ─────────────────────────────────────────────► debt
                                                          issuer_told ──► nothing is owed

Whoever takes a shard over finds questions without an outcome only where the process before has
died in the middle: nobody can be told an answer any more, so what may have happened is owed.
"""

from collections import OrderedDict

import msgspec

from switch.events import (
    IssuerAnswered,
    IssuerAsked,
    IssuerTold,
    IssuerUnanswered,
    IssuerUndone,
)
from switch.limits import ISSUER_APPROVALS_KEPT

IssuerEvent = IssuerAsked | IssuerAnswered | IssuerUnanswered | IssuerUndone | IssuerTold


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question as its bank knows it: `seq` and `at_s` say under which STAN and time."""

    seq: int
    at_s: int
    programme: int
    amount_minor: int
    processing_code: int
    terminal: int


class Debt(msgspec.Struct, frozen=True, kw_only=True):
    """What a bank has to undo: `amount_minor` of a question.

    `asked` is the question, or None where only the row that it led to is known: `original`.
    """

    seq: int  # by which it is owed: of the question, or of the reversal's row
    programme: int
    amount_minor: int
    at_s: int  # since when; with `seq` it names the reversal at the bank
    asked: Asked | None = None
    original: int = 0


class IssuerDebts:
    """Questions without an outcome, debts, and which question led to an approval."""

    def __init__(self) -> None:
        self.open: dict[int, Asked] = {}
        self.owed: dict[int, Debt] = {}
        # By the row that stands. Only so many: the journal has them all.
        self._approved: OrderedDict[int, Asked] = OrderedDict()

    def apply(self, event: IssuerEvent, seq: int) -> None:
        """Let an event of row `seq` take effect."""
        match event:
            case IssuerAsked():
                self.open[seq] = Asked(
                    seq=seq,
                    at_s=event.at_s,
                    programme=event.programme,
                    amount_minor=event.amount_minor,
                    processing_code=event.processing_code,
                    terminal=event.terminal,
                )
            case IssuerAnswered():
                self._answer(event, seq)
            case IssuerUnanswered():
                self._owe(event.asked)
            case IssuerUndone():
                self.owed[seq] = Debt(
                    seq=seq,
                    programme=event.programme,
                    amount_minor=event.amount_minor,
                    at_s=event.at_s,
                    original=event.original,
                )
            case IssuerTold():
                self.owed.pop(event.debt, None)

    def take_over(self) -> None:
        """Owe every question that has no outcome."""
        for asked in list(self.open):
            self._owe(asked)

    def _answer(self, event: IssuerAnswered, seq: int) -> None:
        if event.outcome == "owed":
            self._owe(event.asked)
            return
        self.open.pop(event.asked, None)
        # Owed already where a process took over before it had seen this row.
        self.owed.pop(event.asked, None)
        if event.outcome == "approved":
            self._approved[seq] = asked_of(event)
            if len(self._approved) > ISSUER_APPROVALS_KEPT:
                self._approved.popitem(last=False)

    def _owe(self, asked: int) -> None:
        question = self.open.pop(asked, None)
        if question is not None and question.amount_minor > 0:  # not of an inquiry
            self.owed[asked] = Debt(
                seq=asked,
                programme=question.programme,
                amount_minor=question.amount_minor,
                at_s=question.at_s,
                asked=question,
            )

    def question_of(self, original: int) -> Asked | None:
        """Give the question that led to a row, if it is remembered; else the journal has it."""
        return self._approved.get(original)

    def load(self, questions: list[Asked], debts: list[Debt]) -> None:
        """Become what was dumped."""
        self.open = {question.seq: question for question in questions}
        self.owed = {debt.seq: debt for debt in debts}


def asked_of(event: IssuerAnswered) -> Asked:
    """Give the question that a row's event names."""
    return Asked(
        seq=event.asked,
        at_s=event.asked_s,
        programme=event.programme,
        amount_minor=event.amount_minor,
        processing_code=event.processing_code,
        terminal=event.terminal,
    )
