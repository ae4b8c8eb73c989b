"""A run's records as evidence: what the generator keeps of each message, for the ledger check.

Owns which role each kind of message plays in the books, by its type and processing code
(docs/pos-interface.md), and which replies owe a row of the journal. Must not know how messages
were sent.
"""

from array import array
from collections.abc import Callable, Iterator
from datetime import datetime

from hsm_sim.check_digits import damm_digit, luhn_digit
from loadtest._dice import digest_of
from loadtest.books import Role, Told
from loadtest.evidence import Evidence
from loadtest.records import Record, Records
from loadtest.run import Outcome
from loadtest.tables import CHECKS, Tables
from loadtest.target import MessageKind, Target

RRNS_A_TAG = 10**9
JOURNAL_OWES_NOTHING = frozenset({"30", "91"})
"""Codes of what could not be read or decided: nothing happened, and nothing was written down."""

UNANSWERED_SECONDS_MAX = 120
"""A message without an answer was decided within so long of its being sent, if it ever was."""

CLOCKS_SECONDS_MAX = 1
"""How far the generator's clock and the switch's may differ: rules change with the hour."""

CODES_OF_PAYMENTS = {"00": Role.PURCHASE, "20": Role.REFUND, "21": Role.LOAD, "31": Role.NOTHING}
CHECK_DIGITS = {CHECKS["luhn"]: luhn_digit, CHECKS["damm"]: damm_digit}
POINTS_ACCOUNT = "60"
DEBT_ACCOUNT = "30"
POINTS_LIMIT = "48.PR"


def role_of(kind: MessageKind) -> Role:
    """Give what a kind of message does to the books."""
    message_type, code = kind.message_type, kind.elements.get("3", "000000")
    if message_type.startswith("04"):
        return Role.REVERSAL
    if message_type.startswith("08"):
        return Role.NOTHING
    role = CODES_OF_PAYMENTS.get(code[:2], Role.OTHER)
    if role is Role.LOAD and code[2:4] == DEBT_ACCOUNT:
        return Role.OTHER
    if role is not Role.PURCHASE:
        return role
    if message_type.startswith("01"):
        return Role.HOLD
    if message_type.startswith("022"):
        return Role.COMPLETION
    if POINTS_LIMIT in kind.elements:
        return Role.MIXED
    return Role.POINTS if code[2:4] == POINTS_ACCOUNT else Role.PURCHASE


def evidence_of(outcome: Outcome) -> Evidence:
    """Give a finished run's evidence; its records must have been kept."""
    target, tables, records = outcome.target, outcome.tables, outcome.records
    began_s = datetime.fromisoformat(outcome.result.setting.began_at).timestamp()
    digests, referred = _looked_through(target, records)
    return Evidence(
        first_rrn=records.tag * RRNS_A_TAG,
        digests=digests,
        digest_of=digest_of,
        told=_Teller(target, tables, records, began_s + tables.local_offset_s),
        referred=referred,
        masked=masker(tables),
    )


def _looked_through(target: Target, records: Records) -> tuple["array[int]", set[int]]:
    """Give digests by message number, and the numbers that undo or capture others name."""
    kinds = [target.kinds[name] for name in records.kinds]
    journalled = [not kind.message_type.startswith("08") for kind in kinds]
    naming = [role_of(kind) in (Role.COMPLETION, Role.REFUND, Role.REVERSAL) for kind in kinds]
    nothing_owed = {code.encode().ljust(4, b"\0") for code in JOURNAL_OWES_NOTHING}
    last = max((record.number for record in records), default=-1)
    digests = array("Q", bytes(8 * (last + 1)))
    referred: set[int] = set()
    for record in records:
        if record.digest and journalled[record.kind] and record.code not in nothing_owed:
            digests[record.number] = record.digest
        if naming[record.kind]:
            referred.add(record.original)
    return digests, referred


class _Teller:
    """Tells the messages in the order of sending: what names another one comes behind it."""

    def __init__(
        self, target: Target, tables: Tables, records: Records, local_began_s: float
    ) -> None:
        self._records = records
        self._merchants = [merchant for _, merchant in tables.terminals]
        self._roles = [role_of(target.kinds[name]) for name in records.kinds]
        # Not what the messages' own times say: a plan may want those of another day.
        self._began_us = int(local_began_s * 1_000_000)
        groups = target.cards.values()
        self._modelled = [group.books for group in groups for _ in range(group.count)]
        codes = (*target.reply.approved, *target.reply.partial)
        self._approved = {code.encode().ljust(4, b"\0") for code in codes}

    def __call__(self) -> Iterator[Told]:
        for record in self._records:
            yield self._told(record)

    def _told(self, record: Record) -> Told:
        sent_us = self._began_us + record.sent_us
        if record.latency_us:
            decided_us = self._began_us + record.due_us + record.latency_us
        else:
            decided_us = sent_us + UNANSWERED_SECONDS_MAX * 1_000_000
        return Told(
            number=record.number,
            role=self._roles[record.kind],
            card=record.card,
            modelled=self._modelled[record.card],
            merchant=self._merchants[record.terminal],
            asked_minor=record.amount_asked_minor,
            approved=record.digest != 0 and record.code in self._approved,
            approved_minor=record.amount_approved_minor,
            original=record.original,
            money_minor=record.money_minor,
            points=record.points,
            points_value_minor=record.points_value_minor,
            points_earned=record.points_earned,
            discount_minor=record.discount_minor,
            decided_from_s=sent_us // 1_000_000 - CLOCKS_SECONDS_MAX,
            decided_to_s=decided_us // 1_000_000 + CLOCKS_SECONDS_MAX,
        )


def masker(tables: Tables) -> Callable[[int], str]:
    """Give how a card's index becomes the first six and last four digits of its number."""

    def masked(card: int) -> str:
        for group in tables.groups:
            if card < group.count:
                width = group.digits - 1 - len(group.prefix)
                digits = f"{group.prefix}{group.first + card:0{width}d}"
                number = digits + CHECK_DIGITS[group.check](digits)
                return f"{number[:6]}******{number[-4:]}"
            card -= group.count
        raise IndexError(card)

    return masked
