"""The demo's vouchers: one batch, with PINs that everybody may know, and how a till trades in them.

Owns the batch: serial numbers, PINs, digests. A PIN is made of SHA-256 of its place's name, as the
demo's keys are of theirs. A real batch's PINs are made by an HSM (`bashgah vouchers generate`), and
nobody knows one before it is scratched free.
"""

import hashlib
import struct
from collections.abc import Callable, Iterator
from typing import Final

from acquirers.terminal.orders import Order, Service
from acquirers.terminal.voucher_pin import encrypted
from bashgah import demo_keys
from bashgah.demo import CLUB, EXPIRY
from hsm_sim import _vouchers
from hsm_sim.check_digits import damm_digit
from hsm_sim.key_types import TEK, VOUCHER
from hsm_sim.production import serial_of
from issuers.voucher import voucher
from switch.events import CardsAdded, Event, IssuerKeysSet, ProgrammeLive

PROGRAMME: Final = 21
BATCH: Final = "DEMO00000001"
LABEL: Final = "DEMO-50"
KEY_NUMBER: Final = 1
COUNT: Final = 6_000
VALUE_MINOR: Final = 50_000
FIRST: Final = 627_700_000_000_001
FOR_PEOPLE: Final = 10
"""The first ones of the batch: no till touches them, and docs/pos-interface.md tells three."""

FOR_TILLS: Final = 2_990
"""Those behind them; the rest is for who loads the demo (loadtest/targets/bashgah-binary.toml)."""

PIN_DIGITS: Final = 16
GUESS_ROUNDS: Final = 7
GUESSES_FROM: Final = 1_000_000

Token = Callable[[str], bytes]
Owns = Callable[[bytes], bool]


def serial(place: int) -> str:
    """Give the serial number of a voucher, its card's number: 627700, a number, a check digit."""
    return serial_of(FIRST + place)


def pin(place: int) -> str:
    """Give the PIN of a voucher; of a place beyond the batch, one that is of none."""
    digest = hashlib.sha256(f"bashgah demo voucher {place}".encode()).digest()
    body = f"{int.from_bytes(digest) % 10 ** (PIN_DIGITS - 1):0{PIN_DIGITS - 1}}"
    return body + damm_digit(body)


def stock(token_of: Token, owns: Owns) -> Iterator[Event]:
    """Yield the vouchers' programme, its key, and those of the batch that a shard owns."""
    yield ProgrammeLive(definition=voucher(PROGRAMME, 1, CLUB))
    yield IssuerKeysSet(
        programme=PROGRAMME,
        voucher=demo_keys.sealed_key(VOUCHER),
        voucher_key=KEY_NUMBER,
        voucher_label=LABEL,
    )
    places = [place for place in range(COUNT) if owns(token_of(serial(place)))]
    key, label, count = demo_keys.clear_key(VOUCHER), LABEL.encode(), len(places)
    if not places:
        return
    yield CardsAdded(
        programme=PROGRAMME,
        tokens=b"".join(token_of(serial(place)) for place in places),
        expiries=struct.pack(f"<{count}H", *[int(EXPIRY)] * count),
        first6=struct.pack(f"<{count}I", *(int(serial(place)[:6]) for place in places)),
        last4=struct.pack(f"<{count}H", *(int(serial(place)[-4:]) for place in places)),
        digests=b"".join(_vouchers.digest(key, label, pin(place).encode()) for place in places),
        price_minor=VALUE_MINOR,
        batch=BATCH,
        digest_key=KEY_NUMBER,
        digest_label=LABEL,
    )


def sale() -> Order:
    """Give the order by which a till sells a voucher: with its card's number."""
    return Order(service=Service.ACTIVATION, amount_minor=VALUE_MINOR)


def redemption(place: int) -> Order:
    """Give the order by which a till redeems a voucher: with a member's card."""
    return Order(
        service=Service.REDEEM, voucher_pin=encrypted(demo_keys.clear_key(TEK), pin(place))
    )


def guess(number: int) -> Order | None:
    """Give a redemption by a PIN of no voucher, now and then."""
    return redemption(GUESSES_FROM + number) if number % GUESS_ROUNDS == 1 else None
