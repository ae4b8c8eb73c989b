"""The secrets of the bench's club: its cards' PINs and its terminals' keys, as a switch has them.

Owns the events' parts that a switch with an HSM needs: PIN verification values, and keys that are
sealed under the HSM's published LMK. All terminals share the session key with which the load
generator seals PIN blocks. Must not know where the events go.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from hsm_sim import _pin_checks
from hsm_sim._keys import Key
from hsm_sim._pins import Pin
from hsm_sim.hsm import Lmk
from hsm_sim.key_types import PVK, TAK, TMK, TPK, KeyType
from hsm_sim.lmk import KeyBlockLmk
from loadtest.pin_blocks import pin_of
from loadtest.target import Target
from loadtest.terminal_keys import TDES, read_key
from switch.events import CardsAdded, IssuerKeysSet, TerminalKeysSet

PVKI = 1
KEY_BYTES = 16


class Secrets:
    """Keys made anew, but for those that the target's file names."""

    def __init__(self, lmk: Lmk, target: Target, *, macs: bool) -> None:
        """`macs`: the terminals' messages carry one."""
        assert target.pin_blocks is not None, "the bench's target has PINs"
        assert target.mac is not None, "and MACs"
        self._lmk = lmk
        self._rule = target.pin_blocks
        self._pin_verification = Key.random(TDES, KEY_BYTES)
        self._terminal_pin = read_key(self._rule.key_file, Path())
        self._terminal_mac = read_key(target.mac.key_file, Path()) if macs else None

    def issuer_keys(self, programme: int) -> IssuerKeysSet:
        """Give the event that tells a programme's keys."""
        return IssuerKeysSet(
            programme=programme, pin_verification=self._sealed(self._pin_verification, PVK)
        )

    def terminal_keys(self, terminals: int) -> Iterator[TerminalKeysSet]:
        """Yield an event for each terminal, numbered from 0."""
        master = self._sealed(Key.random(TDES, KEY_BYTES), TMK)
        pin = self._sealed(self._terminal_pin, TPK)
        keys = TerminalKeysSet(terminal=0, master=master, pin=pin)
        if self._terminal_mac is not None:
            mac = self._sealed(self._terminal_mac, TAK)
            keys = msgspec.structs.replace(keys, mac=mac, mac_algorithm="retail")
        for terminal in range(terminals):
            yield msgspec.structs.replace(keys, terminal=terminal)

    def with_pins(self, added: CardsAdded, pans: Sequence[str]) -> CardsAdded:
        """Give the event with the PIN verification values of its cards."""
        values = [self._verification_value(pan[:-1]) for pan in pans]
        return msgspec.structs.replace(
            added,
            pvvs=struct.pack(f"<{len(values)}H", *values),
            pvkis=bytes([PVKI]) * len(values),
        )

    def _verification_value(self, number: str) -> int:
        """Give a card's PVV; `number` is without its check digit."""
        pin = Pin.of(pin_of(self._rule, number))
        account = number[-12:].encode("ascii")
        return int(_pin_checks.pvv(self._pin_verification, pin, account, PVKI))

    def _sealed(self, key: Key, kind: KeyType) -> str:
        scheme = "S" if isinstance(self._lmk, KeyBlockLmk) else "U"
        return self._lmk.seal(key, kind, scheme).decode("ascii")
