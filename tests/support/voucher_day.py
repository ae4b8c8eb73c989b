"""Vouchers of a secure site: loaded under its own keys, sold and redeemed at its terminal.

Owns their PINs, which nobody else has, and what a day is to find nowhere. What their programme is
says the demo: `bashgah.demo_vouchers`.
"""

import secrets
import struct
from collections.abc import Callable

from acquirers.terminal.voucher_pin import encrypted
from bashgah import demo, demo_vouchers
from bashgah.demo_products import PRODUCTS
from hsm_sim import _vouchers
from hsm_sim.check_digits import damm_digit
from hsm_sim.key_types import VOUCHER
from hsm_sim.production import serial_of
from switch.events import CardsAdded, Event, IssuerKeysSet
from tests.support.secret_search import Forms, of_bytes, of_digits
from tests.support.secrets import Vault

FIRST = 627_799_000_000_001
COUNT = 3
MEMBER = next(product.cards[0].pan for product in PRODUCTS if product.takes_vouchers)


def new_pin() -> str:
    """Make a PIN that nobody has seen."""
    body = "".join(secrets.choice("0123456789") for _ in range(15))
    return body + damm_digit(body)


class DayVouchers:
    """A few vouchers with new PINs; the last PIN is of no voucher."""

    def __init__(self) -> None:
        self.serials = [serial_of(FIRST + place) for place in range(COUNT)]
        self.pins = [new_pin() for _ in range(COUNT + 1)]

    def events(self, token_of: Callable[[str], bytes], vault: Vault) -> list[Event]:
        """Give what loads them."""
        key, label = vault.keys[VOUCHER.name], demo_vouchers.LABEL.encode()
        return [
            IssuerKeysSet(
                programme=demo_vouchers.PROGRAMME,
                voucher=vault.sealed(VOUCHER),
                voucher_key=demo_vouchers.KEY_NUMBER,
                voucher_label=demo_vouchers.LABEL,
            ),
            CardsAdded(
                programme=demo_vouchers.PROGRAMME,
                tokens=b"".join(token_of(serial) for serial in self.serials),
                expiries=struct.pack(f"<{COUNT}H", *[int(demo.EXPIRY)] * COUNT),
                first6=struct.pack(f"<{COUNT}I", *(int(it[:6]) for it in self.serials)),
                last4=struct.pack(f"<{COUNT}H", *(int(it[-4:]) for it in self.serials)),
                digests=b"".join(
                    _vouchers.digest(key, label, pin.encode()) for pin in self.pins[:COUNT]
                ),
                price_minor=demo_vouchers.VALUE_MINOR,
                batch="DAY000000001",
                digest_key=demo_vouchers.KEY_NUMBER,
                digest_label=demo_vouchers.LABEL,
            ),
        ]

    def secrets(self) -> dict[str, Forms]:
        """Give the forms of every PIN."""
        return {f"voucher PIN {pin}": of_digits(pin) for pin in self.pins}


def sent(vault: Vault, pin: str) -> tuple[str, Forms]:
    """Give 48.VP, and what of it is to be found nowhere: all behind the vector."""
    text = encrypted(vault.keys["TEK"], pin)
    return text, of_bytes(bytes.fromhex(text)[8:])
