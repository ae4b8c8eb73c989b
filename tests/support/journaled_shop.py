"""A club, shop, terminals and cards on a real journal, spoken to in ISO 8583, without sockets.

Owns a core, its lane and the way of its batches into PostgreSQL. Time stands still unless a test
moves it. Memory is as small as a test asks for, so that exchanges really leave it.
"""

import struct
import time
from functools import cached_property
from typing import Any

from acquirers.pos import POS_BINARY
from issuers.purse import purse
from switch._core import Core
from switch._lane import Lane
from switch.directory import Directory
from switch.events import (
    CLUB_ACCOUNTS,
    AcquirerAdded,
    CardsAdded,
    ClubAdded,
    Event,
    MerchantAdded,
    ProgrammeLive,
    TakenOver,
    TerminalAdded,
)
from switch.iso8583 import Message, decode, encode, named
from switch.ledger import partitions
from switch.ledger._batches import CopyBody
from switch.ledger.database import Database
from switch.ledger.session import Session
from switch.reasons import RESPONSE_CODES, Reason
from switch.recall import recall

SPEC = named("iso1987-binary")
UTC_OFFSET_S = 12_600  # Tehran
NOW_US = 1_790_000_000_000_000  # a Monday in September 2026
PAN_KEY = bytes(range(32))
ACQUIRER_CODE = "581672"
STAN_MAX = 999_999
RECALLS_MAX = 5  # a message needs one by key and one for each original's details

RAISE_EPOCH = """
INSERT INTO shard_heads (shard, epoch, owner) VALUES ($1, $2, 'test')
ON CONFLICT (shard) DO UPDATE SET epoch = excluded.epoch
"""


def new_core(*, shard: int = 0, exchange_entries: int = 4096, detail_bytes: int = 1 << 20) -> Core:
    """An empty core that can answer."""
    codes = [
        str(RESPONSE_CODES.get(Reason(i), "00")) if i in set(Reason) else "00" for i in range(128)
    ]
    names = [Reason(i).name.lower() if i in set(Reason) else "" for i in range(128)]
    return Core(
        shard=shard,
        pan_key=PAN_KEY,
        exchange_entries=exchange_entries,
        detail_bytes=detail_bytes,
        batch_rows_max=2_000,
        batch_bytes_max=1 << 20,
        clock_seconds_max=86_400,
        response_codes=codes,
        reason_names=names,
    )


def pan_of(number: int) -> str:
    """The PAN of a card, by its number."""
    return f"936400{number:010d}"


def cards_added(core: Core, first: int, count: int, programme: int = 1) -> CardsAdded:
    """The event that adds the cards `first` to `first + count - 1`."""
    numbers = range(first, first + count)
    return CardsAdded(
        programme=programme,
        tokens=b"".join(core.token_of(pan_of(number)) for number in numbers),
        expiries=struct.pack("<H", 3012) * count,
        first6=struct.pack("<I", 936_400) * count,
        last4=b"".join(struct.pack("<H", number % 10_000) for number in numbers),
    )


class JournaledShop:
    """One tenure of a shard. `send` answers a message; `commit` writes what waits."""

    def __init__(
        self,
        database: Database | None,
        core: Core,
        directory: Directory | None = None,
        *,
        epoch: int = 1,
    ) -> None:
        """Own a shard; without a database its rows go nowhere.

        A recovered one in the same epoch goes on without a takeover row.
        """
        self._database = database
        self.core = core
        self.directory = directory or Directory(core)
        self.now_us = NOW_US
        self._stan = 0
        self.recalls = 0
        if database is not None:
            database.call_sync(_begin, epoch)
        core.begin_tenure(epoch)
        if epoch > 1 or core.last_seq == 0:
            self.record(TakenOver(owner="test"))

    @property
    def database(self) -> Database:
        """The journal's."""
        assert self._database is not None
        return self._database

    @cached_property
    def lane(self) -> Lane:
        """The lane of acquirer 1."""
        return Lane(
            self.core,
            profile=POS_BINARY,
            spec=SPEC,
            acquirer=1,
            acquirer_code=ACQUIRER_CODE.encode(),
        )

    @property
    def last_stan(self) -> int:
        """The STAN of the last request that was not given one."""
        return self._stan

    def open(self, *, terminals: int = 2, cards: int = 4) -> "JournaledShop":
        """Add the club, its shop, terminals `T0000001`… and cards 0…, then commit."""
        merchant_id = "MERCHANT0000001"
        self.record(
            ClubAdded(club=1, name="Club", name_fa="باشگاه", currency=364, accounts=CLUB_ACCOUNTS)
        )
        self.record(AcquirerAdded(acquirer=1, code=ACQUIRER_CODE, name="Acquirer"))
        self.record(
            MerchantAdded(
                merchant_id=merchant_id, club=1, category=5812, name="Cafe", name_fa="کافه"
            )
        )
        for number in range(1, terminals + 1):
            self.record(
                TerminalAdded(terminal_id=f"T{number:07d}", acquirer=1, merchant_id=merchant_id)
            )
        self.record(ProgrammeLive(definition=purse(1, 1, 1)))
        self.record(cards_added(self.core, 0, cards))
        self.commit()
        return self

    def record(self, event: Event) -> int:
        """Journal an event; gives its sequence."""
        return self.directory.record(event, now_us=self.now_us, utc_offset_s=UTC_OFFSET_S)

    def request(self, mti: str = "0200", **fields: Any) -> bytes:
        """A request of terminal 1 with card 0, now, with a new STAN.

        `card`, `terminal`, `stan`, `at` (Unix seconds of its clock), `code` (DE 3), `amount_minor`;
        `more` holds further elements by number, None takes one away.
        """
        self._stan = self._stan % STAN_MAX + 1
        at = time.gmtime(fields.get("at", self.now_us // 1_000_000) + UTC_OFFSET_S)
        elements: dict[Any, Any] = {
            2: pan_of(fields.get("card", 0)),
            3: fields.get("code", "000000"),
            4: f"{fields.get('amount_minor', 100_000):012d}",
            11: f"{fields.get('stan', self._stan):06d}",
            12: time.strftime("%H%M%S", at),
            13: time.strftime("%m%d", at),
            41: f"T{fields.get('terminal', 1):07d}",
            42: "MERCHANT0000001",
            49: "364",
        }
        elements |= fields.get("more", {})
        kept = {number: value for number, value in elements.items() if value is not None}
        return encode(Message(mti, kept), SPEC)

    def answer(self, message: bytes, *, recalled: bool = False) -> tuple[str, bytes, int, Any]:
        """What the lane says, as it says it."""
        return self.lane.answer(
            message, now_us=self.now_us, utc_offset_s=UTC_OFFSET_S, recalled=recalled
        )

    async def talk(self, message: bytes) -> "Reply":
        """Answer a message like the slow lane: commit, recall what is asked for, ask again."""
        status, reply, seq, what = self.answer(message)
        for _ in range(RECALLS_MAX):
            if what is None:
                break
            self.recalls += 1
            self.commit()
            await recall(self.database, self.core, 0, [what])
            status, reply, seq, what = self.answer(message, recalled=True)
        assert what is None, f"asked for {what} again and again"
        assert status in ("at_seq", "now")
        return Reply(reply, seq)

    def churn(self, count: int = 80) -> None:
        """Let messages of another terminal pass, a second each, so that memory forgets."""
        for _ in range(count):
            self.now_us += 1_000_000
            self.send(code="310000", card=3, terminal=2, more={4: None, 49: None})
        self.commit()

    def send(self, mti: str = "0200", **fields: Any) -> "Reply":
        """Answer a request that memory suffices for."""
        status, reply, seq, recall = self.answer(self.request(mti, **fields))
        assert recall is None, recall
        assert status in ("at_seq", "now")
        return Reply(reply, seq)

    def load(self, amount_minor: int, card: int = 0) -> "Reply":
        """Top a card up."""
        return self.send(code="210000", amount_minor=amount_minor, card=card)

    def commit(self) -> None:
        """Write the rows that wait."""
        while (batch := self.core.cut_batch()) is not None:
            if self._database is not None:
                self._database.call_sync(_append, batch[0], batch[1], batch[3])

    def balances(self) -> list[tuple[int, ...]]:
        """Every account."""
        return [self.core.account(number) for number in range(self.core.account_count)]

    def lots(self) -> list[list[tuple[int, ...]]]:
        """Every account's lots."""
        plain = range(self.core.account_count)
        return [list(self.core.lots(number)) for number in plain]


class Reply:
    """A reply with its bytes, elements and the sequence it waits for."""

    def __init__(self, body: bytes, seq: int) -> None:
        self.body = body
        self.seq = seq
        self.elements = dict(decode(body, SPEC).items())

    @property
    def code(self) -> str:
        """DE 39."""
        return str(self.elements["39"])


def original(stan: int, at_s: int, mti: str = "0200") -> str:
    """DE 90 of an original, with its local date and time."""
    local = time.strftime("%m%d%H%M%S", time.gmtime(at_s + UTC_OFFSET_S))
    return f"{mti}{stan:06d}{local}" + "0" * 22


async def _begin(session: Session, epoch: int) -> None:
    await session.fetch(RAISE_EPOCH, 0, epoch)


async def _append(session: Session, first_seq: int, last_seq: int, body: CopyBody) -> None:
    await partitions.cover(session, 0, first_seq, last_seq)
    assert await session.copy_rows("journal", body) == last_seq - first_seq + 1
