"""Python face of `_security`: what events say of keys, PINs and proofs, put into a shard."""

from array import array

from switch._core import Core
from switch.events import IssuerKeysSet, TerminalKeysSet
from switch.rules import Security

def set_policy(core: Core, plan_row: int, policy: Security) -> None:
    """Say what a card of a programme has to prove."""

def set_issuer_keys(core: Core, plan_row: int, event: IssuerKeysSet) -> None:
    """Keep a programme's sealed keys."""

def set_derivation_key(core: Core, acquirer_row: int, key: str) -> None:
    """Keep the sealed base key of an acquirer's terminals; the row counts from 0 as added."""

def set_terminal_keys(core: Core, terminal: int, event: TerminalKeysSet) -> None:
    """Put a terminal's session keys in force; those of before hold as long as the event says."""

def set_pin_values(core: Core, first: int, pvvs: array[int], pvkis: array[int]) -> None:
    """Say how the PINs of cards are verified, from card `first` on.

    Arrays of type codes H (PIN verification value, 65535 = none) and B (its key's number).
    """

def reset_pin_tries(core: Core, card: int) -> None:
    """Count a card's wrong PINs anew."""

def reset_key_counter(core: Core, terminal: int, used: int) -> None:
    """Take the counters of a terminal's derived keys up to `used` as used, and no others."""

def card_proofs(core: Core, number: int) -> tuple[int, int | None, int | None]:
    """Give (wrong PINs since the last right one, PVV or None, chip counter or None) of a card."""

def set_voucher_rules(
    core: Core,
    plan_row: int,
    *,
    are_vouchers: bool,
    money_slot: int,
    points_slot: int,
    sold_slot: int,
    programme: int,
    tries_max: int,
    terminal_tries_max: int,
) -> None:
    """Say where a programme's vouchers have their value, or whose vouchers its cards take.

    `programme` 0: nobody's. The bounds are on wrong PINs of one card and one terminal in a day.
    """

def knows_digest(core: Core, digest: bytes) -> bool:
    """Say whether a voucher has this PIN already."""

def add_vouchers(core: Core, first: int, digests: bytes, price_minor: int, points: int) -> None:
    """Have cards, from number `first` on, be vouchers by the digests (32 bytes) of their PINs."""

def voucher(core: Core, card: int) -> tuple[int, int, int | None] | None:
    """Give (price, points, card that has redeemed it or None) of a voucher; None: it is none.

    -1: another shard has it.
    """

def voucher_tries(core: Core, card: int, terminal: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Give the (day, count) of wrong PINs of vouchers of a card, and of a terminal."""
