"""The demo club: its merchants, terminals and documented test cards, as events of the journal.

Owns what the README's tables say. The cards' numbers are of a range that no scheme issues; they are
no secret, and worth nothing outside a demo.
"""

import struct
import time
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

import msgspec

from acquirers.pos import POS_BINARY
from bashgah.bootstrap import Owned, append_waiting, own_shard
from issuers.purse import BOOKSHOP, CAFE, purse
from switch._lane import Lane
from switch.config import Config, read_dsn, read_pan_key
from switch.events import (
    AcquirerAdded,
    CardsAdded,
    CardStatusChanged,
    ClubAdded,
    Event,
    MerchantAdded,
    ProgrammeLive,
    TerminalAdded,
)
from switch.iso8583 import Message, encode, named
from switch.ledger.database import Database
from switch.operations import CardStatus
from switch.server import utc_offset_seconds
from switch.units import RIAL

CLUB = 1
ACQUIRER = 1
ACQUIRER_CODE = "581672"
PROGRAMME = 1
BIN = "93640011"
EXPIRY = "3012"
CROWD = 1_000
"""Cards without a label, for load."""

OPENING_MINOR = 50_000_000
SMALL_OPENING_MINOR = 5_000


class TestCard(msgspec.Struct, frozen=True, kw_only=True):
    """A documented card of the demo. `expiry` is YYMM; `opening_minor` was loaded at the start."""

    __test__ = False  # the name is the field's; pytest need not look

    pan: str
    expiry: str
    label: str
    label_fa: str
    opening_minor: int = OPENING_MINOR
    status: CardStatus = CardStatus.ACTIVE

    def __repr__(self) -> str:
        """Show first six and last four digits only, as for any card."""
        return f"TestCard({self.pan[:6]}******{self.pan[-4:]}, {self.label})"


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant of the demo."""

    merchant_id: str
    category: int
    name: str
    name_fa: str


def with_check_digit(digits: str) -> str:
    """Give a PAN: the digits and their Luhn check digit. Source: ISO/IEC 7812-1, annex B."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        value = int(character) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def crowd_pan(number: int) -> str:
    """Give the PAN of the demo's card `number`."""
    return with_check_digit(f"{BIN}{number:07d}")


TEST_CARDS: list[TestCard] = [
    TestCard(pan=crowd_pan(1), expiry=EXPIRY, label="Sara, with money", label_fa="سارا، موجودی‌دار"),
    TestCard(pan=crowd_pan(2), expiry=EXPIRY, label="Reza, with money", label_fa="رضا، موجودی‌دار"),
    TestCard(
        pan=crowd_pan(3),
        expiry=EXPIRY,
        label="Mina, nearly empty",
        label_fa="مینا، تقریباً خالی",
        opening_minor=SMALL_OPENING_MINOR,
    ),
    TestCard(
        pan=crowd_pan(4),
        expiry=EXPIRY,
        label="blocked",
        label_fa="مسدود",
        status=CardStatus.BLOCKED,
    ),
    TestCard(
        pan=crowd_pan(5),
        expiry=EXPIRY,
        label="reported lost",
        label_fa="مفقود",
        status=CardStatus.LOST,
    ),
    TestCard(
        pan=crowd_pan(6),
        expiry=EXPIRY,
        label="reported stolen",
        label_fa="مسروقه",
        status=CardStatus.STOLEN,
    ),
    TestCard(
        pan=crowd_pan(7),
        expiry=EXPIRY,
        label="closed account",
        label_fa="حساب بسته",
        status=CardStatus.CLOSED,
    ),
    TestCard(pan=crowd_pan(8), expiry="2401", label="expired", label_fa="منقضی"),
]

SHOPS = (
    Shop(merchant_id="CAFE00000000001", category=CAFE, name="Cafe Nader", name_fa="کافه نادر"),
    Shop(merchant_id="BOOKS0000000001", category=BOOKSHOP, name="Book City", name_fa="شهر کتاب"),
    Shop(merchant_id="MARKET000000001", category=5411, name="Market", name_fa="فروشگاه محله"),
)

TERMINALS_PER_SHOP = 400
TERMINALS: list[tuple[str, str]] = [
    (f"T{number + 1:07d}", SHOPS[number % len(SHOPS)].merchant_id)
    for number in range(TERMINALS_PER_SHOP * len(SHOPS))
]
"""Terminal and merchant (DE 41, DE 42). The last one loads the opening balances."""

CROWD_PANS = tuple(crowd_pan(100 + number) for number in range(CROWD))


def events(token_of: Callable[[str], bytes]) -> Iterator[Event]:
    """Yield what makes the demo club, in an order that can be replayed."""
    yield ClubAdded(club=CLUB, name="Demo Club", name_fa="باشگاه نمونه", currency=RIAL)
    yield AcquirerAdded(acquirer=ACQUIRER, code=ACQUIRER_CODE, name="Demo Acquirer")
    for shop in SHOPS:
        yield MerchantAdded(
            merchant_id=shop.merchant_id,
            club=CLUB,
            category=shop.category,
            name=shop.name,
            name_fa=shop.name_fa,
        )
    for terminal_id, merchant_id in TERMINALS:
        yield TerminalAdded(terminal_id=terminal_id, acquirer=ACQUIRER, merchant_id=merchant_id)
    yield ProgrammeLive(definition=purse(PROGRAMME, 1, CLUB))
    cards = [(card.pan, card.expiry) for card in TEST_CARDS]
    cards += [(pan, EXPIRY) for pan in CROWD_PANS]
    yield CardsAdded(
        programme=PROGRAMME,
        tokens=b"".join(token_of(pan) for pan, _ in cards),
        expiries=struct.pack(f"<{len(cards)}H", *(int(expiry) for _, expiry in cards)),
        first6=struct.pack(f"<{len(cards)}I", *(int(pan[:6]) for pan, _ in cards)),
        last4=struct.pack(f"<{len(cards)}H", *(int(pan[-4:]) for pan, _ in cards)),
    )


async def load(config: Config) -> bool:
    """Make the demo club in a migrated database; False when it is there already.

    Opening balances are loads, authorised like any other message, so the books explain every rial.
    Raises OperatingError. No switch may be serving the shard.
    """
    assert config.keys.pan_key_file is not None
    now_s = time.time()
    clock = {
        "now_us": int(now_s * 1_000_000),
        "utc_offset_s": utc_offset_seconds(ZoneInfo(config.switch.timezone), now_s),
    }
    with Database(read_dsn(config.database)) as database:
        owned = await own_shard(database, config, read_pan_key(config.keys.pan_key_file), **clock)
        if owned.directory.clubs:
            return False
        for event in events(owned.core.token_of):
            owned.directory.record(event, **clock)
        await append_waiting(owned)
        _load_balances(owned, config, now_s)
        await append_waiting(owned)
        for number, card in enumerate(TEST_CARDS):
            if card.status is not CardStatus.ACTIVE:
                owned.directory.record(
                    CardStatusChanged(card=number, status=card.status, why="demo"), **clock
                )
        await append_waiting(owned)
    return True


def _load_balances(owned: Owned, config: Config, now_s: float) -> None:
    """Load every card that is good with its opening balance, by messages of the last terminal."""
    spec = named(POS_BINARY.spec)
    lane = Lane(
        owned.core,
        profile=POS_BINARY,
        spec=spec,
        acquirer=ACQUIRER,
        acquirer_code=ACQUIRER_CODE.encode(),
    )
    offset_s = utc_offset_seconds(ZoneInfo(config.switch.timezone), now_s)
    local = time.gmtime(now_s + offset_s)
    terminal_id, merchant_id = TERMINALS[-1]
    cards = [(card.pan, card.opening_minor) for card in TEST_CARDS if card.expiry == EXPIRY]
    cards += [(pan, OPENING_MINOR) for pan in CROWD_PANS]
    for number, (pan, opening_minor) in enumerate(cards):
        message = Message(
            "0200",
            {
                2: pan,
                3: "210000",
                4: f"{opening_minor:012d}",
                11: f"{number + 1:06d}",
                12: time.strftime("%H%M%S", local),
                13: time.strftime("%m%d", local),
                41: terminal_id,
                42: merchant_id,
                49: str(RIAL),
            },
        )
        status, _, _, _ = lane.answer(
            encode(message, spec), now_us=int(now_s * 1_000_000), utc_offset_s=offset_s
        )
        assert status == "at_seq"
