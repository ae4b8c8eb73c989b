"""The judge of every reply: it knows what was asked and trusts nothing that comes back.

Owns the outstanding requests of all terminals and the counts of what went wrong. Reference numbers
are unique in the run, so a reply that carries another terminal's number, or another request's
amount or time, is seen at once. Must not know sockets: sessions tell it what they sent and got.
"""

from enum import Enum

from msgspec import Struct

from loadtest.record import AcknowledgedRecord, digest_of
from loadtest.replies import APPROVED, PARTIALLY_APPROVED, UNKNOWN_CARD, Reply
from loadtest.requests import Request

FINDINGS_MAX = 20
"""Findings kept in words; more of the same say nothing new."""


class Verdict(Enum):
    """What a reply turned out to be."""

    ANSWER = "answer"  # the one reply to the request that its terminal has outstanding
    DEFERRED = "deferred"  # "not now" to what has to be told again until it is answered
    LATE = "late"  # the first reply to a request that its terminal had given up
    AGAIN = "again"  # a reply to a request answered before, on its own terminal
    CROSS_TALK = "cross_talk"  # another terminal's reply, or nobody's
    WRONG_ECHO = "wrong_echo"  # ours by its number, but something echoed is not what we sent


class Counts(Struct, kw_only=True):
    """What happened so far, in exchanges. `timed_out` includes requests answered late."""

    sent: int = 0
    answered: int = 0
    approved: int = 0
    declined: int = 0
    reversed: int = 0
    repeated: int = 0
    deferred: int = 0
    late: int = 0
    timed_out: int = 0
    cross_talk: int = 0
    wrong_echo: int = 0
    double_reply: int = 0
    repeat_differs: int = 0
    repeat_unanswered: int = 0
    unreadable: int = 0
    unexpected: int = 0

    def since(self, before: "Counts") -> "Counts":
        """Give what was counted after `before`."""
        names = self.__struct_fields__
        return Counts(**{name: getattr(self, name) - getattr(before, name) for name in names})

    @property
    def wrong_replies(self) -> int:
        """Replies that were not the one right reply to their request."""
        wrong = self.cross_talk + self.wrong_echo + self.double_reply
        return wrong + self.repeat_differs + self.unreadable


class Oracle:
    """Matches replies to requests and keeps the score."""

    def __init__(self, first_rrn: int) -> None:
        self.counts = Counts()
        self.declines: dict[str, int] = {}
        self.acknowledged = AcknowledgedRecord(first_rrn)
        self.findings: list[str] = []
        self._outstanding: dict[int, Request] = {}
        self._given_up: dict[int, Request] = {}
        self._undone: set[int] = set()  # of those given up: their reversal was acknowledged

    @property
    def unanswered(self) -> int:
        """Requests and repeats that have not got their reply, whatever was done about it."""
        return len(self._outstanding) + len(self._given_up) + self.counts.repeat_unanswered

    @property
    def unresolved(self) -> int:
        """Requests whose effect is open: no reply, and no acknowledged reversal either."""
        open_ones = [
            request
            for rrn, request in self._given_up.items()
            if not request.kind.asks_only and rrn not in self._undone
        ]
        return len(self._outstanding) + len(open_ones) + self.counts.repeat_unanswered

    @property
    def outstanding(self) -> int:
        """Requests whose terminal still waits."""
        return len(self._outstanding)

    def sent(self, request: Request) -> None:
        """Note that a request leaves; its repeats are not told."""
        assert request.rrn not in self._outstanding
        self._outstanding[request.rrn] = request
        self.counts.sent += 1

    def gave_up(self, request: Request) -> None:
        """Note that the terminal no longer waits for the reply."""
        del self._outstanding[request.rrn]
        self._given_up[request.rrn] = request
        self.counts.timed_out += 1

    def judge(self, expected: Request, reply: Reply) -> Verdict:
        """Judge a reply that came on the connection where `expected` is outstanding.

        Counts it, and records it when it is the first reply to its request.
        """
        verdict = self._verdict(expected, reply)
        if verdict is Verdict.ANSWER:
            if expected.kind.insists and reply.unavailable:
                self.counts.deferred += 1
                return Verdict.DEFERRED
            del self._outstanding[expected.rrn]
            self._accept(expected, reply)
        elif verdict is Verdict.LATE:
            self.counts.late += 1
            self._accept(self._given_up.pop(reply.rrn), reply)
        elif verdict is Verdict.AGAIN:
            self.counts.double_reply += 1
            self._find(f"rrn {reply.rrn:012d} was answered twice")
        elif verdict is Verdict.CROSS_TALK:
            self.counts.cross_talk += 1
            self._find(f"rrn {reply.rrn:012d} reached the terminal waiting for {expected.rrn:012d}")
        else:
            self.counts.wrong_echo += 1
            self._find(f"rrn {reply.rrn:012d}: {wrong_echo(expected, reply)} is not what was sent")
        return verdict

    def judge_repeat(self, request: Request, reply: Reply) -> bool:
        """Judge the reply to a repeat of an answered request: byte for byte the first one.

        False when the switch could not answer now; the terminal asks again.
        """
        if reply.unavailable:
            self.counts.deferred += 1
            return False
        self.counts.repeated += 1
        if digest_of(reply.body) != self.acknowledged.digest(request.rrn):
            self.counts.repeat_differs += 1
            self._find(
                f"rrn {request.rrn:012d}: the repeat got another reply than the first,"
                f" {reply.response_code} {reply.details.get('RC', '')}"
            )
        return True

    def repeat_unanswered(self, request: Request) -> None:
        """Note that a repeat of an answered request got no reply in time."""
        self.counts.repeat_unanswered += 1
        self._find(f"rrn {request.rrn:012d}: its repeat was not answered")

    def expect(self, request: Request, reply: Reply, expected_code: str) -> None:
        """Judge a reply's code where a healthy switch has only one."""
        if reply.response_code == expected_code:
            return
        self.counts.unexpected += 1
        original = f" of {request.original.kind.name}" if request.original else ""
        self._find(
            f"{request.kind.name}{original} rrn {request.rrn:012d} got {reply.response_code}"
            f" {reply.details.get('RC', '')}, expected {expected_code}"
        )

    def unreadable(self, expected: Request, reason: str) -> None:
        """Note a reply that could not be decoded."""
        self.counts.unreadable += 1
        self._find(f"the reply to rrn {expected.rrn:012d} cannot be read: {reason}")

    def _verdict(self, expected: Request, reply: Reply) -> Verdict:
        if reply.rrn == expected.rrn and expected.rrn in self._outstanding:
            return Verdict.WRONG_ECHO if wrong_echo(expected, reply) else Verdict.ANSWER
        given_up = self._given_up.get(reply.rrn)
        if given_up is not None and given_up.terminal == expected.terminal:
            return Verdict.WRONG_ECHO if wrong_echo(given_up, reply) else Verdict.LATE
        if (
            self.acknowledged.digest(reply.rrn)
            and reply.terminal_id == expected.terminal.terminal_id
        ):
            return Verdict.AGAIN
        return Verdict.CROSS_TALK

    def _accept(self, request: Request, reply: Reply) -> None:
        if not reply.unavailable:
            self.acknowledged.add(request.rrn, reply.body)
        counts = self.counts
        counts.answered += 1
        if request.kind.is_reversal:
            self._accept_reversal(request, reply)
        if not reply.approved:
            counts.declined += 1
            code = reply.response_code
            self.declines[code] = self.declines.get(code, 0) + 1
        elif request.kind.is_reversal:
            counts.reversed += 1
        else:
            counts.approved += 1

    def _accept_reversal(self, request: Request, reply: Reply) -> None:
        """A reversal is refused only for what could not have been there: a card nobody issued."""
        assert request.original is not None, "a reversal names its original"
        if reply.response_code != UNKNOWN_CARD:
            self.expect(request, reply, APPROVED)
        let_off = reply.response_code in (APPROVED, UNKNOWN_CARD)
        if let_off and request.original.rrn in self._given_up:
            self._undone.add(request.original.rrn)

    def _find(self, finding: str) -> None:
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(finding)


def wrong_echo(request: Request, reply: Reply) -> str:
    """Name the first element of a reply that contradicts its request; "" when none does.

    A partial approval (code 10) carries its own amount, not above the one asked for.
    """
    expected_type = f"{request.kind.message_type[:2]}{int(request.kind.message_type[2]) + 1}0"
    asked = "" if request.kind.asks_only else f"{request.amount_minor:012d}"
    if reply.response_code == PARTIALLY_APPROVED:
        amount_right = (
            reply.amount_transaction.isdigit()
            and 0 < int(reply.amount_transaction) < request.amount_minor
        )
    else:
        amount_right = reply.amount_transaction == asked
    checks = (
        ("message type", reply.message_type == expected_type),
        ("DE 3", reply.processing_code == request.processing_code),
        ("DE 4", amount_right),
        ("DE 11", reply.stan == request.stan),
        ("DE 12 and 13", reply.date_local + reply.time_local == request.at),
        ("DE 37", reply.rrn == request.rrn),
        ("DE 41", reply.terminal_id.rstrip() == request.terminal.terminal_id.rstrip()),
        ("DE 42", reply.merchant_id.rstrip() == request.terminal.merchant_id.rstrip()),
        ("DE 39", len(reply.response_code) == 2),
    )
    return next((element for element, right in checks if not right), "")
