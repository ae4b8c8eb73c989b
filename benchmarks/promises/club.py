"""The club of the table: bookshops, where every purchase is discounted and earns at any hour.

Owns the club's events, and that nothing runs dry: the purse is the reference one with its limits
checked and never reached, and it may be overdrawn by more than any run spends, so that five million
cards need no opening balances. A purse priced in Python has the same rules. `target.toml` says the
same to the load generator. Must not know where the events go.
"""

import struct
from collections.abc import Callable, Iterator, Sequence

import msgspec

from benchmarks.promises.secrets import Secrets
from issuers.purse import BOOKSHOP, purse
from loadtest.target import CardGroup, Target, terminals_of
from loadtest.tariff import Club
from switch.events import (
    CLUB_ACCOUNTS,
    AcquirerAdded,
    CardsAdded,
    ClubAdded,
    Event,
    MerchantAdded,
    ProgrammeLive,
    TerminalAdded,
)
from switch.limits import AMOUNT_MINOR_MAX
from switch.programme import Programme
from switch.rules import Limits, Security
from switch.units import RIAL

CLUB = 1
ACQUIRER = 1
PROGRAMME = 1
TAIL_DIGITS = 4
CARDS_PER_EVENT = 10**TAIL_DIGITS  # the cards of an event differ in their last digits alone
LIMITS = Limits(
    transaction_minor_max=500_000_000,
    day_minor_max=1 << 49,
    day_count_max=1_000_000_000,
    balance_minor_max=1 << 49,
)

Purse = Callable[[int, int, int, Limits], Programme]
"""A purse of `issuers/` by its number, version, club and limits."""


def events(
    target: Target,
    token_of: Callable[[str], bytes],
    make_purse: Purse = purse,
    secrets: Secrets | None = None,
) -> Iterator[Event]:
    """Yield what makes the club that `target` describes; with secrets a PIN is checked if sent."""
    yield ClubAdded(
        club=CLUB, name="Bookshops", name_fa="کتاب‌فروشی‌ها", currency=RIAL, accounts=CLUB_ACCOUNTS
    )
    yield AcquirerAdded(acquirer=ACQUIRER, code=target.acquirer, name="Acquirer")
    terminals = terminals_of(target)
    for merchant_id in dict.fromkeys(merchant_id for _, merchant_id in terminals):
        yield MerchantAdded(
            merchant_id=merchant_id,
            club=CLUB,
            category=BOOKSHOP,
            name="Bookshop",
            name_fa="کتاب‌فروشی",
        )
    for terminal_id, merchant_id in terminals:
        yield TerminalAdded(terminal_id=terminal_id, acquirer=ACQUIRER, merchant_id=merchant_id)
    programme = make_purse(PROGRAMME, 1, CLUB, LIMITS)
    security = Security() if secrets is None else Security(pin="if_sent")
    yield ProgrammeLive(
        definition=msgspec.structs.replace(
            programme, money_floor_minor=-AMOUNT_MINOR_MAX, security=security
        )
    )
    if secrets is not None:
        yield secrets.issuer_keys(PROGRAMME)
        yield from secrets.terminal_keys(len(terminals))
    for group in target.cards.values():
        if group.books:
            for added, pans in cards_of(group, PROGRAMME, token_of):
                yield added if secrets is None else secrets.with_pins(added, pans)


def declared(target: Target) -> Club:
    """Give what the club has declared, for the independent model of its books."""
    merchants = {merchant_id: BOOKSHOP for _, merchant_id in terminals_of(target)}
    return Club(programme=purse(PROGRAMME, 1, CLUB, LIMITS), categories=merchants)


def cards_of(
    group: CardGroup, programme: int, token_of: Callable[[str], bytes]
) -> Iterator[tuple[CardsAdded, list[str]]]:
    """Yield the events that add a group of cards, each with its numbers."""
    for first in range(0, group.count, CARDS_PER_EVENT):
        count = min(CARDS_PER_EVENT, group.count - first)
        pans = list(pans_of(group.prefix, first, count))
        yield cards_added(token_of, pans, group.expiry, programme), pans


def cards_added(
    token_of: Callable[[str], bytes], pans: Sequence[str], expiry: str, programme: int = PROGRAMME
) -> CardsAdded:
    """Give the event that adds cards of one prefix."""
    count = len(pans)
    return CardsAdded(
        programme=programme,
        tokens=b"".join(map(token_of, pans)),
        expiries=struct.pack("<H", int(expiry)) * count,
        first6=struct.pack("<I", int(pans[0][:6])) * count,
        last4=struct.pack(f"<{count}H", *(int(pan[-4:]) for pan in pans)),
    )


def pans_of(prefix: str, first: int, count: int) -> Iterator[str]:
    """Yield 16-digit PANs with their check digits; `first` is a multiple of CARDS_PER_EVENT.

    The digits that all of them share are summed once: five million take seconds, not a minute.
    """
    assert first % CARDS_PER_EVENT == 0, "cards of one event share their leading digits"
    assert count <= CARDS_PER_EVENT, "cards of one event share their leading digits"
    lead = f"{prefix}{first // CARDS_PER_EVENT:0{15 - len(prefix) - TAIL_DIGITS}d}"
    shared = _luhn(lead + "0" * TAIL_DIGITS)
    for tail, tail_sum in _TAILS[:count]:
        yield f"{lead}{tail}{-(shared + tail_sum) % 10}"


def _luhn(digits: str) -> int:
    """Give the sum whose last digit the check digit completes. Source: ISO/IEC 7812-1, annex B."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        value = int(character) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return total


_TAILS = [
    (tail, _luhn(tail))
    for tail in (f"{number:0{TAIL_DIGITS}d}" for number in range(CARDS_PER_EVENT))
]
