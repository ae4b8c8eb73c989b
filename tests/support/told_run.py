"""A run by hand: messages through a real lane into a real journal, and what a generator would know.

Owns nothing but the way from a reply to the evidence. For tests of the ledger check that need a
journal, and no sockets.
"""

from array import array
from collections.abc import Iterator
from random import Random

from msgspec.structs import replace

from issuers.purse import purse
from loadtest.books import Role, Told
from loadtest.evidence import Evidence
from loadtest.record import digest_of
from loadtest.replies import Reply as Read
from loadtest.replies import read_reply
from loadtest.tariff import Club
from switch.iso8583 import decode
from tests.support.journaled_shop import SPEC, UTC_OFFSET_S, JournaledShop, original, pan_of

FIRST_RRN = 700_000_000_000
MERCHANT = "MERCHANT0000001"
CLUB = Club(programme=purse(1, 1, 1), categories={MERCHANT: 5812})
APPROVALS = ("00", "10")
CODES = {Role.POINTS: "006000", Role.LOAD: "210000", Role.REFUND: "200000", Role.NOTHING: "310000"}
TYPES = {Role.HOLD: "0100", Role.COMPLETION: "0220", Role.REVERSAL: "0400"}


class ToldRun:
    """Sends messages with RRNs in order, and keeps what each was told.

    `shops` are shards of one club, the first for cards below `cards_each` and so on.
    """

    def __init__(self, *shops: JournaledShop, cards_each: int = 1_000_000) -> None:
        self._shops = shops
        self._cards_each = cards_each
        self.told: list[Told] = []
        self.digests = array("Q")
        self._stans: list[tuple[str, int, int]] = []

    def send(
        self, role: Role, card: int, amount_minor: int, of: int = -1, points: int | None = None
    ) -> Told:
        """Send a message and commit nothing; `of` is the number of its original."""
        number, shop = len(self.told), self._shops[card // self._cards_each]
        mti = TYPES.get(role, "0200")
        more: dict[int | str, str | None] = {37: f"{FIRST_RRN + number:012d}"}
        if of >= 0:
            was, stan, at_s = self._stans[of]
            more[90] = original(stan, at_s, was)
        if role is Role.MIXED:
            more["48.PR"] = str(points or 0)
        if role is Role.NOTHING:
            more |= {4: None, 49: None}
        reply = shop.send(
            mti, code=CODES.get(role, "000000"), amount_minor=amount_minor, card=card, more=more
        )
        self._stans.append((mti, shop.last_stan, shop.now_us // 1_000_000))
        told = replace(
            told_by(read_reply(decode(reply.body, SPEC), reply.body)),
            number=number,
            role=role,
            card=card,
            merchant=MERCHANT,
            asked_minor=amount_minor,
            original=of,
            decided_from_s=shop.now_us // 1_000_000 + UTC_OFFSET_S,
            decided_to_s=shop.now_us // 1_000_000 + UTC_OFFSET_S,
        )
        self.told.append(told)
        self.digests.append(digest_of(reply.body))
        return told

    def silence(self, number: int) -> None:
        """Forget that a message was answered."""
        was = self.told[number]
        self.digests[number] = 0
        self.told[number] = Told(
            number=number,
            role=was.role,
            card=was.card,
            merchant=was.merchant,
            asked_minor=was.asked_minor,
            approved=False,
            original=was.original,
            decided_from_s=was.decided_from_s,
            decided_to_s=was.decided_to_s,
        )

    def evidence(self) -> Evidence:
        """Give what a generator would hand in."""
        return Evidence(
            first_rrn=FIRST_RRN,
            digests=self.digests,
            digest_of=digest_of,
            told=lambda: iter(self.told),
            referred={told.original for told in self.told},
            masked=lambda card: f"{pan_of(card)[:6]}******{pan_of(card)[-4:]}",
        )

    def day(self, count: int, cards: int, seed: int = 1) -> None:
        """Send a small shop's day: money first, then whatever happens at tills."""
        random = Random(seed)
        for card in range(cards):
            self.send(Role.LOAD, card, 400_000_000)
        while len(self.told) < count:
            for _ in self._scenario(random, random.randrange(cards)):
                pass

    def _scenario(self, random: Random, card: int) -> Iterator[Told]:
        amount = random.randint(1_000, 900_000)
        roles = [Role.PURCHASE] * 5 + [Role.MIXED, Role.POINTS, Role.HOLD, Role.NOTHING]
        first = self.send(random.choice(roles), card, amount, points=random.randint(1, 900))
        yield first
        if not first.approved or first.role is Role.NOTHING or random.random() < 0.5:
            return
        if first.role is Role.HOLD:
            yield self.send(Role.COMPLETION, card, amount // 2, of=first.number)
            return
        if random.random() < 0.5:
            yield self.send(Role.REFUND, card, amount // 3 or 1, of=first.number)
        if random.random() < 0.5:
            yield self.send(Role.REVERSAL, card, amount, of=first.number)


def told_by(reply: Read) -> Told:
    """Read the sums of a reply, whatever it is a reply to."""
    return Told(
        number=0,
        role=Role.NOTHING,
        card=0,
        merchant="",
        asked_minor=0,
        approved=reply.response_code in APPROVALS,
        approved_minor=int(reply.amount_transaction or "0"),
        money_minor=reply.detail_count("NP"),
        points=reply.detail_count("PX"),
        points_value_minor=reply.detail_count("PV"),
        points_earned=reply.detail_count("PE"),
        discount_minor=reply.detail_count("DS"),
    )
