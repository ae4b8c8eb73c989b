"""Puts the demo club into a database: as events of the journal, and its money as loads.

Owns the order of both. What the club is made of is `bashgah.demo`.
"""

import struct
import time
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

import msgspec

from acquirers.pos import POS_BINARY
from bashgah import demo_keys, demo_vouchers
from bashgah.bootstrap import Owned, append_waiting, own_shard
from bashgah.demo import (
    ACQUIRER,
    ACQUIRER_CODE,
    CLUB,
    CROWD_PANS,
    EXPIRY,
    MAC_TERMINAL,
    OPENING_MINOR,
    PROGRAMME,
    SHOPS,
    TERMINALS,
    TEST_CARDS,
)
from bashgah.demo_products import PRODUCTS
from bashgah.shard_links import expect_no_more_shards, shard_configs
from hsm_sim.key_types import CVK, MK_AC, MK_CVC3, PVK, TAK, TEK, TMK, TPK
from issuers.purse import purse
from switch._core import Core
from switch._lane import Lane
from switch.clock_work import ClockWork
from switch.config import Config, read_dsn, read_pan_key, slot_owners
from switch.events import (
    CLUB_ACCOUNTS,
    AcquirerAdded,
    CardsAdded,
    CardsLinked,
    CardStatusChanged,
    ClubAdded,
    Event,
    IssuerKeysSet,
    MerchantAdded,
    ProgrammeLive,
    TerminalAdded,
    TerminalKeysSet,
)
from switch.iso8583 import Message, encode, named
from switch.ledger.database import Database
from switch.ledger.session import Session
from switch.operations import CardStatus, JournalKind
from switch.places import utc_offset_seconds
from switch.programme import Programme
from switch.rules import Limits, Security
from switch.slots import slot_of
from switch.units import RIAL

LIMITS = Limits(transaction_minor_max=500_000_000, balance_minor_max=2_000_000_000)
"""No bounds for a day: a thousand cards serve the terminals for as long as somebody watches."""

SECURITY = Security(pin="if_sent", card_code=True, chip=True, fallback=True)
"""A card that is only typed, without a PIN, still pays: the simulated terminals do no other."""

Purse = Callable[[int, int, int, Limits], Programme]
"""A purse of `issuers/`: the club's programme by its number, version, club and limits."""

HAS_EVENTS = "SELECT EXISTS (SELECT FROM journal WHERE shard = $1 AND kind = $2) AS loaded"


Owns = Callable[[bytes], bool]
"""Whether a shard owns a card, by its token."""


def events(
    token_of: Callable[[str], bytes],
    make_purse: Purse = purse,
    owns: Owns = lambda token: True,
) -> Iterator[Event]:
    """Yield what makes the demo club, in an order that can be replayed.

    Every shard has the whole club, but only its own cards.
    """
    yield ClubAdded(
        club=CLUB, name="Demo Club", name_fa="باشگاه نمونه", currency=RIAL, accounts=CLUB_ACCOUNTS
    )
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
    definition = msgspec.structs.replace(make_purse(PROGRAMME, 1, CLUB, LIMITS), security=SECURITY)
    yield ProgrammeLive(definition=definition)
    yield IssuerKeysSet(
        programme=PROGRAMME,
        pin_verification=demo_keys.sealed_key(PVK),
        card_code=demo_keys.sealed_key(CVK),
        cryptogram=demo_keys.sealed_key(MK_AC),
        dynamic_code=demo_keys.sealed_key(MK_CVC3),
    )
    every_card = [(card.pan, card.expiry) for card in TEST_CARDS]
    every_card += [(pan, EXPIRY) for pan in CROWD_PANS]
    yield from _cards_added(PROGRAMME, every_card, token_of, owns)
    for product in PRODUCTS:
        number = product.definition.programme
        if product.organisation is not None:
            yield product.organisation
        if product.takes_vouchers:
            yield from demo_vouchers.stock(token_of, owns)
        yield ProgrammeLive(definition=product.definition)
        yield IssuerKeysSet(programme=number, pin_verification=demo_keys.sealed_key(PVK))
        named = [(card.pan, card.expiry) for card in product.cards_of_site(token_of)]
        yield from _cards_added(number, named, token_of, owns)


def guests_linked(core: Core) -> Iterator[Event]:
    """Yield what links the guests' cards of a shard to those of who has given them."""
    for product in PRODUCTS:
        for guest, member in zip(product.guests, product.referrers(core.token_of), strict=True):
            numbers = [core.card_of(core.token_of(card.pan)) for card in (guest, member)]
            if numbers[0] is not None and numbers[1] is not None:
                yield CardsLinked(cards=(numbers[0],), to_card=numbers[1])


def _cards_added(
    programme: int, every_card: list[tuple[str, str]], token_of: Callable[[str], bytes], owns: Owns
) -> Iterator[Event]:
    """Yield the cards (PAN, expiry) that a shard owns, if any."""
    cards = [(pan, expiry) for pan, expiry in every_card if owns(token_of(pan))]
    if cards:
        yield CardsAdded(
            programme=programme,
            tokens=b"".join(token_of(pan) for pan, _ in cards),
            expiries=struct.pack(f"<{len(cards)}H", *(int(expiry) for _, expiry in cards)),
            first6=struct.pack(f"<{len(cards)}I", *(int(pan[:6]) for pan, _ in cards)),
            last4=struct.pack(f"<{len(cards)}H", *(int(pan[-4:]) for pan, _ in cards)),
            pvvs=struct.pack(
                f"<{len(cards)}H", *(int(demo_keys.pin_verification_value(pan)) for pan, _ in cards)
            ),
            pvkis=bytes([demo_keys.PVKI]) * len(cards),
        )


def terminal_keys(now_s: int) -> Iterator[Event]:
    """Yield the terminals' keys, as they were injected; all but one send no MACs.

    After the opening balances: the terminal that loads them is the one that needs MACs from then
    on.
    """
    master, pin, mac, data = (demo_keys.sealed_key(kind) for kind in (TMK, TPK, TAK, TEK))
    for number, (terminal_id, _) in enumerate(TERMINALS):
        authenticated = terminal_id == MAC_TERMINAL
        yield TerminalKeysSet(
            terminal=number,
            master=master,
            pin=pin,
            mac=mac if authenticated else "",
            mac_algorithm="retail" if authenticated else "",
            data=data,
            at_s=now_s,
        )


async def load(config: Config, make_purse: Purse = purse) -> bool:
    """Make the demo club in a migrated database; False when it is there already.

    Opening balances are loads, authorised like any other message, so the books explain every rial.
    Raises OperatingError. No switch may be serving any shard.
    """
    loaded = False
    with Database(read_dsn(config.database)) as database:
        await expect_no_more_shards(database, config)
        for config_of_shard in shard_configs(config):
            loaded |= await _load_shard(database, config_of_shard, make_purse)
    return loaded


async def _load_shard(database: Database, config: Config, make_purse: Purse) -> bool:
    assert config.keys.pan_key_file is not None
    if await database.call(_has_events, config.switch.shard):
        return False
    now_s = time.time()
    clock = {
        "now_us": int(now_s * 1_000_000),
        "utc_offset_s": utc_offset_seconds(ZoneInfo(config.switch.timezone), now_s),
    }
    owned = await own_shard(database, config, read_pan_key(config.keys.pan_key_file), **clock)
    core, owners = owned.core, slot_owners(config.switch)

    def owns(token: bytes) -> bool:
        return config.switch.shards == 1 or owners[slot_of(token)] == config.switch.shard

    for event in events(core.token_of, make_purse, owns):
        owned.directory.record(event, **clock)
    for event in guests_linked(core):
        owned.directory.record(event, **clock)
    _load_balances(owned, config, now_s)
    work = ClockWork(core, owned.directory)
    while work.step(**clock) is not None:
        pass  # this month's bon is on the cards before anybody pays with one
    for event in terminal_keys(int(now_s)):
        owned.directory.record(event, **clock)
    for card in TEST_CARDS:
        number = core.card_of(core.token_of(card.pan))
        if number is not None and card.status is not CardStatus.ACTIVE:
            owned.directory.record(
                CardStatusChanged(card=number, status=card.status, why="demo"), **clock
            )
    # One batch: a club is there as a whole or not at all, whenever this process dies.
    await append_waiting(owned)
    return True


async def _has_events(session: Session, shard: int) -> bool:
    rows = await session.fetch(HAS_EVENTS, shard, JournalKind.EVENT)
    return bool(rows[0]["loaded"])


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
        if owned.core.card_of(owned.core.token_of(pan)) is None:
            continue  # another shard's
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
